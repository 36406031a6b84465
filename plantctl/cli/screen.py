"""The live view as lines of text: what an operator needs first at the top, and it fits the window.

Pure: a snapshot and the size of a window in, lines out. From the top: the plant and its log, whether outputs wait for
a release, processes that are not well, the devices, what has tripped and which alarms are on, the loops, the values,
the journal. A window too small for all values shows those that are not good and those that loops, causes and alarms
look at, and says how many it leaves out. Nothing is told by colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

GOOD, WEAK, HEAD, WARN, ALARM = "", "dim", "bold", "yellow", "bold red"
STYLES: Final = {"good": GOOD, "uncertain": WARN, "bad": ALARM}
VALUE_WIDTH: Final = 9
TEXT_WIDTH: Final = 9  # at least; with it two columns of the usual tags fit into 80 characters
FIXED_WIDTH: Final = VALUE_WIDTH + 11  # unit and gaps
EVENTS_LEAST: Final = 3
HINTS_FROM_HEIGHT: Final = 30
HIDDEN: Final = 3
ALARM_STATES: Final = ("unack", "acked", "rtn", "latched", "latched-acked")
RELEASE: Final = "plantctl command release plant"
STATE_WORDS: Final = {"silent": "STANDS STILL", "down": "DOWN", "starting": "starting", "ending": "ending"}

Snapshot = dict[str, Any]


class Line(NamedTuple):
    """One line of the screen: pieces of text, each with its style."""

    pieces: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The line without styles."""
        return "".join(text for text, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class View:
    """What a person asked to see: points whose name holds `wanted`, or `everything`; `footer` stands at the bottom."""

    wanted: str = ""
    everything: bool = False
    footer: Sequence[str] = field(default=())


def line(text: str, style: str = GOOD) -> Line:
    """A line in one style."""
    return Line(((text, style),))


def screen(snapshot: Snapshot, view: View, width: int, height: int) -> list[Line]:
    """The whole screen, at most `height` lines of at most `width` characters."""
    points = {p["name"]: p for p in snapshot["points"]}
    top = [head(snapshot), *held(snapshot), *processes(snapshot), devices(snapshot)]
    top += [*standing(snapshot, points), *loops(snapshot, points)]
    foot = [line("q ends the view", WEAK)]
    if height >= HINTS_FROM_HEIGHT:
        foot = [*(line(text, WEAK) for text in view.footer), *foot]
    rest = height - len(top) - len(foot) - 1  # 1: the heading of the journal
    cells, columns = chosen(snapshot, view, width, max(1, rest - EVENTS_LEAST))
    body = values(cells, points, columns, width)
    left = len(wanted(snapshot, view)) - len(cells)
    if left > 0:
        foot[-1] = line(f"q ends the view; {left} more values in a larger window or with --filter TEXT", WEAK)
    journal = [line("journal", HEAD), *events(snapshot, max(0, rest - len(body)))]
    return [fitted(each, width) for each in (*top, *body, *journal, *foot)][:height]


def fitted(each: Line, width: int) -> Line:
    """The line cut to `width`, with a mark where it was cut."""
    pieces, used = [], 0
    for text, style in each.pieces:
        if used + len(text) > width:
            pieces.append((text[: max(0, width - used - 1)] + "…", style))
            break
        pieces.append((text, style))
        used += len(text)
    return Line(tuple(pieces))


def head(snapshot: Snapshot) -> Line:
    """Plant, time, scan and log."""
    log = snapshot["log"]
    behind_s = (snapshot["utc_ns"] - log["durable_utc_ns"]) / 1e9
    text = f"{snapshot['plant']}  {clock(snapshot['utc_ns'])} UTC  scan {snapshot['scans']}  log {log['frames']} frames"
    if log["failing"]:
        return Line(((text + "  ", HEAD), (f"LOG FAILS: {log['last_error']}", ALARM)))
    return line(f"{text}, on disk up to {max(0.0, behind_s):.1f} s ago", HEAD)


def held(snapshot: Snapshot) -> list[Line]:
    """That outputs wait for a person, why, and how they are released; nothing where they do not wait."""
    if not snapshot["hold"]:
        return []
    return [Line(((f"OUTPUTS HELD: release with {RELEASE}", ALARM), (f"   ({snapshot['hold']})", WARN)))]


def processes(snapshot: Snapshot) -> list[Line]:
    """The processes of the plant that are not well; nothing where all are, or where the plant is one process."""
    told = [life(p) for p in snapshot["processes"]]
    unwell = [
        (f"  {p['role']} {said}", style) for p, (said, style) in zip(snapshot["processes"], told, strict=True) if style
    ]
    well = len(told) - len(unwell)
    rest = [("  the others up", GOOD)] if well else []
    return [Line((("processes", HEAD), *unwell, *rest))] if unwell else []


def life(child: dict[str, Any]) -> tuple[str, str]:
    """How one process is, in words, and their style."""
    lives = f", started {child['starts']} times" if child["starts"] > 1 else ""
    if child["gave_up"]:
        state = STATE_WORDS.get(child["state"], child["state"])
        return f"{state}, DIED TOO OFTEN{lives}", ALARM
    if child["state"] == "up":
        return f"up{lives}", WARN if lives else GOOD
    return f"{STATE_WORDS[child['state']]}{lives}", WARN if child["state"] in ("starting", "ending") else ALARM


def devices(snapshot: Snapshot) -> Line:
    """Every device and how its link is; and that all processes are well, where they are."""
    pieces = [("devices", HEAD)]
    for d in snapshot["devices"]:
        state = "up" if d["up"] else f"DOWN ({d['state']})" if d["state"] != "down" else "DOWN"
        pieces.append((f"  {d['name']} {state}", GOOD if d["up"] else ALARM))
    if snapshot["processes"] and not processes(snapshot):
        pieces += [("   processes", HEAD), (f"  all {len(snapshot['processes'])} up", GOOD)]
    return Line(tuple(pieces))


def standing(snapshot: Snapshot, points: dict[str, Any]) -> list[Line]:
    """What has tripped, what made it, and the alarms that stand; one quiet line where there is nothing."""
    seen = snapshot["overview"]
    found = [line(text, ALARM) for text in trips(seen, points)]
    for alarm in seen["alarms"]:
        state = points[alarm["tag"]]["text"]
        if state in ALARM_STATES:
            gone = state in ("rtn", "latched", "latched-acked")
            what = "gone, not acknowledged" if gone else "acknowledged" if state == "acked" else "NEW"
            found.append(line(f"ALARM {alarm['tag']} {what}: {alarm['text']}", WARN if gone else ALARM))
    return found or [line("no trip, no alarm", WEAK)]


def trips(seen: dict[str, Any], points: dict[str, Any]) -> list[str]:
    """Causes that are on and effects that act, in words."""
    told = []
    for cause in seen["causes"]:
        if on(points, cause["tag"]):
            first = ", first out" if on(points, f"{cause['tag']}.first_out") else ""
            told.append(f"TRIP  {cause['tag']} {cause['text']}{first}")
    for effect in seen["effects"]:
        if on(points, effect["tag"]) or on(points, f"{effect['tag']}.active"):
            failed = ", NOT CONFIRMED" if on(points, f"{effect['tag']}.failed") else ""
            told.append(
                f"TRIP  {effect['tag']} {effect['text']}{failed}; then: plantctl command reset {effect['group']}"
            )
    return told


def on(points: dict[str, Any], name: str) -> bool:
    """Whether the point called `name` is there and not zero."""
    return bool(points.get(name, {}).get("value"))


def loops(snapshot: Snapshot, points: dict[str, Any]) -> list[Line]:
    """One line a loop: mode, PV, set-point, output."""
    told = []
    for loop in snapshot["overview"]["loops"]:
        tag = loop["tag"]
        pieces = [(f"{tag} {points[f'{tag}.mode']['text'].upper()}", HEAD)]
        for word, name in (("PV", loop["pv"]), ("SP", f"{tag}.sp"), ("OP", loop["out"])):
            pieces.append((f"  {word} ", WEAK))
            pieces.append((amount(points[name]), STYLES[points[name]["quality"]]))
        for name, usual in ((f"{tag}.limits", "none"), (f"{tag}.pv_source", "first")):
            text = points.get(name, {}).get("text", usual)
            if text != usual:
                pieces.append((f"  {points[name]['meaning']}: {text}", WARN))
        told.append(Line(tuple(pieces)))
    return told


def amount(point: dict[str, Any]) -> str:
    """A value with its unit, and with its quality where that is not good."""
    told = f"{short(point)} {point['unit']}".rstrip()
    return told if point["quality"] == "good" else f"{told} ({point['quality'].upper()}: {point['why']})"


def short(point: dict[str, Any]) -> str:
    """A value as a person reads it at a glance: four figures, or its word."""
    value = point["value"]
    if value is None or point["text"][:1].isalpha() or float(value).is_integer() or abs(value) >= 1e4:
        return str(point["text"])[:VALUE_WIDTH]
    return f"{value:.4g}"


def wanted(snapshot: Snapshot, view: View) -> list[dict[str, Any]]:
    """The points that the view is about, in the plan's order."""
    return [
        p
        for p in snapshot["points"]
        if view.wanted.lower() in p["name"].lower() and (view.everything or view.wanted or p["rank"] < HIDDEN)
    ]


def chosen(snapshot: Snapshot, view: View, width: int, rows: int) -> tuple[list[dict[str, Any]], int]:
    """The points that fit, in the plan's order, and in how many columns; the most needed ones come first."""
    found = wanted(snapshot, view)
    widest = max((len(p["name"]) for p in found), default=0)
    fitting = max(1, (width + 2) // (widest + FIXED_WIDTH + TEXT_WIDTH))
    columns = max(1, min(fitting, -(-len(found) // rows)))
    points = {p["name"]: p for p in snapshot["points"]}
    order = sorted(
        range(len(found)),
        key=lambda i: (found[i]["quality"] == "good" or untouched(found[i], points), found[i]["rank"], i),
    )
    kept = sorted(order[: rows * columns])
    return [found[i] for i in kept], columns


def untouched(point: dict[str, Any], points: dict[str, Any]) -> bool:
    """Whether the point is an output that nobody has given a value since the start: nothing to see, and no fault."""
    return point["value"] is None and points.get(f"{point['name']}.source", {}).get("text") == "none"


def values(cells: Sequence[dict[str, Any]], points: dict[str, Any], columns: int, width: int) -> list[Line]:
    """The points in columns, read downwards: name, value, unit, and what it is or what is wrong with it."""
    rows = -(-len(cells) // columns)
    widest = max((len(p["name"]) for p in cells), default=0)
    room = max(0, (width + 2) // columns - widest - FIXED_WIDTH)
    lines = []
    for row in range(rows):
        pieces: list[tuple[str, str]] = []
        for p in cells[row::rows]:
            good = p["quality"] == "good"
            said = p["meaning"] if good else f"{p['quality'].upper()} {p['why']}"
            style, value = STYLES[p["quality"]], short(p)
            if untouched(p, points):
                said, style, value = "nothing written yet", WEAK, "-"
            pieces.append((f"{p['name']:{widest}} {value:>{VALUE_WIDTH}} {p['unit'][:6]:6} ", style))
            pieces.append((f"{said[:room]:{room}}  ", WEAK if good else style))
        text, style = pieces[-1]
        lines.append(Line((*pieces[:-1], (text.rstrip(), style))))
    return lines


def events(snapshot: Snapshot, rows: int) -> list[Line]:
    """The newest entries of the journal, newest first."""
    told = []
    for e in list(reversed(snapshot["events"]))[:rows]:
        who = ": ".join(part for part in (e["actor"], e["reason"]) if part)
        old, new = ("" if text == "nan" else text for text in (e["old"], e["new"]))
        change = f"{old} → {new}".strip() if old or new else ""
        parts = (clock(e["utc_ns"]), f"{e['kind']:9}", f"{e['target']:16}", change, who)
        told.append(line("  ".join(part for part in parts if part), WARN if e["kind"] == "refused" else GOOD))
    return told


def clock(utc_ns: int) -> str:
    """The time of day in UTC, as in 14:36:34."""
    return datetime.fromtimestamp(utc_ns // 10**9, UTC).strftime("%H:%M:%S")


def plain_line(snapshot: Snapshot) -> str:
    """The plant in one line: links, loops, what else loops and causes look at, trips, alarms, log."""
    points = {p["name"]: p for p in snapshot["points"]}
    links = " ".join(f"{d['name']} {'up' if d['up'] else 'DOWN'}" for d in snapshot["devices"])
    told = [f"{clock(snapshot['utc_ns'])} scan {snapshot['scans']}"]
    told += [f"OUTPUTS HELD, {snapshot['hold']}: {RELEASE}"] if snapshot["hold"] else []
    told += [f"{p['role']} {life(p)[0]}" for p in snapshot["processes"] if p["state"] != "up" or p["gave_up"]]
    told.append(links)
    shown = set()
    for loop in snapshot["overview"]["loops"]:
        tag = loop["tag"]
        shown |= {loop["pv"], loop["out"]}
        named = (("PV", loop["pv"]), ("SP", f"{tag}.sp"), ("OP", loop["out"]))
        parts = " ".join(f"{word} {amount(points[name])}" for word, name in named)
        told.append(f"{tag} {points[f'{tag}.mode']['text']} {parts}")
    first = [p for p in snapshot["points"] if p["rank"] == 0 and p["input"] and p["unit"] and p["source_ns"]]
    told += [f"{p['name']} {amount(p)}" for p in first if p["name"] not in shown]
    told += trips(snapshot["overview"], points)
    told += [f"ALARM {a['tag']}" for a in snapshot["overview"]["alarms"] if points[a["tag"]]["text"] in ALARM_STATES]
    # What a laboratory finds comes when somebody enters it: that it is missing is no fault of an input.
    inputs = [p for p in snapshot["points"] if p["input"] and not p.get("laboratory")]
    good = sum(p["quality"] == "good" for p in inputs)
    log = snapshot["log"]
    told.append(f"inputs good {good}/{len(inputs)}")
    told.append(f"LOG FAILS: {log['last_error']}" if log["failing"] else f"log {log['frames']} frames")
    return " | ".join(told)
