"""`openapex.quality.usable` for a universe that lies in ragged arrays: marks in place of frames.

Two passes mark the rows where something may be decided, compiled where Numba can be imported and otherwise in NumPy;
the few marked rows then go through the functions of `usable`.  Tests keep all three equal, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType

import numpy as np
import polars as pl

from openapex.bars import BoolArray, FloatArray, IntArray
from openapex.errors import BadInput
from openapex.quality.examine import _splits
from openapex.quality.gaps import is_provisional
from openapex.quality.habit import WINDOW
from openapex.quality.rows import PRICES, closed_days, refused
from openapex.quality.usable import doubtful, false_volumes, is_tiny, scale_of_one
from openapex.sessions import SessionArray, known_span, session_of

USED = (*PRICES, "adj_close", "volume")


@dataclass(frozen=True, slots=True)
class UsableArrays:
    """Which rows of a universe may be used, and the columns that quality changes.

    Parameters
    ----------
    keep : array of bool, shape (n_bars,)
        Rows that `usable` returns.
    volume, adj_close : array of float, shape (n_bars,)
        With NaN where bad; what stands on rows that are not kept means nothing.
    provisional : array of bool, shape (n_bars,)
        True on a symbol's last kept row where it has not settled; what the source marked comes on top of it.
    n_refused : array of int, shape (n_symbols,)
        Rows of each symbol that are not kept.
    """

    keep: BoolArray
    volume: FloatArray
    adj_close: FloatArray
    provisional: BoolArray
    n_refused: IntArray


def usable_arrays(
    columns: Mapping[str, FloatArray],
    sessions: SessionArray,
    offsets: IntArray,
    symbols: Sequence[str],
    *,
    calendar: str | None,
    now: datetime,
    actions: pl.DataFrame | None = None,
    is_compiled: bool | None = None,
) -> UsableArrays:
    """Return what `openapex.quality.usable.usable` would keep of these rows.

    Parameters
    ----------
    columns : mapping of str to array of float, each of shape (n_bars,)
        Open, high, low, close, adj_close and volume, split-adjusted; NaN is missing.
    sessions : array of days, shape (n_bars,)
        Rising within each symbol; a day may stand twice, then the later row counts.
    offsets : array of int, shape (n_symbols + 1,)
        Rows of symbol ``i`` are ``offsets[i]:offsets[i + 1]``.
    symbols : sequence of str
        Names, needed to find announced splits.
    calendar, now, actions
        As in `openapex.quality.examined`.
    is_compiled : bool, optional
        True demands Numba, False does without; by default it is used where it can be imported.

    Raises
    ------
    BadInput
        If the arrays differ in length, sessions fall within a symbol, or `now` has no time zone.

    Notes
    -----
    Known when: as `openapex.quality.examined`.
    """
    edges = np.ascontiguousarray(offsets, dtype=np.int64)
    own = {name: np.ascontiguousarray(columns[name], dtype=np.float64) for name in USED}
    days = np.ascontiguousarray(sessions, dtype="datetime64[D]")
    _check(own, days, edges, symbols)
    fast = _passes(is_compiled)
    keep, jumps = _good_rows(own, days, edges, calendar, now, fast)
    volume, adjusted = _clean(own["volume"], own["adj_close"], fast)
    own |= {"volume": volume, "adj_close": adjusted}
    if len(jumps):
        keep = _kept_on_scale(own, days, edges, symbols, keep, jumps, actions)
    rows = np.flatnonzero(keep)
    inner = np.searchsorted(rows, edges)
    volume[_false_rows(own, rows, inner, fast)] = np.nan
    marks = _unsettled(days, rows, inner, calendar, now)
    return UsableArrays(keep, volume, adjusted, marks, np.diff(edges) - np.diff(inner))


def _check(own: Mapping[str, FloatArray], days: SessionArray, edges: IntArray, symbols: Sequence[str]) -> None:
    lengths = {name: len(values) for name, values in own.items()} | {"sessions": len(days)}
    if len(set(lengths.values())) > 1:
        raise BadInput(f"columns have lengths {lengths}, must be alike")
    if len(edges) != len(symbols) + 1 or edges[0] != 0 or edges[-1] != len(days) or (np.diff(edges) < 0).any():
        raise BadInput(f"offsets is inconsistent, must be {len(symbols) + 1} row numbers from 0 to {len(days)}")
    falls = np.flatnonzero(days[1:] < days[:-1]) + 1
    if len(falls := np.setdiff1d(falls, edges)):
        raise BadInput(f"sessions fall at row {falls[0]} to {days[falls[0]]}, must rise within a symbol")


def _passes(is_compiled: bool | None) -> ModuleType | None:
    """Return the compiled passes, or None where they are not wanted or Numba is missing."""
    if is_compiled is False:
        return None
    try:
        from openapex.quality import usable_compiled
    except ImportError:
        if is_compiled:
            raise
        return None
    return usable_compiled


def _clean(volume: FloatArray, adjusted: FloatArray, fast: ModuleType | None) -> tuple[FloatArray, FloatArray]:
    """Return both columns with NaN where no bar can have that value."""
    if fast is not None:
        both: tuple[FloatArray, FloatArray] = fast.clean(volume, adjusted)
        return both
    is_volume = (volume >= 0) & (volume < np.inf)
    return np.where(is_volume, volume, np.nan), np.where((adjusted > 0) & (adjusted < np.inf), adjusted, np.nan)


def _good_rows(
    own: Mapping[str, FloatArray],
    days: SessionArray,
    edges: IntArray,
    calendar: str | None,
    now: datetime,
    fast: ModuleType | None,
) -> tuple[BoolArray, IntArray]:
    """Return where no rule refuses a row, and the rows whose close may have left the scale of the one before."""
    today = session_of(now, calendar or "XNYS")
    if fast is None:
        ids = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        frame = pl.DataFrame({"symbol": ids, "session": days} | {name: own[name] for name in PRICES})
        keep = refused(frame, calendar, today).is_null().to_numpy().copy() if len(days) else np.ones(0, dtype=bool)
        return keep, np.flatnonzero(keep)
    first, last = known_span(calendar) if calendar else (today, today)
    span = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    keep, jumps = np.empty(len(days), dtype=np.bool_), np.empty(len(days), dtype=np.bool_)
    ends = (int(span[0].astype(np.int64)), int(np.datetime64(today, "D").astype(np.int64)))
    prices = tuple(own[name] for name in PRICES)
    fast.mark_rows(prices, days.view(np.int64), edges, closed_days(span, calendar), ends, keep, jumps)
    return keep, np.flatnonzero(jumps & keep)


def _kept_on_scale(
    own: Mapping[str, FloatArray],
    days: SessionArray,
    edges: IntArray,
    symbols: Sequence[str],
    keep: BoolArray,
    jumps: IntArray,
    actions: pl.DataFrame | None,
) -> BoolArray:
    """Return `keep` without the rows on another scale than those around them; few symbols are looked at."""
    rows = np.flatnonzero(keep)
    inner = np.searchsorted(rows, edges)
    places = np.setdiff1d(np.searchsorted(rows, jumps), inner, assume_unique=True)
    kept = keep.copy()
    for at in doubtful(own["close"], np.stack([rows[places], rows[places - 1]]), edges, symbols, actions):
        part = rows[inner[at] : inner[at + 1]]
        splits = _splits(symbols[at], actions, pl.Series(days[part]))
        kept[part] = scale_of_one({name: values[part] for name, values in own.items()}, splits)
    return kept


def _false_rows(own: Mapping[str, FloatArray], rows: IntArray, inner: IntArray, fast: ModuleType | None) -> IntArray:
    """Return those of the kept `rows` whose volume is false; symbol ``i`` has ``rows[inner[i]:inner[i + 1]]``."""
    if fast is None:
        held = {name: own[name][rows] for name in ("high", "low", "close", "volume")}
        return rows[false_volumes(held, inner)] if len(rows) else rows
    silent, thin = np.empty(len(rows), dtype=np.bool_), np.empty(len(rows), dtype=np.bool_)
    fast.mark_volumes((own["high"], own["low"], own["close"]), own["volume"], rows, inner, silent, thin)
    places = np.flatnonzero(thin)
    begins = np.maximum(inner[np.searchsorted(inner, places, side="right") - 1], places - WINDOW)
    for place, begin in zip(places.tolist(), begins.tolist(), strict=True):
        before = own["volume"][rows[begin:place]]
        silent[place] |= is_tiny(np.where(before > 0, before, np.nan), own["volume"][rows[place]])
    return rows[silent]


def _unsettled(days: SessionArray, rows: IntArray, inner: IntArray, calendar: str | None, now: datetime) -> BoolArray:
    """Return True on each symbol's last kept row where it has not settled."""
    last = rows[inner[1:][np.diff(inner) > 0] - 1]
    marks = np.zeros(len(days), dtype=np.bool_)
    for day in np.unique(days[last]):
        if is_provisional(day.item(), calendar, now):
            marks[last[days[last] == day]] = True
    return marks
