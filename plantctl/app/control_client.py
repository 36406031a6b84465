"""The other end of the control socket: asks a running plant, blocking, one request at a time."""

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

from plantctl.app.state_folder import socket_address
from plantctl.core.errors import PlantctlError


class NotRunning(PlantctlError):
    """Nobody answers in the plant's state folder; the message names it."""


class ControlClient:
    """A connection to the plant whose control socket is at `path`. Raises `NotRunning`."""

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            with socket_address(path) as address:
                self._socket.connect(address)
        except PermissionError as error:
            self._socket.close()
            raise NotRunning(f"{path} belongs to another user: a plant is asked by the user who runs it") from error
        except OSError as error:
            self._socket.close()
            why = (error.strerror or str(error)).lower()
            raise NotRunning(f"no plant answers at {path}: {why}; start it with plantctl run") from error
        self._file = self._socket.makefile("rwb")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and give its answer. Raises `NotRunning` where the plant went away meanwhile."""
        try:
            self._file.write(json.dumps(request).encode() + b"\n")
            self._file.flush()
            line = self._file.readline()
        except TimeoutError as error:
            waited = self._socket.gettimeout()
            raise NotRunning(f"the plant at {self._path} did not answer within {waited:g} s") from error
        except OSError as error:
            raise NotRunning(f"the plant at {self._path} went away") from error
        if not line.endswith(b"\n"):
            raise NotRunning(f"the plant at {self._path} went away")
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
