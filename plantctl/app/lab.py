"""The laboratory's desk of a running plant: made when it is first asked for, one for all who ask.

At the control socket it is asked with `{"lab": {"do": "enter", ...}}` as over HTTP (`hmi.lab_messages`), and with
`{"lab": {"do": "list", "tag": "", "open": false}}`. The peer's user is the person.
"""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME
from plantctl.core.clock import Clock
from plantctl.core.errors import PlantctlError
from plantctl.hmi.live_plant import LivePlant
from plantctl.log.storage import ReadOnlyFolder

if TYPE_CHECKING:
    from plantctl.hmi.lab_desk import LabDesk

# How often is looked whether the scan has begun anew; how long it must have run until the book is compared: what was
# under way when it ended is on disk by then, or never will be. After a failure it is tried again.
LOOK_S: Final = 1.0
SETTLED_S: Final = 2.0
AGAIN_S: Final = 10.0
# Gives the one desk of a plant.
Desk = Callable[[], "LabDesk"]


def lab_desk(plant: LivePlant, folder: Path) -> Desk:
    """What gives the desk of the plant whose state is in `folder`."""

    @cache
    def desk() -> "LabDesk":
        # Most plants run for long before anybody comes to the desk.
        from plantctl.history.reading.late_log import LateLog
        from plantctl.hmi.lab_desk import LabDesk

        return LabDesk(plant, lambda: LateLog(ReadOnlyFolder(folder / LOG_NAME), ReadOnlyFolder(folder / HISTORY_NAME)))

    return desk


async def keep_standing(plant: LivePlant, desk: Desk, clock: Clock) -> None:
    """After each start of the scan: bring the laboratory tags to what stands in the book. Ends only when cancelled.

    For a plant with laboratory tags. What fails is said once in the log of the process, and tried again.
    """
    log, compared, failed, last = logging.getLogger("plantctl"), False, False, 0
    while True:
        scan = plant.snapshot().scan
        compared, last = compared and scan >= last, scan
        if compared or scan < 1 or plant.log().failing:
            await clock.sleep(LOOK_S)
            continue
        await clock.sleep(SETTLED_S)
        if plant.snapshot().scan < scan:
            continue  # it began anew meanwhile
        try:
            told = await desk().tell_lost()
        except (OSError, PlantctlError) as error:
            if not failed:
                log.warning("what stands in the laboratory's book could not be compared with the plant: %s", error)
            failed = True
            await clock.sleep(AGAIN_S)
            continue
        compared, failed = True, False
        if told:
            log.warning("told again from the laboratory's book, since the plant had lost it: %s", ", ".join(told))


async def answer_lab(desk: Desk, asked: dict[str, Any], actor: str) -> dict[str, Any]:
    """The answer to a request at the control socket: `entry` or `entries`, or `error` with its `code`."""
    from plantctl.hmi.lab_local import answer

    return await answer(desk(), asked, actor)
