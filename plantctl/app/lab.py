"""The laboratory's desk of a running plant: made when it is first asked for, one for all who ask.

At the control socket it is asked with `{"lab": {"do": "enter", ...}}` as over HTTP (`hmi.lab_messages`), and with
`{"lab": {"do": "list", "tag": "", "open": false}}`. The peer's user is the person.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME
from plantctl.hmi.live_plant import LivePlant
from plantctl.log.storage import ReadOnlyFolder

if TYPE_CHECKING:
    from plantctl.hmi.lab_desk import LabDesk

# Gives the one desk of a plant.
Desk = Callable[[], "LabDesk"]


def lab_desk(plant: LivePlant, folder: Path) -> Desk:
    """What gives the desk of the plant whose state is in `folder`."""

    @cache
    def desk() -> "LabDesk":
        # Most plants run for long before anybody comes to the desk.
        from plantctl.history.late_log import LateLog
        from plantctl.hmi.lab_desk import LabDesk

        return LabDesk(plant, lambda: LateLog(ReadOnlyFolder(folder / LOG_NAME), ReadOnlyFolder(folder / HISTORY_NAME)))

    return desk


async def answer_lab(desk: Desk, asked: dict[str, Any], actor: str) -> dict[str, Any]:
    """The answer to a request at the control socket: `entry` or `entries`, or `error` with its `code`."""
    from plantctl.hmi.lab_local import answer

    return await answer(desk(), asked, actor)
