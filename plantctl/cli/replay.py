"""`plantctl exec --from LOG`: feeds a recorded run to a plan and proves that it gives the recorded outputs.

The latched inputs (after ageing), the commands and the time steps of every scan come from the log. With the plan that
was recorded, every row that a block or an expression wrote is compared with what the log says; with another plan the
same inputs make a what-if, and nothing is compared.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.cli.exit_code import DONE, FINDINGS, UNKNOWN_INPUT, fail
from plantctl.cli.recorded import log_in
from plantctl.cli.run_table import write_run
from plantctl.core.command import Command
from plantctl.core.errors import LogDamaged
from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.frame import ANSWERED_BEFORE, IN_LATE_FRAME, Rows
from plantctl.history.reading.names import points_in
from plantctl.log.reader import plan_text, runs, texts
from plantctl.log.replay import Replay, ReplayScan, replay
from plantctl.log.storage import ReadOnlyFolder
from plantctl.plan.link_hold import GRANTED_GENERATION, HELD
from plantctl.plan.plan import Plan, Writer
from plantctl.scan.executive import Executive
from plantctl.scan.memory import StateRefused
from plantctl.scan.offline import OfflineScan

BEYOND: Final = 1 << 62
PASSED_OVER: Final = ANSWERED_BEFORE | IN_LATE_FRAME


@dataclass(slots=True)
class Comparison:
    """What was compared: rows recorded as they should be, and where the plan gave something else."""

    scans: int = 0
    differences: int = 0
    first: str = ""


@dataclass(slots=True)
class Player:
    """Lays recorded scans into an executive and compares what comes out.

    `numbers` are the recorded numbers that the plan knows, rising, then one beyond all; `rows` are their image rows.
    """

    plan: Plan
    executive: Executive
    numbers: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    texts: dict[int, str]
    compare: bool
    found: Comparison = field(default_factory=Comparison)

    def play(self, recorded: Replay, until_ns: int | None) -> Iterator[OfflineScan]:
        """Scan by scan, the image after each as it stood when it ran. Raises `LogDamaged` at a hole in the log."""
        inputs, outputs = InputColumns(len(self.plan.inputs)), OutputColumns(len(self.plan.outputs))
        expected_v, expected_q = self.executive.image.v.copy(), self.executive.image.q.copy()
        if recorded.state is not None and self.compare:
            self.executive.stepper.memory.load_from(recorded.state.data, recorded.state.layout)
            self.executive.latch.begin(0)  # recorded inputs were aged then
        computed = [p.row for p in self.plan.points if p.writer in (Writer.BLOCK, Writer.EXPRESSION)]
        # Who may write follows from the field's generation and the commands: no input of the replay.
        computed += [self.plan.statistics[name] for name in (GRANTED_GENERATION, HELD)]
        judged = np.array(computed, np.int64)
        self._lay(recorded.start, inputs, expected_v, expected_q)
        self._statistics(expected_v, expected_q)
        self.executive.take_up()
        first_ns: int | None = None
        for scan in recorded.scans:
            first_ns = scan.mono_ns if first_ns is None else first_ns
            if until_ns is not None and scan.mono_ns - first_ns > until_ns:
                return
            self._lay(scan.rows, inputs, expected_v, expected_q)
            self._statistics(expected_v, expected_q)
            commands = [self._command(record) for record in scan.commands if not record["flags"] & PASSED_OVER]
            done = self.executive.scan_latched(
                scan.scan, scan.mono_ns, scan.utc_ns, scan.rows.dt_s.tolist(), inputs, outputs, commands
            )
            if self.compare:
                self._judge(scan, judged, expected_v, expected_q)
            self.found.scans += 1
            yield OfflineScan(scan.scan, scan.mono_ns - first_ns, done)

    def _lay(
        self,
        rows: Rows,
        inputs: InputColumns,
        expected_v: npt.NDArray[np.float64],
        expected_q: npt.NDArray[np.uint16],
    ) -> None:
        at = np.searchsorted(self.numbers, rows.tag)
        known = np.flatnonzero(self.numbers[at] == rows.tag)
        row = self.rows[at[known]]
        # As bits: a NaN keeps its payload.
        expected_v.view(np.int64)[row] = rows.value.view(np.int64)[known]
        expected_q[row] = rows.quality[known]
        latched = (row <= len(self.plan.inputs)) & (known < rows.inputs)
        known, row = known[latched], row[latched] - 1
        inputs.value.view(np.int64)[row] = rows.value.view(np.int64)[known]
        inputs.quality[row] = rows.quality[known]
        inputs.source_ns[row] = rows.source_ns[known]
        inputs.receive_ns[row] = rows.receive_ns[known]

    def _statistics(self, expected_v: npt.NDArray[np.float64], expected_q: npt.NDArray[np.uint16]) -> None:
        for row in self.plan.statistics.values():
            self.executive.image.v[row], self.executive.image.q[row] = expected_v[row], expected_q[row]

    def _command(self, record: np.void) -> Command:
        def text(name: str) -> str:
            return self.texts.get(int(record[name]), "")

        return Command(
            text("verb"),
            text("target"),
            text("text"),
            text("actor"),
            text("reason"),
            f"{int(record['key']):x}" if record["key"] else "",  # only compared with other keys
            int(record["expiry_ns"]),
            int(record["number"]),
            text("expect"),
        )

    def _judge(
        self,
        scan: ReplayScan,
        judged: npt.NDArray[np.int64],
        expected_v: npt.NDArray[np.float64],
        expected_q: npt.NDArray[np.uint16],
    ) -> None:
        image = self.executive.image
        wrong = (image.v.view(np.int64)[judged] != expected_v.view(np.int64)[judged]) | (
            image.q[judged] != expected_q[judged]
        )
        if wrong.any():
            self.found.differences += int(wrong.sum())
            if not self.found.first:
                row = int(judged[np.flatnonzero(wrong)[0]])
                self.found.first = (
                    f"scan {scan.scan}, {self.plan.points[row].name}: {float(image.v[row])!r} quality "
                    f"{int(image.q[row])}, recorded {float(expected_v[row])!r} quality {int(expected_q[row])}"
                )


def replay_log(plan: Plan, arguments: argparse.Namespace, columns: Sequence[str], until_ns: int | None) -> int:
    """Replay a run of the log at `arguments.log`, the newest by default; the exit code, 1 where an output differs."""
    folder: Path = log_in(arguments.log)
    storage = ReadOnlyFolder(folder)
    try:
        found = runs(storage)
        if not found:
            return fail(UNKNOWN_INPUT, f"{folder} holds no run")
        number = len(found) if arguments.run is None else arguments.run
        if not 1 <= number <= len(found):
            return fail(UNKNOWN_INPUT, f"{folder} has no run {number}: it holds {len(found)}, 1 is the oldest")
        run = found[number - 1]
        same = run.plan_hash == plan.hash
        names = {p.name: p.id for p in points_in(plan_text(storage, run.plan_hash)).values()}
        known = sorted((number, plan.rows[name]) for name, number in names.items() if name in plan.rows)
        numbers, rows = np.array([*known, (BEYOND, 0)], np.int64).T.copy()
        executive = Executive(plan, compiled=bool(arguments.compiled))
        player = Player(plan, executive, numbers, rows, texts(storage), same)
        recorded = replay(storage, run)
        write_run(plan, executive, player.play(recorded, until_ns), columns, arguments)
    except (LogDamaged, StateRefused) as error:
        return fail(UNKNOWN_INPUT, f"{folder}: {error}")
    compared = player.found
    if not same:
        print(f"{compared.scans} scans of another plan's run: nothing compared", file=sys.stderr)
        if recorded.state is not None:
            print("the run went on from an earlier one; this plan began from nothing", file=sys.stderr)
        return DONE
    if compared.differences:
        return fail(FINDINGS, f"{compared.differences} values differ from the log; the first: {compared.first}")
    print(f"{compared.scans} scans replayed, every recorded value equal bit for bit", file=sys.stderr)
    return DONE
