"""The files of the operator page: every text has its entry, nothing acts that the security policy forbids."""

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "plantctl" / "hmi" / "web"
SCRIPTS = sorted((WEB / "script").glob("*.js"))
STYLES = sorted((WEB / "style").glob("*.css"))
LINES = 400
FORBIDDEN = {
    r"\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write": "what comes from the plant is text",
    r"\beval\(|new Function\b|setTimeout\(\s*[\"'`]": "no code from text",
    r"setAttribute\(\s*[\"']style|\.style\.": "looks are classes",
    r"https?://(?!www\.w3\.org/)": "everything comes from the plant's own server",
    r"localStorage|sessionStorage|indexedDB": "nothing is kept to be sent later",
    r"(?i)isa-?101.compliant|safety.(rated|system|certified)|\bSIL\b": "no claims",
}


def catalogue_text():
    return "".join(path.read_text("utf-8") for path in SCRIPTS if path.name.startswith("texts_en"))


def catalogue():
    return dict(re.findall(r'^  "([^"]+)":\s*\n?\s*"((?:[^"\\]|\\.)*)",$', catalogue_text(), re.M))


def used():
    """Names of texts as they are called, the parts that are filled in as `*`."""
    found = set()
    for script in SCRIPTS:
        text = script.read_text("utf-8")
        found |= set(re.findall(r'\bt\(\s*"([\w.-]+)"', text))
        found |= {re.sub(r"\$\{[^`]*?\}(?=[.`])", "*", name) for name in re.findall(r"\bt\(`([^`]+?)`\)", text + "`)")}
        for either in re.findall(r'\bt\([^()"]*\?\s*"([\w.-]+)"\s*:\s*"([\w.-]+)"', text):
            found |= set(either)
    return found


def test_every_text_that_is_called_has_an_entry():
    known = catalogue()
    plain = {name for name in used() if "*" not in name and "$" not in name and "." in name}
    assert len(plain) > 150
    assert sorted(plain - known.keys()) == []


def test_the_catalogue_has_no_entry_twice_and_every_place_is_a_word():
    names = re.findall(r'^  "([^"]+)":', catalogue_text(), re.M)
    assert len(names) == len(set(names)) == len(catalogue())
    for name, said in catalogue().items():
        assert re.sub(r"\{\w+\}", "", said).count("{") == 0, name


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_file_of_ours_does_what_the_policy_forbids(pattern):
    found = [
        path.name for path in [*SCRIPTS, *STYLES, WEB / "index.html"] if re.search(pattern, path.read_text("utf-8"))
    ]
    assert found == [], FORBIDDEN[pattern]


def test_the_first_page_has_no_script_or_style_in_line():
    text = (WEB / "index.html").read_text("utf-8")
    assert re.findall(r"<script[^>]*>\s*[^<\s]", text) == []
    assert "<style" not in text
    assert not re.search(r"\s(style|on\w+)=", text)


def test_files_are_short_and_open_with_what_they_are():
    for path in [*SCRIPTS, *STYLES]:
        text = path.read_text("utf-8")
        assert text.count("\n") <= LINES, path.name
        assert text.startswith("// " if path.suffix == ".js" else "/* "), path.name
        assert [line for line in text.splitlines() if len(line) > 120 and not re.search(r'^\s+"', line)] == [], (
            path.name
        )


def test_what_is_carried_along_has_its_licence():
    for folder in (WEB / "vendor" / "uplot", Path(__file__).parents[1] / "browser" / "vendor" / "axe-core"):
        assert (folder / "LICENSE").stat().st_size > 500
