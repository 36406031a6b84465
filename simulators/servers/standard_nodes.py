"""The standard OPC UA address space without its price.

asyncua builds some 6,000 standard nodes, 2 to 4 s of work, each time a server starts, and its own cache needs a
database module that not every Python has. A running server touches about a hundred of them. So the standard nodes are
built once, each is kept as bytes, the bytes are kept in a file, and a node becomes an object when somebody asks for it:
a server starts in less than 0.1 s and no two servers share a node.

The file lies in `$PLANTCTL_CACHE` (default `plantctl` in the user's cache folder), named by the versions it depends on.
It is pickled, so it is read only where its owner is us and nobody else can write to it.
"""

import gc
import hashlib
import os
import pickle
import platform
import stat
import tempfile
from collections.abc import Iterator, MutableMapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from asyncua.server.address_space import NodeData
from asyncua.server.internal_server import InternalServer

Bytes = dict[Any, bytes]

_kept: list[Bytes] = []


class StandardNodes(MutableMapping[Any, NodeData]):
    """Node data by node id: standard nodes from their bytes at the first look, everything else as it was put in."""

    def __init__(self, standard: Bytes) -> None:
        self._standard = standard
        self._nodes: dict[Any, NodeData] = {}
        self._removed: set[Any] = set()

    def __getitem__(self, node_id: Any) -> NodeData:
        node = self._nodes.get(node_id)
        if node is None:
            if node_id in self._removed:
                raise KeyError(node_id)
            node = self._nodes[node_id] = pickle.loads(self._standard[node_id])
        return node

    def __setitem__(self, node_id: Any, node: NodeData) -> None:
        self._removed.discard(node_id)
        self._nodes[node_id] = node

    def __delitem__(self, node_id: Any) -> None:
        if node_id not in self:
            raise KeyError(node_id)
        self._nodes.pop(node_id, None)
        self._removed.add(node_id)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._nodes or (node_id in self._standard and node_id not in self._removed)

    def __iter__(self) -> Iterator[Any]:
        yield from self._nodes
        yield from (i for i in self._standard if i not in self._nodes and i not in self._removed)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class QuickServer(InternalServer):
    """asyncua's internal server on standard nodes that are already there."""

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        self.aspace._nodes = StandardNodes(standard_bytes())  # type: ignore[assignment]


def standard_bytes() -> Bytes:
    """The bytes of every standard node by node id: from this run, else from the file, else built and written."""
    if not _kept:
        path = cache_file()
        standard = _load(path)
        if standard is None:
            standard = _build()
            _save(path, standard)
        _kept.append(standard)
    return _kept[0]


def cache_file() -> Path:
    """Where the bytes are kept; another version of Python or asyncua has another file."""
    folder = os.environ.get("PLANTCTL_CACHE") or os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/plantctl"
    text = f"{version('asyncua')} {platform.python_implementation()} {platform.python_version()}"
    return Path(folder).expanduser() / f"standard-nodes-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pickle"


def _build() -> Bytes:
    from asyncua.server.standard_address_space import standard_address_space

    server = InternalServer()
    collecting = gc.isenabled()
    gc.disable()  # nothing of what is built can be garbage yet: half the time
    try:
        standard_address_space.fill_address_space(server.node_mgt_service)  # type: ignore[no-untyped-call]
        return {i: pickle.dumps(node, pickle.HIGHEST_PROTOCOL) for i, node in server.aspace._nodes.items()}
    finally:
        server.method_service.stop()
        if collecting:
            gc.enable()


def _load(path: Path) -> Bytes | None:
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_uid != os.getuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
            standard: Bytes = pickle.load(file)
            return standard
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError):
        return None


def _save(path: Path, standard: Bytes) -> None:
    """Write the file whole or not at all; a folder that cannot be written costs only the time of the next start."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
        with os.fdopen(handle, "wb") as file:
            pickle.dump(standard, file, pickle.HIGHEST_PROTOCOL)
        Path(name).replace(path)
    except OSError:
        return
