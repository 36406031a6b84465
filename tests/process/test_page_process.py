"""Page and OPC UA server of a plant in processes, while these stop, die and come back: never wrong for longer than they
may be.
"""

import asyncio
import os
import signal
from contextlib import suppress
from itertools import pairwise

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaError
from websockets.exceptions import ConnectionClosed

from plantctl.app.split.segments import Role
from plantctl.core.quality import SEVERITY_MASK
from plantctl.hmi.opcua.settings import ADDRESS_NAME
from tests.process.page_client import CLOCK, PageClient
from tests.process.split_rig import split, text_serving

pytestmark = pytest.mark.timeout(300)
SECOND_NS = 1_000_000_000
QUIET = ("--priority", 0, "--no-lock-memory", "--no-awake")
STEP_S = 1.5  # loops are stepped once a second: what was written is seen after that
WORD = "40-AIC-4212.sp"
OPEN = "{port: 0, insecure: true, anonymous: viewer}"


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with split(folder, *QUIET, text=text_serving(folder, OPEN)) as running:
        yield running


@pytest.fixture(scope="module")
def session(plant):
    """One login for all: the token is good once."""
    return PageClient(plant.folder)


@pytest.fixture
def page(plant, session):
    session.heard, session.when_ns, session.known = [], [], {}
    yield session
    session.close()


def inputs_of_devices(plant):
    return [row.tag for row in plant.plan.inputs if row.device and row.stale_after_ns]


def test_a_field_that_stands_still_is_seen_on_the_page_in_time(plant, page):
    tags = inputs_of_devices(plant)
    page.connect([*tags, WORD])
    page.until(lambda m: m["type"] == "hb" and all(page.good(tag) for tag in tags), 60)
    limits_ns = {row.tag: row.stale_after_ns for row in plant.plan.inputs}
    with plant.stopped(Role.FIELD):
        stopped_ns = CLOCK.monotonic_ns()
        seen_ns = {}

        def all_seen(message):
            for tag in tags:
                if not page.good(tag):
                    seen_ns.setdefault(tag, CLOCK.monotonic_ns() - stopped_ns)
            return len(seen_ns) == len(tags)

        page.until(all_seen)
        late = {tag: ns / 1e9 for tag, ns in seen_ns.items() if ns > limits_ns[tag] + 2 * SECOND_NS}
        assert not late
        sign = page.until(lambda m: m["type"] == "hb")
        assert sign["field_age_ms"] > 400
    page.until(lambda m: m["type"] == "hb" and all(page.good(tag) for tag in tags), 60)


def test_what_was_typed_while_the_gateway_stood_still_is_never_carried_out_and_no_delta_is_missed(plant, page):
    page.connect([WORD])
    page.until(lambda m: m["type"] == "delta")
    before = plant.value(WORD)
    with plant.stopped(Role.GATEWAY):
        page.say(type="command", id=7, command="set", target=WORD, value=before + 0.3, valid_ms=1500, reason="typed")
        plant.let_pass(3.0)
        # Without a sign of life for so long, a page has nothing that can be believed.
        assert not page.quiet()
        assert CLOCK.monotonic_ns() - page.when_ns[-1] > 2 * SECOND_NS
    page.until(lambda m: m["type"] == "stage" and m["id"] == 7)
    assert [(s["stage"], s["code"]) for s in page.stages(7)] == [("expired", "expired")]
    last = page.sequences()[-1]
    page.until(lambda m: m["type"] == "delta" and m["seq"] > last + 20)
    if not any(m["type"] == "gap" for m in page.heard):
        assert all(after == before + 1 for before, after in pairwise(page.sequences()))
    plant.let_pass(STEP_S)
    assert plant.value(WORD) == before
    page.say(type="command", id=8, command="set", target=WORD, value=before + 0.3, reason="typed again")
    page.until(lambda m: m["type"] == "stage" and m["id"] == 8 and m["stage"] == "accepted")
    plant.wait(lambda: plant.value(WORD) == before + 0.3)


def test_a_gateway_that_is_killed_loses_the_page_and_no_more(plant, page):
    page.connect([WORD, "40-AI-4212"])
    page.until(lambda m: m["type"] == "delta")
    epoch, before, last = page.hello["epoch"], plant.value(WORD), page.sequences()[-1]
    old = plant.segment(Role.GATEWAY).generation
    pid = plant.send(Role.GATEWAY, signal.SIGKILL)
    with suppress(ConnectionClosed):
        while True:
            page.say(type="command", id=9, command="set", target=WORD, value=before + 0.4, reason="typed too late")
            page.read()
    # The address is the supervisor's: who asks meanwhile waits, and is answered by the next gateway.
    page.connect([WORD, "40-AI-4212"], {"epoch": epoch, "seq": last})
    gap = page.until(lambda m: m["type"] == "gap")
    page.until(lambda m: m["type"] == "snap")
    assert gap["why"] == "other-epoch"
    assert page.hello["epoch"] != epoch
    assert page.hello["user"] == "ada"
    plant.wait(lambda: plant.replaced(Role.GATEWAY, pid, old))
    page.until(lambda m: m["type"] == "hb")
    plant.let_pass(STEP_S)
    assert plant.value(WORD) == before
    assert page.known[WORD] == (before, 0)


def test_who_reconnects_has_each_delta_once(plant, page):
    page.connect([WORD, "40-*"])
    page.until(lambda m: m["type"] == "delta")
    for pause_s in (0.3, 1.0, 3.0):
        page.until(lambda m: m["type"] == "delta")
        resume = {"epoch": page.hello["epoch"], "seq": page.sequences()[-1]}
        page.close()
        plant.let_pass(pause_s)
        page.connect([WORD, "40-*"], resume)
        page.until(lambda m: m["type"] == "hb")
    page.until(lambda m: m["type"] == "delta")
    assert not [m for m in page.heard if m["type"] == "gap"]
    assert all(after == before + 1 for before, after in pairwise(page.sequences()))
    names = {name for name in page.known if name in plant.plan.rows}
    columns = plant.columns(Role.SCAN)
    for tag in (WORD, "40-AIC-4212.mode"):
        assert page.known[tag][0] == float(columns["image.v"][plant.plan.rows[tag]])
    assert len(names) > 50


def test_a_scan_that_dies_is_said_and_the_next_one_begins_another_epoch(plant, page):
    page.connect([WORD])
    page.until(lambda m: m["type"] == "hb")
    os.kill(plant.pid(Role.SCAN), signal.SIGKILL)
    hello = page.until(lambda m: m["type"] == "hello", 60)
    assert hello["epoch"] != page.heard[0]["epoch"]
    page.until(lambda m: m["type"] == "snap")
    page.until(lambda m: m["type"] == "hb" and m["link"] == "held", 60)
    page.until(lambda m: m["type"] == "delta")
    assert page.known[WORD][1] & SEVERITY_MASK == 0


async def flow(url):
    """A reading of the simulated plant by another program, once it is as good as a simulated one can be."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with Client(url, timeout=5) as client:
                    node = client.get_node(ua.NodeId("40-FI-4013", 2))
                    found = await node.read_data_value(raise_on_bad_status=False)
                    if found.StatusCode.name == "UncertainSimulatedValue":
                        return found.Value.Value
            except (UaError, OSError, TimeoutError):
                pass
            await CLOCK.sleep(0.2)


def test_the_opcua_server_of_a_gateway_that_is_killed_comes_back_at_the_same_address(plant):
    address = plant.folder / ADDRESS_NAME
    plant.wait(address.exists)
    url = address.read_text().strip()
    before = asyncio.run(flow(url))
    old = plant.segment(Role.GATEWAY).generation
    pid = plant.send(Role.GATEWAY, signal.SIGKILL)
    plant.wait(lambda: plant.replaced(Role.GATEWAY, pid, old))
    after = asyncio.run(flow(url))
    assert address.read_text().strip() == url
    assert isinstance(before, float)
    assert isinstance(after, float)
