"""Tokens, passwords and certificates of sinks: files of the plant's secrets folder, never text of the configuration.

A secret is read when a connection is made and not kept in a file's settings; one that others can read is not used.
Whatever is wrong is `SinkNotAdmitted`, which a person mends; no message holds any of a secret.
"""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator

from plantctl.sinks._sink import SinkNotAdmitted

FILE_BYTES_MAX: Final = 1 << 20
SECRET_BYTES_MAX: Final = 4_096


def _in_the_folder(name: str) -> str:
    """A file of the secrets folder, or one by its whole path, as systemd gives credentials."""
    path = PurePosixPath(name)
    if ".." in path.parts or not path.parts:
        raise ValueError(f"`{name}` is not the name of a file in the plant's secrets folder")
    return name


FileName = Annotated[str, AfterValidator(_in_the_folder)]


def path_in(folder: Path | None, name: str) -> Path:
    """Where the file `name` is. Raises SinkNotAdmitted where the plant has no secrets folder and `name` needs one."""
    if folder is None and not Path(name).is_absolute():
        raise SinkNotAdmitted(f"`{name}` is to lie in the plant's secrets folder, and this plant was given none")
    return (folder or Path("/")) / name


def secret_in(folder: Path | None, name: str, what: str) -> str:
    """The secret in a file, one line without its end; `what` it is, for messages. Raises SinkNotAdmitted."""
    path = path_in(folder, name)
    data = secret_bytes_in(folder, name, what).rstrip(b"\r\n")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not text.isprintable() or not text or len(data) > SECRET_BYTES_MAX:
        raise SinkNotAdmitted(f"{path} must hold one line of 1 to {SECRET_BYTES_MAX} ASCII characters, the {what}")
    return text


def secret_bytes_in(folder: Path | None, name: str, what: str) -> bytes:
    """A file that only its owner (or root) may read. Raises SinkNotAdmitted."""
    path = path_in(folder, name)
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            # What is open is what is looked at: a name could be another file by now.
            if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or state.st_uid not in (os.geteuid(), 0):
                who = "others can read it" if state.st_uid == os.geteuid() else "it belongs to somebody else"
                raise SinkNotAdmitted(f"the {what} in {path} is not used, since {who}: chmod 600 {path}")
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise SinkNotAdmitted(f"there is no {what} in {path}: {(fault.strerror or str(fault)).lower()}") from None
    if len(data) > FILE_BYTES_MAX:
        raise SinkNotAdmitted(f"{path} is too long for a {what}")
    return data
