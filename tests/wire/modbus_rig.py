"""Devices that the Modbus tests share: a rectifier of the project's profile in small, and plain registers."""

from plantctl.core.virtual_run import run_virtual
from tests.wire.field_rig import plan, running

FAST = {"timeout": 0.2, "poll": "200 ms", "backoff_first": 0.1}
COUNTS = {"counts": 53620, "value": 150}
I_SET = {"address": 101, "scale": COUNTS, "access": "rw", "refresh": True}
OUT = {"address": 102, "access": "rw"}
I_MON = {"address": 111, "scale": COUNTS, "sign": {"address": 112, "bit": 11}}
MODEL = [0x5250, 0x4352]
RECTIFIER = {
    **FAST,
    "holes": [[935, 935]],
    "identity": {"address": 900, "type": "ascii", "count": 2, "equals": "RPCR"},
    "error_register": {"address": 935, "ignored": [222]},
    "watchdog": "2 s",
    "watchdog_registers": {"time": 1022, "enable": 1021},
}


def registers():
    settings = {100: 0, 101: 0, 102: 0, 900: MODEL[0], 901: MODEL[1], 935: 7, 1021: 0, 1022: 10}
    return {1: {**settings, **dict.fromkeys(range(110, 115), 0)}}


def rectifier(peer, **config):
    peer.read_clears = (935,)
    return plan(
        "RECT-01",
        "modbus",
        peer.url,
        {**RECTIFIER, **config},
        [("II", I_MON), ("IC.read", I_SET)],
        [("IC", I_SET), ("HS", OUT)],
    )


def simple(peer, *addresses, **config):
    rows = [(f"T{a}", {"address": a}) for a in addresses]
    return plan("DEV", "modbus", peer.url, {**FAST, **config}, rows)


def situation(peer, device, story, **limits):
    """Run a story with the peer serving and the device at work; returns what the story returns."""

    async def main(clock):
        async with peer.serving(clock), running(clock, device(peer)) as rig:
            return await story(rig)

    return run_virtual(main, **limits)
