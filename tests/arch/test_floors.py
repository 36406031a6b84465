"""The floors hold, every package has one, and every contract can fail.

The contracts themselves are in pyproject.toml (`lint-imports`). Here stands what import-linter cannot say: that a new
package cannot be forgotten, and that plug-ins of one folder are strangers whatever their number.
"""

import ast
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.arch.tidy import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in SETTINGS["contracts"]}
PLUGINS = ("plantctl/blocks", "plantctl/drivers", "plantctl/sinks", "simulators/units")
PURE = ("core", "blocks", "plan", "scan", "tuning")

# For each contract a file and the line in it that breaks it.
BREACHES = {
    "floors": ("plantctl/core/breach.py", "import plantctl.scan"),
    "pure: no clock, loop, socket, thread or randomness": ("plantctl/scan/breach.py", "import time"),
    "wire protocols in three places only": ("plantctl/log/breach.py", "import pymodbus.client"),
    "the controller never imports its simulators": ("plantctl/cli/breach.py", "import simulators.units"),
    "simulators share the vocabulary, never the control code": ("simulators/breach.py", "import plantctl.scan"),
    "numba in the loader only": ("plantctl/blocks/breach.py", "import numba"),
    "pydantic where configuration is read only": ("plantctl/plan/breach.py", "import pydantic"),
    "the page's server in the operator backend only": ("plantctl/app/breach.py", "import starlette.routing"),
    "the record: its files, read as one, kept and handed out": (
        "plantctl/history/files/breach.py",
        "import plantctl.history.reading.query",
    ),
}


def lint_imports(folder):
    """What lint-imports says of the checkout in `folder`: exit code and text."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as m; m()", "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_contract_can_fail(tmp_path):
    assert BREACHES.keys() == CONTRACTS.keys(), "each contract needs a breach that shows that it is awake"
    for folder in ("plantctl", "simulators"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    code, text = lint_imports(tmp_path)
    assert code == 0, text
    for path, line in BREACHES.values():
        (tmp_path / path).write_text(line + "\n")
    code, text = lint_imports(tmp_path)
    assert code != 0
    asleep = [name for name in CONTRACTS if f"{name} BROKEN" not in text]
    assert not asleep, text


def test_every_package_has_its_floor():
    listed = {name.strip(" ()") for layer in CONTRACTS["floors"]["layers"] for name in layer.split("|")}
    packages = {path.parent.name for path in (ROOT / "plantctl").glob("*/__init__.py")}
    assert packages <= listed, "give the new package its floor in pyproject.toml, and in docs/explanations if it is new"
    assert CONTRACTS["floors"]["exhaustive"] is True


def test_every_pure_package_is_held_to_it():
    named = {module.removesuffix(".**") for module in CONTRACTS[list(BREACHES)[1]]["source_modules"]}
    there = {f"plantctl.{name}" for name in PURE if (ROOT / "plantctl" / name).is_dir()}
    assert there | {"simulators.units", "simulators.chemistry"} <= named


def test_simulators_are_kept_from_every_floor_but_core():
    named = {module.removesuffix(".**") for module in CONTRACTS[list(BREACHES)[4]]["forbidden_modules"]}
    packages = {f"plantctl.{path.parent.name}" for path in (ROOT / "plantctl").glob("*/__init__.py")}
    assert packages - {"plantctl.core"} <= named


@pytest.mark.parametrize("folder", PLUGINS)
def test_plugins_of_one_kind_do_not_know_each_other(folder):
    """A module whose name begins with an underscore is common to the plug-ins of its folder; it knows none of them."""
    findings = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        here = (folder.replace("/", "."), path.relative_to(ROOT / folder).parts[0].removesuffix(".py"))
        findings += [f"{path.relative_to(ROOT)}: {name}" for name in strangers(path.read_text(), *here)]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(
    "line", ["from plantctl.drivers import opcua", "import plantctl.drivers.opcua.client", "from .opcua import Config"]
)
def test_a_plugin_that_knows_another_is_found(line):
    assert strangers(line, "plantctl.drivers", "modbus") == ["opcua"]
    assert strangers(line, "plantctl.drivers", "opcua") == []


def test_what_plugins_share_is_allowed():
    assert strangers("from plantctl.drivers import _codec\nfrom ._pack import pack", "plantctl.drivers", "modbus") == []


def strangers(text, package, name):
    """The plug-ins of `package` that the source of plug-in `name` imports."""
    imported = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = f"{package}.{node.module or ''}".rstrip(".") if node.level == 1 else node.module or ""
            imported += [f"{module}.{alias.name}" for alias in node.names]
    parts = [path.removeprefix(package + ".").split(".")[0] for path in imported if path.startswith(package + ".")]
    return [part for part in parts if part != name and not part.startswith("_")]
