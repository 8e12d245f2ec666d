"""Yahoo Finance: daily prices with actions, headlines and fundamentals, through yfinance's transport.

Prices are delivered *as traded*: Yahoo's split adjustment is undone, so a day-by-day load stores the same bars as one
bulk load.  Importing this module is cheap; yfinance is imported when Yahoo is first asked.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from openapex.errors import SourceError, UnknownSymbol
from openapex.sessions import SETTLE_MINUTES, SUFFIXES, calendar_of, is_settled
from openapex.sources.pace import SYSTEM, RequestCap, Timers, process_cap
from openapex.sources.provider import Provider
from openapex.sources.source import FACT_SCHEMA, HEADLINE_SCHEMA, Answer, Delivery, NoNewData, empty
from openapex.sources.yahoo_chart import Chart, as_paid_actions, as_traded_bars, parsed_chart
from openapex.sources.yahoo_checks import adjustment_warnings, dividend_warnings, settled_dividends
from openapex.sources.yahoo_errors import NothingInSpan
from openapex.sources.yahoo_facts import facts, headlines
from openapex.sources.yahoo_wire import Wire

FIRST_DAY = date(1920, 1, 1)
N_NEWS = 20
N_LATEST = 5
NEW_YORK = ZoneInfo("America/New_York")
LEGAL_SYMBOL = re.compile(r"\^?[A-Z0-9][A-Z0-9.&=-]{0,29}")
SHARE_CLASS = re.compile(r"([A-Z]+)\.([A-Z])")


def utc_now() -> datetime:
    """Return the time, the one clock of this module."""
    return datetime.now(UTC)


def yahoo_session(base_url: str | None = None) -> Any:
    """Return a browser-like session; with `base_url`, one that sends every request there instead of to Yahoo.

    Parameters
    ----------
    base_url : str or None
        For tests and proxies, e.g. ``http://127.0.0.1:8000``.  None reads the environment variable `APEX_YAHOO_URL`,
        and without that goes to Yahoo.
    """
    from openapex.sources.yahoo_session import YahooSession

    return YahooSession(base_url)


class YahooSource(Provider):
    """Yahoo Finance as a source; safe to use from several threads.

    Headlines and facts are of today, so they are asked for only when the span of `fetch` runs until now.

    Parameters
    ----------
    session : session or None
        A curl_cffi or requests session; None makes that of `yahoo_session` on first use.
    now : callable
        The time, aware of its zone.
    requests_per_second : float, default 2
        Rate of the request cap, which all sources of the process share.
    retries : int, default 4
        Further tries after a fault that may pass.
    deadline_s : float or None
        Longest time one `fetch` may take; symbols left over are named failures.  None is as long as it takes.
    cache_folder : Path or None
        Where Yahoo's cookie is kept between processes; None keeps it in memory.
    extras : bool, default True
        Whether headlines and facts are asked for too (two more requests per symbol).
    timers : Timers
        Clock, sleep and chance; for tests.

    Raises
    ------
    BadInput
        If a number breaks its rule.
    """

    name = "yahoo"

    def __init__(
        self,
        session: Any = None,
        *,
        now: Callable[[], datetime] = utc_now,
        requests_per_second: float = 2.0,
        retries: int = 4,
        deadline_s: float | None = None,
        cache_folder: Path | None = None,
        extras: bool = True,
        timers: Timers = SYSTEM,
    ) -> None:
        super().__init__(now, timers, requests_per_second=requests_per_second, retries=retries, deadline_s=deadline_s)
        self._extras = extras
        cap = process_cap if timers is SYSTEM else RequestCap(timers)
        self._wire = Wire(session, now, timers, cap, requests_per_second, retries, cache_folder)

    def symbols(self) -> Sequence[str]:
        """Return nothing: Yahoo cannot be listed."""
        return ()

    def _answer(self, symbol: str, start: date | None, end: date | None, until: float | None) -> Answer:
        asked = yahoo_symbol(symbol)
        now = self._now()
        if start and start > now.date() + timedelta(days=1):
            return NoNewData(symbol, f"{start} has not come yet")
        begin = datetime.combine((start or FIRST_DAY) - timedelta(days=1), time(), UTC)
        try:
            payload = self._wire.chart(asked, int(begin.timestamp()), int(now.timestamp()) + 1, until)
        except NothingInSpan as error:
            return NoNewData(symbol, str(error))
        chart = parsed_chart(asked, payload)
        bars = as_traded_bars(chart, symbol, start, end)
        if bars.is_empty():
            return NoNewData(symbol, _nothing_reason(chart, start, end))
        cash, warnings = settled_dividends(chart)
        warnings += [*adjustment_warnings(chart, cash), *dividend_warnings(chart, cash), *_chart_warnings(chart)]
        is_current = end is None or end >= now.astimezone(NEW_YORK).date()
        news, known = _no_extras()
        if self._extras and is_current:
            news, known = self._headlines_and_facts(symbol, asked, until, warnings)
        return Delivery(
            symbol=symbol,
            source=self.name,
            simulated=False,
            basis="as_traded",
            bars=bars.with_columns(provisional=pl.col("session").is_in(unsettled_sessions(chart, symbol, now))),
            actions=as_paid_actions(chart, symbol, cash, start, end),
            headlines=news,
            facts=known,
            n_superseded=chart.n_superseded,
            warnings=(*self._wire.new_warnings(), *warnings),
        )

    def _headlines_and_facts(
        self, symbol: str, asked: str, until: float | None, warnings: list[str]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return headlines and facts; a fault of either is a warning, never the end of the prices."""
        news, known = _no_extras()
        try:
            news = headlines(asked, self._wire.search(asked, N_NEWS, until))
        except (SourceError, UnknownSymbol, NothingInSpan) as error:
            warnings.append(f"no headlines, {error}")
        try:
            today = self._now().astimezone(NEW_YORK).date()
            known = facts(asked, self._wire.quote_summary(asked, until), today)
        except (SourceError, UnknownSymbol, NothingInSpan) as error:
            warnings.append(f"no fundamentals, {error}")
        named = pl.lit(symbol).alias("symbol")
        return news.with_columns(named), known.with_columns(named)


def yahoo_symbol(symbol: str) -> str:
    """Return a symbol as Yahoo writes it: BRK.B is BRK-B there.

    Raises
    ------
    UnknownSymbol
        If it cannot be a symbol.

    Examples
    --------
    >>> yahoo_symbol("BRK.B"), yahoo_symbol("^RUT"), yahoo_symbol("0700.HK"), yahoo_symbol("M&M.NS")
    ('BRK-B', '^RUT', '0700.HK', 'M&M.NS')
    >>> yahoo_symbol("BARC.L")
    'BARC.L'
    """
    if not LEGAL_SYMBOL.fullmatch(symbol):
        raise UnknownSymbol(f"symbol is {symbol!r}, must be letters, digits and ^ . & = - (upper case)")
    share_class = SHARE_CLASS.fullmatch(symbol)
    return "-".join(share_class.groups()) if share_class and share_class[2] not in SUFFIXES else symbol


def unsettled_sessions(chart: Chart, symbol: str, now: datetime) -> list[date]:
    """Return the sessions of a chart whose price and volume may still change (see `openapex.sessions.is_settled`).

    Outside New York the close is the one that Yahoo states with the chart.
    """
    latest = chart.sessions[-N_LATEST:]
    if calendar_of(symbol) == "XNYS":
        return [day for day in latest if not is_settled(day, now)]
    if chart.regular is None:
        return [day for day in latest if day >= now.date()]
    opens, closes = chart.regular
    is_open = now < closes + timedelta(minutes=SETTLE_MINUTES)
    return [day for day in latest if day > opens.date() or (is_open and day == opens.date())]


def _no_extras() -> tuple[pl.DataFrame, pl.DataFrame]:
    return empty(HEADLINE_SCHEMA), empty(FACT_SCHEMA)


def _nothing_reason(chart: Chart, start: date | None, end: date | None) -> str:
    held = f"Yahoo's answer holds {len(chart.sessions)} bars"
    return f"{held}, none from {start or 'the first day'} to {end or 'now'}"


def _chart_warnings(chart: Chart) -> list[str]:
    warnings = []
    if chart.blank:
        days = ", ".join(str(day) for day in chart.blank[:5]) + (" …" if len(chart.blank) > 5 else "")
        warnings.append(f"Yahoo has {len(chart.blank)} rows without any price ({days}); not bars")
    if chart.currency and chart.currency != "USD":
        warnings.append(f"prices and dividends are in {chart.currency}, not USD")
    return warnings
