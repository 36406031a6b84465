"""Retained state: gathers by name what a plant remembers, and gives it to the next run, whatever became of the plan.

Retained are the states, outputs and hand-set values of every block (all that is not declared otherwise), parameters
that a person changed, values entered by hand, and calculated values. Never what a block reads: that comes from the
plant as it is.

    start     blocks                      effects                    loops
    COLD      as configured               as configured              as configured
    WARM      as they were                tripped (`start_tripped`)  as they were
    STALE     as configured               tripped                    MAN
    RESTART   as they were                as they were               as they were

A block is restored whole or not at all: where one number does not fit its field, or a unit is another, the block
begins as configured, and a loop in MAN. A parameter is given back its changed value only where the configuration still
says what it said then: who changes the text means it. Parameters and entered values outlive a state's age.

Rules of the file: pure; nothing is raised for what a state holds; columns are moved as wholes.
"""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.block import MAN, MODE_WORDS, NOT_YET, OUT_OF_RANGE, Field
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.core.text import text_id
from plantctl.plan.plan import KindRows, Plan
from plantctl.plan.runner_text import input_slots, output_slots
from plantctl.scan.memory import StateMemory
from plantctl.scan.retained_state import (
    Bits,
    Entered,
    RestoreReport,
    RetainedKind,
    RetainedParameter,
    RetainedPoint,
    RetainedState,
    Start,
)

EXACT_MAX: Final = 1 << 53
STATUS_MAX: Final = 7
PAIRS: Final = (("out_low", "out_high"), ("sp_low", "sp_high"), ("low", "high"), ("in_low", "in_high"))
Mask = npt.NDArray[np.bool_]


class Retention:
    """Gathers and restores the state of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        units = np.array([text_id(p.unit) for p in plan.points], np.int64)
        self._units = [dict(_wired(rows, units)) for rows in plan.kinds]
        self._entered = {r.tag: i for i, r in enumerate(plan.inputs) if not r.device}
        self._calculated = {e.row: plan.points[e.row].name for e in plan.expressions}

    # -- gathering -------------------------------------------------------------------------------------------------

    def gather(self, memory: StateMemory) -> RetainedState:
        """What `memory` holds now, copied."""
        kinds, parameters = [], []
        for number, rows in enumerate(self.plan.kinds):
            records = memory.records[number]
            values = {name: bits.copy() for name, bits in _columns(rows, records, memory)}
            kinds.append(RetainedKind(rows.kind.name, rows.tags, values, self._units[number]))
            for field in rows.kind.fields:
                if field.role == "param":
                    present, configured = _bits(records, field.name), _bits(rows.rows, field.name)
                    for i in np.flatnonzero(present != configured).tolist():
                        parameters.append(
                            RetainedParameter(
                                rows.tags[i], rows.kind.name, field.name, int(configured[i]), int(present[i])
                            )
                        )
        return RetainedState(self.plan.hash, tuple(kinds), tuple(parameters), tuple(self._points(memory)))

    def _points(self, memory: StateMemory) -> Iterator[RetainedPoint]:
        image = memory.image
        rows = {self.plan.inputs[i].row: tag for tag, i in self._entered.items()}
        # Who entered a value has left the time; an initial one has none.
        kept = [(row, tag) for row, tag in rows.items() if image.source_ns[row]]
        for row, name in (*kept, *self._calculated.items()):
            value, source_ns = int(image.v.view(np.int64)[row]), int(image.source_ns[row]) if row in rows else 0
            yield RetainedPoint(name, self.plan.points[row].unit, value, int(image.q[row]), source_ns)

    # -- restoring -------------------------------------------------------------------------------------------------

    def restore(self, memory: StateMemory, state: RetainedState | None, start: Start) -> RestoreReport:
        """Bring a fresh `memory` to where a run of the kind `start` begins. Without a state WARM is STALE.

        The caller lays `report.entered` into the input columns (`report.lay`).
        """
        if state is None and start in (Start.WARM, Start.RESTART):
            start = Start.STALE
        report = RestoreReport(start)
        if start is Start.COLD:
            return report
        refused: set[tuple[int, int]] = set()
        if state is not None:
            if start is not Start.STALE:
                refused = self._restore_kinds(memory, state, report)
            self._restore_parameters(memory, state, report)
            self._restore_points(memory, state, report)
        if start is not Start.RESTART:
            self._trip(memory, report)
        self._to_manual(memory, refused, report)
        return report

    def _restore_kinds(self, memory: StateMemory, state: RetainedState, report: RestoreReport) -> set[tuple[int, int]]:
        """Restore the blocks; (kind, row) of those that did not fit."""
        refused: set[tuple[int, int]] = set()
        numbers = {rows.kind.name: i for i, rows in enumerate(self.plan.kinds)}
        known = 0
        for kept in state.kinds:
            number = numbers.get(kept.kind)
            places = {tag: i for i, tag in enumerate(self.plan.kinds[number].tags)} if number is not None else {}
            pairs = [(i, places[tag]) for i, tag in enumerate(kept.tags) if tag in places]
            unknown = [tag for tag in kept.tags if tag not in places]
            report.unknown += len(unknown)
            if unknown:
                report.tell(f"`{unknown[0]}` ({kept.kind}) and {len(unknown) - 1} more are not in this plan")
            if number is None or not pairs:
                continue
            known += len(pairs)
            source, target = np.array(pairs, np.int64).T
            fits = self._fits(number, kept, source, target)
            _put(self.plan.kinds[number], memory, number, kept, source[fits], target[fits])
            report.rows += int(fits.sum())
            for i in target[~fits].tolist():
                refused.add((number, i))
                report.tell(f"`{self.plan.kinds[number].tags[i]}`: a number or a unit does not fit any more")
        report.misfits += len(refused)
        report.fresh += sum(len(rows.tags) for rows in self.plan.kinds) - known
        return refused

    def _fits(self, number: int, kept: RetainedKind, source: Bits, target: Bits) -> Mask:
        """Which of the pairs of rows can be restored: every number in its field, every unit the same."""
        rows = self.plan.kinds[number]
        fits = np.ones(len(source), np.bool_)
        for name, field in _retained(rows):
            bits = kept.values.get(name)
            if bits is not None:
                fits &= _valid(name, field, bits[source]) | (bits[source] == _fresh(rows, name, field)[target])
        for name, now in self._units[number].items():
            before = kept.units.get(name)
            if before is not None:
                fits &= (before[source] == now[target]) | (before[source] == 0) | (now[target] == 0)
        return fits

    def _restore_parameters(self, memory: StateMemory, state: RetainedState, report: RestoreReport) -> None:
        numbers = {rows.kind.name: i for i, rows in enumerate(self.plan.kinds)}
        for p in state.parameters:
            number = numbers.get(p.kind)
            rows = self.plan.kinds[number] if number is not None else None
            field = rows.kind.field(p.name) if rows is not None else None
            if rows is None or number is None or field is None or field.role != "param" or p.tag not in rows.tags:
                report.unknown += 1
                continue
            i = rows.tags.index(p.tag)
            if int(_bits(rows.rows, p.name)[i]) != p.configured:
                report.overruled += 1
                report.tell(f"`{p.tag}.{p.name}` was changed in the configuration, which wins")
                continue
            record = memory.records[number]
            before = record[p.name][i]
            record[p.name][i] = np.int64(p.present).view(record.dtype[p.name])
            if self._allowed(p, field, record[i]):
                report.parameters += 1
            else:
                record[p.name][i] = before
                report.misfits += 1
                report.tell(f"`{p.tag}.{p.name}`: what it was changed to does not fit any more")

    def _allowed(self, p: RetainedParameter, field: Field, record: Any) -> bool:
        """Whether a parameter may have the value it has in `record` now: what the gate would say."""
        value = float(record[p.name])
        address = self.plan.addresses.get(f"{p.tag}.{p.name}")
        if address is None or not bool(_valid(p.name, field, np.array([p.present], np.int64))[0]):
            return False
        names = record.dtype.names
        ordered = all(record[a] < record[b] for a, b in PAIRS if p.name in (a, b) and a in names and b in names)
        return address.minimum <= value <= address.maximum and value > address.above and ordered

    def _restore_points(self, memory: StateMemory, state: RetainedState, report: RestoreReport) -> None:
        image, calculated = memory.image, {name: row for row, name in self._calculated.items()}
        for p in state.points:
            index, row = self._entered.get(p.name), calculated.get(p.name, 0)
            if index is None and not row:
                report.unknown += 1
                continue
            row = row or self.plan.inputs[index or 0].row
            point, value = self.plan.points[row], float(np.int64(p.value).view(np.float64))
            if p.unit != point.unit or not 0 <= p.quality <= 0xFFFF:
                report.misfits += 1
                report.tell(f"`{p.name}`: the quality or the unit does not fit any more")
                continue
            if index is not None:
                if not math.isfinite(value) or value < point.low or value > point.high:
                    report.misfits += 1
                    report.tell(f"`{p.name}`: {value:g} is outside {point.low:g} to {point.high:g}")
                    continue
                report.entered.append(Entered(index, value, p.quality, p.source_ns))
            elif report.start is Start.STALE:
                continue
            image.v.view(np.int64)[row], image.q[row] = p.value, p.quality
            image.source_ns[row] = p.source_ns
            report.points += 1

    def _trip(self, memory: StateMemory, report: RestoreReport) -> None:
        """Trip the effects: those that start tripped anyway begin as fresh ones do, so that their trip is an event."""
        for effect in self.plan.effects.values():
            records, fresh = memory.records[effect.kind], self.plan.kinds[effect.kind].rows
            record = records[effect.row]
            if record["tripped"] and record["started"]:
                # It was tripped: why, and what it had waited for, stays known; only a person ends it.
                record["latch"] = record["latch"] or record["start_tripped"]
                record["reset"] = 0
            elif record["start_tripped"]:
                for name in ("tripped", "active", "failed", "first", "latch", "started", "reset", "wait_s", "unseen_s"):
                    record[name] = fresh[name][effect.row]
                # What reads the effect a scan late must not see that it was not tripped.
                shown = self.plan.kinds[effect.kind].outs[effect.row]
                memory.image.v[shown], memory.image.q[shown] = np.nan, NOT_YET
            elif report.start is Start.STALE:
                record["started"] = record["tripped"] = record["latch"] = 1
            if record["start_tripped"] or record["tripped"]:
                report.tripped.append(effect.tag)

    def _to_manual(self, memory: StateMemory, refused: set[tuple[int, int]], report: RestoreReport) -> None:
        """Ask for MAN: of every loop after a stale state, else of those that could not be restored."""
        for number, rows in enumerate(self.plan.kinds):
            target = rows.kind.field("target")
            if target is None or target.role != "tracked" or target.declared.words != MODE_WORDS:
                continue
            for i, tag in enumerate(rows.tags):
                if report.start is Start.STALE or (number, i) in refused:
                    memory.records[number]["target"][i] = MAN
                    report.manual.append(tag)


# -- columns -------------------------------------------------------------------------------------------------------


def _retained(rows: KindRows) -> Iterator[tuple[str, Field]]:
    """The retained columns of a kind: (name, its field); the parts of a port are `op.v`, `op.q` and so on."""
    for field in rows.kind.fields:
        if not field.declared.retain:
            continue
        if field.role in ("out", "cas_out"):
            parts = ("v", "q", "used", "status") if field.role == "cas_out" else ("v", "q")
            for part in parts:
                yield f"{field.name}.{part}", field
        elif field.role in ("tracked", "watched", "shown", "state"):
            yield field.name, field


def _columns(rows: KindRows, records: Any, memory: StateMemory) -> Iterator[tuple[str, Bits]]:
    """The bits of each retained column; the answers to a request are those in the image, where they were given."""
    slots = output_slots(rows.kind.block)
    for name, field in _retained(rows):
        port, _, part = name.partition(".")
        if part in ("used", "status"):
            at = rows.outs[:, slots.index(port)]
            yield name, getattr(memory.image, part)[at].view(np.int64)
        else:
            yield name, _bits(records[port], part) if part else _bits(records, field.name)


def _bits(records: Any, name: str) -> Bits:
    column: Bits = np.ascontiguousarray(records[name]).view(np.int64)
    return column


def _fresh(rows: KindRows, name: str, field: Field) -> Bits:
    """The column of the plan's fresh rows."""
    port, _, part = name.partition(".")
    return _bits(rows.rows[port], part) if part else _bits(rows.rows, field.name)


def _valid(name: str, field: Field, bits: Bits) -> Mask:
    """Which numbers fit their field."""
    part = name.partition(".")[2]
    valid: Mask
    if part in ("v", "used"):
        valid = np.ones(len(bits), np.bool_)
    elif part:
        valid = (bits >= 0) & (bits <= (0xFFFF if part == "q" else STATUS_MAX))
    elif field.type is float:
        valid = np.isfinite(bits.view(np.float64))
    elif field.type is bool:
        valid = (bits == 0) | (bits == 1)
    elif field.declared.words:
        valid = (bits >= 0) & (bits < len(field.declared.words))
    else:
        valid = abs(bits) <= EXACT_MAX
    return valid


def _put(rows: KindRows, memory: StateMemory, number: int, kept: RetainedKind, source: Bits, target: Bits) -> None:
    """Write the columns of `kept` into the records, and what follows from them into the image."""
    records, image, slots = memory.records[number], memory.image, output_slots(rows.kind.block)
    for name, _ in _retained(rows):
        bits = kept.values.get(name)
        if bits is None:
            continue
        port, _, part = name.partition(".")
        column = records[port][part] if part else records[port]
        column[target] = bits[source].view(column.dtype)
        if part in ("used", "status"):
            answer = getattr(image, part)
            answer[rows.outs[target, slots.index(port)]] = bits[source].view(answer.dtype)
    for slot, name in enumerate(slots):
        shown, quality = records[name], np.zeros(len(records), np.int64)
        if shown.dtype.names:
            shown, quality = shown["v"], shown["q"]
        value, word, at = shown[target].astype(np.float64), quality[target], rows.outs[target, slot]
        finite = np.isfinite(value)
        image.v[at[finite]] = value[finite]
        image.q[at] = np.where(finite | ((word & SEVERITY_MASK) >= BAD), word, OUT_OF_RANGE)


def _wired(rows: KindRows, units: Bits) -> Iterator[tuple[str, Bits]]:
    """The units of what each port and point of the rows is wired to, by name."""
    for slot, (name, element) in enumerate(input_slots(rows.kind.block)):
        yield f"{name}[{element}]", units[rows.ins[:, slot]]
    for slot, name in enumerate(output_slots(rows.kind.block)):
        yield name, units[rows.outs[:, slot]]
