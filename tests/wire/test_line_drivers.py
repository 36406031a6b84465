"""The drivers with their profiles on the simulated line: rectifier, probes behind a gateway, area controller."""

import hashlib

import pytest

from plantctl.core.field import WriteError
from tests.wire.line_rig import INPUTS, situation


def test_every_signal_arrives_in_its_tags_unit():
    async def story(line):
        await line.until(line.all_good)
        return {tag: round(line.value(tag), 3) for tag in INPUTS}

    values = situation(story, cell__current_a=-85.0, cell__voltage_v=3.0, tank__level_percent=61.0, probe_a__ph=7.9)
    assert values["40-II-4010"] == pytest.approx(-85.0, abs=0.002)
    assert values["40-EI-4010"] == pytest.approx(3.0, abs=0.001)
    assert int(values["40-XS-4010"]) & 1 << 11
    assert values["40-IC-4010.read"] == pytest.approx(85.0, abs=0.002)
    assert values["40-AI-4212"] == pytest.approx(7.9, abs=0.001)
    assert values["40-FI-4013"] == pytest.approx(0.6, abs=0.001)
    assert values["40-LI-4211"] == pytest.approx(61.0, abs=0.1)
    assert values["40-ZI-4010"] == 1.0


def test_a_set_point_reaches_the_plant_and_is_read_back():
    async def story(line):
        await line.until(line.all_good)
        line.want("40-IC-4010", 60.0)
        line.want("40-FC-4215", 2.5)
        await line.until(lambda: line.error("40-IC-4010") == 0 and line.error("40-FC-4215") == 0)
        await line.until(lambda: abs(line.value("40-IC-4010.read") - 60.0) < 0.01 and line.value("40-FY-4215") == 2.5)
        return line.sim.plant.values["rectifier.current_set_a"]

    assert situation(story) == pytest.approx(60.0, abs=0.002)


def test_the_rectifier_stays_on_while_the_scan_lives_and_goes_off_when_it_dies():
    async def story(line):
        await line.until(line.all_good)
        line.want("40-IC-4010", 60.0)
        line.want("40-HS-4010", 1.0)
        await line.until(lambda: line.error("40-HS-4010") == 0)
        await line.clock.sleep(30)
        alive = line.sim.plant.values["rectifier.on"]
        line.scan_alive = False
        off_s = await line.until(lambda: line.sim.plant.values["rectifier.on"] == 0.0)
        await line.until(lambda: int(line.value("40-XS-4010")) & 1 << 8)
        return alive, off_s

    alive, off_s = situation(story)
    assert alive == 1.0
    assert 2.0 < off_s < 3.7  # the watchdog's 2 s since the last repetition, and its ramp of 1 s


def test_what_the_rectifier_refuses_or_ignores_is_an_error():
    async def story(line):
        await line.until(line.all_good)
        line.sim.line.rectifier.external_interlock = True
        line.sim.line.rectifier.local = True
        line.want("40-IC-4010", 50.0)
        await line.until(lambda: line.error("40-IC-4010") is not None)
        local = line.error("40-IC-4010")
        line.sim.line.rectifier.local = False
        line.want("40-IC-4010", 165.0)
        await line.until(lambda: line.error("40-IC-4010") not in (None, local))
        return local, line.error("40-IC-4010")

    assert situation(story) == (WriteError.REFUSED, WriteError.IGNORED)


def test_a_probe_switched_to_millivolts_is_found_and_the_others_are_not_touched():
    async def story(line):
        await line.until(line.all_good)
        line.sim.line.probes[11].unit = 0x200000
        await line.until(lambda: line.quality("40-AI-4212") == "bad, config")
        others = [line.quality(t) for t in ("40-AI-4011", "40-AI-4213")]
        told = [e for e in line.events.drain() if e.point == "40-AI-4212"]
        line.sim.line.probes[11].unit = 0x1000
        await line.until(line.all_good)
        return others, len(told), told[0].text

    others, count, text = situation(story)
    assert others == ["good", "good"]
    assert count == 1
    assert "0x200000" in text


def test_a_probe_that_swaps_its_words_still_gives_its_ph():
    async def story(line):
        await line.until(line.all_good)
        line.sim.line.probes[11].trouble = "word-swap"
        await line.clock.sleep(3)
        return line.value("40-AI-4212"), line.quality("40-AI-4212")

    assert situation(story, probe_a__ph=8.125) == (pytest.approx(8.125, abs=0.001), "good")


@pytest.mark.parametrize(
    ("trouble", "quality"),
    [("sensor-failed", "bad, device"), ("nan", "bad, range"), ("calibration-due", "uncertain")],
)
def test_a_probes_own_doubt_is_the_tags_quality(trouble, quality):
    async def story(line):
        await line.until(line.all_good)
        line.sim.line.probes[12].trouble = trouble
        await line.until(lambda: line.quality("40-AI-4213") == quality)
        return line.quality("40-AI-4212")

    assert situation(story) == "good"


def test_a_late_station_never_lends_its_value_to_another():
    async def story(line):
        await line.until(line.all_good)
        gateway = line.sim.serving.gateway
        wrong = 0
        for n in range(60):
            gateway.late_s = {11: 0.4} if n % 10 == 9 else {}
            await line.clock.sleep(1.0)
            ours = {"40-AI-4011": 7.5, "40-AI-4212": 8.0, "40-AI-4213": 8.5}
            wrong += sum(line.quality(t) == "good" and abs(line.value(t) - v) > 0.01 for t, v in ours.items())
        return wrong, line.runners["GW-4A"].driver._link.quarantines

    wrong, quarantines = situation(story, outlet_probe__ph=7.5, probe_a__ph=8.0, probe_b__ph=8.5)
    assert wrong == 0
    assert quarantines > 3


def test_the_controllers_own_word_about_a_value_counts():
    async def story(line):
        await line.until(line.all_good)
        line.sim.line.plc.troubles["40-FI-4013"] = "bad-status"
        await line.until(lambda: line.quality("40-FI-4013").startswith("bad"))
        line.sim.line.plc.troubles["40-FI-4013"] = "nan"
        await line.until(lambda: line.quality("40-FI-4013") == "bad, range")
        return line.quality("40-LI-4211")

    assert situation(story) == "good"


@pytest.mark.parametrize("device", ["RECT-01", "GW-4A", "PLC-4"])
def test_a_dead_wire_is_noticed_and_heals(device):
    async def story(line):
        await line.until(line.all_good)
        mine = [t for t, (d, _) in INPUTS.items() if d == device]
        line.sim.board.inject("link-dead", device)
        lost_s = await line.until(lambda: all(line.quality(t) == "bad, comm" for t in mine))
        others = [line.quality(t) for t, (d, _) in INPUTS.items() if d != device]
        await line.clock.sleep(5)
        line.sim.board.clear("link-dead", device)
        return lost_s, others, await line.until(line.all_good, 30)

    lost_s, others, back_s = situation(story)
    assert lost_s < {"RECT-01": 1.5, "GW-4A": 4.0, "PLC-4": 2.0}[device]
    assert set(others) == {"good"}
    assert back_s < 10


def test_two_runs_of_the_whole_line_are_one_run():
    def digest():
        async def story(line):
            for n in range(60):
                line.want("40-IC-4010", 50.0 + n % 5)
                line.sim.set(probe_a__ph=8.0 + n / 100, cell__flow_m3_h=0.5 + n / 500)
                if n == 30:
                    line.sim.board.inject("link-dead", "PLC-4")
                if n == 40:
                    line.sim.board.clear("link-dead", "PLC-4")
                await line.clock.sleep(0.5)
            events = [(e.mono_ns, e.device, int(e.kind)) for e in line.events.drain()]
            return hashlib.sha256(b"".join(line.latched) + repr(events).encode()).hexdigest()

        return situation(story)

    assert digest() == digest()
