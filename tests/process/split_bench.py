"""A supervisor over processes that are quick to start, and how to see it: `python -m tests.process.split_bench FOLDER`.

`PATIENCE` in the environment is JSON: fields of `Patience`, `restarts` those of `RestartLimits`, but times in seconds:
`end_s` is `end_ns`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from plantctl.app.shared_memory import map_readable
from plantctl.app.split.hand_over import Settings
from plantctl.app.split.restart_policy import RestartLimits
from plantctl.app.split.segments import CHILDREN, Role, layout_of
from plantctl.app.split.supervisor import Patience, Supervisor
from plantctl.app.state_folder import PlantHeld, held
from plantctl.core.clock import RealClock
from plantctl.core.segment import ProcessState, SegmentReader
from plantctl.plan.build import build_path
from tests.process.command_rig import ROOT, bench, wait

MODULES = "tests.process.fake_roles"
START_S = 60.0  # six interpreters on a machine that has other things to do


def plan_in(folder):
    """The bench plant, built; its text is written into `folder` if need be."""
    return build_path(bench(folder / "text"), {}).plan


def patience(text):
    """What `PATIENCE` says: seconds become nanoseconds, counts stay."""
    given = json.loads(text)
    restarts = in_ns(given.pop("restarts", {}))
    return Patience(**in_ns(given), restarts=RestartLimits(**restarts))


def in_ns(given):
    """The same settings with `end_ns` for `end_s`."""
    return {
        k[:-2] + "_ns" if k.endswith("_s") else k: round(v * 1e9) if k.endswith("_s") else v for k, v in given.items()
    }


def main(folder):
    """Be the supervisor."""
    plan = plan_in(folder)
    settings = Settings(folder, RealClock().origin_ns, compiled=False, priority=0, lock_memory=False)
    waits = patience(os.environ.get("PATIENCE", "{}"))
    try:
        with held(folder, "a bench"):
            return Supervisor(
                plan, settings, lambda text: print(text, flush=True), modules=MODULES, patience=waits
            ).run()
    except PlantHeld as error:
        print(error, file=sys.stderr)
        return 5


@contextmanager
def supervised(folder, ready=True, environment=None, **waits):
    """A supervisor over `folder`, by default with all its children ready; ended by its number at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.process.split_bench", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PATIENCE": json.dumps(waits), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if ready:
            wait(lambda: Sight(child.pid).ready(), limit_s=START_S, child=child)
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.communicate(timeout=10)


class Sight:
    """What anybody may see of a running plant, through the supervisor's descriptors in /proc."""

    def __init__(self, supervisor):
        self._folder = Path(f"/proc/{supervisor}/fd")
        self._readers = {}

    def segment(self, role):
        """A reader of the segment of `role`; None where there is none yet."""
        if role not in self._readers:
            descriptor = self._find(f"/memfd:plantctl-{role}")
            if descriptor is None:
                return None
            try:
                self._readers[role] = SegmentReader(map_readable(descriptor), layout_of(role, bench_plan()))
            finally:
                os.close(descriptor)
        return self._readers[role]

    def _find(self, name):
        try:
            for entry in sorted(self._folder.iterdir(), key=lambda e: int(e.name)):
                if os.readlink(entry).startswith(f"{name} "):
                    return os.open(entry, os.O_RDONLY)
        except OSError:
            return None
        return None

    def ready(self):
        """Whether every child has said that it is ready."""
        segments = [self.segment(role) for role in CHILDREN]
        return all(s is not None and s.state == ProcessState.READY for s in segments)

    def row(self, name):
        """A column of the supervisor's segment, by role."""
        segment = self.segment(Role.SUPERVISOR)
        if segment is None or not segment.take():
            return dict.fromkeys(CHILDREN, 0)
        return dict(zip(CHILDREN, map(int, segment.columns[name]), strict=True))

    def generations(self):
        """The generation of every child's segment."""
        return {role: self.segment(role).generation for role in CHILDREN}


_PLAN = []


def bench_plan():
    """The bench plant of these tests, built once."""
    if not _PLAN:
        with tempfile.TemporaryDirectory() as folder:
            _PLAN.append(plan_in(Path(folder)))
    return _PLAN[0]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
