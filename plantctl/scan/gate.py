"""The gate of the scan: accepts or refuses each command, and carries out what it accepts, before the blocks step.

A refused command changes nothing. Every answer names the reason in words an operator can act on: which cause is still
there, which permissive is missing, which limit is broken. What is checked here is the plant's state; who may give
which command is checked before, where identities are known.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from plantctl.core import command as codes
from plantctl.core.block import CAS, IMAN, MAN, MODE_WORDS, RCAS, ROUT, TRK
from plantctl.core.command import VERB_NAMES, Command, Result, Stage
from plantctl.core.errors import CommandRejected
from plantctl.core.event import Event, EventKind
from plantctl.core.late import LATE
from plantctl.core.quality import BAD, SEVERITY_MASK, describe
from plantctl.plan.link_protection import permit_tag
from plantctl.plan.plan import Address, EffectInfo, Plan, Point, Writer
from plantctl.scan.answers import Answers
from plantctl.scan.command_text import as_expected, number, number_or_nan
from plantctl.scan.late_values import late_change
from plantctl.scan.release import Release, standing_outputs, unknown_devices
from plantctl.scan.step import Stepper

COMMANDS_PER_SCAN: Final = 64
ALARM_WAITS_FOR_ACK: Final = (1, 3, 4)  # unack, rtn and latched
ALARM_WAITS_FOR_RESET: Final = (4, 5)  # latched and latched-acked
PLANT: Final = "plant"
DEVICES_TOLD: Final = 5
MODES_TO_ASK: Final = ("man", "auto", "cas", "rcas", "rout", "trk", "oos")


@dataclass(frozen=True, slots=True)
class Change:
    """What an accepted command changed: target, value before and after, words of an enumeration.

    `output` is the row of a written tag that a read-back should confirm (0: none), `ramp_s` how long the output's rate
    limit needs to get there; `entered` is the row of an input entered by hand, for the next latch to take (0: none),
    with `quality` and, where it has a time of its own, `source_ns`. `told` is whether the journal has an event of it.
    """

    target: str
    old: float
    new: float
    words: tuple[str, ...] = ()
    output: int = 0
    ramp_s: float = 0.0
    entered: int = 0
    quality: int = 0
    source_ns: int = 0
    told: bool = True


class Gate:
    """The commands of one plan over one stepper; `release` says whether outputs wait for a person."""

    def __init__(self, plan: Plan, stepper: Stepper, release: Release, answers: Answers | None = None) -> None:
        self.plan = plan
        self.stepper = stepper
        self.release = release
        self.answers = Answers() if answers is None else answers
        self._kind_index: Mapping[str, int] = {rows.kind.name: i for i, rows in enumerate(plan.kinds)}
        self._outputs = {o.tag: o for o in plan.outputs}
        self._ids = plan.ids[1:]
        self._verbs: Mapping[str, Callable[[Command], list[Change]]] = {
            "set": self._set,
            "mode": self._mode,
            "output": self._output,
            "tune": self._tune,
            "ack": self._ack,
            "reset": self._reset,
            "release": self._release,
        }

    def apply(
        self, command: Command, scan: int, now_ns: int, utc_ns: int, *, late: bool = False
    ) -> tuple[Result, list[Event], list[Change]]:
        """Decide one command at monotonic `now_ns`; the result, the events for the journal, and what changed.

        The same key within its life gives the first result again and changes nothing. `late`: the scan has taken as
        many as it can, and whoever gave this one does not wait for the next.
        """
        first = self.answers.known(command, now_ns)
        if first is not None:
            return Result(command.sequence, first.stage, first.mono_ns, first.code, first.text), [], []
        try:
            if command.expires_ns and now_ns > command.expires_ns:
                raise CommandRejected(codes.EXPIRED, "the command expired before the scan could take it")
            if late:
                raise CommandRejected(codes.EXPIRED, f"a scan takes {COMMANDS_PER_SCAN} commands, this is one more")
            if command.expect:
                mode = command.verb == "mode"
                as_expected(command, self._present(f"{command.target}.mode" if mode else command.target))
            changes = self._decide(command)
        except CommandRejected as refusal:
            stage = Stage.EXPIRED if refusal.code == codes.EXPIRED else Stage.REFUSED
            result = Result(command.sequence, stage, now_ns, refusal.code, refusal.reason)
            reason = refusal.code if refusal.reason == refusal.code else f"{refusal.code}: {refusal.reason}"
            asked = number_or_nan(command.value)
            words = MODE_WORDS if command.verb == "mode" else ()
            old = self._present(f"{command.target}.mode" if words else command.target)
            refused = Event(
                EventKind.REFUSED, scan, now_ns, utc_ns, command.target, old, asked, words, command.actor, reason
            )
            self.answers.keep(command, result)
            return result, [refused], []
        result = Result(command.sequence, Stage.ACCEPTED, now_ns)
        behind = (command.actor, command.reason)
        events = [
            Event(EventKind.COMMAND, scan, now_ns, utc_ns, c.target, c.old, c.new, c.words, *behind, c.source_ns)
            for c in changes
            if c.told
        ]
        self.answers.keep(command, result)
        return result, events, changes

    def _decide(self, command: Command) -> list[Change]:
        if command.verb == LATE:
            return [self._late(command)]
        if command.verb not in VERB_NAMES:
            raise CommandRejected(codes.BAD_VALUE, f"there is no command `{command.verb}`")
        act = self._verbs.get(command.verb)
        if act is None:
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, codes.NOT_IN_THIS_PLAN)
        return act(command)

    # -- looking at the plant --------------------------------------------------------------------------------------

    def _present(self, target: str) -> float:
        row = self.plan.rows.get(target)
        if row is not None:
            return float(self.stepper.image.v[row])
        address = self.plan.addresses.get(target)
        return float(self._read(address)) if address else math.nan

    def _read(self, address: Address) -> float:
        return float(self.stepper.memories[address.kind].rows[address.field][address.row])

    def _write(self, address: Address, value: float) -> float:
        rows = self.stepper.memories[address.kind].rows
        old = float(rows[address.field][address.row])
        rows[address.field][address.row] = value
        if address.tuning:
            rows["rebalance"][address.row] = 1
        return old

    def _block(self, tag: str, kind: str) -> bool:
        """Whether `tag` is a block of `kind`; refused where the plan has none of that kind at all."""
        index = self._kind_index.get(kind)
        if index is None:
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, codes.NOT_IN_THIS_PLAN)
        return tag in self.plan.kinds[index].tags

    def _loop(self, tag: str) -> None:
        if not self._block(tag, "pid"):
            raise CommandRejected(codes.UNKNOWN_TARGET, f"`{tag}` is not a loop")

    # -- the verbs -------------------------------------------------------------------------------------------------

    def _set(self, command: Command) -> list[Change]:
        target, value = command.target, number(command)
        loop, _, field = target.rpartition(".")
        if field == "sp" and loop:
            return [self._set_point(loop, value)]
        output = self._outputs.get(target)
        if output is not None:
            return [self._set_output(target, value)]
        if target not in self.plan.rows:
            raise CommandRejected(codes.UNKNOWN_TARGET, f"`{target}` is not in the plan")
        if f"{target}.sp" in self.plan.addresses:
            raise CommandRejected(codes.NOT_WRITABLE, f"`{target}` is a loop: set `{target}.sp`, or its output in man")
        point = self.plan.points[self.plan.rows[target]]
        if point.writer is Writer.INPUT and not point.owner:
            return [self._enter(point, value)]
        who = {Writer.INPUT: "the field", Writer.EXECUTIVE: "the scan"}.get(point.writer, f"`{point.owner}`")
        raise CommandRejected(codes.NOT_WRITABLE, f"`{target}` is written by {who}")

    def _set_point(self, loop: str, value: float) -> Change:
        self._loop(loop)
        mode = self._read(self.plan.addresses[f"{loop}.mode"])
        if mode >= CAS:
            raise CommandRejected(codes.WRONG_MODE, f"the set-point comes from above in mode {MODE_WORDS[int(mode)]}")
        _within(value, self._read(self.plan.addresses[f"{loop}.sp_low"]), f"{loop}.sp_high", self)
        return Change(f"{loop}.sp", self._write(self.plan.addresses[f"{loop}.sp"], value), value)

    def _enter(self, point: Point, value: float) -> Change:
        """A value entered by hand, of a tag without a device: a laboratory's, a count read from a gauge."""
        if point.name in self.plan.lab:
            how = f"`{point.name}` is a laboratory value: enter it with its sample's time, plantctl lab enter"
            raise CommandRejected(codes.NOT_WRITABLE, how)
        if value < point.low or value > point.high:
            raise CommandRejected(codes.OUT_OF_RANGE, f"{value:g} is outside {point.low:g} to {point.high:g}")
        return Change(point.name, float(self.stepper.image.v[point.row]), value, entered=point.row)

    def _late(self, command: Command) -> Change:
        """Values that came after their time, a laboratory's among them (`late_values`)."""
        c = late_change(self.plan, self._ids, command)
        old = self._present(c.target)
        return Change(c.target, old, c.new, (), 0, 0.0, c.entered, c.quality, c.source_ns, c.told)

    def _set_output(self, tag: str, value: float) -> Change:
        output = self._outputs[tag]
        kind, row = output.arbiter
        if kind < 0 or self.plan.kinds[kind].kind.name != "out":
            raise CommandRejected(codes.NOT_WRITABLE, f"`{tag}` is written by a block of the plan")
        rows = self.stepper.memories[kind].rows
        if rows["has_auto"][row]:
            above = self.plan.points[self.plan.kinds[kind].ins[row, 0]].owner
            how = ": put it in man and use output" if f"{above}.sp" in self.plan.addresses else ""
            raise CommandRejected(codes.NOT_WRITABLE, f"`{tag}` belongs to `{above}`{how}")
        if output.device and self.release.held:
            raise CommandRejected(codes.NOT_PERMITTED, f"outputs wait for a release: {self.release.why}")
        low, high = float(rows["low"][row]), float(rows["high"][row])
        if not low <= value <= high:
            raise CommandRejected(codes.OUT_OF_RANGE, f"{value:g} is outside {low:g} to {high:g}")
        for effect in self.plan.effects.values():
            if tag in effect.forces and self._tripped(effect):
                raise CommandRejected(codes.TRIPPED, f"{effect.tag} is tripped{self._why(effect)}")
            if tag in effect.scales and self._tripped(effect):
                self._allowed(effect, rows[row], value)
        if value != 0.0:
            self._permitted(tag)
        old = float(self.stepper.image.v[output.row])
        rows["manual"][row], rows["manual_set"][row] = value, 1
        rate = float(rows["rate_up" if value > old else "rate_down"][row])
        ramp_s = abs(value - old) / rate if rate > 0.0 and math.isfinite(old) else 0.0
        return Change(tag, old, value, output=output.row, ramp_s=ramp_s)

    def _allowed(self, effect: EffectInfo, arbiter: Any, value: float) -> None:
        """Refuse what is above that which a scaling effect allows; before its first scan it will allow nothing."""
        acts = self.stepper.memories[effect.kind].rows[effect.row]
        most = float(arbiter["allowed"]) if acts["started"] else 0.0
        if value > most and (acts["active"] or not acts["started"]):
            raise CommandRejected(codes.TRIPPED, f"{effect.tag} allows {most:g} at most{self._why(effect)}")

    def _permitted(self, tag: str) -> None:
        image = self.stepper.image
        missing = [
            c
            for c in self.plan.permissives.get(tag, ())
            if image.v[c.row] != 1.0 or (image.q[c.row] & SEVERITY_MASK) >= BAD
        ]
        if missing:
            shown = "; ".join(f"{c.name} ({c.text})" for c in missing)
            raise CommandRejected(codes.NOT_PERMITTED, f"`{permit_tag(tag)}` is missing: {shown}")

    def _tripped(self, effect: EffectInfo) -> bool:
        row = self.stepper.memories[effect.kind].rows[effect.row]
        # Before its first scan an effect stands as it will start.
        return bool(row["tripped"] if row["started"] else row["start_tripped"])

    def _standing(self, effect: EffectInfo) -> list[str]:
        """The demands of an effect that stand or cannot be known, each told with what it waits for."""
        image, found = self.stepper.image, []
        for point, row in effect.demands:
            if (image.q[row] & SEVERITY_MASK) >= BAD:
                found.append(f"{point} is {describe(int(image.q[row]))}")
            elif image.v[row] != 0.0:
                cause = self.plan.causes.get(point)
                waits = f", clears at {cause.clear}" if cause and cause.clear else ""
                found.append(f"{point} is active ({cause.text}{waits})" if cause else f"{point} is active")
        return found

    def _why(self, effect: EffectInfo) -> str:
        standing = self._standing(effect)
        return ": " + "; ".join(standing) if standing else ", its causes are clear: reset it first"

    def _mode(self, command: Command) -> list[Change]:
        self._loop(command.target)
        word = command.value.strip().lower()
        if word not in MODE_WORDS:
            raise CommandRejected(codes.BAD_VALUE, f"`{command.value}` is not a mode: {' '.join(MODES_TO_ASK)}")
        mode = MODE_WORDS.index(word)
        address = self.plan.addresses[f"{command.target}.target"]
        rows = self.stepper.memories[address.kind].rows
        if mode == CAS and not rows["has_cas"][address.row]:
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, f"`{command.target}` has no master to follow")
        if mode == TRK and not rows["has_track"][address.row]:
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, f"`{command.target}` has nothing to track")
        if mode in (RCAS, ROUT):
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, "rcas and rout need a remote master")
        if mode == IMAN:
            raise CommandRejected(
                codes.BAD_VALUE, "iman is the loop's own answer to a block below, not to be asked for"
            )
        # Before its first scan nobody has asked yet: what it was to start with is what changes.
        old = self._write(address, mode)
        return [Change(command.target, old if old >= 0 else float(rows["initial_mode"][address.row]), mode, MODE_WORDS)]

    def _output(self, command: Command) -> list[Change]:
        self._loop(command.target)
        value = number(command)
        mode = int(self._read(self.plan.addresses[f"{command.target}.mode"]))
        if mode != MAN:
            raise CommandRejected(codes.WRONG_MODE, f"`{command.target}` is in {MODE_WORDS[mode]}, not in man")
        _within(value, self._read(self.plan.addresses[f"{command.target}.out_low"]), f"{command.target}.out_high", self)
        return [Change(command.target, self._write(self.plan.addresses[f"{command.target}.manual"], value), value)]

    def _tune(self, command: Command) -> list[Change]:
        value = number(command)
        address = self.plan.addresses.get(command.target)
        tag, _, name = command.target.rpartition(".")
        rows = next((k for k in self.plan.kinds if tag in k.tags), None)
        field = rows.kind.field(name) if rows else None
        if address is None or field is None or field.role != "param" or name.startswith(("has_", "n_")):
            raise CommandRejected(codes.UNKNOWN_TARGET, f"`{command.target}` is not a parameter")
        if not address.minimum <= value <= address.maximum or not value > address.above:
            bound = (
                f"above {address.above:g}" if value <= address.above else f"{address.minimum:g} to {address.maximum:g}"
            )
            raise CommandRejected(codes.OUT_OF_RANGE, f"`{command.target}` must be {bound}")
        if field.type is not float and value != int(value):
            raise CommandRejected(codes.BAD_VALUE, f"`{command.target}` takes whole numbers")
        for low, high in (("out_low", "out_high"), ("sp_low", "sp_high"), ("low", "high"), ("in_low", "in_high")):
            other = self.plan.addresses.get(f"{tag}.{high if name == low else low}") if name in (low, high) else None
            if other is not None and not (value < self._read(other) if name == low else value > self._read(other)):
                raise CommandRejected(codes.OUT_OF_RANGE, f"`{low}` must stay below `{high}`")
        return [Change(command.target, self._write(address, value), value)]

    def _ack(self, command: Command) -> list[Change]:
        if "limit_alarm" not in self._kind_index:
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, codes.NOT_IN_THIS_PLAN)
        wanted = self._alarms_of(command.target)
        if not wanted:
            raise CommandRejected(codes.UNKNOWN_TARGET, f"`{command.target}` has no alarm")
        waiting = [t for t in wanted if self._read(self.plan.addresses[f"{t}.state"]) in ALARM_WAITS_FOR_ACK]
        if not waiting:
            raise CommandRejected(codes.NOT_ACTIVE, f"no alarm of `{command.target}` waits for acknowledgement")
        changes = []
        for tag in waiting:
            self._write(self.plan.addresses[f"{tag}.ack"], 1.0)
            changes.append(Change(tag, 0.0, 1.0))
        return changes

    def _alarms_of(self, target: str) -> list[str]:
        """The alarm called `target`, or every alarm of the tag of that name."""
        index = self._kind_index.get("limit_alarm")
        tags = self.plan.kinds[index].tags if index is not None else ()
        return [t for t in tags if target in (t, t.rpartition(".")[0])]

    def _reset(self, command: Command) -> list[Change]:
        alarms = self._alarms_of(command.target)
        if alarms:
            return self._reset_alarms(command.target, alarms)
        if not self.plan.effects:
            raise CommandRejected(codes.NOT_IN_THIS_PLAN, codes.NOT_IN_THIS_PLAN)
        wanted = [e for e in self.plan.effects.values() if command.target in (e.tag, e.group)]
        if not wanted:
            raise CommandRejected(codes.UNKNOWN_TARGET, f"`{command.target}` is no effect and no group")
        tripped = [e for e in wanted if self._tripped(e)]
        if not tripped:
            raise CommandRejected(codes.NOT_ACTIVE, f"nothing of `{command.target}` is tripped")
        for effect in tripped:
            standing = self._standing(effect)
            if standing:
                raise CommandRejected(codes.CAUSE_ACTIVE, f"{effect.tag} stays tripped: {'; '.join(standing)}")
        for effect in tripped:
            self._write(self.plan.addresses[f"{effect.tag}.reset"], 1.0)
        return [Change(e.tag, 1.0, 0.0) for e in tripped]

    def _reset_alarms(self, target: str, alarms: list[str]) -> list[Change]:
        waiting = [t for t in alarms if self._read(self.plan.addresses[f"{t}.state"]) in ALARM_WAITS_FOR_RESET]
        if not waiting:
            on = any(self._read(self.plan.addresses[f"{t}.active"]) for t in alarms)
            what = f"the alarm of `{target}` is still on" if on else f"no alarm of `{target}` is latched"
            raise CommandRejected(codes.CAUSE_ACTIVE if on else codes.NOT_ACTIVE, what)
        for tag in waiting:
            self._write(self.plan.addresses[f"{tag}.reset"], 1.0)
        return [Change(tag, 1.0, 0.0) for tag in waiting]

    def _release(self, command: Command) -> list[Change]:
        if command.target != PLANT:
            raise CommandRejected(codes.UNKNOWN_TARGET, f"a release is for the whole {PLANT}")
        release = self.release
        if not release.held or release.granted:
            raise CommandRejected(codes.NOT_ACTIVE, "no output waits for a release")
        hindrance = release.hindrance()
        unknown = unknown_devices(self.plan, self.stepper) if not hindrance else []
        if unknown:
            more = f"; and {len(unknown) - DEVICES_TOLD} more" if len(unknown) > DEVICES_TOLD else ""
            hindrance = f"what stands in the devices is not known: {'; '.join(unknown[:DEVICES_TOLD])}{more}"
        if hindrance:
            raise CommandRejected(codes.NOT_PERMITTED, hindrance)
        release.give(standing_outputs(self.plan, self.stepper))
        return [Change(PLANT, 0.0, float(release.granted))]


def _within(value: float, low: float, high_name: str, gate: Gate) -> None:
    high = gate._read(gate.plan.addresses[high_name])
    if not low <= value <= high:
        raise CommandRejected(codes.OUT_OF_RANGE, f"{value:g} is outside {low:g} to {high:g}")
