"""The laboratory's book for whoever asks at the plant's own machine, in the same words as over HTTP."""

from typing import Any

import msgspec

from plantctl.hmi.lab_desk import LabDesk, LabRefused
from plantctl.hmi.lab_messages import LabRequest


async def answer(desk: LabDesk, asked: dict[str, Any], actor: str) -> dict[str, Any]:
    """The answer to one request: `entry` or `entries`, or `error` with its `code`. Raises nothing."""
    try:
        if asked.get("do") == "list":
            entries = await desk.entries(str(asked.get("tag", "")), unsigned=asked.get("open") is True)
            return {"entries": msgspec.to_builtins(entries)}
        request: LabRequest = msgspec.convert(asked, LabRequest)
        return {"entry": msgspec.to_builtins(await desk.act(request, actor))}
    except LabRefused as refused:
        return {"error": str(refused), "code": refused.code}
    except ValueError as error:
        return {"error": str(error), "code": "bad-message"}
    except OSError as error:
        return {"error": str(error), "code": "unavailable"}
