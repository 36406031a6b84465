"""The service unit, as systemd itself reads it; the guide that installs it names what is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from plantctl.cli.exit_code import CONNECTION, FINDINGS, HELD, REFUSED, USAGE
from plantctl.cli.main import parser_of

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
UNIT = UNITS / "plantctl@.service"
GUIDE = ROOT / "docs" / "how-to" / "run-as-a-service.md"
PROGRAM = "/opt/plantctl/bin/plantctl"
EXPOSURE_MAX = 25  # tenths, as `systemd-analyze security` counts; an unguarded service has 96


def analyze(*arguments, folder=None):
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


@pytest.fixture
def installed(tmp_path):
    """The unit with a program that is there, as it will be once it is installed; its path."""

    def with_change(old="", new=""):
        text = UNIT.read_text().replace(PROGRAM, sys.executable)
        assert old in text
        path = tmp_path / "plantctl@pilot.service"
        path.write_text(text.replace(old, new) if old else text)
        return path

    return with_change


def test_systemd_finds_nothing_wrong_with_the_unit(installed):
    done = analyze("verify", "--man=no", installed())
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_can_fail(installed):
    assert analyze("verify", "--man=no", installed("ExecStart=/", "ExecStart=/nowhere/")).returncode != 0
    assert "WatchdogSecs" in analyze("verify", "--man=no", installed("WatchdogSec=", "WatchdogSecs=")).stderr


def test_the_service_holds_few_rights_only(installed):
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", "--no-pager", installed())
    assert done.returncode == 0, done.stdout


def test_what_the_unit_runs_can_be_typed():
    (line,) = settings("ExecStart")
    program, *words = shlex.split(line.replace("%i", "pilot").replace("$PLANTCTL_OPTIONS", "--cpu 1 --no-awake"))
    assert program == PROGRAM
    chosen = parser_of(words[:1]).parse_args(words)
    assert (chosen.topology, str(chosen.plant), chosen.cpu) == ("split", "/srv/plantctl/pilot", 1)


def test_a_start_is_tried_again_only_where_that_may_mend_it():
    (never,) = settings("RestartPreventExitStatus")
    assert set(map(int, never.split())) == {FINDINGS, USAGE, REFUSED, HELD}
    assert CONNECTION not in map(int, never.split())


def test_the_guide_installs_every_file_of_the_set():
    guide = GUIDE.read_text()
    for path in UNITS.iterdir():
        assert f"deploy/systemd/{path.name}" in guide
