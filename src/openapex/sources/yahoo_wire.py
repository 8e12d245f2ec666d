"""Ask Yahoo one question and get JSON or a named error: cap, time-outs, retries and breaker around yfinance.

yfinance is the transport: its browser-like TLS, its cookie, crumb and consent handling.  Its parsers are not used:
``Ticker.history`` (1.7.0) keeps an HTML page in an LRU cache, so that no retry can recover, says "possibly delisted"
for a broken network and turns an unknown volume into 0 (docs/sources.md has the measurement).
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from openapex.errors import BadInput, BadPayload, NetworkError
from openapex.sources.http_faults import Refused, Response, transport_error
from openapex.sources.pace import RequestCap, Timers
from openapex.sources.patience import Patience
from openapex.sources.yahoo_errors import LoginWanted, checked_json

HOST = "https://query2.finance.yahoo.com"
REQUEST_TIMEOUT_S = 15.0
NO_CRUMB_S = 300.0
EXTRA_RETRIES = 1
MODULES = (
    "assetProfile,defaultKeyStatistics,financialData,fundProfile,price,"
    "quoteType,summaryDetail,summaryProfile,topHoldings"
)
Params: TypeAlias = Mapping[str, str | int]


class NoCrumb(NetworkError):
    """The hosts that hand out cookie and crumb do not answer (they are on many block lists)."""


class Wire:
    """The one door to Yahoo; safe to use from several threads.

    Parameters
    ----------
    session : session or None
        A curl_cffi or requests session; None makes a browser-like one.
    now : callable
        The time, aware of its zone.
    timers : Timers
        Clock, sleep and chance.
    cap : RequestCap
        The request cap to obey.
    requests_per_second : float
        Its rate.
    retries : int
        Further tries after a fault that may pass.
    cache_folder : Path or None
        Where yfinance may keep its cookie; None keeps it in memory.
    """

    def __init__(
        self,
        session: Any,
        now: Callable[[], datetime],
        timers: Timers,
        cap: RequestCap,
        requests_per_second: float,
        retries: int,
        cache_folder: Path | None,
    ) -> None:
        self._session, self._now, self._timers, self._cap = session, now, timers, cap
        self._rate, self._retries, self._cache_folder = requests_per_second, retries, cache_folder
        self._patience = Patience("Yahoo", timers, cap, final=(LoginWanted, NoCrumb))
        self._lock = threading.Lock()
        self._yfinance: Any = None
        self._crumb: str | None = None
        self._no_crumb_until = float("-inf")

    def chart(self, symbol: str, start: int, end: int, until: float | None = None) -> dict[str, Any]:
        """Return the daily chart between two Unix times, with every kind of action; every argument is pinned."""
        params: Params = {
            "period1": start,
            "period2": end,
            "interval": "1d",
            "includePrePost": "false",
            "events": "div,splits,capitalGains",
        }
        return self._ask(symbol, f"/v8/finance/chart/{quote(symbol, safe='')}", params, until, self._retries)

    def search(self, symbol: str, n_news: int, until: float | None = None) -> dict[str, Any]:
        """Return what Yahoo's search finds for a symbol: its news."""
        params: Params = {"q": symbol, "quotesCount": 1, "newsCount": n_news, "enableFuzzyQuery": "false"}
        return self._ask(symbol, "/v1/finance/search", params, until, min(self._retries, EXTRA_RETRIES))

    def quote_summary(self, symbol: str, until: float | None = None) -> dict[str, Any]:
        """Return the fundamentals or fund modules; asked for all at once, as a fund has no `financialData`."""
        params: Params = {"modules": MODULES, "formatted": "false", "lang": "en-US", "region": "US"}
        path = f"/v10/finance/quoteSummary/{quote(symbol, safe='')}"
        return self._ask(symbol, path, params, until, min(self._retries, EXTRA_RETRIES), with_crumb=True)

    def new_warnings(self) -> tuple[str, ...]:
        """Return the warnings about the transport itself, each once."""
        with self._lock:
            if self._yfinance is None:
                return ()
            found, self._yfinance.warnings = tuple(self._yfinance.warnings), []
        return found

    def _ask(
        self, symbol: str, path: str, params: Params, until: float | None, retries: int, *, with_crumb: bool = False
    ) -> dict[str, Any]:
        """Ask, and ask again after a fault that may pass, until the answer, the last try or the deadline."""
        return self._patience.ask(
            symbol, lambda: self._ask_once(symbol, HOST + path, params, until, with_crumb), until, retries
        )

    def _ask_once(self, symbol: str, url: str, params: Params, until: float | None, with_crumb: bool) -> dict[str, Any]:
        """Send one request: plainly, and through yfinance's cookie and crumb routine only if Yahoo wants a login.

        The routine costs 4 to 10 requests and runs for every status from 400 up, also when a symbol is unknown.
        """
        timeout = self._timers.left(REQUEST_TIMEOUT_S, until)
        crumb = {"crumb": self._crumb_now(symbol)} if with_crumb else {}
        try:
            return self._checked(symbol, lambda: self._plain_get(url, {**params, **crumb}, timeout))
        except LoginWanted:
            self._crumb = None
        try:
            return self._checked(symbol, lambda: self._login_get(url, params, timeout))
        except (LoginWanted, NetworkError):
            self._no_crumb_until = self._timers.monotonic() + NO_CRUMB_S
            raise

    def _checked(self, symbol: str, get: Callable[[], Response]) -> dict[str, Any]:
        """Return the JSON of one request, or the fault under its name."""
        from yfinance.exceptions import YFException, YFRateLimitError

        self._cap.wait(self._rate)
        try:
            return checked_json(symbol, get(), self._now())
        except YFRateLimitError as error:
            raise Refused(f"{symbol}: Yahoo refused because of too many requests (yfinance: {error})") from error
        except YFException as error:
            raise BadPayload(f"{symbol}: yfinance could not use Yahoo's answer ({error})") from error
        except OSError as error:
            raise transport_error("Yahoo", symbol, error) from error

    def _plain_get(self, url: str, params: Params, timeout: float) -> Response:
        """Ask without yfinance's routine: one request."""
        response: Response = self._transport()._session.get(url=url, params=dict(params), timeout=timeout)
        return response

    def _login_get(self, url: str, params: Params, timeout: float) -> Response:
        """Ask with yfinance's routine: cookie, crumb, consent, and its other strategy when the first fails."""
        response: Response = self._transport().get(url=url, params=dict(params), timeout=timeout)
        return response

    def _crumb_now(self, symbol: str) -> str:
        """Return the crumb, asked for once; where it cannot be had, nobody asks again for `NO_CRUMB_S`."""
        from yfinance.exceptions import YFException, YFRateLimitError

        if self._crumb is None:
            cause: Exception | str = "the last try is too recent"
            if self._timers.monotonic() >= self._no_crumb_until:
                try:
                    self._crumb, _ = self._transport()._get_cookie_and_crumb(REQUEST_TIMEOUT_S)
                    cause = "Yahoo gave none"
                except YFRateLimitError as error:
                    raise Refused(f"{symbol}: Yahoo refused its crumb because of too many requests") from error
                except (YFException, OSError, TypeError, ValueError) as error:
                    cause = error
            if self._crumb is None:
                self._no_crumb_until = max(self._no_crumb_until, self._timers.monotonic() + NO_CRUMB_S)
                raise NoCrumb(f"{symbol}: Yahoo's cookie and crumb are not to be had ({cause})")
        return self._crumb

    def _transport(self) -> Any:
        """Return this source's own transport, made on first use, as it imports yfinance (0.6 s)."""
        with self._lock:
            if self._yfinance is None:
                from openapex.sources.yahoo_cache import Transport
                from openapex.sources.yahoo_session import YahooSession, is_supported_session

                session = self._session or YahooSession()
                if not is_supported_session(session):
                    raise BadInput(f"session is {session!r}, must be a session of curl_cffi or requests")
                self._yfinance = Transport.own(session, self._cache_folder)
            return self._yfinance
