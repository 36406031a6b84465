"""Follows an accepted write to its end: sent by the field, verified by the named read-back, or told why not.

A write whose output has no read-back is verified by the device's own confirmation of the write. A read-back that shows
another value is a mismatch only when its time is up: devices need a moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from plantctl.core.command import Command, Result, Stage
from plantctl.core.field import OutputColumns, WriteError
from plantctl.core.image import Image
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.plan.plan import OutputRow, Plan


@dataclass(slots=True)
class Pending:
    """One write under way. `sequence` is the command's, `wanted` the output's sequence at which it counts as sent."""

    sequence: int
    index: int
    value: float
    wanted: int
    deadline_ns: int
    sent: bool = False


class Verifier:
    """The writes under way; at most one for each output, a later command supersedes an earlier one."""

    def __init__(self, plan: Plan) -> None:
        self._outputs: Sequence[OutputRow] = plan.outputs
        self._index = {o.row: i for i, o in enumerate(plan.outputs)}
        self._pending: dict[int, Pending] = {}

    def begin(
        self, command: Command, row: int, value: float, ramp_s: float, columns: OutputColumns, now_ns: int
    ) -> list[Result]:
        """Follow the write of `value` to the output of image row `row`, which takes `ramp_s` to get there.

        An earlier one to the same output is superseded.
        """
        index = self._index[row]
        earlier = self._pending.pop(index, None)
        results = [Result(earlier.sequence, Stage.SUPERSEDED, now_ns)] if earlier else []
        deadline_ns = now_ns + self._outputs[index].verify_within_ns + round(ramp_s * 1e9)
        # The executive asks the field again for whatever a person asks for, changed or not.
        wanted = int(columns.sequence[index]) + 1
        self._pending[index] = Pending(command.sequence, index, value, wanted, deadline_ns)
        return results

    def look(self, image: Image, columns: OutputColumns, now_ns: int) -> list[Result]:
        """The stages reached since the last scan."""
        results: list[Result] = []
        for index, write in list(self._pending.items()):
            error = WriteError(int(columns.error[index]))
            if not write.sent and columns.write_sequence[index] >= write.wanted and error is WriteError.NONE:
                write.sent = True
                results.append(Result(write.sequence, Stage.SENT, int(columns.write_ns[index]) or now_ns))
            if write.sent and self._confirmed(image, index, write.value):
                results.append(Result(write.sequence, Stage.VERIFIED, now_ns))
                del self._pending[index]
            elif now_ns >= write.deadline_ns:
                results.append(self._too_late(write, error, now_ns))
                del self._pending[index]
        return results

    def _confirmed(self, image: Image, index: int, value: float) -> bool:
        output = self._outputs[index]
        if not output.read_back:
            return True
        row = output.read_back
        good = (int(image.q[row]) & SEVERITY_MASK) < BAD
        return good and abs(float(image.v[row]) - value) <= output.read_back_tolerance

    def _too_late(self, write: Pending, error: WriteError, now_ns: int) -> Result:
        if write.sent:
            tag = self._outputs[write.index].tag
            return Result(write.sequence, Stage.MISMATCH, now_ns, "read-back", f"the read-back of {tag} differs")
        return Result(write.sequence, Stage.TIMED_OUT, now_ns, error.name.lower().replace("_", "-"), "not written")
