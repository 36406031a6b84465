"""How one row of a block kind lies in memory: 8-byte fields in the order of the declaration.

The same bytes are read three ways: as a numpy structured array (plan, retained state), as a `ctypes.Structure` (the
interpreted run) and as a numba record (the compiled run). A port is a nested record: `v, q`, and for a cascade port
`v, q, used, status`.
"""

import ctypes
from typing import Any, Final

import numpy as np

from plantctl.core.block import NOT_YET, Block, Field, fields

PORT: Final = np.dtype([("v", "<f8"), ("q", "<i8")])
CASCADE_PORT: Final = np.dtype([("v", "<f8"), ("q", "<i8"), ("used", "<f8"), ("status", "<i8")])
_NUMPY: Final[dict[type, str]] = {float: "<f8", int: "<i8", bool: "<i8"}
_C: Final[dict[type, Any]] = {float: ctypes.c_double, int: ctypes.c_int64, bool: ctypes.c_int64}


class CPort(ctypes.Structure):
    """`In` and `Out` as the interpreted run sees them."""

    _fields_ = (("v", ctypes.c_double), ("q", ctypes.c_int64))


class CCascadePort(ctypes.Structure):
    """`CasIn` and `CasOut` as the interpreted run sees them."""

    _fields_ = (("v", ctypes.c_double), ("q", ctypes.c_int64), ("used", ctypes.c_double), ("status", ctypes.c_int64))


def _element(field: Field) -> tuple[Any, Any]:
    if field.role in ("in", "out"):
        return PORT, CPort
    if field.role in ("cas_in", "cas_out"):
        return CASCADE_PORT, CCascadePort
    return np.dtype(_NUMPY[field.type]), _C[field.type]


def record_dtype(kind: type[Block]) -> np.dtype[np.void]:
    """The numpy type of one row of `kind`."""
    described: list[Any] = []
    for field in fields(kind):
        element, _ = _element(field)
        described.append((field.name, element, (field.count,)) if field.count else (field.name, element))
    return np.dtype(described)


def record_structure(kind: type[Block]) -> type[ctypes.Structure]:
    """The ctypes class of one row of `kind`; it refuses an unknown field and a float for an integer."""
    described: list[Any] = []
    for field in fields(kind):
        _, element = _element(field)
        described.append((field.name, element * field.count if field.count else element))
    # __slots__ makes a misspelt field an AttributeError instead of a new attribute.
    return type(kind.__name__ + "Row", (ctypes.Structure,), {"_fields_": described, "__slots__": ()})


def fresh_rows(kind: type[Block], count: int) -> np.ndarray[Any, np.dtype[np.void]]:
    """`count` rows before their first scan: declared first values, every port NaN with quality bad, not-yet."""
    rows = np.zeros(count, record_dtype(kind))
    for field in fields(kind):
        if field.is_port:
            rows[field.name]["v"] = np.nan
            rows[field.name]["q"] = NOT_YET
            if field.role in ("cas_in", "cas_out"):
                rows[field.name]["used"] = np.nan
        else:
            rows[field.name] = field.first_value
    return rows


def structures_over(kind: type[Block], rows: np.ndarray[Any, np.dtype[np.void]]) -> list[Any]:
    """One ctypes row over each row of `rows`, sharing its memory; they keep the array alive."""
    structure = record_structure(kind)
    view = rows.view(np.uint8).data
    return [structure.from_buffer(view, i * rows.itemsize) for i in range(len(rows))]
