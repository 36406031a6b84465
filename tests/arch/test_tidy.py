"""House style is a test: every rule of tidy.py over every file, and proof that every rule can fail."""

import pytest

from tests.arch import tidy

BAD = {
    tidy.long_files: ("plantctl/core/long.py", "a = 1\n" * 401),
    tidy.long_functions: ("plantctl/core/long.py", "def scan() -> None:\n" + "    a = 1\n" * 70),
    tidy.banned_words: ("plantctl/core/image.py", "class ImageManager:\n    pass\n"),
    tidy.banned_calls: ("plantctl/drivers/modbus.py", "from asyncio import create_task as go\ngo(None)\n"),
    tidy.todo_without_issue: ("plantctl/core/image.py", "# TO" + "DO: later\n"),
    tidy.registry_host: ("docs/how-to/install.md", "get it from py" + "pi.org\n"),
    tidy.machine_path: ("docs/how-to/install.md", "cd /ro" + "ot/plantctl\n"),
    tidy.broken_links: ("docs/README.md", "[the map](nowhere.md)\n"),
}
GOOD = {
    tidy.long_files: ("plantctl/core/long.py", "a = 1\n" * 400),
    tidy.long_functions: ("plantctl/core/long.py", "def scan() -> None:\n" + "    a = 1\n" * 69),
    tidy.banned_words: ("plantctl/core/image.py", "class Image:\n    pass\n"),
    tidy.banned_calls: ("plantctl/app/run.py", "from asyncio import create_task as go\ngo(None)\n"),
    tidy.todo_without_issue: ("plantctl/core/image.py", "# TO" + "DO(#12): later\n"),
    tidy.registry_host: ("docs/how-to/install.md", "Debian 12 and its packages\n"),
    tidy.machine_path: ("docs/how-to/install.md", "cd ~/plantctl; see docs/home/ and $HOME/work/\n"),
    tidy.broken_links: ("docs/README.md", "[the map](../README.md#map-of-the-repository) [code](../Makefile)\n"),
}
MORE_BAD = [
    (tidy.banned_words, "plantctl/core/utils.py", ""),
    (tidy.banned_words, "plantctl/core/image.py", "def read(frame_helper: int) -> None: ...\n"),
    (tidy.banned_words, "plantctl/core/image.py", "value2 = 1\n"),
    (tidy.banned_words, "simulators/plant.py", "def start() -> None:\n    process = 1\n"),
    (tidy.banned_calls, "tests/unit/test_scan.py", "import time\ntime.sleep(1)\n"),
    (
        tidy.banned_calls,
        "tests/unit/test_scan.py",
        "import pytest\n@pytest.mark.skipif(True, reason='')\ndef t(): ...\n",
    ),
    (tidy.banned_calls, "plantctl/plan/expression.py", "eval('1 + 1')\n"),
    (tidy.banned_calls, "plantctl/app/run.py", "from multiprocessing import shared_memory\n"),
    (tidy.broken_links, "README.md", "[the map](docs/README.md#no-such-heading)\n"),
]


@pytest.mark.parametrize("rule", tidy.RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps(rule):
    """Over the whole repository; the message lists every finding, not the first."""
    findings = []
    for path in tidy.files():
        text = path.read_text(encoding="utf-8")
        findings += rule(path.relative_to(tidy.ROOT).as_posix(), text)
    assert not findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize("rule", tidy.RULES, ids=lambda rule: rule.__name__)
def test_a_breach_is_found_and_its_cure_is_not(rule):
    assert list(rule(*BAD[rule])), "the rule is asleep"
    assert not list(rule(*GOOD[rule]))


@pytest.mark.parametrize(("rule", "path", "text"), MORE_BAD)
def test_a_less_plain_breach_is_found(rule, path, text):
    assert list(rule(path, text))


def test_the_rules_look_at_the_files_that_matter():
    names = {path.relative_to(tidy.ROOT).as_posix() for path in tidy.files()}
    assert {"plantctl/core/quality.py", "tests/arch/tidy.py", "README.md", "Makefile", "requirements/run.txt"} <= names
    assert {".ci/run", "NOTICE", "pyproject.toml"} <= names
