"""The engine's cache: found again, never stale, mended when it is damaged, optional where nothing can be written."""

import subprocess
import sys
from pathlib import Path

import pytest

from simulators import compiled
from simulators.chemistry import equilibrium
from simulators.flowsheet import Flowsheet, link
from simulators.unit import load_kind

PROGRAM = """
import sys, time
from simulators import compiled
from simulators.flowsheet import Flowsheet, link
sheet = Flowsheet()
sheet.add("unit", "account", charge=3600.0)
linked = link(sheet, seed=1)
compiled.compiled(linked)(0.1)
print(linked.memory[linked.addresses["unit.charge_ah"]])
print(*sorted(p.name for p in compiled.cache_folder().rglob("*.nb?")))
"""


def in_a_new_process(cache):
    environment = {"PLANTCTL_CACHE": str(cache), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=100, check=True
    )
    answer, files = done.stdout.splitlines()
    assert answer == "1.0"
    return files.split()


def test_cache_is_used_again_and_mended_when_damaged(tmp_path):
    files = in_a_new_process(tmp_path)
    assert files
    machine_code = next(tmp_path.rglob("*.nbc"))
    stamp = machine_code.stat().st_mtime_ns
    assert in_a_new_process(tmp_path) == files
    assert machine_code.stat().st_mtime_ns == stamp
    machine_code.write_bytes(machine_code.read_bytes()[:100])
    assert in_a_new_process(tmp_path) == files
    assert machine_code.stat().st_size > 100


def small():
    sheet = Flowsheet()
    sheet.add("unit", "account", charge=3600.0)
    return link(sheet, seed=1)


def test_digest_follows_sources_constants_and_text(monkeypatch):
    kinds = (load_kind("tank"), load_kind("cell"))
    digests = [compiled._digest("text", kinds), compiled._digest("another text", kinds)]
    with monkeypatch.context() as patch:
        patch.setattr(equilibrium, "LOG_KS_FRESH", (21.09, 20.48, 18.79, 17.49))
        digests.append(compiled._digest("text", kinds))
    read = Path.read_text
    changed = []
    monkeypatch.setattr(Path, "read_text", lambda path, **how: read(path, **how) + "#" * (path.name in changed))
    for name in ("tank.py", "precipitation.py", "compiled.py"):
        changed[:] = [name]
        digests.append(compiled._digest("text", kinds))
    changed.clear()
    assert len(set(digests)) == 6
    assert compiled._digest("text", kinds) == digests[0]


def test_where_nothing_can_be_written_it_runs_all_the_same(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("PLANTCTL_CACHE", str(blocked))
    for name in [name for name in sys.modules if name.startswith("simulators_step_")]:
        monkeypatch.delitem(sys.modules, name)
    linked = small()
    compiled.compiled(linked)(0.1)
    assert linked.memory[linked.addresses["unit.charge_ah"]] == 1.0


@pytest.mark.parametrize("way", [compiled.compiled, compiled.interpreted])
def test_no_time_no_step(way):
    linked = small()
    step = way(linked)
    for dt in (0.0, -1.0, float("nan")):
        step(dt)
    assert linked.memory[linked.addresses["unit.charge_ah"]] == 0.0


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PLANTCTL_CACHE", str(tmp_path / "given"))
    assert compiled.cache_folder() == tmp_path / "given"
    monkeypatch.delenv("PLANTCTL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled.cache_folder() == tmp_path / "plantctl"


def test_engine_has_no_other_names():
    with pytest.raises(AttributeError):
        _ = compiled.colour
