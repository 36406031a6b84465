"""How quickly a day and a year of history are answered: raw, at a thousand pixels, fifty tags at once; beside peers.

`python benchmarks/history_spans.py [DAYS]` (365; some five minutes) seals that many days of a plant of 100 tags by the
product's sealer (benchmarks/_history_year.py), the last of them with 50 tags at 1 Hz, and a day of one tag at 10 Hz.
The peers (benchmarks/history_peers/spans.py) are given the 10 Hz tag, and of the year what we have: DuckDB and Parquet
all 48 million samples of a year, SQLite and VictoriaMetrics, who would take many minutes for these, the last day of
the 50 tags. None makes minutes: of the tag of the year they get a table of these that is ready.

    warm    from an object, a connection or a server that has answered another question before: the median
    cold    the files are dropped from the memory of the system, and the object, file or server begins anew: the median
            of three; a server's own start is not counted, nor is the loading of libraries (told beside: `import_ms`)

All answers end with numbers in this process; they are checked against each other. Goals of issue 5: a tag's day raw in
50 ms, its year at 1,000 pixels in 200 ms, and first on every line, or the table says why not.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._history_year import HOUR_NS, UTC_NS, Year, seal_year
from benchmarks._record import ROOT, record
from benchmarks.history_peers import PeerMissing
from benchmarks.history_peers.spans import HOLDERS, drop
from plantctl.core.clock import RealClock
from plantctl.history.reading.query import History
from plantctl.log.storage import FOLDER_STEP_NS, ReadOnlyFolder

OURS = "plantctl"
PIXELS = 1_000
BUSY = 50
DAY_NS = 24 * HOUR_NS
WARM, COLD = 9, 3
ENOUGH_MS = 1_000  # who takes so long for a few is asked no more often
LIMITS_MS = {"tag-day raw": 50.0, "tag-year, 1,000 pixels": 200.0}
# Why somebody else is first where that is so; what is not here is a finding. Figures: ms of processor of ours.
_NAMES = "listing and checking the names of 8,760 files takes 9 to 11"
_LAID = "laid behind each other with the time of each one's end"
_ONE_FILE = "it has one file and no check sums to compare"
_TABLE = "it was given minutes that are ready, and of these smallest and largest alone"
WHY = {
    ("tag-day raw", "warm_ms", "parquet"): f"1.9 of 5.4 read 24 files, a check sum each; 2.0 are for columns {_LAID}; "
    "it reads two row groups",
    (
        "tag-day raw",
        "cold_ms",
        "parquet",
    ): f"{_NAMES} of 26, opening 24 of them with their indices 4, what was in force in each 3; {_ONE_FILE}",
    (
        "tag-day raw, 10 Hz",
        "parquet",
    ): f"of 20, 5 inflate what is kept in 0.8 bytes a point, 7 are for columns {_LAID}, "
    f"and cold 7 open 24 files; {_ONE_FILE}",
    (
        "tag-day, 1,000 pixels",
        "warm_ms",
        "parquet",
    ): "1.4 of 2.5 unpack nine columns of 1,440 minutes, 0.3 inflate them; it reads two row groups of the points",
    ("tag-day, 1,000 pixels", "cold_ms", "parquet"): f"{_NAMES} of 16, opening 24 of them 3; {_ONE_FILE}",
    (
        "tag-year, 1,000 pixels",
        "warm_ms",
        "duckdb",
    ): f"of 9, 5 unpack nine columns of each quarter, 2 inflate them; {_TABLE}",
    (
        "tag-year, 1,000 pixels",
        "cold_ms",
        "duckdb",
    ): f"{_NAMES} of 23, opening 20 files 3, all nine columns 8; {_TABLE}",
    (
        "tag-year, 1,000 pixels",
        "cold_ms",
        "parquet",
    ): f"{_NAMES} of 23, opening 20 files 3, all nine columns 8; {_TABLE}",
    (
        "50 tags, an hour raw",
        "duckdb",
    ): "of 20, 5 are 50 questions, each answered for itself (0.1), and 8 read 100 chunks; "
    "it answers one question with two threads",
    ("50 tags, an hour raw", "parquet"): f"cold {_NAMES} of 36; {_ONE_FILE}",
}


class Sealed:
    """The product."""

    label = OURS

    def __init__(self, folder):
        self.folder = folder
        self.begin()

    def begin(self):
        self.history = History(ReadOnlyFolder(self.folder / "log"), ReadOnlyFolder(self.folder / "history"))

    def forget(self):
        self.history = None
        drop(self.folder)

    def raw(self, tags, start_ns, end_ns):
        found = [self.history.raw(f"T-{tag}", start_ns, end_ns) for tag in tags]
        # what was in force at the start comes first in our answers, with the time of its own
        first = [int(each.utc_ns[0] < start_ns) for each in found]
        return [(each.utc_ns[at:], each.value[at:]) for each, at in zip(found, first, strict=True)]

    def pixels(self, tags, start_ns, end_ns, number):
        found = self.history.trends([f"T-{tag}" for tag in tags], start_ns, end_ns, number)
        return [(each.buckets.low, each.buckets.high) for each in found]

    def year(self, tag, start_ns, end_ns, number):
        return self.pixels([tag], start_ns, end_ns, number)[0]

    def close(self):
        pass


def questions(year, fast):
    """What is asked, by its name: of which plant, and how of a holder; `turn` counts the times."""
    end_ns, fast_ns = year.end_ns, fast.end_ns
    every = list(range(BUSY))
    return {
        "tag-day raw": ("year", lambda h, turn: h.raw([1 + turn % (BUSY - 1)], end_ns - DAY_NS, end_ns)),
        "tag-day raw, 10 Hz": ("fast", lambda h, turn: h.raw([0], fast_ns - DAY_NS, fast_ns)),
        "tag-day, 1,000 pixels": (
            "year",
            lambda h, turn: h.pixels([1 + turn % (BUSY - 1)], end_ns - DAY_NS, end_ns, PIXELS),
        ),
        "tag-year, 1,000 pixels": ("year", lambda h, turn: [h.year(0, UTC_NS, end_ns, PIXELS)]),
        "50 tags, a day, 1,000 pixels": ("year", lambda h, turn: h.pixels(every, end_ns - DAY_NS, end_ns, PIXELS)),
        "50 tags, an hour raw": (
            "year",
            lambda h, turn: h.raw(every, end_ns - (1 + turn % 20) * HOUR_NS, end_ns - turn % 20 * HOUR_NS),
        ),
    }


def took_ms(call):
    begin = time.perf_counter()
    found = call()
    return (time.perf_counter() - begin) * 1e3, found


def measured(holder, ask):
    """What one question takes of one holder, warm and cold, and what it answered the first time."""
    _, first = took_ms(lambda: ask(holder, 0))
    warm = []
    while len(warm) < WARM and (len(warm) < COLD or sum(warm) < ENOUGH_MS):
        warm.append(took_ms(lambda: ask(holder, 1 + len(warm)))[0])
    cold = []
    for turn in range(COLD):
        holder.forget()
        cold.append(took_ms(lambda turn=turn: begun(holder, ask, turn))[0] if holder.label != "VictoriaMetrics" else 0)
        if holder.label == "VictoriaMetrics":  # its start is no question
            holder.begin()
            cold[-1] = took_ms(lambda turn=turn: ask(holder, turn))[0]
    figures = {"warm_ms": round(float(np.median(warm)), 3), "cold_ms": round(float(np.median(cold)), 3)}
    return figures, first


def begun(holder, ask, turn):
    holder.begin()
    return ask(holder, turn)


def told(answer):
    """What answers must agree in: how many numbers, smallest, largest; of rows and of columns."""
    pairs = [np.array(each).T if isinstance(each, list) else each for each in answer]
    return [(float(np.nanmin(pair[0])), float(np.nanmax(pair[1]))) for pair in pairs], sum(
        len(pair[0]) for pair in pairs
    )


def minutes_of(year):
    """The table of minutes of the tag that moves all year: begin, smallest, largest."""
    begin, low, high = [], [], []
    for hour in range(year.hours):
        utc_ns, value = year.utc_ns(hour), year.values(hour)[0]
        minute = utc_ns // 60_000_000_000
        start = np.flatnonzero(np.concatenate(([True], minute[1:] != minute[:-1])))
        begin.append(minute[start] * 60_000_000_000)
        low.append(np.minimum.reduceat(value, start))
        high.append(np.maximum.reduceat(value, start))
    return np.concatenate(begin), np.concatenate(low), np.concatenate(high)


def filled(make, folder, plant, minutes):
    """A peer with what it is asked about."""
    folder.mkdir(parents=True)
    holder = make(folder)
    if holder.all_that_was:
        for tag, utc_ns, value in plant.everything():
            holder.keep(tag, utc_ns, value)
    else:
        first = plant.hours - 24
        utc_ns = np.concatenate([plant.utc_ns(hour) for hour in range(first, plant.hours)])
        values = np.concatenate([plant.values(hour) for hour in range(first, plant.hours)], axis=1)
        for tag in range(plant.busy):
            holder.keep(tag, utc_ns, values[tag])
    if minutes is not None:
        holder.keep_minutes(0, *minutes)
    holder.finish()
    return holder


def fresh_process(folder, end_ns):
    """A process that begins, loads the library and asks for a day: ms of loading, and ms of the answer."""
    program = (
        "import time; a = time.perf_counter()\n"
        "from plantctl.history.reading.query import History\nfrom plantctl.log.storage import ReadOnlyFolder\n"
        f"from pathlib import Path; f = Path({str(folder)!r}); b = time.perf_counter()\n"
        "h = History(ReadOnlyFolder(f / 'log'), ReadOnlyFolder(f / 'history'))\n"
        f"h.raw('T-1', {end_ns - DAY_NS}, {end_ns}); c = time.perf_counter(); print((b - a) * 1e3, (c - b) * 1e3)"
    )
    drop(folder)
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loading, answer = map(float, said.stdout.split())
    return {"import_ms": round(loading, 1), "answer_ms": round(answer, 1)}


def table(results):
    """A line a question and temperature: ours, the best other, the limit, and the verdict."""
    lines = []
    for name, by in results.items():
        for what in ("warm_ms", "cold_ms"):
            mine = by[OURS][what]
            others = {label: figures[what] for label, figures in by.items() if label != OURS}
            best = min(others, key=others.get) if others else ""
            first = not others or mine <= others[best]
            limit = LIMITS_MS.get(name)
            line = {"question": name, "what": what, "plantctl": mine, "next": best, "next_ms": others.get(best)}
            line |= {"limit_ms": limit, "within": limit is None or mine <= limit, "first": first}
            if not first:
                line["why_not_first"] = WHY.get((name, what, best), WHY.get((name, best), "not explained yet"))
            lines.append(line)
    return lines


def printed(lines):
    text = [f"{'question':30} {'':8} {'plantctl':>9} {'next':>9}  {'':16} {'allowed':>8}"]
    for line in lines:
        limit = f"{line['limit_ms']:.0f}" if line["limit_ms"] else ""
        verdict = "first" if line["first"] else f"not first: {line['why_not_first']}"
        verdict += "" if line["within"] else ", MISSED"
        figures = f"{line['plantctl']:>9.2f} {line['next_ms'] or 0:>9.2f}  {line['next']:16} {limit:>8}"
        text.append(f"{line['question']:30} {line['what'][:4]:8} {figures}  {verdict}")
    return "\n".join(text)


def main():
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 365
    plants = {"year": Year(24 * days, 24, BUSY), "fast": Year(24, 24, 1, hertz=10, slow=0, resting=0)}
    results, missing = {}, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        for label, plant in plants.items():
            (folder / OURS / label).mkdir(parents=True)
            turns_s = seal_year(plant, folder / OURS / label)
            print(f"sealed {label}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
            if label == "year":
                figures = {"sealing_turn_ms_p99": round(float(np.quantile(turns_s, 0.99)) * 1e3, 2)}
        sizes = {}
        for path in (folder / OURS / "year" / "history").iterdir():
            kind = path.suffix.lstrip(".")
            sizes[f"{kind}_files"] = sizes.get(f"{kind}_files", 0) + 1
            sizes[f"{kind}_bytes"] = sizes.get(f"{kind}_bytes", 0) + path.stat().st_size
        minutes = minutes_of(plants["year"])
        # a reader trusts the names of a folder that was changed just now for one question only; a plant's is quiet
        asyncio.run(RealClock().sleep(FOLDER_STEP_NS / 1e9 + 0.1))
        asked = questions(plants["year"], plants["fast"])
        answers = {}
        for make in (Sealed, *HOLDERS):
            try:
                holders = {
                    label: make(folder / OURS / label)
                    if make is Sealed
                    else filled(make, folder / make.label / label, plant, minutes if label == "year" else None)
                    for label, plant in plants.items()
                }
            except PeerMissing as said:
                missing.append(str(said))
                continue
            print(f"filled {make.label}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
            for question, (label, ask) in asked.items():
                found, answer = measured(holders[label], ask)
                ranges, found["numbers"] = told(answer)
                assert ranges == answers.setdefault(question, ranges), (question, make.label)
                results.setdefault(question, {})[make.label] = found
            for holder in holders.values():
                holder.close()
        figures["fresh process, tag-day raw"] = fresh_process(folder / OURS / "year", plants["year"].end_ns)
    lines = table(results)
    record("history-spans", {"days": days, "lines": lines, **figures, **sizes, "results": results, "missing": missing})
    print(printed(lines))
    for each in missing:
        print(f"left out: {each}")


if __name__ == "__main__":
    main()
