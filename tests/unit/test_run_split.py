"""`plantctl run --topology split` up to its supervisor: where it is refused, and what the supervisor is told."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from plantctl.app.split import supervisor
from plantctl.app.split.child import surroundings
from plantctl.app.split.supervisor import described
from plantctl.app.state_folder import PlantHeld, held
from plantctl.cli.main import main
from tests.process.command_rig import BENCH, bench


@pytest.fixture
def plant(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTCTL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PLANTCTL_CACHE", str(tmp_path / "cache"))
    return str(bench(tmp_path / "plant"))


@pytest.fixture
def begun(monkeypatch):
    """Stands in for the supervisor: what it was told, and whether the plant was held."""
    told = []

    class Told:
        def __init__(self, plan, settings, say):
            told.append((plan, settings))

        def run(self):
            with pytest.raises(PlantHeld), held(told[0][1].folder, "another"):
                pass
            return 3

    monkeypatch.setattr(supervisor, "Supervisor", Told)
    return told


def test_another_processor_is_refused_with_the_way_out(plant, monkeypatch, capsys):
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    assert main(["run", plant, "--topology", "split", "--page", "0"]) == 2
    told = capsys.readouterr().err
    assert "needs an x86-64 processor, this one is aarch64" in told
    assert "--topology one" in told


def test_the_supervisor_is_told_what_the_command_line_says_and_its_code_is_the_runs(plant, begun, tmp_path):
    wishes = ["--priority", "0", "--cpu", "1", "--no-awake", "--no-lock-memory", "--interpreted"]
    assert main(["run", plant, "--topology", "split", "--page", "0", *wishes]) == 3
    ((plan, settings),) = begun
    assert plan.name == "Bench"
    assert settings.folder == tmp_path / "state" / "Bench"
    assert (settings.priority, settings.cpu, settings.awake, settings.lock_memory) == (0, 1, False, False)
    assert not settings.compiled
    assert (tmp_path / "plant" / "plantctl.lock").exists(), "ids are written before anything runs"


@pytest.mark.parametrize(("compiled", "code"), [(0, 3), (1, 3)])
def test_blocks_are_compiled_by_a_child_before_the_plant_starts(
    tmp_path, plant, begun, monkeypatch, capsys, compiled, code
):
    lines = []

    def compiler(line, **_):
        lines.append(line)
        return SimpleNamespace(returncode=compiled, stdout="compiled 2 halves\n")

    monkeypatch.setattr("plantctl.cli.run.subprocess.run", compiler)
    text = BENCH + "blocks:\n  AX-1: {kind: lag, u: AY-1, tau: 2 s}\n"
    (tmp_path / "plant" / "plant.yaml").write_text(text)
    assert main(["run", plant, "--topology", "split", "--page", "0"]) == code
    assert lines[0][3:] == ["plantctl.scan.warm", "lag"]
    told = capsys.readouterr().err
    if compiled == 0:
        assert told == "compiled 2 halves into the cache\n"
        assert begun[0][1].compiled
        assert begun[0][1].priority == 80
    else:
        assert "could not be compiled" in told
        assert begun == []


def test_a_cache_that_cannot_be_written_is_replaced_by_one_for_all_processes(tmp_path, plant, begun, monkeypatch):
    (tmp_path / "cache").write_text("")
    found = []

    def compiler(line, env, **_):
        found.append(env["PLANTCTL_CACHE"])
        return SimpleNamespace(returncode=0, stdout="")

    monkeypatch.setattr("plantctl.cli.run.subprocess.run", compiler)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["run", plant, "--topology", "split", "--page", "0"]) == 3
    assert found == [os.environ["PLANTCTL_CACHE"]]
    assert Path(found[0]).is_dir()
    assert surroundings()["PLANTCTL_CACHE"] == found[0]


@pytest.mark.parametrize("priority", ["-1", "100", "high"])
def test_a_priority_that_linux_does_not_have_is_refused(plant, priority, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", plant, "--topology", "split", "--page", "0", "--priority", priority])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("exit_code", "text"),
    [(0, "ended with code 0"), (-9, "was ended by signal 9 (killed)"), (-40, "was ended by signal 40")],
)
def test_an_end_is_told_whatever_it_was(exit_code, text):
    assert described(exit_code).startswith(text)
