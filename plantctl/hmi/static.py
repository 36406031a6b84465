"""The files of the page, as they lie in `web/`: read once, served by name, each with the type that belongs to it.

A name that was not there at the start is not there: no path is ever made from a request. A file that has changed since
is read again, so that who works on the page sees it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).with_name("web")
INDEX: Final = "index.html"
FILE_BYTES_MAX: Final = 8 << 20
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file: its bytes, what they are, and the tag by which a browser knows whether it has them already."""

    data: bytes
    kind: str
    etag: str
    seen: tuple[int, int]


class StaticFiles:
    """The files below `folder` by their names with `/` between the parts; other kinds than `TYPES` are left out."""

    def __init__(self, folder: Path = WEB) -> None:
        self._folder = folder
        self._files: dict[str, StaticFile] = {}
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix in TYPES and path.is_file() and not path.is_symlink():
                self._files[path.relative_to(folder).as_posix()] = _read(path)

    def find(self, name: str) -> StaticFile | None:
        """The file of that name."""
        known = self._files.get(name)
        if known is None:
            return None
        path = self._folder / name
        try:
            stat = path.stat()
            if (stat.st_mtime_ns, stat.st_size) != known.seen:
                known = self._files[name] = _read(path)
        except OSError:
            return known
        return known


def _read(path: Path) -> StaticFile:
    stat = path.stat()
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX)
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    return StaticFile(data, TYPES[path.suffix], etag, (stat.st_mtime_ns, stat.st_size))
