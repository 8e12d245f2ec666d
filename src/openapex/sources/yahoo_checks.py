"""Does Yahoo contradict itself?  Its adjusted closes against its own prices and actions, and odd dividends.

Nothing is repaired here and every original is kept: what looks wrong becomes a sentence for the user, and an adjusted
series that is not adjusted at all becomes an error.
"""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from openapex.bars import FloatArray
from openapex.errors import AdjustmentMismatch
from openapex.sources.yahoo_chart import Chart

FACTOR_TOLERANCE = 5e-4
"""Allowed gap between the stated and the recomputed day factor; rounding of cash and prices stays below 1e-4."""
FRESH_SESSIONS = 5
"""An ex-date this near to the end may not have reached Yahoo's adjusted closes yet: no word about it."""
OLD_SESSIONS = 20
"""An ex-date further back than this must have: a series that follows none of its dividends is not adjusted."""
REPEAT_DAYS = 7
LARGE_MULTIPLE = 20.0
LARGE_SHARE = 0.10
LISTED_AT_MOST = 5
Cash: TypeAlias = Mapping[date, float]


def settled_dividends(chart: Chart) -> tuple[dict[date, float], list[str]]:
    """Return cash per ex-date, capital gains included once, and a warning where they were already in the dividend."""
    cash, warnings = dict(chart.dividends), []
    for day, gain in chart.gains.items():
        dividend = cash.get(day, 0.0)
        implied = _implied_cash(chart, day)
        if dividend >= gain and abs(implied - dividend) < abs(implied - dividend - gain):
            warnings.append(
                f"the capital gain of {gain:g} on {day} is already part of that day's dividend of "
                f"{dividend:g}, counted once"
            )
        else:
            cash[day] = dividend + gain
    return cash, warnings


def adjustment_warnings(chart: Chart, cash: Cash) -> list[str]:
    """Compare Yahoo's adjusted closes with those recomputed from its own closes and cash.

    Raises
    ------
    AdjustmentMismatch
        If dividends were paid and none of them is in the adjusted closes: a raw series under the adjusted name.
    """
    adjusted = chart.columns["adjclose"]
    warnings = []
    bad = [day for day, value in zip(chart.sessions, adjusted, strict=True) if value <= 0 or np.isinf(value)]
    if bad:
        warnings.append(f"Yahoo's adjusted close is not a positive number on {_listed(bad)}; not used")
    stated, expected, drops = _day_factors(chart, cash)
    off = np.flatnonzero(np.abs(stated - expected) > FACTOR_TOLERANCE)
    ignored = [i for i in drops if abs(stated[i] - 1.0) <= FACTOR_TOLERANCE]
    if ignored and len(ignored) == len(drops) and ignored[0] < len(stated) - OLD_SESSIONS:
        i = ignored[0]
        raise AdjustmentMismatch(
            f"{chart.symbol}: Yahoo's adjusted close ignores all {len(drops)} dividends of the span, must follow them "
            f"(on {chart.sessions[i + 1]} it states a factor of {stated[i]:.5f}, its own dividend means "
            f"{expected[i]:.5f})"
        )
    off_days = [chart.sessions[i + 1] for i in off if i not in ignored or i < len(stated) - FRESH_SESSIONS]
    if off_days:
        warnings.append(
            f"Yahoo's adjusted close contradicts its own prices and actions on {_listed(off_days)}; "
            "returns are computed from the actions"
        )
    return warnings


def dividend_warnings(chart: Chart, cash: Cash) -> list[str]:
    """Return sentences about dividends that look 100 times too large, not positive, or paid twice."""
    warnings = []
    usual = float(np.median(list(cash.values()))) if len(cash) >= 3 else float("inf")
    for day, amount in cash.items():
        share, drop = _share_and_drop(chart, day, amount)
        if amount <= 0:
            warnings.append(f"the dividend on {day} is {amount:g}, must be positive; kept as delivered")
        elif share > LARGE_SHARE and drop < share / 3 and (amount > LARGE_MULTIPLE * usual or share > 0.5):
            warnings.append(
                f"the dividend of {amount:g} on {day} is {100 * share:.0f} % of the price, which moved "
                f"{-100 * drop:+.1f} %: perhaps 100 times too large; kept as delivered"
            )
    days = sorted(cash)
    for first, second in pairwise(days):
        is_near = (second - first).days <= REPEAT_DAYS
        if is_near and abs(cash[second] - cash[first]) <= 0.01 * abs(cash[first]):
            warnings.append(
                f"a dividend of {cash[second]:g} stands on {first} and again on {second}: perhaps the "
                "same one twice; kept as delivered"
            )
    return warnings


def _day_factors(chart: Chart, cash: Cash) -> tuple[FloatArray, FloatArray, list[int]]:
    """Return, between neighbouring bars, the stated and the expected factor, and the rows of dividends that matter."""
    close, adjusted = chart.columns["close"], chart.columns["adjclose"]
    ratio = np.where(np.isfinite(adjusted) & (adjusted > 0) & (close > 0), adjusted, np.nan) / close
    stated = ratio[:-1] / ratio[1:]
    expected = np.ones(max(len(close) - 1, 0))
    drops = []
    for day, amount in cash.items():
        i = _before(chart, day)
        if 0 <= i < len(expected) and close[i] > 0:
            expected[i] *= 1.0 - amount / close[i]
            if amount / close[i] > 2 * FACTOR_TOLERANCE and np.isfinite(stated[i]):
                drops.append(i)
    return stated, expected, sorted(set(drops))


def _implied_cash(chart: Chart, day: date) -> float:
    """Return the cash that Yahoo's adjusted closes mean on an ex-date; NaN where they do not reach."""
    stated, _, _ = _day_factors(chart, {})
    i = _before(chart, day)
    return float((1.0 - stated[i]) * chart.columns["close"][i]) if 0 <= i < len(stated) else float("nan")


def _share_and_drop(chart: Chart, day: date, amount: float) -> tuple[float, float]:
    """Return the dividend as a share of the close before it, and how far the price then fell, as a share too."""
    close = chart.columns["close"]
    i = _before(chart, day)
    if not 0 <= i < len(close) - 1 or not close[i] > 0:
        return 0.0, 0.0
    return amount / float(close[i]), 1.0 - float(close[i + 1] / close[i])


def _before(chart: Chart, day: date) -> int:
    """Return the row of the last bar before `day`, -1 if there is none."""
    return bisect_left(chart.sessions, day) - 1


def _listed(days: list[date]) -> str:
    shown = ", ".join(str(day) for day in days[:LISTED_AT_MOST])
    return shown + (f" and {len(days) - LISTED_AT_MOST} more sessions" if len(days) > LISTED_AT_MOST else "")
