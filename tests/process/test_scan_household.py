"""The scan process asks the kernel for nothing once it runs: no page, no memory, however long it scans and is asked."""

import pytest

from plantctl.app.split.segments import Role
from tests.process.split_rig import fast_text, household, split

pytestmark = pytest.mark.timeout(300)
WARM = 100  # from this scan on nothing may grow
LONG = 1100  # a key frame of all rows has come by then, and ten times what is told once a second


def test_a_scan_of_10_ms_touches_no_new_page_and_does_not_grow_after_scan_100(tmp_path):
    with split(tmp_path, text=fast_text(tmp_path)) as plant:
        plant.wait(lambda: plant.scans() > WARM)
        pid, first = plant.pid(Role.SCAN), plant.scans()
        before = household(pid)
        assert plant.command("set", "40-SC-4216", "80")["stages"], "the first command since the start, done or refused"
        plant.wait(lambda: plant.scans() > first + LONG)
        after = household(pid)
        assert plant.pid(Role.SCAN) == pid
    for count in ("minor_faults", "major_faults", "resident_kb"):
        assert after[count] == before[count], count
