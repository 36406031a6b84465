"""Backup of a plant's record into one tar file while the plant runs, and its restoration into a fresh folder.

In the tar, each as it lies in the state folder: `feeds/*` (positions and quarantine of sinks), `retained-*`, `log/*`
(files, plan texts), `history/*` (sealed files), and last `backup.json` with every name, size and CRC-32C. Not in it:
users, keys and passwords. A restored record is another recording than the one it was made of (`log.recording`), and
feeds no sink before a person says that the other does so no more, unless it is put back where it was.

What makes it one moment: positions are read first, so that none is ahead of the log; then the log is held, then the
history, so that a frame that is sealed and let go meanwhile is in one of them at least; of the newest log file no more
is taken than its last commit mark vouches for.

Rules of the file: a tar or a folder gets its name once it is whole and on disk; nothing is unpacked but under names
that a backup gives; times are arguments.
"""

import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from plantctl.core.errors import PlantctlError
from plantctl.core.frame import crc32c
from plantctl.log.files import load_file, log_names
from plantctl.log.place import records_beside
from plantctl.log.recording import HELD_NAME, RECORDING, encode_recording, recordings_in
from plantctl.log.recovery import has_frames, last_mark
from plantctl.log.storage import Held, ReadOnlyFolder

FORMAT: Final = 1
MANIFEST: Final = "backup.json"
PIECE: Final = 1 << 20
RESTORING: Final = "restoring"
REPLACED: Final = "replaced"
FEEDS: Final = "feeds"
HELD_TEXT: Final = """This record was put back from a backup. The plant that the backup is of may still run, and would
feed the same databases, brokers and people with the same names and frame numbers.
When it does so no more, remove this file: the sinks go on within five seconds.
"""
# In this order: see above. The empty name is the state folder itself.
FOLDERS: Final = {
    "feeds": re.compile(r"[A-Za-z0-9][\w.-]{0,80}\.(position|quarantine(\.1)?)"),
    "": re.compile(r"retained-[01]"),
    "log": re.compile(r"\d{20}-\d{3}\.log|plan-[0-9a-f]{16}\.txt"),
    "history": re.compile(r"(late-)?\d{20}-\d{20}\.seg"),
}


class BackupRefused(PlantctlError):
    """A backup that cannot be made, or a file that is none, or not whole; the message says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a backup, held open: `size` is how much of it counts."""

    name: str
    held: Held
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Its bytes."""
        for at in range(0, self.size, PIECE):
            data = self.held.part(at, min(PIECE, self.size - at))
            if len(data) != min(PIECE, self.size - at):
                raise BackupRefused(f"{self.name} became shorter while it was read")
            yield data


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup: of which plant, from when (UTC ns), how many files and bytes. `waits`: its sinks do."""

    plant: str
    utc_ns: int
    files: int
    bytes: int
    waits: bool = False


def back_up(state: Path, out: Path, utc_ns: int, running: bool) -> Backup:
    """Writes the record in the state folder `state` to the tar file `out`. Raises `BackupRefused` and `OSError`.

    Of a plant that stands, what lies behind the last commit mark is taken too: its next start would count it.
    """
    kept = [each for folder in FOLDERS for each in _kept(state / folder, folder, running)]
    if not any(each.name.startswith(("log/", "history/")) for each in kept):
        raise BackupRefused(f"there is no record in {state}{records_beside(state)}")
    part = out.with_name(out.name + ".part")
    told: list[dict[str, Any]] = []
    try:
        with part.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
                for each in kept:
                    told.append({"name": each.name, "bytes": each.size, "crc32c": _add(tar, each, utc_ns)})
                of = next(iter(recordings_in(ReadOnlyFolder(state / FEEDS))), "")
                manifest = {"format": FORMAT, "plant": state.name, "utc_ns": utc_ns, "recording": of, "files": told}
                data = json.dumps(manifest, indent=1).encode()
                tar.addfile(_member(MANIFEST, len(data), utc_ns), io.BytesIO(data))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return Backup(state.name, utc_ns, len(kept), sum(each.size for each in kept))


def _kept(folder: Path, name: str, running: bool) -> Iterator[Kept]:
    """The files of one folder, held; of what retention removes meanwhile the sealed files tell."""
    storage = ReadOnlyFolder(folder)
    names = [each for each in storage.names() if FOLDERS[name].fullmatch(each)]
    newest = log_names(names)[-1:]
    for each in names:
        with suppress(FileNotFoundError):
            held = storage.hold(each)
            size = held.length()
            if running and each in newest:
                size = _vouched(storage, each, size)
            yield Kept(f"{name}/{each}".lstrip("/"), held, size)


def _vouched(storage: ReadOnlyFolder, name: str, size: int) -> int:
    """How many bytes of a log file its last commit mark vouches for."""
    file = load_file(storage, name)
    return min(size, last_mark(file)[1]) if has_frames(file) else min(size, file.index.end)


def _member(name: str, size: int, utc_ns: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o640, utc_ns // 1_000_000_000
    return member


def _add(tar: tarfile.TarFile, kept: Kept, utc_ns: int) -> int:
    """Adds one file; its check sum."""
    data = b"".join(kept.pieces())
    tar.addfile(_member(kept.name, len(data), utc_ns), io.BytesIO(data))
    return crc32c(data)


# ------------------------------------------------------------------------------------------------ back again


def restore(backup: Path, state: Path, overwrite: bool = False, *, go_on: bool = False) -> Backup:
    """Unpacks a backup into the state folder `state`, which the caller holds. Raises `BackupRefused` and `OSError`.

    Every check sum is looked at before anything takes its place. A record that is there already is refused, or with
    `overwrite` set aside, into `replaced`; users, keys and passwords stay. With `go_on` its sinks are fed at once:
    nobody else does so any more.
    """
    there = _record_in(state)
    if there and not overwrite:
        raise BackupRefused(f"{state} holds a record already ({', '.join(there)})")
    part = state / RESTORING
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(mode=0o700)
        found = _begin_anew(_unpacked(backup, part), backup, part, state, go_on)
        moves = []
        if there:
            aside = next(p for k in range(1000) if not (p := state / f"{REPLACED}-{k}").exists())
            aside.mkdir(mode=0o700)
            moves = [(state / name, aside / name) for name in there]
        _move([*moves, *((path, state / path.name) for path in sorted(part.iterdir()))])
        _sync(state)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return found


def _begin_anew(found: Backup, backup: Path, part: Path, state: Path, go_on: bool) -> Backup:
    """Gives what was unpacked an identity of its own, and holds its sinks where another plant may feed them."""
    feeds = part / FEEDS
    had_sinks = feeds.is_dir()
    with tarfile.open(backup, "r:") as tar:
        of = str(_manifest(tar).get("recording", ""))
    here = recordings_in(ReadOnlyFolder(state / FEEDS))
    in_its_place = go_on or (bool(of) and of in here)
    waits = had_sinks and not in_its_place
    stands_for = dict.fromkeys([*here, of] if in_its_place and of else [])
    _write(feeds / RECORDING, encode_recording(os.urandom(8).hex(), *stands_for))
    if waits:
        _write(feeds / HELD_NAME, HELD_TEXT.encode())
    _sync(feeds)
    return replace(found, waits=waits)


def _move(moves: list[tuple[Path, Path]]) -> None:
    """Give all of these their new places, or none. Raises `OSError`."""
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in moves:
            if new.is_dir():
                new.rmdir()  # an empty one
            os.rename(old, new)
            done.append((old, new))
    except OSError:
        for old, new in reversed(done):
            with suppress(OSError):
                os.rename(new, old)
        raise


def _record_in(state: Path) -> list[str]:
    """What of a record lies in a state folder: names in it; an empty folder is none."""
    names = [name for name in FOLDERS if name and (state / name).is_dir() and any((state / name).iterdir())]
    return names + sorted(path.name for path in state.glob("retained-[01]"))


def plant_in(backup: Path) -> str:
    """The name of the plant that a backup is of. Raises `BackupRefused` and `OSError`."""
    try:
        with tarfile.open(backup, "r:") as tar:
            return str(_manifest(tar)["plant"])
    except tarfile.TarError as error:
        raise BackupRefused(f"{backup} is no backup: {error}") from error


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    """What a backup says of itself."""
    try:
        member = tar.extractfile(MANIFEST)
        told = json.loads(member.read()) if member else {}
    except (KeyError, ValueError) as error:
        raise BackupRefused("it is no backup, or was cut short: its last file, backup.json, is missing") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise BackupRefused("it is of a format that this version does not know")
    return told


def _unpacked(backup: Path, folder: Path) -> Backup:
    try:
        with tarfile.open(backup, "r:") as tar:
            told = _manifest(tar)
            for each in told["files"]:
                name, size = str(each["name"]), int(each["bytes"])
                place, _, file = name.rpartition("/")
                if place not in FOLDERS or not FOLDERS[place].fullmatch(file):
                    raise BackupRefused(f"a backup holds no file {name[:80]!r}")
                member = tar.extractfile(name)
                data = member.read() if member else b""
                if len(data) != size or crc32c(data) != each["crc32c"]:
                    raise BackupRefused(f"{name} is damaged in the backup")
                _write(folder / place / file, data)
            for place in {str(each["name"]).rpartition("/")[0] for each in told["files"]} | {""}:
                _sync(folder / place)
            size = sum(each["bytes"] for each in told["files"])
            return Backup(str(told["plant"]), int(told["utc_ns"]), len(told["files"]), size)
    except (tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise BackupRefused(f"{backup} is no backup, or is damaged: {error}") from error


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    with path.open("wb") as file:
        file.write(data)
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
