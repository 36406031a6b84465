"""The field process of topology `split`: the devices' drivers, and the bridge to the memory that the scan reads.

It is started by the supervisor and may die or be stopped at any instant. Its first word is that every input is bad;
nothing is written before a scan has granted it, which takes a person; and when the scan is gone, or this process is
told to end, the devices get their fail-safe values once.
"""

import asyncio
import importlib
import logging
import signal
from typing import Final

from plantctl.app.field import make_field
from plantctl.app.split.bridge import Bridge
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.realtime import Grant, be_preferred, be_prompt
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import SECURITY_NAME
from plantctl.core.clock import Clock, RealClock
from plantctl.core.segment import ProcessState
from plantctl.drivers._runner import load

# The most an orderly end may take to bring the devices to their fail-safe values.
END_S: Final = 2.0
END_LOOK_S: Final = 0.01


def run(hand_over: HandOver) -> int:
    """Drive the devices until SIGTERM; 0 after an orderly end. Raises what the devices' settings complain about."""
    # Before the first thread, which would keep the niceness it began with.
    _say(be_preferred(wanted=hand_over.settings.priority > 0))

    async def main() -> int:
        told_to_end = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
        return await drive(hand_over, RealClock(hand_over.settings.origin_ns), told_to_end)

    return asyncio.run(main())


async def drive(hand_over: HandOver, clock: Clock, told_to_end: asyncio.Event) -> int:
    """Drive the devices until told to end; 0 after an orderly end."""
    bridge = Bridge(hand_over, clock)
    try:
        import_libraries(hand_over)
        schedule, turns = bridge.register()
        secrets = hand_over.settings.folder / SECURITY_NAME
        field = make_field(hand_over.plan, clock, hand_over.settings.endpoints, bridge.table, secrets)
    except BaseException:
        bridge.segment.say(ProcessState.FAILED)
        raise
    bridge.attach(field)
    # Not before: to import and to build takes a second without a wait, and nobody hurries yet.
    _say(be_prompt(hand_over.settings.priority))
    loop = asyncio.get_running_loop()
    hand_over.listen(loop, bridge.woken)
    try:
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(bridge.turns(schedule, turns), name="bridge"),
                tasks.create_task(field.run(), name="devices"),
            ]
            bridge.segment.say(ProcessState.READY)
            await told_to_end.wait()
            await _make_safe(bridge, clock)
            for task in work:
                task.cancel()
    finally:
        loop.remove_reader(hand_over.wakes[Role.FIELD])
        clock.release(schedule.name)
        bridge.turn()
    return 0


def _say(grant: Grant) -> None:
    logging.getLogger("plantctl").info("%s: %s", grant.name, grant.text)


async def _make_safe(bridge: Bridge, clock: Clock) -> None:
    """Let the fail-safe values reach the devices, as long as an end may take."""
    bridge.segment.say(ProcessState.ENDING)
    bridge.end()
    until_ns = clock.monotonic_ns() + round(END_S * 1e9)
    while bridge.fail_safe.pending and clock.monotonic_ns() < until_ns:
        await clock.sleep(END_LOOK_S)


def import_libraries(hand_over: HandOver) -> None:
    """Import now, before anything runs, what the plan's drivers would import while others wait: about a second."""
    for kind in sorted({device.kind for device in hand_over.plan.devices}):
        for name in getattr(load(kind), "LIBRARIES", ()):
            importlib.import_module(name)
