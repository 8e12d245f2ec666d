"""Rules about the days a series does not have: holes inside it and sessions missing at its end."""

from collections.abc import Iterator
from datetime import date, datetime

import numpy as np

from openapex.quality.finding import Finding
from openapex.sessions import SessionArray, is_settled, known_span, last_closed_session, session_of, sessions_between

STALE_DAYS = 5
"""Days after which a series without a known calendar counts as stale."""


def holes(symbol: str, days: SessionArray, calendar: str | None) -> Iterator[Finding]:
    """Yield a finding per run of missing sessions between two held bars, inside the calendar's known span."""
    if calendar is None or len(days) < 2:
        return
    first, last = known_span(calendar)
    inside = days[(days >= np.datetime64(first)) & (days <= np.datetime64(last))]
    if not len(inside):
        return
    expected = sessions_between(inside[0].item(), inside[-1].item(), calendar)
    missing = expected[inside[np.minimum(np.searchsorted(inside, expected), len(inside) - 1)] != expected]
    if not len(missing):
        return
    rows = np.searchsorted(expected, missing)
    for run in np.split(np.arange(len(missing)), np.flatnonzero(np.diff(rows) != 1) + 1):
        start, end = missing[run[0]], missing[run[-1]]
        span = f"on {start}" if len(run) == 1 else f"from {start} to {end}"
        yield Finding("hole", symbol, start.item(), f"{_counted(len(run))} missing {span}", "noted", n_bars=len(run))


def stale(symbol: str, last: date, calendar: str | None, now: datetime, as_of: date | None) -> Finding | None:
    """Return a finding when sessions have closed since `last`, as known at `now` and wanted `as_of`."""
    expected = _expected(calendar, now, as_of)
    if calendar is None:
        behind = (expected - last).days
        if behind <= STALE_DAYS:
            return None
        message = f"last bar is {last}, {behind} days before {expected}"
        return Finding("stale", symbol, last, message, "noted", n_bars=0)
    if expected <= last:
        return None
    n_missing = len(sessions_between(max(last, known_span(calendar)[0]), expected, calendar)) - 1
    message = f"last bar is {last}, {_counted(n_missing)} behind the last closed one ({expected})"
    return Finding("stale", symbol, last, message, "noted", n_bars=max(n_missing, 0))


def is_provisional(last: date, calendar: str | None, now: datetime) -> bool:
    """Tell whether the bar of `last` cannot be final at `now`; without a calendar, a day ends with New York's date."""
    if calendar is None:
        return last >= session_of(now, "XNYS")
    first, end = known_span(calendar)
    return first <= last <= end and not is_settled(last, now, calendar)


def _expected(calendar: str | None, now: datetime, as_of: date | None) -> date:
    """Return the session that the last bar should stand on."""
    if calendar is None:
        today = session_of(now)
        return today if as_of is None else min(as_of, today)
    closed = last_closed_session(now, calendar)
    first, _ = known_span(calendar)
    if as_of is None or as_of >= closed:
        return closed
    wanted = sessions_between(first, max(as_of, first), calendar)
    return wanted[-1].item() if as_of >= first and len(wanted) else date.min


def _counted(n_sessions: int) -> str:
    return "1 session" if n_sessions == 1 else f"{n_sessions} sessions"
