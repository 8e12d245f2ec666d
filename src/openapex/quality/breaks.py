"""Breaks of scale: splits that were not applied, currency units mixed up.  They never become a return.

A suspect row is *held* (not used) until the series shows which scale is true.  It comes back within `HOLD` bars: only
the held rows were wrong.  It stays: history restarts there, and the rows before the break are quarantined, because no
number may mix two scales.  An announced split restarts at once.  The verdict on a row never needs a later row, but for
that restart (docs/adr/0004-quality-room.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from openapex.bars import FloatArray, IntArray
from openapex.quality.habit import Habit

RATIOS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0, 1000.0)
LN_RATIOS: FloatArray = np.log(np.array(RATIOS))
LN_CERTAIN = float(np.log(50.0))
LN_SUSPECT = 0.36
"""A log move below this (43 %) is not looked at."""
SLACK = 0.03
"""How far from the exact ratio a quiet day may end; wider for symbols that move more."""
HOLD = 5
"""Bars for which an unexplained new scale is held back."""


@dataclass(slots=True)
class Breaks:
    """Rows on a wrong scale with their ratio, those an announced split explains, and where history restarts."""

    ratio: dict[int, float] = field(default_factory=dict)
    announced: set[int] = field(default_factory=set)
    restart: int = 0


def breaks(bars: Mapping[str, FloatArray], usual: Habit, moves: FloatArray, splits: Mapping[int, float]) -> Breaks:
    """Return the rows of one symbol that are on another scale than the rows around them.

    Parameters
    ----------
    bars : mapping of str to array of float, shape (n_bars,)
        Open, high, low, close and volume, split-adjusted as delivered.
    usual : Habit
        What was usual before each bar.
    moves : array of float, shape (n_bars,)
        Log return of the close from the bar before.
    splits : mapping of int to float
        Announced split of a row: new shares for one old.
    """
    found = Breaks()
    row, n_bars = 0, len(moves)
    suspects = np.flatnonzero(np.abs(moves) > LN_SUSPECT)
    while len(after := suspects[suspects > row]):
        row = int(after[0])
        ratio = _announced(moves[row], splits.get(row)) or _split_like(row, row - 1, bars, usual)
        if ratio is None:
            continue
        if row in splits:
            found.announced.add(row)
            found.ratio[row] = ratio
            found.restart = row
            continue
        row = _hold(row, ratio, bars["close"], found, n_bars)
    return found


def _hold(row: int, ratio: float, close: FloatArray, found: Breaks, n_bars: int) -> int:
    """Hold rows from `row` while they stay on the new scale; return the last row decided on."""
    before = close[row - 1]
    for at in range(row, min(row + HOLD, n_bars)):
        gone = abs(np.log(close[at] / before))
        if gone < 0.5 * abs(np.log(ratio)):
            return at  # back on the old scale
        found.ratio[at] = ratio
    if row + HOLD < n_bars:
        found.restart = row + HOLD
    return min(row + HOLD, n_bars - 1)


def _announced(move: float, split: float | None) -> float | None:
    """Return the ratio when an announced split explains the move: the rows before it were not adjusted."""
    if split is None or split <= 0 or split == 1:
        return None
    left = min(abs(move + np.log(split)), abs(move - np.log(split)))
    return float(np.exp(np.sign(move) * abs(np.log(split)))) if left < 0.35 * abs(np.log(split)) else None


def _split_like(row: int, last: int, bars: Mapping[str, FloatArray], usual: Habit) -> float | None:
    """Return the ratio when the day looks like a change of scale: an exact ratio, gone at the open, otherwise quiet."""
    close = bars["close"]
    move = float(np.log(close[row] / close[last]))
    nearest = float(LN_RATIOS[np.argmin(np.abs(LN_RATIOS - abs(move)))])
    if abs(abs(move) - nearest) > 0.12 * nearest:
        return None  # beyond any slack, so the habit need not be known
    is_certain = nearest >= LN_CERTAIN  # no market moves by 50 times in a day
    habit = usual.move[row]
    if not is_certain and not habit < nearest / 10:
        return None
    slack = 0.12 * nearest if is_certain else min(max(SLACK, 3.0 * habit), 0.12 * nearest)
    if abs(abs(move) - nearest) > slack or not (is_certain or _is_quiet(row, bars, usual, nearest)):
        return None
    opening = bars["open"][row]
    gap = float(np.log(opening / close[last])) if np.isfinite(opening) else move
    return float(np.exp(np.sign(move) * nearest)) if abs(gap - move) <= slack else None


def _is_quiet(row: int, bars: Mapping[str, FloatArray], usual: Habit, ln_ratio: float) -> bool:
    """Tell whether range and volume were those of any other day: a crash or a take-over is loud, a split is not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        span = np.log(bars["high"][row] / bars["low"][row])
        louder = np.abs(np.log(bars["volume"][row] / usual.volume[row]))
    is_calm = not (span > 2.5 * usual.span[row] + 0.01)
    scaled = min(louder, abs(louder - ln_ratio)) if np.isfinite(louder) else 0.0
    return bool(is_calm and scaled < np.log(3.0))


def held_rows(found: Breaks) -> IntArray:
    """Return the row numbers on a wrong scale, without those before the restart."""
    return np.array(sorted(set(found.ratio) - found.announced), dtype=np.int64)
