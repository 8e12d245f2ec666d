"""The bars that may be used, of a whole universe at once: what `examined` keeps, without the sentences.

Nearly every rule is a comparison of a row with itself or the row before, so it runs over all symbols in one pass.
What is usual for a symbol (medians of 63 bars) is computed only at the few rows where it can decide something.
A test keeps this equal to `openapex.quality.examined`, bit for bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, FIELDS, BoolArray, Field, FloatArray, IntArray
from openapex.quality.breaks import LN_CERTAIN, LN_RATIOS, LN_SUSPECT, SLACK, breaks, held_rows
from openapex.quality.examine import _ordered, _splits
from openapex.quality.gaps import is_provisional
from openapex.quality.habit import LEAST, LN_TINY, N_SPREADS, WINDOW, Habit, log_moves
from openapex.quality.rows import refused
from openapex.sessions import session_of

MOST_SLACK = 0.12
"""A jump further than this share from every ratio of `breaks` is no change of scale, whatever the habit."""
MEDIAN_OVER_MEAN = 2.0
"""A median of positive numbers is at most twice their mean (Markov): a cheap bound on the usual volume."""


class LazyTrailing:
    """The quantile of the `WINDOW` known values before a bar, computed where it is asked for.

    The same numbers as `openapex.quality.habit.trailing`, without the pass over all bars.
    """

    def __init__(self, values: FloatArray, quantile: float = 0.5) -> None:
        self._values, self._quantile = values, quantile

    def __getitem__(self, row: int) -> float:
        window = self._values[max(0, row - WINDOW) : row]
        known = window[~np.isnan(window)]
        if len(known) < LEAST:
            return float("nan")
        ordered = np.sort(known)  # a quarter of the time of a Series of so few
        at = (len(known) - 1) * self._quantile
        low = int(at)
        below, above = float(ordered[low]), float(ordered[min(low + 1, len(known) - 1)])
        return below + (above - below) * (at - low)


def usable(
    bars: pl.DataFrame,
    actions: pl.DataFrame | None = None,
    *,
    calendar: str | None,
    now: datetime,
    as_of: date | None = None,
) -> pl.DataFrame:
    """Return the rows that `examined` keeps: of one or many symbols that trade on one calendar.

    Parameters
    ----------
    bars, actions, calendar, now, as_of
        As in `openapex.quality.examined`.

    Returns
    -------
    DataFrame in `BAR_SCHEMA`
        Sorted by (symbol, session), unique; bad volume or adjusted close is null.

    Raises
    ------
    UnreadableData, BadInput
        As `openapex.quality.examined`.
    """
    frame = _ordered(bars, as_of)
    rules = refused(frame, calendar, session_of(now, calendar or "XNYS"))
    if rules.null_count() < len(rules):
        frame = frame.filter(rules.is_null())
    if frame.is_empty():
        return pl.DataFrame(schema=BAR_SCHEMA)
    columns: dict[str, FloatArray] = {name: frame[name].to_numpy().copy() for name in FIELDS}
    columns["volume"][~(columns["volume"] >= 0) | np.isposinf(columns["volume"])] = np.nan
    adjusted = columns["adj_close"]
    adjusted[(adjusted <= 0) | np.isinf(adjusted)] = np.nan
    offsets = _offsets(frame["symbol"])
    keep = on_scale(frame["symbol"].gather(offsets[:-1]).to_list(), frame["session"], columns, offsets, actions)
    if not keep.all():
        frame = frame.filter(pl.Series(keep))
        columns = {name: values[keep] for name, values in columns.items()}
        offsets = np.concatenate([[0], np.cumsum(keep)])[offsets]
    columns["volume"][false_volumes(columns, offsets)] = np.nan
    frame = frame.with_columns(pl.Series(name, columns[name]).fill_nan(None) for name in ("volume", "adj_close"))
    return _with_provisional(frame, offsets, calendar, now)


def _offsets(symbols: pl.Series) -> IntArray:
    lengths = symbols.rle().struct.field("len").to_numpy()
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def on_scale(
    symbols: Sequence[str],
    sessions: pl.Series,
    columns: Mapping[str, FloatArray],
    offsets: IntArray,
    actions: pl.DataFrame | None,
) -> BoolArray:
    """Return where a row is on the scale of the rows around it; every symbol has at least a row."""
    keep = np.ones(len(columns["close"]), dtype=np.bool_)
    later = np.setdiff1d(np.arange(len(keep)), offsets[:-1], assume_unique=True)
    for at in doubtful(columns["close"], np.stack([later, later - 1]), offsets, symbols, actions):
        part = slice(int(offsets[at]), int(offsets[at + 1]))
        own = {name: values[part] for name, values in columns.items()}
        keep[part] = scale_of_one(own, _splits(symbols[at], actions, sessions[part]))
    return keep


def doubtful(
    close: FloatArray, pairs: IntArray, offsets: IntArray, symbols: Sequence[str], actions: pl.DataFrame | None
) -> list[int]:
    """Return the symbols with a jump that could be a change of scale; `pairs` are rows and those before them."""
    size = np.abs(np.log(close[pairs[0]] / close[pairs[1]]))
    rows, size = pairs[0][size > LN_SUSPECT], size[size > LN_SUSPECT]
    nearest = LN_RATIOS[np.abs(LN_RATIOS[None, :] - size[:, None]).argmin(axis=1)]
    could_be = np.abs(size - nearest) <= MOST_SLACK * nearest
    of_symbol = np.searchsorted(offsets, rows, side="right") - 1
    split = set() if actions is None else set(actions["symbol"])
    has_split = {at for at in np.unique(of_symbol).tolist() if symbols[at] in split}
    return sorted(has_split | set(of_symbol[could_be].tolist()))


def like_a_split(own: Mapping[Field, FloatArray], rows: IntArray, firsts: IntArray) -> BoolArray:
    """Tell of rows with a jump whether `breaks` could take it for a split; no row of their symbols may be left out.

    The rule of `breaks` without that of range and volume, for many rows at once; `firsts`: where their symbols begin.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        move = np.log(own["close"][rows] / own["close"][rows - 1])
        gap = np.log(own["open"][rows] / own["close"][rows - 1])
        usual = _usual_moves(own["close"], rows, firsts)
    nearest = LN_RATIOS[np.abs(LN_RATIOS[None, :] - np.abs(move)[:, None]).argmin(axis=1)]
    is_certain = nearest >= LN_CERTAIN
    slack = np.minimum(np.maximum(SLACK, 3.0 * usual), MOST_SLACK * nearest)
    slack = np.where(is_certain, MOST_SLACK * nearest, slack) + 1e-9
    is_near = (np.abs(np.abs(move) - nearest) <= slack) & (~np.isfinite(gap) | (np.abs(gap - move) <= slack))
    found: BoolArray = is_near & (is_certain | (usual < nearest / 10 + 1e-9))
    return found


def _usual_moves(close: FloatArray, rows: IntArray, firsts: IntArray) -> FloatArray:
    """Return the median absolute log move of the `WINDOW` bars before each row, NaN with fewer than `LEAST` known."""
    places = rows[:, None] - np.arange(WINDOW, 0, -1)
    is_known = places > firsts[:, None]
    moves = np.abs(np.log(close[np.maximum(places, 1)] / close[np.maximum(places - 1, 0)]))
    ordered = np.sort(np.where(is_known, moves, np.nan), axis=1)
    n = is_known.sum(axis=1)
    each = np.arange(len(rows))
    middle = (ordered[each, np.maximum(n - 1, 0) // 2] + ordered[each, np.minimum(n // 2, WINDOW - 1)]) / 2
    return np.where(n >= LEAST, middle, np.nan)


def scale_of_one(own: dict[str, FloatArray], splits: Mapping[int, float]) -> BoolArray:
    """Return where a row of one symbol is on the scale of the rows around it."""
    own["volume"] = np.where(own["volume"] > 0, own["volume"], np.nan)
    moves = log_moves(own["close"])
    usual = Habit(
        move=LazyTrailing(np.abs(moves)),  # type: ignore[arg-type]
        span=LazyTrailing(np.log(own["high"] / own["low"])),  # type: ignore[arg-type]
        volume=LazyTrailing(own["volume"]),  # type: ignore[arg-type]
    )
    found = breaks(own, usual, moves, splits)
    keep = np.ones(len(moves), dtype=np.bool_)
    if found.ratio:
        keep[: found.restart] = False
        keep[held_rows(found)] = False
    return keep


def false_volumes(columns: Mapping[str, FloatArray], offsets: IntArray) -> BoolArray:
    """Return where volume contradicts the price or is far below the habit of the bars before."""
    close, known = columns["close"], columns["volume"]
    starts = offsets[:-1][offsets[:-1] < len(close)]
    moved = np.concatenate([[False], close[1:] != close[:-1]])
    moved[starts] = False
    moved |= columns["high"] > columns["low"]
    is_false: BoolArray = (known == 0) & moved
    volume = np.where(known > 0, known, np.nan)
    for row, first in _thin(volume, offsets):
        is_false[row] |= is_tiny(volume[max(first, row - WINDOW) : row], volume[row])
    return is_false


def is_tiny(before: FloatArray, volume: float) -> bool:
    """Tell whether a volume is far below those of the `WINDOW` bars `before`; NaN is unknown."""
    at = len(before)
    if at < LEAST:
        return False
    shortfall = np.log(LazyTrailing(before)[at]) - np.log(volume)
    if not shortfall > LN_TINY:
        return False
    logs = np.log(before)
    spread = (LazyTrailing(logs, 0.75)[at] - LazyTrailing(logs, 0.25)[at]) / 1.349
    return bool(shortfall > N_SPREADS * spread)


def _thin(volume: FloatArray, offsets: IntArray) -> Iterator[tuple[int, int]]:
    """Yield the rows whose volume could be under a hundredth of the median before them, with their symbol's first."""
    filled = np.nan_to_num(volume)
    total = np.concatenate([[0.0], np.cumsum(filled)])
    count = np.concatenate([[0], np.cumsum(~np.isnan(volume))])
    rows = np.arange(len(volume))
    first = np.repeat(offsets[:-1], np.diff(offsets))
    begin = np.maximum(rows - WINDOW, first)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (total[rows] - total[begin]) / (count[rows] - count[begin])
        could_be = MEDIAN_OVER_MEAN * mean * (1 + 1e-6) > np.exp(LN_TINY) * volume
    found = np.flatnonzero(could_be & (count[rows] - count[begin] >= LEAST))
    yield from zip(found.tolist(), first[found].tolist(), strict=True)


def _with_provisional(frame: pl.DataFrame, offsets: IntArray, calendar: str | None, now: datetime) -> pl.DataFrame:
    """Mark each symbol's last bar where it has not settled."""
    last = offsets[1:][np.diff(offsets) > 0] - 1
    days = frame["session"].gather(last)
    unsettled = {day for day in days.unique().to_list() if is_provisional(day, calendar, now)}
    marked = frame["provisional"].to_numpy().copy() if not frame["provisional"].null_count() else None
    if marked is None:
        marked = frame["provisional"].fill_null(False).to_numpy().copy()
    marked[last[days.is_in(list(unsettled)).to_numpy()]] = True
    return frame.with_columns(provisional=pl.Series(marked))
