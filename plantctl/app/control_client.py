"""The other end of the control socket: asks a running plant, blocking, one request at a time."""

import contextlib
import json
import socket
from pathlib import Path
from typing import Any, Final

from plantctl.app.split.deadline import monotonic_ns, wait_until
from plantctl.app.state_folder import holder_of, socket_address
from plantctl.core.errors import PlantctlError

RETURN_S: Final = 5.0
LOOK_NS: Final = 100_000_000


class NotRunning(PlantctlError):
    """Nobody answers in the plant's state folder; the message names it."""


class WentAway(NotRunning):
    """The connection was lost under a request."""


class ControlClient:
    """A connection to the plant whose control socket is at `path`. Raises `NotRunning`.

    A plant in processes may lose the one that answers and have another a moment later: as long as somebody holds the
    plant, a request that may be asked twice is asked again within `RETURN_S`. A command may if it has a key: the scan
    does it once and gives the same answer.
    """

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(self._timeout_s)
        try:
            with socket_address(self._path) as address:
                self._socket.connect(address)
        except PermissionError as error:
            self._socket.close()
            raise NotRunning(
                f"{self._path} belongs to another user: a plant is asked by the user who runs it"
            ) from error
        except OSError as error:
            self._socket.close()
            why = (error.strerror or str(error)).lower()
            raise NotRunning(f"no plant answers at {self._path}: {why}; start it with plantctl run") from error
        self._file = self._socket.makefile("rwb")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and give its answer. Raises `NotRunning` where the plant went away meanwhile."""
        try:
            return self._ask(request)
        except WentAway:
            if "command" in request and not request["command"].get("key"):
                raise
            self._come_back()
        return self._ask(request)

    def _come_back(self) -> None:
        """Connect again as soon as the plant answers; `WentAway` where it ends or takes too long."""
        self.close()
        end_ns = monotonic_ns() + round(RETURN_S * 1e9)
        while holder_of(self._path.parent) and monotonic_ns() < end_ns:
            try:
                self._connect()
            except NotRunning:
                wait_until(monotonic_ns() + LOOK_NS)
            else:
                return
        raise WentAway(f"the plant at {self._path} went away")

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._file.write(json.dumps(request).encode() + b"\n")
            self._file.flush()
            line = self._file.readline()
        except TimeoutError as error:
            raise NotRunning(f"the plant at {self._path} did not answer within {self._timeout_s:g} s") from error
        except (OSError, ValueError) as error:
            raise WentAway(f"the plant at {self._path} went away") from error
        if not line.endswith(b"\n"):
            raise WentAway(f"the plant at {self._path} went away")
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        """Close the connection; what could not be sent any more is dropped."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()

    def __enter__(self) -> "ControlClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
