"""The libraries' clocks: every place that asks for the time is known, and gets it from the plant."""

import csv
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import anyio
import asyncua  # noqa: F401
import pytest
from asyncua.common import statemachine
from asyncua.server import internal_server, internal_subscription, uaprocessor

from plantctl.app import library_clocks as library
from plantctl.app.library_clocks import ON_PLANT_TIME, library_clocks
from plantctl.core.clock import RealClock
from plantctl.core.virtual_run import run_virtual
from tests.wire.time_uses import time_uses

KNOWN = Path(__file__).with_name("library_time_uses.csv")
START_NS = 1_000_000_000 * 10**9  # 2001-09-09 01:46:40 UTC


def known_uses(package):
    with KNOWN.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["module"].split(".")[0] == package]


@pytest.mark.parametrize("package", ["asyncua", "pymodbus"])
def test_an_installed_library_asks_for_the_time_at_the_known_places_only(package):
    known = {(row["module"], row["function"], row["asks"]) for row in known_uses(package)}
    found = set(time_uses(package))
    assert not found - known, "asks for the time at new places: decide whose time, add to library_time_uses.csv"
    assert not known - found, "does not ask there any more: strike from library_time_uses.csv"


def test_pymodbus_needs_no_clock_of_ours():
    assert {row["answered_by"] for row in known_uses("pymodbus")} == {"machine"}


def test_the_list_of_replaced_names_is_the_decision_of_the_table():
    decided = {
        (row["module"], row["asks"].split(".")[0]) for row in known_uses("asyncua") if row["answered_by"] == "plant"
    }
    listed = {(module, name) for module, names in ON_PLANT_TIME.items() for name in names}
    assert decided == {(module, name) for module, name in listed if module.startswith("asyncua.")}


def test_what_stays_on_the_machines_time_says_why():
    rows = [row for package in ("asyncua", "pymodbus") for row in known_uses(package)]
    assert {row["answered_by"] for row in rows} == {"plant", "machine"}
    assert all(bool(row["why"]) == (row["answered_by"] == "machine") for row in rows)


def test_a_place_that_asks_is_found_however_the_name_came(tmp_path, monkeypatch):
    package = tmp_path / "clockful"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import time as t\nclass Watch:\n    def look(self):\n        return t.monotonic()\n"
    )
    (package / "stamp.py").write_text(
        "from datetime import datetime\nfrom time import time\nx = [datetime.now, time()]\n"
    )
    (package / "quiet.py").write_text("import time\n\ndef spend(time):\n    return time\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert time_uses("clockful") == [
        ("clockful", "Watch.look", "time.monotonic"),
        ("clockful.stamp", "", "datetime.datetime.now"),
        ("clockful.stamp", "", "time.time"),
    ]


def test_the_libraries_ask_the_plants_clock_inside_and_their_own_outside():
    before = [dict(vars(sys.modules[name])) for name in ON_PLANT_TIME if name in sys.modules]

    async def main(clock):
        with library_clocks(clock):
            await clock.sleep(2.5)
            assert internal_subscription.time.monotonic() == 2.5
            assert uaprocessor.time.time() == START_NS / 1e9 + 2.5
            assert uaprocessor.time.monotonic_ns() == uaprocessor.time.perf_counter_ns() == 2_500_000_000
            stamp = internal_server.datetime.now(UTC)
            assert stamp == datetime(2001, 9, 9, 1, 46, 42, 500_000, UTC)
            assert type(stamp) is datetime
            assert internal_server.datetime.now() == internal_server.datetime.utcnow() == stamp.replace(tzinfo=None)
            assert statemachine.datetime.datetime.today() == stamp.replace(tzinfo=None)
            assert statemachine.datetime.timedelta is timedelta

    run_virtual(main, start_utc_ns=START_NS)
    assert before == [vars(sys.modules[name]) for name in ON_PLANT_TIME if name in sys.modules]


def test_the_stand_in_is_a_datetime_like_any_other():
    with library_clocks(RealClock()):
        stand_in = internal_server.datetime
        ordinary = datetime(2026, 1, 1, tzinfo=UTC)
        assert isinstance(ordinary, stand_in)
        assert not isinstance("2026", stand_in)
        assert type(stand_in(2026, 1, 1)) is datetime
        assert stand_in.fromtimestamp(0, UTC) == datetime(1970, 1, 1, tzinfo=UTC)
        assert abs(stand_in.now(UTC) - datetime.now(UTC)) < timedelta(seconds=60)


def test_names_come_back_after_a_failure():
    own = internal_subscription.time

    def fail():
        with library_clocks(RealClock()):
            assert internal_subscription.time is not own
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert internal_subscription.time is own


def test_replacing_twice_is_refused_and_leaves_the_first_in_place():
    own = internal_subscription.time
    with library_clocks(RealClock()):
        first = internal_subscription.time
        with pytest.raises(RuntimeError, match="replaced already"), library_clocks(RealClock()):
            pass
        assert internal_subscription.time is first
    assert internal_subscription.time is own


def test_a_module_loaded_meanwhile_is_named_at_the_end(monkeypatch):
    monkeypatch.setitem(library.ON_PLANT_TIME, "clockful.late", ("time",))
    with pytest.raises(RuntimeError, match=r"clockful\.late"), library_clocks(RealClock()):
        monkeypatch.setitem(sys.modules, "clockful.late", ModuleType("clockful.late"))


def test_a_module_of_another_version_is_refused(monkeypatch):
    monkeypatch.setitem(library.ON_PLANT_TIME, "clockful.other", ("time",))
    monkeypatch.setitem(sys.modules, "clockful.other", ModuleType("clockful.other"))
    with pytest.raises(RuntimeError, match=r"clockful\.other\.time"), library_clocks(RealClock()):
        pass


def test_a_thread_of_anyio_holds_virtual_time():
    async def main(clock):
        with library_clocks(clock), anyio.fail_after(0.001):
            return await anyio.to_thread.run_sync(threading.Event().wait, 0.05), clock.monotonic_ns()

    assert run_virtual(main) == (False, 0)


def test_anyio_works_as_ever_in_an_ordinary_loop():
    async def main():
        with library_clocks(RealClock()):
            return await anyio.to_thread.run_sync(pow, 2, 5)

    assert anyio.run(main) == 32
