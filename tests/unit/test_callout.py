"""A call-out over a plant's log in virtual time: nobody is forgotten over restarts, and nobody is told old news."""

import asyncio
import json

import pytest
from pydantic import ValidationError

from plantctl.core.event import EventKind
from plantctl.core.feed import AlarmLabel, SinkState
from plantctl.core.virtual_run import run_virtual
from plantctl.sinks import callout
from plantctl.sinks._callout_text import message
from plantctl.sinks._runner import SinkRunner
from plantctl.sinks._sink import SinkPlace, SinkUnreachable
from tests.feed_bench import FedPlant, Peer
from tests.unit.log_bench import SCAN_NS
from tests.unit.simulated_storage import SimulatedStorage

LABELS = {"TI-1.high": AlarmLabel(1, "too hot", "50 degC", response="cool it"), "TI-9.low": AlarmLabel(4)}
WORDS = ("normal", "unack", "acked", "rtn", "latched", "latched-acked")
CONFIG = {
    "people": {
        "shift": {"webhook": "https://127.0.0.1/shift", "key_file": "key"},
        "engineer": {"webhook": "https://127.0.0.1/engineer", "key_file": "key"},
    },
    "steps": [{"after": "1 min", "to": "shift"}, {"after": "5 min", "to": ["engineer"]}],
}


class Telephone:
    """Takes messages in place of mail and webhook; `dead` are people who cannot be reached."""

    def __init__(self):
        self.heard = []
        self.dead = set()
        self.tries = 0
        self.complaint = ""

    def carrier(self, person, mail, secrets, patience_s):
        name = person.webhook.rpartition("/")[2]

        def carry(told, now_ns):
            self.tries += 1
            if name in self.dead:
                raise SinkUnreachable("no answer")
            self.heard += [(name, each["alarm"], each["state"]) for each in told.told["alarms"]]
            self.heard += [(name, "test")] if told.told["test"] else []
            return self.complaint

        return carry


class PlantClock:
    """The clock of the test with the time of day that is in the log."""

    def __init__(self, clock, offset_ns):
        self.clock, self.offset_ns = clock, offset_ns
        self.monotonic_ns, self.sleep = clock.monotonic_ns, clock.sleep

    def utc_ns(self):
        return self.clock.utc_ns() - self.offset_ns


class CalledPlant(FedPlant):
    """A plant whose log a call-out follows; `begin` and `end` are the feeds process's."""

    def __init__(self, clock, folder, **settings):
        super().__init__(clock, SimulatedStorage(), SimulatedStorage(), Peer(clock))
        self.plant_clock = PlantClock(clock, self.peer.offset_ns)
        self.folder, self.given = folder, CONFIG | settings

    def begin(self):
        from plantctl.app.feed_ledger import FeedLedger
        from plantctl.app.feed_log import FeedLog
        from plantctl.sinks._position import Position

        place = SinkPlace("standby", "bench", {}, self.plant_clock, folder=self.folder, alarms=LABELS)
        self.sink = callout.Sink(place, callout.Config(**self.given))
        ledger = FeedLedger(self.ledger_storage, "standby", {})
        log = FeedLog(self.storage, None, AlarmWords(), self.newest)
        self.runner = SinkRunner("standby", self.sink, log, ledger, ledger.position() or Position(), self.clock)
        self.task = asyncio.get_running_loop().create_task(self.runner.run())

    async def live(self, seconds):
        """The plant runs so long, with a scan a second: nothing here is about more."""
        for _ in range(round(seconds)):
            await self.clock.sleep(1.0)
            self.scan.mono_ns += 1_000_000_000 - SCAN_NS
            self.scan.scan()
            self.scan.drain()
            self.scan.commit()

    def alarm(self, word, target="TI-1.high"):
        self.scan.event(target, code=int(EventKind.ALARM), tag=0xFFFFFFFF, new=float(WORDS.index(word)))


def AlarmWords():
    from dataclasses import replace

    from tests.feed_bench import NoWords

    class Words(NoWords):
        def events(self, frame, utc_ns, texts):
            return [replace(e, words=WORDS, target="TI-1.high") for e in super().events(frame, utc_ns, texts)]

    return Words()


@pytest.fixture
def telephone(monkeypatch):
    made = Telephone()
    monkeypatch.setattr(callout, "carrier", made.carrier)

    async def at_once(function, *given):
        return function(*given)

    monkeypatch.setattr(callout.asyncio, "to_thread", at_once)
    return made


def story(tell, folder, **settings):
    async def main(clock):
        plant = CalledPlant(clock, folder, **settings)
        plant.begin()
        await plant.live(10)
        try:
            await tell(plant)
        finally:
            await plant.end()

    run_virtual(main)


def test_nobody_acknowledges_until_the_second_step(telephone, tmp_path):
    async def tell(plant):
        plant.alarm("unack")
        await plant.live(50)
        assert telephone.heard == []
        await plant.live(20)
        assert telephone.heard == [("shift", "TI-1.high", "unack")]
        await plant.live(240)
        assert telephone.heard[1:] == [("engineer", "TI-1.high", "unack")]
        plant.alarm("acked")
        await plant.live(10)
        assert sorted(telephone.heard[2:]) == [("engineer", "TI-1.high", "acked"), ("shift", "TI-1.high", "acked")]

    story(tell, tmp_path)


def test_an_alarm_is_not_lost_over_restarts_of_the_feeds_and_told_once(telephone, tmp_path):
    async def tell(plant):
        plant.alarm("unack")
        await plant.live(1)
        await plant.end()
        await plant.live(120)  # the feeds are away while it becomes due
        plant.begin()
        await plant.live(20)
        assert telephone.heard == [("shift", "TI-1.high", "unack")]
        for _ in range(3):
            await plant.end()
            plant.begin()
            await plant.live(10)
        assert telephone.heard == [("shift", "TI-1.high", "unack")]

    story(tell, tmp_path)


def test_what_came_and_was_acknowledged_while_the_feeds_were_away_calls_nobody(telephone, tmp_path):
    async def tell(plant):
        await plant.end()
        plant.alarm("unack")
        await plant.live(600)
        plant.alarm("acked")
        await plant.live(600)
        plant.begin()
        await plant.live(60)
        assert telephone.heard == []

    story(tell, tmp_path)


def test_no_call_begins_while_what_is_behind_is_still_being_read(telephone, tmp_path):
    from dataclasses import replace

    from tests.wire.feed_rig import alarm, batch

    async def main(clock):
        place = SinkPlace("standby", "bench", {}, clock, folder=tmp_path, alarms=LABELS)
        sink = callout.Sink(place, callout.Config(**CONFIG))
        await sink.open()
        await clock.sleep(60.0)
        for frame, word in enumerate(("unack", "acked")):
            event = replace(alarm(0, "TI-1.high"), utc_ns=clock.utc_ns() - 120 * 10**9, words=WORDS)
            event = replace(event, new=float(WORDS.index(word)))
            await sink.write(batch(events=[event], first=1 + frame, historical=True))
            await clock.sleep(4.0)
        await clock.sleep(60.0)
        await sink.close()

    run_virtual(main)
    assert telephone.heard == []


def test_what_came_before_the_limit_calls_nobody(telephone, tmp_path):
    async def tell(plant):
        await plant.end()
        plant.alarm("unack")
        await plant.live(1200)
        plant.begin()
        await plant.live(600)
        assert telephone.heard == []

    story(tell, tmp_path, oldest="10 min")


def test_who_cannot_be_reached_keeps_nobody_waiting_and_is_told_later_how_it_is_then(telephone, tmp_path):
    async def tell(plant):
        telephone.dead = {"shift"}
        plant.alarm("unack")
        await plant.live(320)
        assert telephone.heard == [("engineer", "TI-1.high", "unack")]
        assert plant.runner.statistics.failures >= telephone.tries - 2
        assert 3 < telephone.tries < 15  # ever more rarely
        plant.alarm("acked")
        telephone.dead = set()
        await plant.live(330)
        assert ("shift", "TI-1.high", "unack") not in telephone.heard  # nobody was told, so there is no end to tell
        assert ("engineer", "TI-1.high", "acked") in telephone.heard

    story(tell, tmp_path)


def test_a_message_that_arrives_with_a_complaint_is_told_once_and_the_complaint_is_how_the_sink_is(telephone, tmp_path):
    async def tell(plant):
        telephone.complaint = "no mail for b@plant.example"
        plant.alarm("unack")
        await plant.live(90)
        assert telephone.heard == [("shift", "TI-1.high", "unack")]
        statistics = plant.runner.statistics
        assert statistics.state is SinkState.COMPLAINING
        assert statistics.last_error == "shift: no mail for b@plant.example"
        assert (statistics.failures, plant.runner.position.missing) == (1, 0)
        await plant.until(plant.arrived, 5.0)
        telephone.complaint = ""
        plant.alarm("acked")
        await plant.live(10)
        assert telephone.heard[1:] == [("shift", "TI-1.high", "acked")]
        assert statistics.state is SinkState.RUNNING

    story(tell, tmp_path)


def test_a_file_that_cannot_be_kept_takes_no_alarm(telephone, tmp_path, monkeypatch):
    async def tell(plant):
        keep = callout.Sink._keep
        monkeypatch.setattr(callout.Sink, "_keep", lambda self: (_ for _ in ()).throw(SinkUnreachable("disk")))
        plant.alarm("unack")
        await plant.live(20)
        await plant.end()  # what it knew is gone, and the log still has it
        monkeypatch.setattr(callout.Sink, "_keep", keep)
        plant.begin()
        await plant.live(90)
        assert telephone.heard == [("shift", "TI-1.high", "unack")]

    story(tell, tmp_path)


def test_test_messages_come_in_time_and_a_call_stands_for_one(telephone, tmp_path):
    async def tell(plant):
        await plant.live(350)
        assert sorted(telephone.heard) == [("engineer", "test")] * 2 + [("shift", "test")] * 2

    story(tell, tmp_path, test="5 min")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": [{"to": "nobody"}]}, "nobody"),
        ({"steps": [{"to": "shift"}]}, "engineer"),
        ({"steps": []}, "steps"),
        ({"people": {"shift": {"mail": ["a@example.org"]}}, "steps": [{"to": "shift"}]}, "mail"),
        ({"events": False}, "events"),
        ({"priorities": [5]}, "priorities"),
        ({"people": {"shift": {"webhook": "http://a/", "key_file": "k"}}, "steps": [{"to": "shift"}]}, "https"),
        ({"people": {"shift": {"webhook": "https://u:p@a/", "key_file": "k"}}, "steps": [{"to": "shift"}]}, "user"),
        ({"people": {"shift": {"webhook": "https://a/"}}, "steps": [{"to": "shift"}]}, "key_file"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(change, words):
    with pytest.raises(ValidationError, match=words):
        callout.Config(**(CONFIG | change))


def test_alarms_of_other_priorities_and_places_are_not_called(tmp_path):
    place = SinkPlace("standby", "bench", {}, None, folder=tmp_path, alarms=LABELS)
    sink = callout.Sink(place, callout.Config(**CONFIG, tags="TI-*"))
    from tests.wire.feed_rig import alarm

    wants = {target: sink._wants(alarm(0, target)) for target in ("TI-1.high", "TI-9.low", "TI-7.high", "LI-1.high")}
    assert wants == {"TI-1.high": True, "TI-9.low": False, "TI-7.high": True, "LI-1.high": False}


def test_a_flood_is_one_message():
    from plantctl.sinks._callout_book import Telling

    tellings = [Telling(f"TI-{n}.high", "unack", 1, 1, "", False) for n in range(200)]
    said = message("demo", "shift", tellings, {}, 5, 200)
    assert said.subject == "[demo] ALARM: TI-0.high and 199 more"
    assert "and 150 more" in said.body
    assert len(json.loads(said.json())["alarms"]) == 50
    assert said.id == message("demo", "shift", tellings, {}, 99, 200).id
    hostile = message("demo", "shift", tellings[:1], {"TI-0.high": AlarmLabel(1, "hot\r\nBcc: all@x")}, 5, 1)
    assert "\n" not in hostile.subject
    assert "\r" not in hostile.subject


def test_the_text_of_the_how_to_compiles_with_its_alarm_on_the_sink_itself(tmp_path):
    import re
    from pathlib import Path

    from plantctl.plan.build import build_path

    page = Path(__file__).parents[2] / "docs" / "how-to" / "have-people-called.md"
    parts = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    (tmp_path / "plant.yaml").write_text("\n".join(["plant: {name: x}", "tasks: {control: 1 s}", *parts]))
    built = build_path(tmp_path, {})
    assert not built.findings, built.findings
    assert "XY-9001.high" in built.plan.rows
