"""The laboratory's book for whoever asks at the plant's own machine, in the same words as over HTTP."""

from typing import Any

import msgspec

from plantctl.hmi.lab_desk import LabDesk, LabRefused
from plantctl.hmi.lab_import import LabImport
from plantctl.hmi.lab_messages import LabRequest


async def answer(desk: LabDesk, asked: dict[str, Any], actor: str) -> dict[str, Any]:
    """The answer to one request: `entry`, `entries` or `imported`, or `error` with its `code`. Raises nothing."""
    try:
        if asked.get("do") == "list":
            entries = await desk.entries(str(asked.get("tag", "")), unsigned=asked.get("open") is True)
            return {"entries": msgspec.to_builtins(entries)}
        if asked.get("do") == "import":
            told = await desk.bring(msgspec.convert(asked, LabImport), actor)
            return {"imported": msgspec.to_builtins(told)}
        request: LabRequest = msgspec.convert(asked, LabRequest)
        return {"entry": msgspec.to_builtins(await desk.act(request, actor))}
    except LabRefused as refused:
        return {"error": str(refused), "code": refused.code}
    except ValueError as error:
        return {"error": str(error), "code": "bad-message"}
    except OSError as error:
        return {"error": str(error), "code": "unavailable"}
