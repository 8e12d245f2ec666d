"""The protocol that every source of data obeys, and the three things it may answer.

For every requested symbol a source yields exactly one answer, so that after any ingest
``requested = delivered + no_new_data + failed``: nothing is dropped without a word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Protocol, TypeAlias, runtime_checkable

import polars as pl

from openapex.adjust import ACTION_SCHEMA, Basis
from openapex.bars import BAR_SCHEMA
from openapex.errors import ApexError

HEADLINE_SCHEMA = pl.Schema(
    [("symbol", pl.String), ("published_at", pl.Datetime("us", "UTC")), ("title", pl.String), ("publisher", pl.String)]
)
"""News headlines with the moment each became public."""

FACT_SCHEMA = pl.Schema(
    [("symbol", pl.String), ("field", pl.String), ("known_at", pl.Date), ("value", pl.Float64), ("text", pl.String)]
)
"""Fundamentals and fund facts, one per row, with the day each became known (names: `openapex.signals.fundamentals`)."""

MACRO_SCHEMA = pl.Schema(
    [
        ("series", pl.String),
        ("reference_date", pl.Date),
        ("known_at", pl.Date),
        ("value", pl.Float64),
        ("as_published", pl.Boolean),
    ]
)
"""Values of macro series, named as FRED names them, sorted by series, reference date and day of publication.

`reference_date` is the day, week or month a value is about (for a month its first day), `known_at` the day it was
published: it counts from that day's close.  A revision is a further row with the same reference date and a later
`known_at`.  Null `value` was published as missing.  `as_published` is False where only a later, possibly revised value
is known and `known_at` comes from the table of release lags."""


def empty(schema: pl.Schema) -> pl.DataFrame:
    """Return a frame of `schema` without rows."""
    return _blank(tuple(schema.items())).clone()  # making four of them takes longer than reading a series


@cache
def _blank(columns: tuple[tuple[str, pl.DataType], ...]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(columns))


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a source knows of one symbol: the full answer for the asked-for span.

    Frames follow `BAR_SCHEMA`, `ACTION_SCHEMA`, `HEADLINE_SCHEMA`, `FACT_SCHEMA`, `MACRO_SCHEMA`.  A macro series is
    asked for and delivered like a symbol, with `macro` rows and no bars.  `n_superseded` counts rows of the payload
    that repeated a session and were replaced by the later one; `warnings` are sentences for the user.
    """

    symbol: str
    source: str
    simulated: bool
    basis: Basis
    bars: pl.DataFrame
    actions: pl.DataFrame = field(default_factory=lambda: empty(ACTION_SCHEMA))
    headlines: pl.DataFrame = field(default_factory=lambda: empty(HEADLINE_SCHEMA))
    facts: pl.DataFrame = field(default_factory=lambda: empty(FACT_SCHEMA))
    macro: pl.DataFrame = field(default_factory=lambda: empty(MACRO_SCHEMA))
    n_superseded: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoNewData:
    """The source answered properly and has nothing for the span (holiday, no trade yet); nothing may be overwritten."""

    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The source failed for this symbol, with the named cause."""

    symbol: str
    error: ApexError


Answer: TypeAlias = Delivery | NoNewData | Failure


@runtime_checkable
class Source(Protocol):
    """Where data comes from.  `name` is what ``--source`` says; a `simulated` source may never pose as real."""

    name: str
    simulated: bool
    is_network: bool

    def symbols(self) -> Sequence[str]:
        """Return the symbols the source can list (empty for a provider that cannot be listed)."""
        ...

    def fetch(self, symbols: Sequence[str], *, start: date | None = None, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per requested symbol, in the order asked.

        Parameters
        ----------
        symbols : sequence of str
            As the user wrote them, upper case.
        start, end : date or None
            First and last session wanted, inclusive; None is as far as the source goes.

        Raises
        ------
        ApexError
            Only for a fault that concerns all symbols at once (an unreadable file); a fault of one symbol is a
            `Failure` answer.
        """
        ...


@runtime_checkable
class HasSeries(Protocol):
    """A source that also holds macro series, asked for by name like symbols."""

    def series(self) -> Sequence[str]:
        """Return the macro series the source can list, sorted."""
        ...

    def fetch_series(self, names: Sequence[str], *, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per series, in the order asked: as `Source.fetch`, without a look for symbols so called."""
        ...


__all__ = [
    "ACTION_SCHEMA",
    "BAR_SCHEMA",
    "FACT_SCHEMA",
    "HEADLINE_SCHEMA",
    "MACRO_SCHEMA",
    "Answer",
    "Basis",
    "Delivery",
    "Failure",
    "HasSeries",
    "NoNewData",
    "Source",
    "empty",
]
