"""The lock installs the same bytes everywhere and says nothing about where they come from."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arch.tidy import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("run", "dev", "browser", "data", "bench")
HASH = re.compile(r"\s*--hash=sha256:[0-9a-f]{64}")


def lock_lines(name):
    """The lock's logical lines: continuation lines joined."""
    return (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ").splitlines()


def pins(name):
    """Package -> pinned version."""
    required = [Requirement(HASH.sub("", line).strip()) for line in lock_lines(name)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in required}


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_is_pins_and_hashes_only(name):
    for line in lock_lines(name):
        pin = HASH.sub("", line).strip()
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .*)?", pin), f"{pin}: `make lock` writes pins and hashes only"
        assert HASH.search(line), f"{pin} has no hash"


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_names_no_host(name):
    text = "\n".join(lock_lines(name))
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", text)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("run", PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["build"]),
        ("dev", PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]),
        ("browser", PROJECT["dependency-groups"]["browser"]),
        ("data", PROJECT["dependency-groups"]["data"]),
        ("bench", PROJECT["dependency-groups"]["bench"]),
    ],
)
def test_the_lock_is_as_new_as_the_project(name, wanted):
    locked = pins(name)
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not in requirements/{name}.txt: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement}, locked {version}: run `make lock`"


def test_developers_run_what_plants_run():
    assert pins("run").items() <= pins("dev").items()


def test_notice_names_the_licence_of_all_that_is_installed():
    notice = (ROOT / "NOTICE").read_text()
    assert [name for name in pins("run") if not re.search(rf"\b{name}\b", notice)] == []
