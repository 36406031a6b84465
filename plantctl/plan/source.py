"""The files of a plant as texts: the root file and what it includes, read once, decoded, with bounds.

Files are reached only through `read(name) -> bytes`, which is handed in: a folder on disk, an archive, a dictionary in
a test. Names are relative to the root file's folder, one level of includes, no way out of the folder. A file that
cannot be read is a finding at the line that includes it, and the others are still read.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from plantctl.core.errors import Diagnostic, Place
from plantctl.plan.node import Node
from plantctl.plan.parse import parse_yaml
from plantctl.plan.tag_table import parse_tag_table
from plantctl.plan.yaml_scalar import FORBIDDEN

Read = Callable[[str], bytes]
"""Gives a file's bytes by its name relative to the plant's folder; raises OSError where it cannot."""

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
PLANT_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of all files together: 100,000 tags, at about 150 bytes each."""

FILES_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was read; `root` is None when its form could not be read. `area` is a number's text or empty."""

    name: str
    root: Node | None
    area: str = ""


@dataclass(slots=True)
class SourceSet:
    """All files of a plant, in the order of the text, and the findings of reading them.

    `texts` has every decoded file by name, for excerpts. `complete` is false when a file is missing or unreadable.
    """

    files: list[SourceFile] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    complete: bool = True


def from_folder(folder: Path) -> Read:
    """A reader of the regular files below a folder; a link that leads out of it is refused."""
    top = Path(os.path.realpath(folder))

    def read(name: str) -> bytes:
        path = Path(os.path.realpath(top / name))
        if not path.is_relative_to(top):
            raise PermissionError("it lies outside the plant's folder")
        if not stat.S_ISREG(path.stat().st_mode):
            raise IsADirectoryError("it is no file")
        with open(path, "rb") as stream:
            return stream.read(FILE_BYTES_MAX + 1)

    return read


def from_texts(texts: Mapping[str, str]) -> Read:
    """A reader of texts held in memory."""

    def read(name: str) -> bytes:
        if name not in texts:
            raise FileNotFoundError(name)
        return texts[name].encode()

    return read


def read_sources(root: str, read: Read) -> SourceSet:
    """Reads the root file and everything it includes. Never raises for whatever the files hold."""
    return _Reader(read).read_all(root)


def decode(name: str, data: bytes) -> tuple[str | None, Diagnostic | None]:
    """The text of a file's bytes (UTF-8, a byte order mark is dropped), or the finding why there is none."""
    if len(data) > FILE_BYTES_MAX:
        what = f"the file is larger than {FILE_BYTES_MAX // 1024 // 1024} MiB"
        return None, Diagnostic("PC112", what, Place(name, 1, 1), "split it and include the parts")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        what = f"the byte 0x{data[error.start]:02x} is no UTF-8 text"
        return None, Diagnostic("PC113", what, place_at(name, before, len(before)), "save the file as UTF-8")
    forbidden = FORBIDDEN.search(text)
    if forbidden is not None:
        what = f"the character U+{ord(forbidden[0]):04X} has no place in a plant's text"
        return None, Diagnostic("PC113", what, place_at(name, text, forbidden.start()), "take it out")
    if not text.strip():
        return None, Diagnostic("PC114", "the file is empty", Place(name, 1, 1))
    return text, None


def place_at(name: str, text: str, offset: int) -> Place:
    """The place of one character of a text."""
    lines = re.split("\r\n|\r|\n", text[:offset])
    return Place(name, len(lines), len(lines[-1]) + 1, len(lines[-1]) + 2)


class _Reader:
    def __init__(self, read: Read) -> None:
        self.read = read
        self.sources = SourceSet()
        self.included: dict[str, Place] = {}
        self.bytes_read = 0

    def read_all(self, root: str) -> SourceSet:
        top = self._read_yaml(root, None)
        if top is None or top.kind != "mapping":
            return self.sources
        area = self._area(top)
        before, after = self._around_include(top)
        self.sources.files.append(SourceFile(root, before, area))
        for node in self._include_names(top):
            self._include(root, node, area)
        self.sources.files.append(SourceFile(root, after, area))
        return self.sources

    def _around_include(self, top: Node) -> tuple[Node, Node]:
        """The root's sections before and behind `include`, so that the included files stand in their place."""
        before, after = _empty_like(top), _empty_like(top)
        target = before
        for key, pair in top.entries.items():
            if key == "include":
                target = after
            else:
                target.entries[key] = pair
        return before, after

    def _include_names(self, top: Node) -> list[Node]:
        pair = top.entries.get("include")
        if pair is None:
            return []
        node = pair[1]
        if node.kind == "list" and len(node.items) <= FILES_MAX:
            return node.items
        hint = "include: [devices.yaml, tags.csv]"
        what = "`include` is a list of file names" if node.kind != "list" else f"more than {FILES_MAX} files"
        self._fail("PC120", what, node.place, hint)
        return []

    def _include(self, root: str, node: Node, area: str) -> None:
        name = node.value
        if node.kind != "value" or not isinstance(name, str):
            if not node.tainted:
                self._fail("PC120", "a file's name is due here", node.place)
            self.sources.complete = False
            return
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or re.match("[A-Za-z]:", name):
            hint = "a name relative to this file, without `..`, with `/` between folders"
            self._fail("PC121", f"`{name}` leads out of the plant's folder", node.place, hint)
            return
        name = str(path)
        if name == root:
            self._fail("PC122", f"`{name}` includes itself", node.place, "take it out")
            return
        if name in self.included:
            also = ((self.included[name], "first included here"),)
            self.sources.findings.append(
                Diagnostic("PC122", f"`{name}` is included twice", node.place, "keep one", also)
            )
            return
        self.included[name] = node.place
        if path.suffix in (".yaml", ".yml"):
            self._include_yaml(name, node.place)
        elif path.suffix == ".csv":
            self._include_table(name, node.place, area)
        else:
            self._fail("PC120", f"`{name}` is neither .yaml nor .csv", node.place)

    def _include_yaml(self, name: str, where: Place) -> None:
        top = self._read_yaml(name, where)
        if top is None or top.kind != "mapping":
            return
        nested = top.entries.pop("include", None)
        if nested is not None:
            what = "an included file cannot include others"
            self._fail("PC122", what, nested[0].place, "name all files in the root file")
        self.sources.files.append(SourceFile(name, top, self._area(top)))

    def _include_table(self, name: str, where: Place, area: str) -> None:
        text = self._text(name, where)
        if text is None:
            return
        root, findings = parse_tag_table(name, text)
        self.sources.findings.extend(findings)
        if root is None or any(finding.code in ("PC131", "PC132", "PC133") for finding in findings):
            self.sources.complete = False  # rows, and with them names, are missing
        self.sources.files.append(SourceFile(name, root, area))

    def _read_yaml(self, name: str, where: Place | None) -> Node | None:
        text = self._text(name, where)
        if text is None:
            return None
        top, findings = parse_yaml(name, text)
        self.sources.findings.extend(findings)
        if top is None:
            self.sources.complete = False
            if not findings:
                self._fail("PC114", "the file holds nothing but comments", Place(name, 1, 1))
        elif top.kind != "mapping":
            hint = "`section:` lines; a space behind each colon that has a value on its line"
            self._fail("PC114", "the file is not a mapping of sections", top.place, hint)
        else:
            sections = {key.place for key, _ in top.entries.values()}
            if any(finding.code == "PC106" and finding.also[0][0] in sections for finding in findings):
                self.sources.complete = False  # the second of two equal sections was not read
        return top

    def _text(self, name: str, where: Place | None) -> str | None:
        try:
            data = self.read(name)
        except OSError as error:
            reason = _reason(error)
            self._fail("PC121", f"`{name}` cannot be read: {reason}", where)
            return None
        except ValueError:
            self._fail("PC121", f"`{name}` is no file's name", where)
            return None
        self.bytes_read += len(data)
        if self.bytes_read > PLANT_BYTES_MAX:
            what = f"the files are larger than {PLANT_BYTES_MAX // 1024 // 1024} MiB together"
            self._fail("PC112", what, where)
            return None
        text, finding = decode(name, data)
        if finding is not None:
            self.sources.texts[name] = data[:FILE_BYTES_MAX].decode("utf-8", "replace").removeprefix("\ufeff")
            self.sources.findings.append(finding)
            self.sources.complete = False
            return None
        if text is not None:
            self.sources.texts[name] = text
        return text

    def _area(self, top: Node) -> str:
        pair = top.entries.pop("area", None)
        if pair is None or pair[1].tainted:
            return ""
        node = pair[1]
        text = str(node.value)
        if node.kind == "value" and re.fullmatch("[0-9]{1,4}", text):
            return text
        self.sources.findings.append(
            Diagnostic("PC214", "`area` is a number of 1 to 4 digits", node.place, 'area: 40; or area: "05"')
        )
        return ""

    def _fail(self, code: str, what: str, where: Place | None, hint: str = "") -> None:
        self.sources.complete = False
        self.sources.findings.append(Diagnostic(code, what, where, hint))


def _empty_like(top: Node) -> Node:
    return Node("mapping", top.file, top.line, top.column, top.column_end)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return os.strerror(error.errno).lower() if error.errno else str(error)
