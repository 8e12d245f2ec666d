"""Business days of the US federal government, on which the publishers of macro series work."""

from datetime import date, timedelta
from functools import cache

import numpy as np

from openapex.bars import SessionArray

FIRST_YEAR, LAST_YEAR = 1970, 2100
MONDAYS = ((1, 3, 1986), (2, 3, FIRST_YEAR), (9, 1, FIRST_YEAR), (10, 2, FIRST_YEAR))
"""Holidays on the n-th Monday: (month, n, first year): King, Washington, Labor, Columbus."""
DATES = ((1, 1, FIRST_YEAR), (6, 19, 2021), (7, 4, FIRST_YEAR), (11, 11, 1978), (12, 25, FIRST_YEAR))
"""Holidays on a date: (month, day, first year)."""


@cache
def federal_holidays() -> SessionArray:
    """Return the weekdays on which federal offices are closed, from `FIRST_YEAR` to `LAST_YEAR`, sorted.

    References
    ----------
    5 U.S.C. 6103: a holiday on a Saturday is kept on Friday, one on a Sunday on Monday.
    """
    days = {day for year in range(FIRST_YEAR, LAST_YEAR + 1) for day in _of_year(year)}
    return np.array(sorted(days), dtype="datetime64[D]")


def business_day(days: SessionArray, lag: int) -> SessionArray:
    """Return the `lag`-th business day after each day; for 0 the day itself or the first business day after it.

    Examples
    --------
    >>> friday = np.array(["2024-10-11"], dtype="datetime64[D]")  # Columbus Day is the Monday after
    >>> business_day(friday, 1)
    array(['2024-10-15'], dtype='datetime64[D]')
    """
    # 0 rolls a weekend forward; 1 counts from the last business day, so that Saturday and Friday have one answer
    rolled = np.busday_offset(days, lag, roll="backward" if lag else "forward", holidays=federal_holidays())
    return rolled.astype("datetime64[D]")


def _of_year(year: int) -> list[date]:
    fixed = [_observed(date(year, month, day)) for month, day, since in DATES if year >= since]
    mondays = [_nth(year, month, 0, n) for month, n, since in MONDAYS if year >= since]
    memorial = _nth(year, 6, 0, 1) - timedelta(days=7)
    return [*fixed, *mondays, memorial, _nth(year, 11, 3, 4)]


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """Return the n-th Monday (0) to Sunday (6) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _observed(day: date) -> date:
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))
