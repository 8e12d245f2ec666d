"""Moves that deserve a second look.  They are noted, never removed: some were real (the flash crash of 2010-05-06)."""

from dataclasses import dataclass

import numpy as np

from openapex.bars import BoolArray, FloatArray
from openapex.quality.habit import Habit

N_RANGES = 5.0
"""A high (low) is a spike when it lies this many usual daily ranges beyond the closes of its own and the last bar."""
N_MOVES = 12.0
"""A close is a spike when it moved this many usual moves and came back by three quarters on the next bar."""
LN_HALF = float(np.log(1.5))
"""A jump of the close below +50 % or -33 % is not called unexplained, however quiet the symbol was."""


@dataclass(frozen=True, slots=True)
class Spikes:
    """Where a high, low or close spiked and came back, and where a close jumped and stayed; shape (n_bars,)."""

    high: BoolArray
    low: BoolArray
    close: BoolArray
    jump: BoolArray


def spikes(high: FloatArray, low: FloatArray, close: FloatArray, moves: FloatArray, usual: Habit) -> Spikes:
    """Return the spikes of one symbol; unknown habit or neighbours make no spike.

    Notes
    -----
    High, low and jump are known at the close of their bar, a close spike one bar later.
    """
    before = np.concatenate([[np.nan], close[:-1]])
    room = N_RANGES * usual.span
    up = np.log(high / np.maximum(close, before))
    down = np.log(np.minimum(close, before) / low)
    following = np.concatenate([moves[1:], [np.nan]])
    is_far = np.abs(moves) > np.maximum(N_MOVES * usual.move, 0.03)
    reverted = is_far & (np.abs(moves + following) < 0.25 * np.abs(moves))
    jump = (np.abs(moves) > np.maximum(N_MOVES * usual.move, LN_HALF)) & ~reverted
    return Spikes(high=up > room, low=down > room, close=reverted, jump=jump)
