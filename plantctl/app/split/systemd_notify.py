"""Tells systemd how the plant is: READY, STATUS, STOPPING, WATCHDOG, as `sd_notify(3)` describes them.

Without systemd nothing is told. Rules of the file: telling never waits and never fails; what the service's own
processes inherit holds no address, so that only the supervisor speaks.
"""

import socket
from collections.abc import Mapping
from typing import Final

VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """The way to systemd. `watchdog_ns` is how long it waits for a sign of life, 0 where it does not."""

    def __init__(self, address: str = "", watchdog_ns: int = 0) -> None:
        self.watchdog_ns = watchdog_ns
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = None
        if self._address[:1] in ("/", "\0"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @classmethod
    def of(cls, surroundings: Mapping[str, str], pid: int) -> "Notifier":
        """The one the environment of process `pid` speaks of; a watchdog of another process is not ours."""
        text = surroundings.get("WATCHDOG_USEC", "")
        ours = surroundings.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog_ns = int(text) * 1000 if ours and text.isascii() and text.isdigit() else 0
        return cls(surroundings.get("NOTIFY_SOCKET", ""), watchdog_ns)

    def tell(self, **said: object) -> bool:
        """Tell `NAME=value` for each; False where nobody took it, and it may be tried again."""
        if self._socket is None:
            return True
        text = "\n".join(f"{name}={value}" for name, value in said.items())
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Nothing can be told after this."""
        if self._socket is not None:
            self._socket.close()
