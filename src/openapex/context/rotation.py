"""Relative rotation: strength against a benchmark and its change, placed in four quadrants, with trailing windows only.

The formula is ours (docs/context.md); the commercial graph's is not public.  A weekly row stands on the last common
session of a *closed* week, so that nothing moves before the week is over (failure scenario 36).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray, SessionArray
from openapex.context.causal import NAN
from openapex.context.relative import name_of, ratios
from openapex.sessions import is_planned_between, known_span

Quadrant: TypeAlias = Literal["leading", "weakening", "lagging", "improving"]

TAIL = 8
"""Rows of the tail, today's included."""
DAILY = (63, 10)
"""Rows of the windows and of the change of strength."""
WEEKLY = (26, 2)
FLAT = 1e-9
"""A window whose highest and lowest differ by no more is flat but for rounding: its spread is 0, the value unknown."""


@dataclass(frozen=True, slots=True)
class TailPoint:
    """Where a symbol stood at the close of one session; NaN and None are unknown."""

    session: date
    rs_ratio: float
    rs_momentum: float
    quadrant: Quadrant | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where a symbol stands against a benchmark; 100 is its own trailing mean on both axes.

    Parameters
    ----------
    symbol, benchmark : str
    weekly : bool
        Rows are closed weeks, not sessions.
    window, step : int
        Rows of the trailing mean and spread; rows over which strength changes.
    session : date or None
        Session of the last row: for weeks the last of the last closed one; None without a row.
    rs_ratio, rs_momentum : float
        Trailing standard deviations from the trailing mean, plus 100; NaN is unknown.
    quadrant : str or None
    tail : tuple of TailPoint
        The last 8 rows (fewer where there are fewer), oldest first; the last is today's.
    """

    symbol: str
    benchmark: str
    weekly: bool
    window: int
    step: int
    session: date | None
    rs_ratio: float
    rs_momentum: float
    quadrant: Quadrant | None
    tail: tuple[TailPoint, ...]


def rotation(a: Bars, b: Bars, *, weekly: bool = False, calendar: str | None = "XNYS") -> Rotation:
    """Return where `a` stands against `b` on their last common session, or at the end of the last closed week.

    Parameters
    ----------
    a, b : Bars
        One symbol each; `b` is the benchmark.
    weekly : bool, default False
        Use the last common session of each closed week.
    calendar : str or None, default "XNYS"
        Exchange that says when a week is closed; None for what trades every day: Sunday ends the week.

    Returns
    -------
    Rotation
        Without rows or with too few, the numbers are unknown.

    Raises
    ------
    BadInput
        If either holds several symbols.
    UnknownName
        If the calendar is unknown.
    """
    sessions, ratio = ratios(a, b)
    if weekly:
        closed = _closes_a_week(sessions, calendar)
        sessions, ratio = sessions[closed], ratio[closed]
    window, step = WEEKLY if weekly else DAILY
    tail = _tail(sessions, ratio, window, step)
    last = tail[-1] if tail else None
    return Rotation(
        symbol=name_of(a),
        benchmark=name_of(b),
        weekly=weekly,
        window=window,
        step=step,
        session=last.session if last else None,
        rs_ratio=last.rs_ratio if last else NAN,
        rs_momentum=last.rs_momentum if last else NAN,
        quadrant=last.quadrant if last else None,
        tail=tail,
    )


def _tail(sessions: SessionArray, ratio: FloatArray, window: int, step: int) -> tuple[TailPoint, ...]:
    """Return the last rows; only the rows that their windows reach back to are computed."""
    reach = TAIL + 2 * (window - 1) + step
    strength = _standing(100.0 * np.log(ratio[-reach:]), window)
    change = np.full(len(strength), NAN)
    change[step:] = strength[step:] - strength[:-step]
    momentum = _standing(change, window)
    days = sessions[-TAIL:].tolist()
    return tuple(
        TailPoint(day, across, up, quadrant_of(across, up))
        for day, across, up in zip(days, strength[-TAIL:].tolist(), momentum[-TAIL:].tolist(), strict=True)
    )


def _standing(x: FloatArray, window: int) -> FloatArray:
    """Return 100 plus the distance of each value from the mean of its trailing window, in standard deviations.

    Every window is summed by itself, not by running sums: the result depends on nothing outside it.
    """
    out = np.full(len(x), NAN)
    if len(x) < window:
        return out
    windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(x, window))
    mean = windows.mean(axis=1)
    spread = windows.std(axis=1, ddof=1)
    has_spread = windows.max(axis=1) - windows.min(axis=1) > FLAT
    out[window - 1 :] = 100.0 + (windows[:, -1] - mean) / np.where(has_spread, spread, NAN)
    return out


def quadrant_of(across: float, up: float) -> Quadrant | None:
    """Return the quadrant of `rs_ratio` (across) and `rs_momentum` (up), None where one is unknown."""
    if across != across or up != up:
        return None
    if across >= 100.0:
        return "leading" if up >= 100.0 else "weakening"
    return "improving" if up >= 100.0 else "lagging"


def _closes_a_week(sessions: SessionArray, calendar: str | None) -> BoolArray:
    """Tell which sessions are the last common one of a closed week."""
    week = (sessions.astype(np.int64) + 3) // 7  # 1970-01-01, day 0, was a Thursday
    closes = np.ones(len(sessions), dtype=np.bool_)
    closes[:-1] = week[1:] != week[:-1]
    if len(sessions):
        closes[-1] = _is_week_over(sessions[-1].item(), calendar)
    return closes


def _is_week_over(day: date, calendar: str | None) -> bool:
    """Tell whether no session of the ISO week follows `day`; not before it is certain.

    It is certain where the yearly holidays close the rest of the week.  A closure that was not planned (2001-09-11)
    ends no week: nobody knew of it, and the first session of the next week tells.
    """
    sunday = day + timedelta(days=7 - day.isoweekday())
    if calendar is None or day == sunday:
        return day == sunday
    first, last = known_span(calendar)
    if day < first or sunday > last:
        return False
    return not is_planned_between(day + timedelta(days=1), sunday, calendar)
