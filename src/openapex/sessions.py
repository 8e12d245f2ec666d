"""Exchange days: which days are sessions, when they close, and which close was the last at a given moment.

Time is always an argument.  The New York calendar (XNYS) is a table of exceptions in the package, made by
``tools/session_table.py`` and tested equal to exchange_calendars, because importing that library (0.5–0.9 s) costs
more than a whole ``apex analyze``; any other calendar asks the library on first use (docs/adr/0002-session-table.md).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from openapex.errors import BadInput, NoData, UnknownName

SessionArray: TypeAlias = npt.NDArray[np.datetime64]
MomentArray: TypeAlias = npt.NDArray[np.datetime64]

SETTLE_MINUTES = 240
"""Minutes after the close until a bar counts as settled: prices and volume of the day still change for hours, until the
end of late trading (20:00 in New York, 17:00 on half days)."""

ZONES = {
    "XNYS": "America/New_York",
    "XTSE": "America/Toronto",
    "XMEX": "America/Mexico_City",
    "BVMF": "America/Sao_Paulo",
    "XLON": "Europe/London",
    "XDUB": "Europe/Dublin",
    "XETR": "Europe/Berlin",
    "XFRA": "Europe/Berlin",
    "XPAR": "Europe/Paris",
    "XAMS": "Europe/Amsterdam",
    "XBRU": "Europe/Brussels",
    "XLIS": "Europe/Lisbon",
    "XMAD": "Europe/Madrid",
    "XMIL": "Europe/Rome",
    "XSWX": "Europe/Zurich",
    "XWBO": "Europe/Vienna",
    "XSTO": "Europe/Stockholm",
    "XOSL": "Europe/Oslo",
    "XCSE": "Europe/Copenhagen",
    "XHEL": "Europe/Helsinki",
    "XJSE": "Africa/Johannesburg",
    "XBOM": "Asia/Kolkata",
    "XHKG": "Asia/Hong_Kong",
    "XSHG": "Asia/Shanghai",
    "XTKS": "Asia/Tokyo",
    "XKRX": "Asia/Seoul",
    "XTAI": "Asia/Taipei",
    "XSES": "Asia/Singapore",
    "XASX": "Australia/Sydney",
    "XNZE": "Pacific/Auckland",
}
"""Calendars offered, with the time zone of the exchange."""

SUFFIXES = {
    "TO": "XTSE", "V": "XTSE", "NE": "XTSE", "MX": "XMEX", "SA": "BVMF", "L": "XLON", "IR": "XDUB", "DE": "XETR",
    "F": "XFRA", "PA": "XPAR", "AS": "XAMS", "BR": "XBRU", "LS": "XLIS", "MC": "XMAD", "MI": "XMIL", "SW": "XSWX",
    "VI": "XWBO", "ST": "XSTO", "OL": "XOSL", "CO": "XCSE", "HE": "XHEL", "JO": "XJSE", "NS": "XBOM",
    "BO": "XBOM", "HK": "XHKG", "SS": "XSHG", "SZ": "XSHG", "T": "XTKS", "KS": "XKRX", "KQ": "XKRX", "TW": "XTAI",
    "TWO": "XTAI", "SI": "XSES", "AX": "XASX", "NZ": "XNZE",
}  # fmt: skip
"""Yahoo's suffix of a listing to its calendar; the two Indian exchanges share their holidays."""

INDICES = {
    **dict.fromkeys(("SPX", "GSPC", "OEX", "MID", "SP600", "NDX", "IXIC", "DJI", "DJT", "DJU", "NYA", "XAX"), "XNYS"),
    **dict.fromkeys(("RUT", "RUA", "RUI", "RLG", "RLV", "RUO", "RUJ", "W5000", "SOX", "BKX", "KRX"), "XNYS"),
    "HSI": "XHKG", "N225": "XTKS", "FTSE": "XLON", "GDAXI": "XETR", "FCHI": "XPAR", "AEX": "XAMS", "SSMI": "XSWX",
    "GSPTSE": "XTSE", "AXJO": "XASX", "KS11": "XKRX", "TWII": "XTAI", "BSESN": "XBOM", "NSEI": "XBOM", "BVSP": "BVMF",
}  # fmt: skip
"""Index names after the ``^`` to their calendar.  VIX is not here: it was published on days the NYSE was closed."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The sessions of one calendar from `first` to `last` day, and the local time at which each closes.

    `lost` are the days without a session that no yearly rule closes.
    """

    first: np.datetime64
    last: np.datetime64
    sessions: SessionArray
    lost: SessionArray
    local_closes: MomentArray
    zone: str

    def closes(self, rows: npt.NDArray[np.int64]) -> MomentArray:
        """Return the closes of the sessions in `rows` in UTC; converted on demand, 18,000 would take 35 ms."""
        local = self.local_closes[rows]
        zone = ZoneInfo(self.zone)
        offsets = [moment.replace(tzinfo=zone).utcoffset() for moment in local.tolist()]
        utc: MomentArray = local - np.array(offsets, dtype="timedelta64[us]")
        return utc


def _xnys() -> _Table:
    text = resources.files("openapex").joinpath("sessions_xnys.csv").read_text(encoding="ascii")
    head, *lines = text.splitlines()
    first, last = (np.datetime64(word, "D") for word in head.split()[2:4])
    facts = [line.split(",") for line in lines]
    closed, lost = (
        np.array([day for day, fact in facts if fact in words], dtype="datetime64[D]")
        for words in (("closed", "unscheduled"), ("unscheduled",))
    )
    early = [(day, fact) for day, fact in facts if ":" in fact]
    days = np.arange(first, last + 1)
    sessions = days[np.is_busday(days, holidays=closed)]
    closes: MomentArray = (sessions.astype("datetime64[h]") + 16).astype("datetime64[us]")
    rows = np.searchsorted(sessions, np.array([day for day, _ in early], dtype="datetime64[D]"))
    closes[rows] = np.array([f"{day}T{time}" for day, time in early], dtype="datetime64[us]")
    return _Table(first, last, sessions, lost, closes, ZONES["XNYS"])


def _asked(calendar: str) -> _Table:
    """Ask exchange_calendars, from 1990 (its own tests start there) or its own bound."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas announces its own deprecations through this library
        import exchange_calendars

        probe = exchange_calendars.get_calendar(calendar, start="2020-01-01", end="2020-12-31")
        low, high = probe.bound_min(), probe.bound_max()
        first = max(date(1990, 1, 1), low.date() if low is not None else date.min)
        last = min(date(2040, 12, 31), high.date() if high is not None else date.max)
        full = exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
        sessions = full.sessions.to_numpy().astype("datetime64[D]")
        adhoc = np.array(full.adhoc_holidays, dtype="datetime64[D]")
        lost = adhoc[np.is_busday(adhoc) & ~np.isin(adhoc, sessions)]
        closes = full.closes.dt.tz_convert(ZONES[calendar]).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return _Table(np.datetime64(first, "D"), np.datetime64(last, "D"), sessions, lost, closes, ZONES[calendar])


@lru_cache(maxsize=len(ZONES))
def _table(calendar: str) -> _Table:
    if calendar not in ZONES:
        raise UnknownName("calendar", calendar, ZONES)
    return _xnys() if calendar == "XNYS" else _asked(calendar)


def known_span(calendar: str = "XNYS") -> tuple[date, date]:
    """Return the first and last day on which the calendar's rules are known.

    XNYS starts in 1970: before it, the library that the table comes from omits the yearly holidays and the Saturday
    sessions, so nothing is claimed about those days.

    Examples
    --------
    >>> known_span("XNYS")
    (datetime.date(1970, 1, 1), datetime.date(2040, 12, 31))
    """
    table = _table(calendar)
    return _date(table.first), _date(table.last)


def sessions_between(start: date, end: date, calendar: str = "XNYS") -> SessionArray:
    """Return the sessions from `start` to `end`, both inclusive, as datetime64[D].

    Raises
    ------
    BadInput
        If a day lies outside `known_span`.
    UnknownName
        If the calendar is not one of `ZONES`.

    Examples
    --------
    >>> sessions_between(date(2025, 1, 8), date(2025, 1, 10))      # closed on the 9th: a day of mourning
    array(['2025-01-08', '2025-01-10'], dtype='datetime64[D]')
    """
    table = _table(calendar)
    low, high = _inside(start, table, calendar), _inside(end, table, calendar)
    at = np.searchsorted(table.sessions, low, side="left")
    return table.sessions[at : np.searchsorted(table.sessions, high, side="right")]


def is_planned_between(start: date, end: date, calendar: str = "XNYS") -> bool:
    """Tell whether the exchange's yearly rules have a session from `start` to `end`, both inclusive.

    A day that was closed against the rules (mourning, a storm, an attack) counts as a session: nobody knew of the
    closure long before.  So the answer for days to come is the same that could be given at any time before.

    Examples
    --------
    >>> day = date(2012, 10, 29)      # the storm Sandy
    >>> len(sessions_between(day, day)), is_planned_between(day, day)
    (0, True)
    """
    lost = _table(calendar).lost
    was_lost = (lost >= np.datetime64(start, "D")) & (lost <= np.datetime64(end, "D"))
    return bool(was_lost.any()) or len(sessions_between(start, end, calendar)) > 0


def is_session(day: date, calendar: str = "XNYS") -> bool:
    """Tell whether the exchange trades on `day`; raises `BadInput` outside `known_span`."""
    return len(sessions_between(day, day, calendar)) == 1


def close_times(sessions: SessionArray, calendar: str = "XNYS") -> MomentArray:
    """Return when each session closes, as datetime64[us] in UTC; early closes and daylight saving time included.

    Raises
    ------
    BadInput
        If a day is not a session of the calendar.

    Examples
    --------
    >>> close_times(np.array(["2024-11-29", "2024-12-02"], dtype="datetime64[D]"))
    array(['2024-11-29T18:00:00.000000', '2024-12-02T21:00:00.000000'], dtype='datetime64[us]')
    """
    table = _table(calendar)
    wanted = np.asarray(sessions, dtype="datetime64[D]")
    at = np.minimum(np.searchsorted(table.sessions, wanted), len(table.sessions) - 1)
    wrong = table.sessions[at] != wanted
    if wrong.any():
        raise BadInput(f"session is {wanted[wrong][0]}, must be a day on which {calendar} trades")
    return table.closes(at)


def session_of(moment: datetime, calendar: str = "XNYS") -> date:
    """Return the exchange's own date at `moment`: the session that a bar stamped with it belongs to.

    The date alone is told, whether or not the exchange trades on it (see `is_session`).

    Raises
    ------
    BadInput
        If `moment` has no time zone.

    Examples
    --------
    >>> session_of(datetime(2025, 3, 10, 1, 0, tzinfo=UTC))
    datetime.date(2025, 3, 9)
    """
    if calendar not in ZONES:
        raise UnknownName("calendar", calendar, ZONES)
    return _aware(moment, "moment").astimezone(ZoneInfo(ZONES[calendar])).date()


def last_closed_session(now: datetime, calendar: str = "XNYS", settle_minutes: int = SETTLE_MINUTES) -> date:
    """Return the latest session whose close lies at least `settle_minutes` before `now`.

    Raises
    ------
    BadInput
        If `now` has no time zone or lies after `known_span`.
    NoData
        If no known session had closed by then.

    Examples
    --------
    >>> last_closed_session(datetime(2026, 5, 26, 12, 0, tzinfo=UTC))         # the 25th was Memorial Day
    datetime.date(2026, 5, 22)
    """
    table = _table(calendar)
    _inside(session_of(now, calendar), table, calendar)
    before = now - timedelta(minutes=settle_minutes)
    until = int(np.searchsorted(table.sessions, np.datetime64(session_of(before, calendar), "D"), side="right"))
    rows = np.arange(max(0, until - 2), until)
    closed = rows[table.closes(rows) <= _naive_utc(before)]
    if not len(closed):
        raise NoData(f"now is {now}, must be after the first close that {calendar} knows")
    return _date(table.sessions[closed[-1]])


def is_settled(session: date, now: datetime, calendar: str = "XNYS", settle_minutes: int = SETTLE_MINUTES) -> bool:
    """Tell whether the bar of `session` was final at `now`; a bar that is not is *provisional*.

    A day that is no session of the calendar is settled once the exchange's date has passed it.
    """
    if is_session(session, calendar):
        close = close_times(np.array([session], dtype="datetime64[D]"), calendar)[0]
        return bool(close + np.timedelta64(settle_minutes, "m") <= _naive_utc(now))
    return session < session_of(now, calendar)


def calendar_of(symbol: str) -> str | None:
    """Return the calendar that a symbol (in Yahoo's spelling) trades on; None where no calendar is claimed.

    Examples
    --------
    >>> [calendar_of(symbol) for symbol in ("IWM", "BRK.B", "BRK-B", "^RUT", "0700.HK", "BTC-USD", "X.ZZZ")]
    ['XNYS', 'XNYS', 'XNYS', 'XNYS', 'XHKG', None, None]
    """
    if symbol.startswith("^"):
        return INDICES.get(symbol[1:])
    if "=" in symbol or symbol.rpartition("-")[2] in ("USD", "EUR", "GBP", "USDT", "BTC"):
        return None
    stem, dot, suffix = symbol.rpartition(".")
    if not dot or not stem:
        return "XNYS"
    is_share_class = len(suffix) == 1 and suffix.isalpha()
    return SUFFIXES.get(suffix, "XNYS" if is_share_class else None)


def _date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day))


def _inside(day: date, table: _Table, calendar: str) -> np.datetime64:
    at = np.datetime64(day, "D")
    if not table.first <= at <= table.last:
        raise BadInput(f"day is {day}, must be from {table.first} to {table.last}, which is what {calendar} knows")
    return at


def _aware(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise BadInput(f"{name} is {moment.isoformat()} without a time zone, must carry one")
    return moment


def _naive_utc(moment: datetime) -> np.datetime64:
    return np.datetime64(_aware(moment, "now").astimezone(UTC).replace(tzinfo=None), "us")
