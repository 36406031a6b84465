"""Looks once a second how much room the disk of a plant's record has, and has recorder and sealer act on it."""

import shutil
from pathlib import Path
from typing import Final

from plantctl.history.upkeep.seal import Sealer
from plantctl.history.upkeep.space import DiskSpace, Space
from plantctl.log.writer import Recorder

LOOK_NS: Final = 1_000_000_000


class DiskWatch:
    """Watches the disk that holds `folder`; `space` tells how it is. Without a folder nobody looks, and it has room."""

    def __init__(self, folder: Path | None, recorder: Recorder, sealer: Sealer | None) -> None:
        self.space = DiskSpace()
        self._folder = folder
        self._recorder = recorder
        self._sealer = sealer
        self._looked_ns: int | None = None

    def look(self, now_ns: int) -> None:
        """Look, where it is time. A disk that does not say leaves everything as it was: the log tells what is wrong."""
        if self._folder is None or (self._looked_ns is not None and now_ns - self._looked_ns < LOOK_NS):
            return
        self._looked_ns = now_ns
        try:
            found = shutil.disk_usage(self._folder)
        except OSError:
            return
        self.space.look(found.free, found.total, now_ns)
        self._recorder.sparing = self.space.state is Space.EVENTS_ONLY
        if self._sealer is not None:
            self._sealer.wanted_bytes = self.space.wanted
