"""Bars as delivered made ready to be used: adjusted, examined, in ragged arrays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import memmove
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np
import polars as pl

from openapex.adjust import adjusted
from openapex.bars import FIELDS, Bars, BoolArray, Field, FloatArray, IntArray, runs_without
from openapex.desk.bulk import Bulk
from openapex.indicators.kernels import threads_for
from openapex.quality.usable_arrays import usable_arrays
from openapex.sessions import SessionArray, calendar_of

Column = TypeVar("Column", FloatArray, SessionArray)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of symbols as arrays of their own, symbol after symbol."""

    symbols: list[str]
    offsets: IntArray
    days: SessionArray
    is_provisional: BoolArray
    columns: dict[Field, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """The usable bars of a part, who is in it, and how many rows the quality rules quarantined."""

    bars: Bars
    symbols: list[str]
    n_quarantined: int


def ready(part: Bulk, now: datetime) -> Ready:
    """Return the usable bars of one part as ragged arrays: what `analyze` uses, of all symbols at once."""
    as_is = part.basis == "split_adjusted"  # then `adjusted` would only sort what is sorted
    rows = _rows(part.bars, part.runs) if as_is else _rows(adjusted(part.bars, part.actions, part.basis).bars, None)
    calendars = [calendar_of(name) for name in rows.symbols]
    if len(set(calendars)) <= 1:
        return Ready(*_usable(rows, part.actions, next(iter(calendars), "XNYS"), now))
    groups = []
    for calendar in sorted(set(calendars), key=str):
        chosen = [at for at, own in enumerate(calendars) if own == calendar]
        groups.append(_usable(_chosen(rows, chosen), part.actions, calendar, now))
    whole = Bars.from_frame(pl.concat([bars.frame() for bars, _, _ in groups]))
    return Ready(whole, rows.symbols, sum(n for _, _, n in groups))


def _rows(frame: pl.DataFrame, runs: pl.DataFrame | None) -> _Rows:
    with ThreadPoolExecutor(threads_for(frame.height)) as pool:
        dating = pool.submit(_days, frame["session"])
        reading = pool.map(_numbers, frame.select(FIELDS))
        runs = frame["symbol"].rle().struct.unnest() if runs is None else runs
        columns: dict[Field, FloatArray] = dict(zip(FIELDS, reading, strict=True))
    offsets = np.concatenate([[0], np.cumsum(runs["len"].to_numpy())]).astype(np.int64)
    is_provisional = frame["provisional"].fill_null(False).to_numpy()
    return _Rows(runs["value"].to_list(), offsets, dating.result(), is_provisional, columns)


def _chosen(rows: _Rows, places: Sequence[int]) -> _Rows:
    """Return the rows of some symbols."""
    edges = rows.offsets
    at = np.concatenate([np.arange(edges[i], edges[i + 1]) for i in places])
    offsets = np.concatenate([[0], np.cumsum(np.diff(edges)[places])]).astype(np.int64)
    columns = {name: column[at] for name, column in rows.columns.items()}
    return _Rows([rows.symbols[i] for i in places], offsets, rows.days[at], rows.is_provisional[at], columns)


def _usable(rows: _Rows, actions: pl.DataFrame, calendar: str | None, now: datetime) -> tuple[Bars, list[str], int]:
    """Return the bars of symbols of one calendar; without an adjusted close a symbol's returns leave out dividends."""
    columns, days, offsets = rows.columns, rows.days, rows.offsets
    made = usable_arrays(
        columns, days, offsets, rows.symbols, calendar=calendar, now=now, actions=actions, is_own=True
    )  # fmt: skip
    columns |= {"volume": made.volume, "adj_close": made.adj_close}
    dropped = np.flatnonzero(~made.keep | made.provisional | rows.is_provisional)
    if len(dropped):
        runs = runs_without(dropped, len(days))
        with ThreadPoolExecutor(threads_for(len(days))) as pool:
            closed_up = pool.map(lambda column: _closed_up(column, runs), columns.values())
            days, offsets = _closed_up(days, runs), offsets - np.searchsorted(dropped, offsets)
            columns = dict(zip(FIELDS, closed_up, strict=True))
    held = np.diff(offsets) > 0
    edges = np.concatenate([[0], np.cumsum(np.diff(offsets)[held])]).astype(np.int64)
    _without_dividends(columns, edges)
    names = tuple(name for name, is_held in zip(rows.symbols, held.tolist(), strict=True) if is_held)
    bars = Bars(names, edges, days, **columns, provisional=np.zeros(len(days), dtype=np.bool_))
    return bars, rows.symbols, int(made.n_refused.sum())


def _closed_up(column: Column, runs: Sequence[tuple[int, int]]) -> Column:
    """Return the rows of some runs of a column, in the same memory: they move to the front."""
    at, start, size = 0, column.ctypes.data, column.itemsize
    for begin, end in runs:
        memmove(start + at * size, start + begin * size, (end - begin) * size)
        at += end - begin
    return column[:at]


def _numbers(column: pl.Series) -> FloatArray:
    """Return a column as one array, null as NaN; a third of the time of joining its pieces first."""
    out, at = np.empty(len(column)), 0
    for piece in column.get_chunks():
        whole = piece.cast(pl.Float64).fill_null(float("nan")) if piece.null_count() else piece
        out[at : at + len(piece)] = whole.to_numpy()
        at += len(piece)
    return out


def _days(column: pl.Series) -> SessionArray:
    out, at = np.empty(len(column), dtype=np.int64), 0
    for piece in column.get_chunks():
        out[at : at + len(piece)] = piece.to_physical().to_numpy()
        at += len(piece)
    return out.view("datetime64[D]")


def _without_dividends(columns: dict[Field, FloatArray], edges: IntArray) -> None:
    """Put the close in the place of the adjusted close of every symbol that has none at all."""
    if not len(edges) - 1:
        return
    is_known = ~np.isnan(columns["adj_close"])
    for i in np.flatnonzero(~np.logical_or.reduceat(is_known, edges[:-1])).tolist():
        part = slice(int(edges[i]), int(edges[i + 1]))
        columns["adj_close"][part] = columns["close"][part]
