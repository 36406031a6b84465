"""The way of a command from a sink's peer to the plant's gate: over the control socket, as anybody's on this machine.

The gate decides as for any other command, and the journal holds it with the peer's name in the reason. Sinks have to be
told to take commands at all (`commands: true`).
"""

import asyncio
import os
from pathlib import Path
from typing import Any, Final

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.core.errors import CommandRejected

WAIT_S: Final = 2.0
DONE: Final = ("accepted", "sent", "verified")


class FeedCommands:
    """Gives commands to the plant that answers at `socket`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def __call__(self, target: str, value: float, actor: str) -> str:
        """Ask for `value` at `target` for `actor`; the last stage it reached, in words. Raises `CommandRejected`."""
        asked = {
            "verb": "set",
            "target": target,
            "value": repr(value),
            "reason": f"asked for by {actor}",
            "key": os.urandom(8).hex(),
            "wait_s": WAIT_S,
        }
        answer = await asyncio.to_thread(self._ask, asked)
        if "error" in answer:
            raise CommandRejected("refused", str(answer["error"]))
        last = answer["stages"][-1] if answer["stages"] else {"stage": "expired", "code": "expired", "text": ""}
        if last["stage"] not in DONE:
            raise CommandRejected(last["code"] or last["stage"], last["text"] or last["stage"])
        return str(last["stage"])

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            with ControlClient(self._socket, WAIT_S + 10.0) as client:
                return client.ask({"command": asked})
        except NotRunning as fault:
            raise CommandRejected("no-answer", str(fault)) from fault
