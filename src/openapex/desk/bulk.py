"""The bars of a universe from wherever they are, ready to be used: cut, adjusted, examined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from openapex.bars import FloatArray
from openapex.desk.frames import Columns, polars_frame
from openapex.desk.material import open_source
from openapex.errors import ApexError, BadInput
from openapex.sessions import SessionArray
from openapex.sources.source import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    FACT_SCHEMA,
    HEADLINE_SCHEMA,
    Basis,
    Delivery,
    Failure,
    empty,
)

Column = TypeVar("Column", FloatArray, SessionArray)


@dataclass(frozen=True, slots=True)
class Bulk:
    """Bars of many symbols as delivered, in one frame sorted by (symbol, session), one row a session.

    Numbers may stand in other types than those of `BAR_SCHEMA`, as a file has them.  `runs` are ``value`` and ``len``
    of each symbol where they are known already.
    """

    source: str
    simulated: bool
    basis: Basis
    bars: pl.DataFrame
    actions: pl.DataFrame = field(default_factory=lambda: empty(ACTION_SCHEMA))
    headlines: pl.DataFrame = field(default_factory=lambda: empty(HEADLINE_SCHEMA))
    facts: pl.DataFrame = field(default_factory=lambda: empty(FACT_SCHEMA))
    version: str | None = None
    failed: dict[str, ApexError] = field(default_factory=dict)
    later: frozenset[str] = frozenset()
    runs: pl.DataFrame | None = None


def bulk(
    symbols: Sequence[str] | None,
    *,
    source: str | None,
    data: "Path | Columns | None",
    as_of: date | None,
    now: datetime,
    progress: Callable[[str], None],
) -> tuple[Bulk, ...]:
    """Return what is held of some symbols, by default of all, in parts of one source and one meaning of prices.

    Raises
    ------
    BadInput
        If the source cannot be scanned.
    ApexError
        If it cannot be read.
    """
    if source not in (None, "files", "demo"):
        raise BadInput(f"source is {source!r}, must be files or demo: fetch first, and scan the store")
    if data is not None and not isinstance(data, Path):
        return (_framed(data, symbols, as_of),)
    if data is not None:
        from openapex.sources.files import FilesSource

        found = FilesSource(data).bulk(symbols, end=as_of)
        return (
            Bulk(found.source, False, found.basis, found.bars, failed=found.failed, later=found.later, runs=found.runs),
        )
    if source == "demo":
        return (_simulated(symbols, as_of, now, progress),)
    return _stored(symbols, as_of)


def data_path(data: "str | Path | Columns | None") -> "Path | Columns | None":
    """Return a path from text; a frame and None stay what they are.

    Raises
    ------
    BadInput
        If the text is empty.
    """
    if not isinstance(data, str | Path):
        return data
    if not str(data):
        raise BadInput("data is '', must be a path to a file or folder")
    return Path(data)


def _framed(data: "Columns", symbols: Sequence[str] | None, as_of: date | None) -> Bulk:
    """Return the bars of a user's own frame of many symbols."""
    from openapex.sources.file_bars import symbol_column
    from openapex.sources.file_bulk import long_table

    frame = polars_frame(data)
    if symbol_column(frame.columns) is None:
        raise BadInput(f"the frame has columns {frame.columns}, must have one that names the symbol")
    table = long_table(frame, "the frame", as_of)
    bars, runs = table.bars, table.runs
    if symbols is not None:
        bars, runs = bars.filter(pl.col("symbol").is_in(list(symbols))), None
    return Bulk("frame", False, "split_adjusted", bars, later=table.later, runs=runs)


def _simulated(
    symbols: Sequence[str] | None, as_of: date | None, now: datetime, progress: Callable[[str], None]
) -> Bulk:
    demo = open_source("demo", now)
    found: list[Delivery] = []
    failed: dict[str, ApexError] = {}
    later = set[str]()
    for answer in demo.fetch(demo.symbols() if symbols is None else symbols, end=as_of):
        progress(answer.symbol)
        if isinstance(answer, Delivery):
            found.append(answer)
        elif isinstance(answer, Failure):
            failed[answer.symbol] = answer.error
        else:
            later.add(answer.symbol)
    frames = {
        name: pl.concat([getattr(one, name) for one in found]) if found else None
        for name in ("bars", "actions", "headlines", "facts")
    }
    kept = {name: frame for name, frame in frames.items() if frame is not None}
    kept.setdefault("bars", empty(BAR_SCHEMA))
    return Bulk("demo", True, "as_traded", **kept, failed=failed, later=frozenset(later))


def _stored(symbols: Sequence[str] | None, as_of: date | None) -> tuple[Bulk, ...]:
    from openapex.store import Store, store_home

    return tuple(
        Bulk(
            part.source,
            False,
            part.basis,
            part.bars,
            part.actions,
            part.headlines,
            part.facts,
            part.version,
            later=part.later,
        )
        for part in Store(store_home()).holdings(symbols, end=as_of)
    )
