"""Runs a plan over recorded inputs and commands, with no devices and no wall clock.

Scans happen at t = 0, h, 2h ... A scan at t first takes every input row with a time of at most t in the order given
(the last wins), then every command, then steps. A read-back without rows of its own is an ideal device: it shows what
the scan before wrote.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from plantctl.core.command import Command
from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.plan.plan import Plan
from plantctl.scan.executive import Executive, ScanResult
from plantctl.scan.schedule import Schedule


@dataclass(frozen=True, slots=True)
class InputSample:
    """One value of one input: time in ns, number of the input, value, quality word."""

    time_ns: int
    index: int
    value: float
    quality: int


@dataclass(frozen=True, slots=True)
class TimedCommand:
    """One command and its time in ns."""

    time_ns: int
    command: Command


@dataclass(frozen=True, slots=True)
class OfflineScan:
    """One scan done: its number, its time in ns since the start, what it gave."""

    number: int
    time_ns: int
    result: ScanResult


def run_offline(
    plan: Plan,
    executive: Executive,
    samples: Sequence[InputSample],
    commands: Sequence[TimedCommand],
    until_ns: int,
) -> Iterator[OfflineScan]:
    """Scan from 0 to `until_ns` (included); after each scan the image holds the values after the step."""
    inputs, outputs = InputColumns(len(plan.inputs)), OutputColumns(len(plan.outputs))
    for i, row in enumerate(plan.inputs):
        if row.initial == row.initial:
            inputs.value[i], inputs.quality[i] = row.initial, 0
    schedule = Schedule(plan.tasks, plan.period_ns)
    supplied = {s.index for s in samples}
    ideal = [(i, r.reads_back) for i, r in enumerate(plan.inputs) if r.reads_back and i not in supplied]
    executive.start(0, 0)
    executive.set_statistics({p.name: 0.0 for p in plan.points if p.row in plan.statistics.values()})
    next_sample = next_command = 0
    for number in range(until_ns // plan.period_ns + 1):
        now_ns = number * plan.period_ns
        while next_sample < len(samples) and samples[next_sample].time_ns <= now_ns:
            sample = samples[next_sample]
            inputs.value[sample.index], inputs.quality[sample.index] = sample.value, sample.quality
            inputs.receive_ns[sample.index] = inputs.source_ns[sample.index] = sample.time_ns
            next_sample += 1
        _read_back(executive, inputs, ideal, now_ns)
        due = []
        while next_command < len(commands) and commands[next_command].time_ns <= now_ns:
            due.append(commands[next_command].command)
            next_command += 1
        yield OfflineScan(number, now_ns, _scan(executive, schedule, number, now_ns, inputs, outputs, due))
        _write_ideally(outputs, now_ns)


def _scan(
    executive: Executive,
    schedule: Schedule,
    number: int,
    now_ns: int,
    inputs: InputColumns,
    outputs: OutputColumns,
    due: Sequence[Command],
) -> ScanResult:
    return executive.scan(number, now_ns, now_ns, schedule.begin(number, now_ns), inputs, outputs, due)


def _read_back(executive: Executive, inputs: InputColumns, ideal: Sequence[tuple[int, int]], now_ns: int) -> None:
    for i, row in ideal:
        if (executive.image.q[row] & SEVERITY_MASK) < BAD:
            inputs.value[i], inputs.quality[i] = executive.image.v[row], 0
            inputs.receive_ns[i] = inputs.source_ns[i] = now_ns


def _write_ideally(outputs: OutputColumns, now_ns: int) -> None:
    moved = outputs.write_sequence != outputs.sequence
    outputs.written_value[moved] = outputs.value[moved]
    outputs.write_ns[moved] = now_ns
    np.copyto(outputs.write_sequence, outputs.sequence)
