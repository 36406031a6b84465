"""The memory of a plan while it runs: the process image and the records of all blocks, and nothing else that counts.

Whoever has these bytes can go on from them as if nothing had happened: a scan process after the death of the one
before, a replay of a run that did not begin from nothing. They fit the plan they come from, and no other; what is to
survive a change of the plan goes by name (`scan.retain`).

Rules of the file: values are moved as bits; nothing is allocated while the plan runs; bytes of another layout are
refused, never guessed at.
"""

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import PlantctlError
from plantctl.core.image import COLUMNS, Image
from plantctl.plan.plan import Plan, Writer

Array = npt.NDArray[Any]
IMAGE: Final = "image."
RECORDS: Final = "records."
COMPUTED: Final = (Writer.BLOCK, Writer.EXPRESSION, Writer.DELAY)


class StateRefused(PlantctlError):
    """Bytes of a plan's memory do not belong to this plan; the message says why."""


class StateMemory:
    """The image and the records of `plan`, fresh.

    `columns` are all arrays by name: `image.v` and so on, and `records.KIND` as bytes; `records` are the same records
    by the number of their kind. `over` gives arrays of that name and size to lie in instead of memory of its own; they
    are reset, unless `keep` says that what they hold is what is wanted.
    """

    def __init__(self, plan: Plan, over: Mapping[str, Array] | None = None, *, keep: bool = False) -> None:
        self.plan = plan
        given = None if over is None else {name: over[IMAGE + name] for name in COLUMNS}
        self.image = Image(len(plan.points), given, keep=keep)
        self.columns: dict[str, Array] = {IMAGE + name: getattr(self.image, name) for name in COLUMNS}
        records = []
        for rows in plan.kinds:
            name = RECORDS + rows.kind.name
            size = rows.rows.nbytes
            column = np.zeros(size, np.uint8) if over is None else over[name]
            if column.dtype != np.uint8 or column.shape != (size,):
                raise ValueError(f"`{name}` needs {size} bytes, not {column.shape} of {column.dtype}")
            self.columns[name] = column
            records.append(column.view(rows.rows.dtype) if size else rows.rows.copy())
            if not keep:
                records[-1][:] = rows.rows
        self.records: tuple[Array, ...] = tuple(records)

    @property
    def state_bytes(self) -> int:
        """The bytes of a snapshot."""
        return sum(_padded(column.nbytes) for column in self.columns.values())

    @cached_property
    def layout(self) -> int:
        """64 bits over the plan and every name, type, size and order of what is in a snapshot."""
        plan = self.plan
        kinds = [(rows.kind.name, rows.rows.dtype.descr, rows.tags) for rows in plan.kinds]
        text = repr((plan.hash, list(self.columns), kinds, [p.name for p in plan.points]))
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")

    def snapshot_into(self, buffer: Any) -> None:
        """Copy everything into the first `state_bytes` of `buffer`."""
        place = np.frombuffer(buffer, np.uint8)
        at = 0
        for column in self.columns.values():
            place[at : at + column.nbytes] = column.view(np.uint8)
            at += _padded(column.nbytes)

    def load_from(self, buffer: Any, layout: int) -> None:
        """Take everything from a snapshot of that `layout`. Another layout or size raises `StateRefused`."""
        if layout != self.layout or len(buffer) < self.state_bytes:
            raise StateRefused("the state was saved by another plan or another version of plantctl")
        place = np.frombuffer(buffer, np.uint8)
        at = 0
        for column in self.columns.values():
            column.view(np.uint8)[:] = place[at : at + column.nbytes]
            at += _padded(column.nbytes)

    def load(self, columns: Mapping[str, Array]) -> None:
        """Take everything from columns of the same names, such as those a dead scan published last.

        A column that is missing or has another size raises `StateRefused`, and nothing is changed.
        """
        for name, own in self.columns.items():
            column = columns.get(name)
            if column is None or column.nbytes != own.nbytes:
                raise StateRefused(f"`{name}` of the state does not fit this plan")
        for name, own in self.columns.items():
            own.view(np.uint8)[:] = columns[name].view(np.uint8)

    def is_fresh(self) -> bool:
        """Whether nothing was ever computed here, so that a replay needs no state to begin with."""
        blank, image = Image(1), self.image
        computed = [p.row for p in self.plan.points if p.writer in COMPUTED]
        return all(
            bool((getattr(image, name)[computed].view(bits) == getattr(blank, name).view(bits)).all())
            for name, bits in (("v", np.int64), ("q", np.uint16), ("used", np.int64), ("status", np.int64))
        ) and all(
            np.array_equal(rows.rows.view(np.uint8), records.view(np.uint8))
            for rows, records in zip(self.plan.kinds, self.records, strict=True)
        )


def _padded(size: int) -> int:
    return (size + 7) & ~7
