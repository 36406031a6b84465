"""One run of the circuit over its real protocol stacks in virtual time, and the digest of everything its log holds.

`python -m tests.plant.same_run SECONDS SEED FOLDER` prints the digest: for a run in another process.
"""

import hashlib
import struct
import sys
from pathlib import Path

from plantctl.core.frame import Kind
from plantctl.log.reader import read_frames
from tests.plant.circuit_rig import run_circuit

MARKS = struct.Struct("<qHQq")


def log_digest(folder):
    """The digest over every frame of a log: rows with their source and receive times, commands, events, writes.

    Raises where the log holds no rows, no event or no command: a digest of nothing is always the same.
    """
    digest, kinds = hashlib.sha256(), set()
    for utc_ns, frame in read_frames(folder):
        kinds.add(frame.kind)
        digest.update(MARKS.pack(utc_ns, frame.kind, frame.scan, frame.mono_ns))
        digest.update(frame.payload)
    assert {Kind.KEY, Kind.DELTA, Kind.EVENT, Kind.COMMAND, Kind.RESULT, Kind.WRITE} <= kinds
    return digest.hexdigest()


def one_run(folder, seconds, seed, wall_limit_s=120.0, ends=None):
    """Start up, operate, lose the pump, be refused: `seconds` of plant time. The digest of the log."""

    async def script(circuit):
        await circuit.start_up()
        end_ns = round(seconds * 1e9)
        await circuit.wait(max(1.0, 0.6 * seconds - circuit.clock.monotonic_ns() / 1e9))
        circuit.faults.inject("pump-trip")
        await circuit.wait(12.0)
        await circuit.command("reset", "CELL-01")
        await circuit.wait(max(1.0, (end_ns - circuit.clock.monotonic_ns()) / 1e9))

    run_circuit(script, folder, seed=seed, wall_limit_s=wall_limit_s, ends=ends)
    return log_digest(folder)


if __name__ == "__main__":
    print(one_run(Path(sys.argv[3]), float(sys.argv[1]), int(sys.argv[2]), wall_limit_s=3600.0))
