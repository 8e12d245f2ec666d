"""The shape of what is stored: five kinds of rows, their keys, and which bucket a symbol lives in.

This is the contract with the disk and with other readers (DuckDB, Spark, `polars.scan_delta`), so it is spelled out
here instead of being derived from the frames in memory; a test keeps the two equal.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

import polars as pl

from openapex.errors import BadInput

Kind: TypeAlias = Literal["bars", "actions", "headlines", "facts", "macro"]

N_BUCKETS = 32
"""Files per kind and source.  4.4 million rows: one symbol is read in milliseconds, and a refresh rewrites 3 MB."""
MACRO_BUCKET = 0
"""Where all macro series of a source live: a report reads twenty of them, and one small file is read faster than 16."""

PARTITIONS = ("dataset", "source", "bucket")
_MOMENT = pl.Datetime("us", "UTC")
_PROVENANCE = {"simulated": pl.Boolean(), "fetched_at": _MOMENT}


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of rows: the delivered columns, those of them that make the key, and provenance added by the store."""

    kind: Kind
    delivered: pl.Schema
    key: tuple[str, ...]

    @property
    def provenance(self) -> dict[str, pl.DataType]:
        """Columns that say where a row came from; `basis` only where it means something."""
        return ({"basis": pl.String()} if self.kind == "bars" else {}) | _PROVENANCE

    @property
    def schema(self) -> pl.Schema:
        """Columns of a data file."""
        return pl.Schema({**self.delivered, **self.provenance})

    @property
    def border(self) -> dict[str, str]:
        """How sources and readers spell the delivered columns, and how they are stored: a macro series is a symbol."""
        return {"series" if (self.kind, name) == ("macro", "symbol") else name: name for name in self.delivered}

    @property
    def values(self) -> tuple[str, ...]:
        """Columns that may be revised."""
        return tuple(name for name in self.delivered if name not in self.key)


def _schema(**columns: pl.DataType) -> pl.Schema:
    return pl.Schema(columns)


_TEXT, _DAY, _NUMBER, _FLAG = pl.String(), pl.Date(), pl.Float64(), pl.Boolean()
_PRICES = {name: _NUMBER for name in ("open", "high", "low", "close", "adj_close", "volume")}

TABLES: dict[Kind, Table] = {
    table.kind: table
    for table in (
        Table("bars", _schema(symbol=_TEXT, session=_DAY, **_PRICES, provisional=_FLAG), ("symbol", "session")),
        Table("actions", _schema(symbol=_TEXT, session=_DAY, kind=_TEXT, value=_NUMBER), ("symbol", "session", "kind")),
        Table(
            "headlines",
            _schema(symbol=_TEXT, published_at=_MOMENT, title=_TEXT, publisher=_TEXT),
            ("symbol", "published_at", "title"),
        ),
        Table(
            "facts",
            _schema(symbol=_TEXT, field=_TEXT, known_at=_DAY, value=_NUMBER, text=_TEXT),
            ("symbol", "field", "known_at"),
        ),
        Table(
            "macro",
            _schema(symbol=_TEXT, reference_date=_DAY, known_at=_DAY, value=_NUMBER, as_published=_FLAG),
            ("symbol", "reference_date", "known_at"),
        ),
    )
}

DELTA_COLUMNS: dict[str, pl.DataType] = {
    "dataset": _TEXT,
    "source": _TEXT,
    "bucket": pl.Int32(),
    **{name: kind for table in TABLES.values() for name, kind in table.schema.items()},
}
"""Columns of the Delta table: the union of all kinds; a row's kind fills its own and leaves the others null."""


def bucket_of(symbol: str, kind: Kind = "bars") -> int:
    """Return the bucket that holds the rows of a symbol: the same on every machine, and never part of a path.

    Examples
    --------
    >>> bucket_of("IWM"), bucket_of("DGS2", "macro")
    (3, 0)
    """
    return MACRO_BUCKET if kind == "macro" else zlib.crc32(symbol.encode()) % N_BUCKETS


def checked_source(name: str) -> str:
    """Return `name` if it can name a source in a path.

    Raises
    ------
    BadInput
        Otherwise.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
        raise BadInput(f"source is {name!r}, must be lower-case letters, digits, _ or -, starting with a letter")
    return name
