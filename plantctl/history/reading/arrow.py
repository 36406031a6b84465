"""History as Arrow and Parquet, for data frames and databases: the table of `table` with types and units.

Times are timestamps in ns of UTC, names and qualities dictionaries, a column's unit stands in its field's metadata
(`unit`), with how far off a thinned value may be (`off_by`). pyarrow is the user's own: it is imported when a table is
asked for, and its absence is told with the way out.
"""

import io
from typing import Any, Final

from plantctl.core.errors import PlantctlError
from plantctl.history.reading.table import Column, Holds, Table

INSTALL: Final = "pip install 'plantctl[arrow]'"


class LibraryMissing(PlantctlError):
    """A library that is the user's own is not installed; the message says which, and the command that installs it."""


def arrow_table(table: Table) -> Any:
    """The `pyarrow.Table`. Raises `LibraryMissing`."""
    pa = _pyarrow()
    arrays = [_array(pa, column) for column in table.columns]
    fields = [
        pa.field(column.name, array.type, metadata=_metadata(column))
        for column, array in zip(table.columns, arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"made_by": "plantctl", "time": "UTC"}))


def _metadata(column: Column) -> dict[str, str] | None:
    found = {"unit": column.unit} if column.unit else {}
    return found | ({"off_by": repr(column.off_by)} if column.off_by else {}) or None


def arrow_bytes(table: Table) -> bytes:
    """The table as a stream of Arrow IPC. Raises `LibraryMissing`."""
    made = arrow_table(table)
    out = io.BytesIO()
    with _pyarrow().ipc.new_stream(out, made.schema) as stream:
        stream.write_table(made)
    return out.getvalue()


def parquet_bytes(table: Table) -> bytes:
    """The table as a Parquet file, compressed with Zstandard. Raises `LibraryMissing`."""
    made = arrow_table(table)
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(made, out, compression="zstd")
    return out.getvalue()


class ParquetFile:
    """A Parquet file that grows table by table, a row group each; compressed with Zstandard. Raises `LibraryMissing`.

    All tables have the same columns. A file without any table has none either. `out` takes bytes and stays open.
    """

    def __init__(self, out: Any) -> None:
        self._out = out
        self._pa = _pyarrow()
        self._writer: Any = None

    def add(self, table: Table) -> None:
        """The next rows."""
        import pyarrow.parquet

        made = arrow_table(table)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._out, made.schema, compression="zstd")
        self._writer.write_table(made)

    def close(self) -> None:
        """The end of the file."""
        if self._writer is not None:
            self._writer.close()


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise LibraryMissing(f"Arrow and Parquet need pyarrow, which is not installed here: {INSTALL}") from error
    return pyarrow


def _array(pa: Any, column: Column) -> Any:
    missing = None if column.there is None else ~column.there
    if column.holds is Holds.WORDS:
        places = pa.array(column.data, pa.int32(), mask=missing)
        return pa.DictionaryArray.from_arrays(places, pa.array(column.words, pa.string()))
    if column.holds is Holds.UTC:
        return pa.array(column.data, pa.timestamp("ns", tz="UTC"), mask=missing)
    return pa.array(column.data, pa.float64() if column.holds is Holds.NUMBER else pa.int64(), mask=missing)
