"""Recurring days on the exchange calendar: ex-dates, quarter ends, report days."""

import numpy as np

from openapex.bars import IntArray, SessionArray

QUARTER_ENDS = ("03-31", "06-30", "09-30", "12-31")


def first_sessions(sessions: SessionArray, days: SessionArray) -> IntArray:
    """Return the row of the first session on or after each day; days after the last session are left out."""
    rows = np.searchsorted(sessions, days)
    found: IntArray = rows[(rows < len(sessions)) & (days >= sessions[0])].astype(np.int64)
    return found


def ex_dates(sessions: SessionArray, day: int, every: int, offset: int) -> IntArray:
    """Return the rows of ex-dates: `day` of the month, every so many months, starting `offset` months into the year."""
    first, last = sessions[0].astype("datetime64[M]"), sessions[-1].astype("datetime64[M]")
    months = np.arange(first, last + 1)
    months = months[months.astype(np.int64) % every == offset % every]
    return first_sessions(sessions, months.astype("datetime64[D]") + (day - 1))


def quarter_ends(sessions: SessionArray) -> SessionArray:
    """Return the quarter ends from the one before the first session to the last that is over."""
    first, last = sessions[0].astype("datetime64[Y]"), sessions[-1].astype("datetime64[Y]")
    days = [f"{year}-{end}" for year in range(int(str(first)) - 1, int(str(last)) + 1) for end in QUARTER_ENDS]
    ends = np.array(days, dtype="datetime64[D]")
    over: SessionArray = ends[(ends >= sessions[0] - 100) & (ends <= sessions[-1])]
    return over


def report_sessions(sessions: SessionArray, lag: int) -> IntArray:
    """Return the rows of the sessions on which a company reports: `lag` days after each quarter's end."""
    return first_sessions(sessions, quarter_ends(sessions) + lag)
