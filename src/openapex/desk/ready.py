"""Bars as delivered made ready to be used: adjusted, examined, in ragged arrays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import memmove
from datetime import datetime
from typing import TypeVar

import numpy as np
import polars as pl

from openapex.adjust import adjusted
from openapex.bars import FIELDS, Bars, FloatArray, IntArray, runs_without
from openapex.desk.bulk import Bulk
from openapex.quality.usable_arrays import usable_arrays
from openapex.sessions import SessionArray, calendar_of

Column = TypeVar("Column", FloatArray, SessionArray)


def ready(part: Bulk, now: datetime) -> tuple[Bars, list[str]]:
    """Return the usable bars of one part as ragged arrays, what `analyze` uses of all at once; and who is in it."""
    as_is = part.basis == "split_adjusted"  # then `adjusted` would only sort what is sorted
    levels = part.bars if as_is else adjusted(part.bars, part.actions, part.basis).bars
    runs = levels["symbol"].rle().struct.unnest()
    names: list[str] = runs["value"].to_list()
    calendars = [calendar_of(name) for name in names]
    if len(set(calendars)) <= 1:
        lengths = runs["len"].to_numpy()
        return _usable(levels, names, lengths, part.actions, next(iter(calendars), "XNYS"), now), names
    groups = []
    for calendar in sorted(set(calendars), key=str):
        chosen = [name for name, own in zip(names, calendars, strict=True) if own == calendar]
        rows = levels.filter(pl.col("symbol").is_in(chosen))
        lengths = runs.filter(pl.col("value").is_in(chosen))["len"].to_numpy()
        groups.append(_usable(rows, chosen, lengths, part.actions, calendar, now))
    return Bars.from_frame(pl.concat([group.frame() for group in groups])), names


def _usable(
    rows: pl.DataFrame,
    symbols: Sequence[str],
    lengths: IntArray,
    actions: pl.DataFrame,
    calendar: str | None,
    now: datetime,
) -> Bars:
    """Return the bars of symbols of one calendar; without an adjusted close a symbol's returns leave out dividends."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    with ThreadPoolExecutor() as pool:
        dating = pool.submit(_days, rows["session"])
        columns: dict[str, FloatArray] = dict(zip(FIELDS, pool.map(_numbers, rows.select(FIELDS)), strict=True))
        days = dating.result()
    made = usable_arrays(columns, days, offsets, symbols, calendar=calendar, now=now, actions=actions, is_own=True)
    columns |= {"volume": made.volume, "adj_close": made.adj_close}
    dropped = np.flatnonzero(~made.keep | made.provisional | rows["provisional"].fill_null(False).to_numpy())
    if len(dropped):
        runs = runs_without(dropped, len(days))
        with ThreadPoolExecutor() as pool:
            closed_up = pool.map(lambda column: _closed_up(column, runs), columns.values())
            days, offsets = _closed_up(days, runs), offsets - np.searchsorted(dropped, offsets)
            columns = dict(zip(FIELDS, closed_up, strict=True))
    held = np.diff(offsets) > 0
    edges = np.concatenate([[0], np.cumsum(np.diff(offsets)[held])]).astype(np.int64)
    _without_dividends(columns, edges)
    names = tuple(name for name, is_held in zip(symbols, held.tolist(), strict=True) if is_held)
    return Bars(names, edges, days, **columns, provisional=np.zeros(len(days), dtype=np.bool_))


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


def _without_dividends(columns: dict[str, FloatArray], edges: IntArray) -> None:
    """Put the close in the place of the adjusted close of every symbol that has none at all."""
    if not len(edges) - 1:
        return
    is_known = ~np.isnan(columns["adj_close"])
    for i in np.flatnonzero(~np.logical_or.reduceat(is_known, edges[:-1])).tolist():
        part = slice(int(edges[i]), int(edges[i + 1]))
        columns["adj_close"][part] = columns["close"][part]
