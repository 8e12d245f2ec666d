"""The bars of a universe from wherever they are, ready to be used: cut, adjusted, examined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from openapex.adjust import adjusted
from openapex.bars import FIELDS, Bars, FloatArray, IntArray
from openapex.desk.frames import Columns, polars_frame
from openapex.desk.material import open_source
from openapex.errors import ApexError, BadInput
from openapex.quality.usable_arrays import usable_arrays
from openapex.sessions import calendar_of
from openapex.sources.source import ACTION_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, Basis, Delivery, Failure, empty


@dataclass(frozen=True, slots=True)
class Bulk:
    """Bars of many symbols as delivered, in one frame sorted by (symbol, session), one row a session."""

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
        return (Bulk(found.source, False, found.basis, found.bars, failed=found.failed, later=found.later),)
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
    bars, later = long_table(frame, "the frame", as_of)
    if symbols is not None:
        bars = bars.filter(pl.col("symbol").is_in(list(symbols)))
    return Bulk("frame", False, "split_adjusted", bars, later=later)


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
    kept.setdefault("bars", empty(found[0].bars.schema) if found else pl.DataFrame())
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


def ready(part: Bulk, now: datetime, as_of: date | None) -> Bars:
    """Return the usable bars of one part as ragged arrays: what `analyze` uses, of all symbols at once."""
    as_is = part.basis == "split_adjusted"  # then `adjusted` would only sort what is sorted
    levels = part.bars if as_is else adjusted(part.bars, part.actions, part.basis).bars
    groups = [_usable(rows, part.actions, calendar, now) for calendar, rows in _by_calendar(levels)]
    return groups[0] if len(groups) == 1 else Bars.from_frame(pl.concat([group.frame() for group in groups]))


def _usable(rows: pl.DataFrame, actions: pl.DataFrame, calendar: str | None, now: datetime) -> Bars:
    """Return the bars of symbols of one calendar; without an adjusted close a symbol's returns leave out dividends."""
    runs = rows["symbol"].rle().struct.unnest()
    symbols: list[str] = runs["value"].to_list()
    offsets = np.concatenate([[0], np.cumsum(runs["len"].to_numpy())]).astype(np.int64)
    columns: dict[str, FloatArray] = {name: _numbers(rows[name]) for name in FIELDS}
    days = rows["session"].to_numpy().astype("datetime64[D]")
    made = usable_arrays(columns, days, offsets, symbols, calendar=calendar, now=now, actions=actions)
    columns |= {"volume": made.volume, "adj_close": made.adj_close}
    keep = made.keep & ~made.provisional & ~rows["provisional"].fill_null(False).to_numpy()
    if not keep.all():
        columns = {name: column[keep] for name, column in columns.items()}
        days, offsets = days[keep], np.concatenate([[0], np.cumsum(keep)])[offsets]
    _without_dividends(columns, offsets)
    held = np.diff(offsets) > 0
    edges = np.concatenate([[0], np.cumsum(np.diff(offsets)[held])]).astype(np.int64)
    names = tuple(name for name, is_held in zip(symbols, held.tolist(), strict=True) if is_held)
    return Bars(names, edges, days, **columns, provisional=np.zeros(len(days), dtype=np.bool_))


def _numbers(column: pl.Series) -> FloatArray:
    return (column.fill_null(float("nan")) if column.null_count() else column).to_numpy()


def _without_dividends(columns: dict[str, FloatArray], offsets: IntArray) -> None:
    """Put the close in the place of the adjusted close of every symbol that has none at all."""
    known = np.concatenate([[0], np.cumsum(~np.isnan(columns["adj_close"]))])
    for i in np.flatnonzero((np.diff(known[offsets]) == 0) & (np.diff(offsets) > 0)).tolist():
        part = slice(int(offsets[i]), int(offsets[i + 1]))
        columns["adj_close"][part] = columns["close"][part]


def _by_calendar(levels: pl.DataFrame) -> list[tuple[str | None, pl.DataFrame]]:
    names = levels["symbol"].rle().struct.field("value").to_list()
    calendars = {name: calendar_of(name) for name in names}
    kinds = set(calendars.values())
    if len(kinds) <= 1:
        return [(next(iter(kinds), "XNYS"), levels)]
    parts = []
    for kind in sorted(kinds, key=str):
        chosen = [name for name, calendar in calendars.items() if calendar == kind]
        parts.append((kind, levels.filter(pl.col("symbol").is_in(chosen))))
    return parts
