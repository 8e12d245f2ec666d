"""FRED, the St. Louis Fed's data base: macro series with the day each value became known.

Without a key FRED gives today's values: `known_at` comes from the table of release lags (`openapex.sources.releases`).
With a key (`FRED_API_KEY`) it gives every value that it ever showed, with the day: what was published then is told from
what is known now.  See docs/macro.md.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from openapex.bars import BAR_SCHEMA
from openapex.errors import BadInput, BadPayload, UnknownName, UnknownSymbol
from openapex.sources.fred_frames import published_frame, todays_frame
from openapex.sources.fred_parse import Point, Vintage, csv_points, merged_vintages, vintage_page
from openapex.sources.fred_wire import FredWire, NoVintages, TooManyVintages
from openapex.sources.pace import SYSTEM, RequestCap, Timers
from openapex.sources.provider import Provider
from openapex.sources.releases import KNOWN_SERIES, Release, release
from openapex.sources.source import Answer, Delivery, NoNewData, empty

URL_VARIABLE = "APEX_FRED_URL"
NEW_YORK = ZoneInfo("America/New_York")
HOURS_AFTER_CLOSE = timedelta(hours=8)
"""From the close (16:00) to midnight: what is seen after a close counts from the next day's."""
LEGAL_SERIES = re.compile(r"[A-Z0-9][A-Z0-9_]{0,39}")
FIRST_DAY, LAST_DAY = date(1776, 7, 4), date(9999, 12, 31)
"""The real-time period that FRED documents for "all vintages"."""
PAGE_ROWS = 100_000
SPAN_YEARS, SPANS_FROM = 5, 1995
"""Real-time spans for a series with more than 2,000 vintages: a daily series has at most 1,827 in five years."""
THREE_YEARS_ONLY = frozenset({"BAMLH0A0HYM2", "BAMLC0A0CM"})

fred_cap = RequestCap()
"""The one cap of this process on requests to FRED."""


def utc_now() -> datetime:
    """Return the time, the one clock of this module."""
    return datetime.now(UTC)


class FredSource(Provider):
    """FRED as a source of macro series; safe to use from several threads.

    A series is asked for and answered like a symbol, with `macro` rows and no bars.  `start` and `end` of `fetch` are
    reference dates; values that were not yet known at the close of `end` are left out too.

    Parameters
    ----------
    base_url : str or None
        For tests and proxies, e.g. ``http://127.0.0.1:8000``.  None reads the environment variable `APEX_FRED_URL`, and
        without that goes to FRED.
    api_key : str or None
        A FRED key: series that are revised come with their vintages.  None or "" asks without.
    now : callable
        The time, aware of its zone.
    requests_per_second : float, default 2
        FRED allows 120 a minute.
    retries : int, default 4
        Further tries after a fault that may pass.
    deadline_s : float or None
        Longest time one `fetch` may take; series left over are named failures.  None is as long as it takes.
    timers : Timers
        Clock, sleep and chance; for tests.

    Raises
    ------
    BadInput
        If a number breaks its rule.
    """

    name = "fred"

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        now: Callable[[], datetime] = utc_now,
        requests_per_second: float = 2.0,
        retries: int = 4,
        deadline_s: float | None = None,
        timers: Timers = SYSTEM,
    ) -> None:
        super().__init__(now, timers, requests_per_second=requests_per_second, retries=retries, deadline_s=deadline_s)
        key = (api_key or "").strip() or None
        self._has_key = key is not None
        cap = fred_cap if timers is SYSTEM else RequestCap(timers)
        base_url = base_url or os.environ.get(URL_VARIABLE)
        self._wire = FredWire(base_url, key, now, timers, cap, requests_per_second, retries)

    def symbols(self) -> Sequence[str]:
        """Return the series with a known release lag, sorted; others can be asked for with a key."""
        return tuple(series for series in KNOWN_SERIES if release(series).at_fred)

    def series(self) -> Sequence[str]:
        """Return the macro series that the source can list: all of `symbols`."""
        return self.symbols()

    def fetch_series(self, names: Sequence[str], *, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per series, in the order asked."""
        return self.fetch(names, end=end)

    def _answer(self, symbol: str, start: date | None, end: date | None, until: float | None) -> Answer:
        series, rule = symbol, _release_of(symbol)
        seen = (self._now().astimezone(NEW_YORK) + HOURS_AFTER_CLOSE).date()
        if start and start > seen:
            return NoNewData(series, f"{start} has not come yet")
        macro, warnings = self._macro(series, rule, seen, until)
        n_held = macro.height
        begin, last = start or date.min, end or date.max
        macro = macro.filter(pl.col("reference_date").is_between(begin, last), pl.col("known_at") <= last)
        if macro.is_empty():
            span = f"from {start or 'the first day'} to {end or 'now'}"
            return NoNewData(series, f"FRED's answer holds {n_held} values, none known {span}")
        return Delivery(
            symbol=series,
            source=self.name,
            simulated=False,
            basis="split_adjusted",
            bars=empty(BAR_SCHEMA),
            macro=macro,
            warnings=tuple(warnings),
        )

    def _macro(
        self, series: str, rule: Release | None, seen: date, until: float | None
    ) -> tuple[pl.DataFrame, list[str]]:
        """Return the whole series in `MACRO_SCHEMA`: as published where FRED says so, else by the release lag."""
        if self._has_key and (rule is None or rule.revised):
            try:
                return published_frame(series, rule, self._vintages(series, until)), []
            except NoVintages:
                pass  # some owners let FRED show the series but not its history
        points: list[Point] = self._wire.csv(series, {}, partial(csv_points, series), until)
        if rule is None:
            raise BadInput(
                f"series is {series!r}, must be one with a known release lag (DGS2, UNRATE …) or with vintages, for "
                "which FRED_API_KEY must be set (docs/macro.md)"
            )
        return todays_frame(rule, points, seen), _warnings(rule)

    def _vintages(self, series: str, until: float | None) -> list[Vintage]:
        """Return every value FRED ever showed; in spans where FRED refuses so many at once."""
        try:
            return merged_vintages(self._of_period(series, FIRST_DAY, LAST_DAY, until))
        except TooManyVintages:
            pass
        found: list[Vintage] = []
        for first, last in real_time_spans(self._now().year):
            try:
                found += self._of_period(series, first, last, until)
            except NoVintages:
                continue  # before the archive of this series begins
        return merged_vintages(found)

    def _of_period(self, series: str, first: date, last: date, until: float | None) -> list[Vintage]:
        """Return the vintages of one real-time period, page by page."""
        found: list[Vintage] = []
        while True:
            asked: dict[str, str | int] = {
                "realtime_start": first.isoformat(),
                "realtime_end": last.isoformat(),
                "output_type": 1,
                "limit": PAGE_ROWS,
                "offset": len(found),
            }
            page = self._wire.observations(series, asked, partial(vintage_page, series, asked), until)
            found += page.vintages
            if len(found) >= page.n_total:
                return found
            if not page.n_rows:
                raise BadPayload(f"{series}: FRED's answer ends after {len(found)} values, must be {page.n_total}")


def real_time_spans(year: int) -> list[tuple[date, date]]:
    """Return spans that cover FRED's whole real-time line, each with fewer than 2,000 days with a vintage.

    Examples
    --------
    >>> [f"{first} {last}" for first, last in real_time_spans(2003)]
    ['1776-07-04 1994-12-31', '1995-01-01 1999-12-31', '2000-01-01 9999-12-31']
    """
    starts = [FIRST_DAY, *(date(y, 1, 1) for y in range(SPANS_FROM, year + 1, SPAN_YEARS))]
    ends = [*(start - timedelta(days=1) for start in starts[1:]), LAST_DAY]
    return list(zip(starts, ends, strict=True))


def _release_of(series: str) -> Release | None:
    """Return how a series is published, None where that is not known.

    Raises
    ------
    UnknownSymbol
        If it cannot be a series of FRED.
    """
    if not LEGAL_SERIES.fullmatch(series):
        raise UnknownSymbol(f"series is {series!r}, must be letters, digits and _ (upper case)")
    try:
        rule = release(series)
    except UnknownName:
        return None
    if not rule.at_fred:
        raise UnknownSymbol(f"series is {series!r}, must be one that FRED has ({rule.title} is not there)")
    return rule


def _warnings(rule: Release) -> list[str]:
    warnings = []
    if rule.revised:
        warnings.append(f"{rule.series}: today's values, perhaps revised since; FRED_API_KEY gets them as published")
    if rule.series in THREE_YEARS_ONLY:
        warnings.append(f"{rule.series}: FRED serves only the last three years")
    return warnings
