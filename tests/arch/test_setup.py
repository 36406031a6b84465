"""The set-up says what is missing and how to get it, and asks for the right thing only."""

import os
import subprocess

import pytest

from tests.arch.tidy import ROOT

OLD = '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n'
WITHOUT_VENV = '#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexit 0\n'


def make(tmp_path, *arguments, **environment):
    """Run make on a virtual environment of the test's own; nothing of the checkout's is touched."""
    command = ["make", "--no-print-directory", f"VENV={tmp_path}/venv", *arguments]
    settings = {**os.environ, **environment}
    settings.pop("MAKEFLAGS", None)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("goal", ["demo", "test"])
@pytest.mark.parametrize(
    ("script", "said"),
    [(OLD, ("3.11 or newer", "Python 3.9.2")), (WITHOUT_VENV, ("apt install python3-venv",))],
    ids=["python_too_old", "no_venv_module"],
)
def test_a_missing_part_is_named(tmp_path, goal, script, said):
    python = tmp_path / "python"
    python.write_text(script)
    python.chmod(0o755)
    code, _, errors = make(tmp_path, f"PYTHON={python}", goal)
    assert code != 0
    assert all(words in errors for words in said), errors
    assert "Traceback" not in errors
    assert not (tmp_path / "venv").exists()


def test_no_python_at_all_is_named(tmp_path):
    code, _, errors = make(tmp_path, f"PYTHON={tmp_path}/nowhere", "test")
    assert code != 0
    assert "3.11 or newer" in errors


def test_the_callers_pip_settings_cannot_lead_past_the_environment(tmp_path):
    led_astray = {"PIP_USER": "1", "PIP_TARGET": str(tmp_path), "PIP_REQUIRE_HASHES": "1", "PYTHONPATH": str(tmp_path)}
    led_astray["PYTHONDONTWRITEBYTECODE"] = "1"
    kept = {"PIP_INDEX_URL": "https://example.invalid/simple", "PIP_CERT": "ca.pem"}
    (tmp_path / "show.mk").write_text("include Makefile\nshow:\n\t@env\n")
    code, seen, errors = make(tmp_path, "-f", str(tmp_path / "show.mk"), "show", **led_astray, **kept)
    assert code == 0, errors
    settings = dict(line.partition("=")[::2] for line in seen.splitlines())
    assert settings["PIP_USER"] == settings["PIP_REQUIRE_HASHES"] == "0"
    assert not {"PIP_TARGET", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"} & settings.keys()
    assert kept.items() <= settings.items()


@pytest.mark.parametrize("goal", ["demo", "test"])
def test_packages_that_do_not_come_are_told_as_a_matter_of_the_network(tmp_path, goal):
    """The environment is made; its pip finds nothing."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || { echo "no matching distribution" >&2; exit 1; }\n')
    python.chmod(0o755)
    (tmp_path / "venv" / ".made").touch()
    code, _, errors = make(tmp_path, goal)
    assert code != 0
    assert "no matching distribution" in errors
    assert "look at the network, the proxy" in errors
    assert "-m pip config list" in errors
    assert not {".run", ".dev"} & {stamp.name for stamp in (tmp_path / "venv").iterdir()}


def test_an_environment_of_somebody_else_is_left_alone(tmp_path):
    """Set-up clears what it makes anew; it must not clear what it has not made."""
    theirs = tmp_path / "venv" / "precious"
    theirs.parent.mkdir()
    theirs.touch()
    code, _, errors = make(tmp_path, "test")
    assert code != 0
    assert "Remove it, or: make VENV=" in errors
    assert theirs.exists()


def test_make_alone_lists_the_commands(tmp_path):
    code, seen, _ = make(tmp_path)
    assert code == 0
    assert {"demo", "test", "check", "bench", "campaign", "lock"} <= set(seen.split())


def test_a_campaign_without_a_name_says_which_there_are(tmp_path):
    """Set-up is taken as done here: the stamps are there and newer than what they depend on."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    for stamp in (".made", ".run", ".dev"):
        (tmp_path / "venv" / stamp).touch()
    code, _, errors = make(tmp_path, "campaign")
    assert code == 2
    assert "make campaign NAME=" in errors
