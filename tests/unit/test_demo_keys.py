"""The demo's keys: made once, kept, trusted both ways, and the password the same at both ends and nowhere else."""

import stat
from pathlib import Path

import pytest

from plantctl.app.demo_keys import pair_up, secured_links
from plantctl.core.clock import RealClock
from plantctl.drivers._certificates import read_certificate, read_trusted
from plantctl.drivers._opcua_admission import papers_of
from plantctl.plan.build import build_path

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def plan():
    return build_path(Path(__file__).parents[2] / "config" / "demo", {}).plan


@pytest.fixture
def ends(tmp_path):
    return tmp_path / "Circuit-A" / "security", tmp_path / "simulators" / "security"


def test_both_ends_have_what_they_need_and_a_second_start_changes_nothing(plan, ends):
    ours, theirs = ends
    now_ns = RealClock().utc_ns()
    pair_up(plan, ours, theirs, now_ns)
    security = secured_links(plan)[0]
    papers = papers_of(security, ours, now_ns)
    assert [c.der for c in papers.trusted] == [read_certificate(theirs / "own.der").der]
    assert [c.der for c in read_trusted(theirs / "trusted")] == [papers.own.certificate.der]
    assert (theirs / "writers" / f"{security.user}.password").read_text() == papers.password
    assert len(papers.password) >= 24
    secret = [*ours.glob("*.key"), *ours.glob("*.password"), *theirs.rglob("*.key"), *theirs.rglob("*.password")]
    assert len(secret) == 2 + 2 * len(secured_links(plan))
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}

    kept = {path: path.read_bytes() for folder in ends for path in folder.rglob("*") if path.is_file()}
    pair_up(plan, ours, theirs, now_ns + 700 * DAY_NS)
    assert {path: path.read_bytes() for folder in ends for path in folder.rglob("*") if path.is_file()} == kept


def test_a_demo_after_years_makes_new_keys_and_trusts_them(plan, ends):
    ours, theirs = ends
    now_ns = RealClock().utc_ns()
    pair_up(plan, ours, theirs, now_ns)
    later_ns = now_ns + 800 * DAY_NS
    pair_up(plan, ours, theirs, later_ns)
    papers = papers_of(secured_links(plan)[0], ours, later_ns)
    assert read_certificate(theirs / "own.der").der in [c.der for c in papers.trusted]


def test_a_plant_with_two_controllers_has_an_account_at_each_and_only_reads_where_it_writes_nothing(ends):
    ours, theirs = ends
    whole = build_path(Path(__file__).parents[2] / "config" / "demo", {}).plan
    assert len(secured_links(whole)) == 2
    pair_up(whole, ours, theirs, RealClock().utc_ns())
    assert [p.name for p in (theirs / "writers").iterdir()] == ["plantctl.password"]
    assert [p.name for p in (theirs / "readers").iterdir()] == ["plantctl-reader.password"]
    assert (ours / "sis-4.password").read_text().strip() == (
        theirs / "readers" / "plantctl-reader.password"
    ).read_text()


def test_an_open_plant_has_no_secured_links():
    one_cell = build_path(Path(__file__).parents[1] / "plant" / "one_cell", {}).plan
    assert secured_links(one_cell) == []
