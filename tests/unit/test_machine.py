"""What `plantctl doctor` says of machines that lack something, and of plants that are not well."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plantctl.app import machine, machine_probe
from plantctl.app.clock_sync import Synchronisation
from plantctl.app.split.segments import PROMPT, REALTIME
from plantctl.app.state_folder import PlantHeld, held, holder_of
from plantctl.cli.doctor import health, plant_findings, sinks, table, wishes
from plantctl.plan.kind import kind_names
from plantctl.plan.load import cold, warm


def test_machines_that_will_do_and_those_that_will_not():
    assert machine.processor("x86_64").ok
    assert not machine.processor("aarch64").ok
    assert not machine.processors(1).ok
    assert machine.processors(2).ok
    assert machine.kernel("5.4.0-91-generic", "#1 SMP").ok
    assert not machine.kernel("5.3.18", "#1 SMP").ok
    assert machine.kernel("6.12.1-rt5", "#1 SMP PREEMPT_RT").found == "Linux 6.12.1-rt5, PREEMPT_RT"
    assert not machine.python((3, 10, 9)).ok
    assert machine.python((3, 11, 0)).ok


def test_what_processes_share_is_there_on_the_machine_of_the_tests():
    assert [(f.name, f.ok) for f in machine.shared()] == [("memfd", True), ("pidfd", True), ("eventfd", True)]


def test_a_call_that_the_kernel_refuses_is_told_in_its_words(monkeypatch):
    def refused(*_):
        raise OSError(1, os.strerror(1))

    monkeypatch.setattr(os, "pidfd_open", refused)
    monkeypatch.setattr(machine, "map_writable", lambda _: io.BytesIO())
    found = {f.name: f for f in machine.shared()}
    assert not found["pidfd"].ok
    assert "operation not permitted" in found["pidfd"].found
    assert not found["memfd"].ok
    assert "the kernel lets readers write" in found["memfd"].found


def test_every_wish_of_the_scan_is_explained():
    assert set(machine.WISHES) == {*REALTIME, PROMPT}


def test_the_probe_asks_in_a_process_of_its_own_and_this_one_keeps_nothing():
    before = os.sched_getscheduler(0), os.sched_getaffinity(0)
    answer = machine_probe.ask()
    assert (os.sched_getscheduler(0), os.sched_getaffinity(0)) == before
    assert [grant["name"] for grant in answer["grants"]] == list(REALTIME)
    assert len(answer["late_us"]) == machine_probe.WAKES
    assert answer["late_us"][0] >= 0


def test_a_probe_that_breaks_off_is_one_line_and_no_traceback(monkeypatch):
    def broken(*_, **__):
        raise subprocess.CalledProcessError(-9, "probe", stderr="first\nlast word\n")

    monkeypatch.setattr(machine_probe.subprocess, "run", broken)
    (finding,) = machine.punctuality(machine_probe.ask())
    assert (finding.ok, finding.found) == (False, "the probe ended with code -9: last word")


def test_wishes_that_were_refused_say_what_they_cost_and_how_they_are_had():
    answer = {
        "grants": [
            {
                "name": "priority",
                "wanted": True,
                "held": False,
                "text": "operation not permitted; needs a right",
            },
            {"name": "memory", "wanted": True, "held": True, "text": "locked as touched"},
            {"name": "cpu", "wanted": False, "held": False, "text": "not asked for"},
        ],
        "late_us": list(range(200)),
    }
    priority, memory, waking = machine.punctuality(answer)
    assert (priority.ok, priority.found) == (False, "operation not permitted")
    assert "LimitRTPRIO=99" in priority.remedy
    assert (memory.ok, memory.found) == (True, "locked as touched")
    assert waking.found == "late by 100 us (half of all), 198 us (99 of 100), at 1 ms"


@pytest.mark.parametrize(
    ("left", "ok", "said"),
    [
        ("-1", True, "all of a processor"),
        ("950000", True, "95%"),
        ("500000", False, "50%"),
        ("x", True, "does not tell"),
    ],
)
def test_the_share_of_real_time_processes(tmp_path, left, ok, said):
    (tmp_path / "sched_rt_runtime_us").write_text(left)
    (tmp_path / "sched_rt_period_us").write_text("1000000")
    found = machine.share(tmp_path / "sched_rt_runtime_us")
    assert (found.ok, said in found.found) == (ok, True)


def test_a_clock_without_a_reference_is_missing():
    assert machine.clock(Synchronisation(True, 0, 3_000_000)).found == "UTC is right within 3 ms"
    assert not machine.clock(Synchronisation(False, 0, 0)).ok


def test_a_state_folder_that_is_not_there_yet_is_judged_by_the_one_above_and_not_made(tmp_path):
    root = tmp_path / "a" / "b"
    found = machine.folder_findings(root)
    assert [f.name for f in found] == ["state folder", "commit", "free space"]
    assert not root.parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_in_memory_or_that_cannot_be_written_is_missing(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n")
    assert not machine.folder_findings(tmp_path, mounts)[0].ok
    mounts.write_text(f"tmpfs / tmpfs rw 0 0\n/dev/a {tmp_path} ext4 rw 0 0\n")
    assert machine.folder_findings(tmp_path, mounts)[0].ok
    monkeypatch.setattr(machine, "_commit", lambda _: machine.COMMIT_MOST_NS + 1)
    assert not machine.folder_findings(tmp_path, mounts)[1].ok

    def refused(_):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(machine, "_commit", refused)
    (finding,) = machine.folder_findings(tmp_path)
    assert "permission denied" in finding.found
    assert "--state" in finding.remedy


def test_a_cache_that_lacks_blocks_names_them_and_looking_compiles_nothing(tmp_path, monkeypatch):
    assert cold(["lag"], tmp_path) == ["lag.step"]
    assert list(tmp_path.iterdir()) == []
    finding = machine.cache_finding(cold(["lag"], tmp_path), tmp_path, kept=True)
    assert (finding.ok, "1 not compiled" in finding.found, "lag.step" in finding.found) == (False, True, True)
    # What this process has loaded already it would not compile again.
    for name in [name for name in sys.modules if "run_lag_step" in name]:
        monkeypatch.delitem(sys.modules, name)
    warm(["lag"], tmp_path)
    assert cold(["lag"], tmp_path) == []
    assert machine.cache_finding([], tmp_path, kept=True).ok
    assert not machine.cache_finding([], tmp_path, kept=False).ok
    (code,) = [p for p in tmp_path.rglob("*.nbc") if "lag_step" in p.name]
    code.write_bytes(b"damaged")
    assert cold(["lag"], tmp_path) == ["lag.step"]
    assert len(cold(kind_names(), tmp_path)) > 5


def test_who_holds_a_plant_is_seen_without_holding_it(tmp_path):
    folder = tmp_path / "Circuit-A"
    assert holder_of(folder) == ""
    with held(folder, "a test"):
        assert holder_of(folder) == f"process {os.getpid()} (a test)"
        (finding,) = plant_findings(folder)
        assert not finding.ok
        assert "no plant answers" in finding.found
        with pytest.raises(PlantHeld), held(folder, "another one"):
            pass
    assert holder_of(folder) == ""
    assert [(f.ok, f.found) for f in plant_findings(folder)] == [(True, "does not run")]


SNAPSHOT = {
    "scans": 7,
    "hold": "",
    "log": {"failing": False, "last_error": ""},
    "processes": [
        {"role": "scan", "state": "up", "gave_up": False},
        {"role": "feeds", "state": "up", "gave_up": False},
    ],
    "realtime": [
        {"name": "priority", "wanted": True, "held": False},
        {"name": "memory", "wanted": True, "held": True},
        {"name": "cpu", "wanted": False, "held": False},
        {"name": "timer", "wanted": True, "held": True},
        {"name": "prompt", "wanted": True, "held": False},
    ],
}


def test_a_plant_that_runs_tells_what_its_scan_and_its_field_got():
    assert health(SNAPSHOT, "process 1")[:2] == (True, "runs in 2 processes, scan 7, held by process 1")
    assert health(SNAPSHOT | {"processes": []}, "process 1")[1].startswith("runs in one process")
    told = wishes("Pilot", SNAPSHOT)
    assert [(f.name, f.ok, f.found) for f in told] == [
        ("Pilot scan", True, "has memory, timer"),
        ("Pilot scan", False, "did not get priority"),
        ("Pilot field", False, "did not get prompt"),
    ]


def test_a_plant_that_is_not_well_says_so():
    ill = SNAPSHOT | {"hold": "the scan is new", "log": {"failing": True, "last_error": "disk full"}}
    ill["processes"] = [{"role": "feeds", "state": "down", "gave_up": True}]
    ok, found, *_ = health(ill, "process 1")
    assert not ok
    for said in ("feeds is down", "outputs are held, the scan is new", "the log fails, disk full"):
        assert said in found


def test_a_sink_that_needs_somebody_is_missing_and_names_where_the_reason_is():
    states = {"archive": "not-admitted", "bus": "filling", "cloud": "running"}
    points = [{"name": f"feed.{sink}.state", "text": text} for sink, text in states.items()]
    points += [{"name": "feed.archive.lag", "text": "7"}, {"name": "40-FI-4013.state", "text": "unreachable"}]
    well, ill = sinks(Path("/state/Pilot"), {"points": points})
    assert (well.name, well.ok, well.found) == ("Pilot sinks", True, "bus filling, cloud running")
    assert (ill.name, ill.ok, ill.found) == ("Pilot archive", False, "the sink is not-admitted")
    assert "/state/Pilot/logs/feeds.jsonl" in ill.remedy
    assert sinks(Path("/state/Pilot"), {"points": points[3:]}) == []


def test_the_table_tells_costs_and_remedies_only_where_something_is_missing():
    good, bad = (
        machine.Finding("clock", True, "right", "x", "y"),
        machine.Finding("timer", False, "no", "late", "a right"),
    )
    lines = table([good, bad])
    assert lines[2:] == [
        "ok       clock  right",
        "MISSING  timer  no",
        "                  costs:  late",
        "                  get it: a right",
        "",
        "1 missing",
    ]
    assert table([good])[-1] == "all is well"
