"""The map of the documents is complete: no page that no other page leads to, no decision without its number."""

import re

from tests.arch.tidy import LINK, ROOT

DECISIONS = ROOT / "docs" / "explanations" / "decisions"


def test_every_page_can_be_reached_from_the_readme():
    reached, open_pages = set(), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop().resolve()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        open_pages += [
            page.parent / target.partition("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8"))
        ]
    assert [str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in reached] == []


def test_decisions_are_numbered_without_gaps_and_titled_by_their_number():
    records = sorted(DECISIONS.glob("0*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert len(records) >= 16
    for path in records:
        assert re.match(rf"# {int(path.name[:4])}\. \w", path.read_text(encoding="utf-8")), path.name


def test_a_decision_shows_its_options_and_its_cost():
    for path in DECISIONS.glob("0*.md"):
        text = path.read_text(encoding="utf-8")
        missing = [
            title for title in ("Context", "Options", "Decision", "Consequences") if f"\n## {title}\n" not in text
        ]
        assert not missing, f"{path.name}: {missing}"


def test_a_how_to_can_be_read_in_one_go():
    lengths = {p.name: p.read_text(encoding="utf-8").count("\n") for p in (ROOT / "docs" / "how-to").glob("*.md")}
    assert {name: lines for name, lines in lengths.items() if lines > 150} == {}
