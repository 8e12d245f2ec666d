"""`openapex.quality.usable` for a universe that lies in ragged arrays: marks in place of frames.

A compiled first look (`openapex.quality.screen`) marks the bars where a rule could decide anything.  The few symbols
that may lose rows go through the functions of `usable`, and so do all where there is no compiler.  Tests keep both ways
equal to `openapex.quality.examined`, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import polars as pl

from openapex.bars import FIELDS, BoolArray, Field, FloatArray, IntArray
from openapex.errors import BadInput
from openapex.indicators.compiled import MissingCompiler, compiled_together
from openapex.quality.examine import _splits
from openapex.quality.gaps import is_provisional
from openapex.quality.habit import WINDOW
from openapex.quality.rows import PRICES, closed_days, refused
from openapex.quality.screen import BAD_ADJUSTED, BAD_VOLUME, JUMP, REFUSED, SCREEN, SILENT, THIN
from openapex.quality.usable import doubtful, false_volumes, is_tiny, like_a_split, scale_of_one
from openapex.sessions import SessionArray, session_of

BLOCK = 500_000
JUDGED: tuple[Field, ...] = ("high", "low", "close", "volume")
"""What the volume is judged by."""


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
    columns: Mapping[Field, FloatArray],
    sessions: SessionArray,
    offsets: IntArray,
    symbols: Sequence[str],
    *,
    calendar: str | None,
    now: datetime,
    actions: pl.DataFrame | None = None,
    is_compiled: bool | None = None,
    is_own: bool = False,
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
        True demands a compiler, False does without; by default one is used where it can be imported.
    is_own : bool, default False
        True lets volume and adjusted close be written to where they stand.

    Raises
    ------
    BadInput
        If the arrays differ in length, sessions fall within a symbol, or `now` has no time zone.

    Notes
    -----
    Known when: as `openapex.quality.examined`.
    """
    edges = np.ascontiguousarray(offsets, dtype=np.int64)
    own = {name: np.ascontiguousarray(columns[name], dtype=np.float64) for name in FIELDS}
    days = np.ascontiguousarray(sessions, dtype="datetime64[D]")
    is_twice = _check(own, days, edges, symbols)
    cleaned = [own[name] if is_own else own[name].copy() for name in ("volume", "adj_close")]
    found = _Marked(np.ones(len(days), dtype=np.bool_), *cleaned)
    held, rule = _Universe(own, days, edges, symbols), _Rule(calendar, now, actions)
    marks = None if is_compiled is False else _marks(own, edges, is_needed=bool(is_compiled))
    if marks is None:
        _examine(held, rule, found)
    else:
        marks[_off_calendar(days, calendar, session_of(now, calendar or "XNYS"))] = REFUSED
        marks[1:][is_twice] = REFUSED
        _examine_marked(held, rule, found, marks)
    provisional = _unsettled(days, found.keep, edges, calendar, now)
    n_refused = np.diff(np.searchsorted(np.flatnonzero(~found.keep), edges))
    return UsableArrays(found.keep, found.volume, found.adj_close, provisional, n_refused)


@dataclass(frozen=True, slots=True)
class _Marked:
    """What is written to on the way."""

    keep: BoolArray
    volume: FloatArray
    adj_close: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Universe:
    """The rows of some symbols: columns, days, and where each symbol's rows are."""

    own: Mapping[Field, FloatArray]
    days: SessionArray
    edges: IntArray
    symbols: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What every symbol is judged by."""

    calendar: str | None
    now: datetime
    actions: pl.DataFrame | None


def _check(own: Mapping[Field, FloatArray], days: SessionArray, edges: IntArray, symbols: Sequence[str]) -> BoolArray:
    """Refuse what is no universe; return where a day stands once more, from the second row on."""
    lengths = {name: len(values) for name, values in own.items()} | {"sessions": len(days)}
    if len(set(lengths.values())) > 1:
        raise BadInput(f"columns have lengths {lengths}, must be alike")
    if len(edges) != len(symbols) + 1 or edges[0] != 0 or edges[-1] != len(days) or (np.diff(edges) < 0).any():
        raise BadInput(f"offsets is inconsistent, must be {len(symbols) + 1} row numbers from 0 to {len(days)}")
    numbers = days.view(np.int64)
    grows: BoolArray = numbers[1:] > numbers[:-1]
    grows[edges[(edges > 0) & (edges < len(days))] - 1] = True
    for row in np.flatnonzero(~grows) + 1:
        if days[row] < days[row - 1]:
            raise BadInput(f"sessions fall at row {row} to {days[row]}, must rise within a symbol")
    return ~grows


def _marks(own: Mapping[Field, FloatArray], edges: IntArray, *, is_needed: bool) -> IntArray | None:
    """Return the bits of `openapex.quality.screen` on every bar; None without a compiler, unless one is needed."""
    try:
        (made,) = compiled_together([(SCREEN, {})], own, edges)[0]
    except MissingCompiler:
        if is_needed:
            raise
        return None
    return made.astype(np.uint8)


def _off_calendar(days: SessionArray, calendar: str | None, today: date) -> BoolArray | slice:
    """Return the rows on days without a session, or in the future; an empty slice where there are none."""
    if not len(days):
        return slice(0)
    numbers = days.view(np.int64)
    first = int(numbers.min())
    span = np.arange(first, int(numbers.max()) + 1)
    is_held = np.zeros(len(span), dtype=np.bool_)
    for begin in range(0, len(numbers), BLOCK):  # in blocks, since new memory costs more than the work
        is_held[numbers[begin : begin + BLOCK] - first] = True
    held = span[is_held].view("datetime64[D]")
    is_bad = closed_days(held, calendar) | (held > np.datetime64(today))
    return np.isin(days, held[is_bad]) if is_bad.any() else slice(0)


def _examine_marked(held: _Universe, rule: _Rule, found: _Marked, marks: IntArray) -> None:
    """Judge the marked bars: symbols that may lose rows as a whole, of the others the volume and adjusted close."""
    rows, edges = np.flatnonzero(marks), held.edges
    bits, of_symbol = marks[rows], np.searchsorted(edges, rows, side="right") - 1
    jumps = rows[(bits & JUMP) > 0]
    jumps = jumps[jumps > edges[np.searchsorted(edges, jumps, side="right") - 1]]
    with np.errstate(invalid="ignore", divide="ignore"):  # a bar that is refused brings its symbol here by itself
        scales = _on_new_scales(held, jumps, rule.actions)
    several = sorted({*of_symbol[(bits & REFUSED) > 0].tolist(), *scales})
    _examine_some(held, rule, found, several)
    alone = ~np.isin(of_symbol, several)
    rows, bits, of_symbol = rows[alone], bits[alone], of_symbol[alone]
    found.volume[rows[(bits & BAD_VOLUME) > 0]] = np.nan
    found.adj_close[rows[(bits & BAD_ADJUSTED) > 0]] = np.nan
    silent = rows[(bits & SILENT) > 0]
    is_thin = (bits & THIN) > 0
    thin = _thin_rows(found.volume, rows[is_thin], edges[of_symbol[is_thin]])
    found.volume[silent] = np.nan
    found.volume[thin] = np.nan


def _on_new_scales(held: _Universe, jumps: IntArray, actions: pl.DataFrame | None) -> list[int]:
    """Return the symbols that `doubtful` finds, without those whose jumps are no split for another reason."""
    own, edges, symbols = held.own, held.edges, held.symbols
    of_symbol = np.searchsorted(edges, jumps, side="right") - 1
    split = set() if actions is None else set(actions["symbol"])
    has_split = np.array([symbols[at] in split for at in of_symbol.tolist()], dtype=np.bool_)
    jumps = jumps[has_split | like_a_split(own, jumps, edges[of_symbol])]
    could_be = doubtful(own["close"], np.stack([jumps, jumps - 1]), edges, symbols, actions)
    return [at for at in could_be if symbols[at] in split or not _on_one_scale(own, slice(edges[at], edges[at + 1]))]


def _on_one_scale(own: Mapping[Field, FloatArray], part: slice) -> bool:
    """Tell whether all rows of a symbol without announced splits are on one scale."""
    return bool(scale_of_one({name: values[part] for name, values in own.items()}, {}).all())


def _thin_rows(volume: FloatArray, rows: IntArray, firsts: IntArray) -> list[int]:
    """Return which rows have a volume far below those before it, given each one's first row of its symbol.

    Most that do not have too few above a hundred times it among those before.
    """
    if not len(rows):
        return []
    places = rows[:, None] - np.arange(WINDOW, 0, -1)
    before = np.where(places >= firsts[:, None], volume[np.maximum(places, 0)], np.nan)
    with np.errstate(invalid="ignore"):
        before[~(before > 0)] = np.nan
        n_above = (before > 99.0 * volume[rows][:, None]).sum(axis=1)
    could_be = np.flatnonzero(2 * n_above >= np.isfinite(before).sum(axis=1))
    return [int(rows[i]) for i in could_be if is_tiny(before[i], volume[rows[i]])]


def _examine_some(held: _Universe, rule: _Rule, found: _Marked, chosen: Sequence[int]) -> None:
    """Judge some symbols as a universe of their own."""
    if not chosen:
        return
    edges = held.edges
    rows = np.concatenate([np.arange(edges[at], edges[at + 1]) for at in chosen])
    own = {name: values[rows] for name, values in held.own.items()}
    inner = np.concatenate([[0], np.cumsum(np.diff(edges)[chosen])])
    part = _Universe(own, held.days[rows], inner, [held.symbols[at] for at in chosen])
    made = _Marked(np.ones(len(rows), dtype=np.bool_), own["volume"].copy(), own["adj_close"].copy())
    _examine(part, rule, made)
    found.keep[rows], found.volume[rows], found.adj_close[rows] = made.keep, made.volume, made.adj_close


def _examine(held: _Universe, rule: _Rule, found: _Marked) -> None:
    """Judge all bars of some symbols."""
    own, days, edges = held.own, held.days, held.edges
    volume, adjusted = found.volume, found.adj_close
    with np.errstate(invalid="ignore"):
        volume[~((volume >= 0) & (volume < np.inf))] = np.nan
        adjusted[~((adjusted > 0) & (adjusted < np.inf))] = np.nan
    ids = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    frame = pl.DataFrame({"symbol": ids, "session": days} | {name: own[name] for name in PRICES})
    today = session_of(rule.now, rule.calendar or "XNYS")
    if len(days):
        found.keep[:] = refused(frame, rule.calendar, today).is_null().to_numpy()
    cleaned = dict(own) | {"volume": volume, "adj_close": adjusted}
    found.keep[:] = _kept_on_scale(replace(held, own=cleaned), found.keep, rule.actions)
    rows = np.flatnonzero(found.keep)
    inner = np.searchsorted(rows, edges)
    if len(rows):
        judged: dict[str, FloatArray] = {name: cleaned[name][rows] for name in JUDGED}
        volume[rows[false_volumes(judged, inner)]] = np.nan


def _kept_on_scale(held: _Universe, keep: BoolArray, actions: pl.DataFrame | None) -> BoolArray:
    """Return `keep` without the rows on another scale than those around them; few symbols are looked at."""
    own, days, edges, symbols = held.own, held.days, held.edges, held.symbols
    rows = np.flatnonzero(keep)
    inner = np.searchsorted(rows, edges)
    places = np.setdiff1d(np.arange(len(rows)), inner, assume_unique=True)
    kept = keep.copy()
    for at in doubtful(own["close"], np.stack([rows[places], rows[places - 1]]), edges, symbols, actions):
        part = rows[inner[at] : inner[at + 1]]
        splits = {} if actions is None or actions.is_empty() else _splits(symbols[at], actions, pl.Series(days[part]))
        kept[part] = scale_of_one({name: values[part] for name, values in own.items()}, splits)
    return kept


def _unsettled(days: SessionArray, keep: BoolArray, edges: IntArray, calendar: str | None, now: datetime) -> BoolArray:
    """Return True on each symbol's last kept row where it has not settled."""
    last, first = edges[1:] - 1, edges[:-1]
    last, first = last[last >= first], first[last >= first]
    while len(dropped := np.flatnonzero(~keep[last] & (last > first))):
        last[dropped] -= 1
    last = last[keep[last]]
    marks = np.zeros(len(days), dtype=np.bool_)
    for day in np.unique(days[last]):
        if is_provisional(day.item(), calendar, now):
            marks[last[days[last] == day]] = True
    return marks
