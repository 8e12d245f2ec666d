"""Ask FRED one question and get text or JSON, or a named error; the key stands in no error."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, quote_plus

from openapex.errors import BadInput, BadPayload, UnknownSymbol
from openapex.sources.http_faults import Refused, Response, quoted, retry_after_s, transport_error
from openapex.sources.pace import RequestCap, Timers
from openapex.sources.patience import Patience

GRAPH_HOST = "https://fred.stlouisfed.org"
API_HOST = "https://api.stlouisfed.org"
REQUEST_TIMEOUT_S = 30.0
AGENT = "openapex (python-requests)"
TOO_MANY_VINTAGES = re.compile(r"vintage dates.*exceeds the maximum", re.IGNORECASE | re.DOTALL)

Params: TypeAlias = Mapping[str, str | int]
T = TypeVar("T")


class NoVintages(UnknownSymbol):
    """FRED has no vintages of the series (in the asked-for period); it may still have the series."""


class TooManyVintages(BadPayload):
    """FRED refuses more than 2,000 vintages in one answer; the span must be cut."""


class FredWire:
    """The one door to FRED; safe to use from several threads.

    Parameters
    ----------
    base_url : str or None
        Where to send every request instead of to FRED's two hosts.
    api_key : str or None
        The key; replaced by stars wherever it would be shown.
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
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        now: Callable[[], datetime],
        timers: Timers,
        cap: RequestCap,
        requests_per_second: float,
        retries: int,
    ) -> None:
        self._base_url = base_url.rstrip("/") if base_url else None
        self._api_key, self._now, self._timers, self._cap = api_key, now, timers, cap
        self._rate, self._retries = requests_per_second, retries
        self._patience = Patience("FRED", timers, cap, final=(TooManyVintages,))
        self._sessions = threading.local()

    def csv(self, series: str, params: Params, parsed: Callable[[str], T], until: float | None = None) -> T:
        """Return the keyless CSV of a series through `parsed`; what `parsed` refuses is asked for again."""

        def once() -> T:
            url = f"{self._base_url or GRAPH_HOST}/graph/fredgraph.csv"
            return parsed(checked_text(series, self._get(series, url, {"id": series, **params}, until), self._now()))

        return self._patience.ask(series, once, until, self._retries)

    def observations(
        self, series: str, params: Params, parsed: Callable[[dict[str, Any]], T], until: float | None = None
    ) -> T:
        """Return one page of observations through `parsed`; what `parsed` refuses is asked for again."""

        def once() -> T:
            url = f"{self._base_url or API_HOST}/fred/series/observations"
            asked: Params = {"series_id": series, "api_key": self._api_key or "", "file_type": "json", **params}
            return parsed(checked_json(series, self._get(series, url, asked, until), self._now(), self._hidden))

        return self._patience.ask(series, once, until, self._retries)

    def _get(self, series: str, url: str, params: Params, until: float | None) -> Response:
        """Send one request."""
        timeout = self._timers.left(REQUEST_TIMEOUT_S, until)
        self._cap.wait(self._rate)
        fault: OSError
        try:
            response = self._session().get(url, params=dict(params), timeout=timeout)
            response.encoding = "utf-8"  # FRED names none, and guessing it reads the whole body several times
            checked: Response = response
            return checked
        except OSError as error:
            fault = error
        told = transport_error("FRED", series, fault)
        raise type(told)(self._hidden(str(told)))  # not from the fault: its text holds the URL, and so the key

    def _hidden(self, text: str) -> str:
        """Return a text without the key."""
        for shown in (quote_plus, quote, str):
            text = text.replace(shown(self._api_key), "***") if self._api_key else text
        return text

    def _session(self) -> Any:
        """Return this thread's session, made on first use, as it imports requests (0.1 s)."""
        if not hasattr(self._sessions, "session"):
            import requests

            self._sessions.session = requests.Session()
            self._sessions.session.headers["User-Agent"] = AGENT
            # a proxy of the environment must not stand between a test and its localhost
            self._sessions.session.trust_env = self._base_url is None
        return self._sessions.session


def checked_text(series: str, response: Response, now: datetime) -> str:
    """Return the text of a CSV answer, or raise what is wrong with it.

    Raises
    ------
    Refused
        HTTP 429.
    UnknownSymbol
        HTTP 404, which is how FRED answers for a series that it does not have.
    BadPayload
        Another status.
    """
    status, text = response.status_code, response.text
    _refuse_429(series, response, quoted(text), now)
    if status == 404:
        raise UnknownSymbol(f"series is {series!r}, must be one that FRED has (FRED says: HTTP 404, {quoted(text)})")
    if status != 200:
        raise BadPayload(f"{series}: FRED answered HTTP {status} with {quoted(text)}, must be CSV")
    return text


def checked_json(series: str, response: Response, now: datetime, hidden: Callable[[str], str]) -> dict[str, Any]:
    """Return the JSON object of an answer of the keyed API, or raise what is wrong with it.

    Parameters
    ----------
    hidden : callable
        Takes the key out of a text.

    Raises
    ------
    Refused
        HTTP 429.
    BadInput
        FRED itself says that the key is wrong.
    UnknownSymbol
        FRED itself says that the series does not exist.
    NoVintages
        FRED itself says that it has no vintages of it.
    TooManyVintages
        FRED itself says that the real-time period holds too many vintages.
    BadPayload
        Anything else that is not the data.
    """
    status = response.status_code
    words = quoted(hidden(response.text))
    try:
        payload = json.loads(response.text)
    except json.JSONDecodeError:
        payload = None
    stated = str(payload.get("error_message", "")) if isinstance(payload, dict) else ""
    said = quoted(hidden(stated)) if stated else words
    _refuse_429(series, response, said, now)
    if "api_key" in stated:
        raise BadInput(f"FRED_API_KEY is a key that FRED refuses, must be a valid FRED key (FRED says: {said})")
    if "does not exist in ALFRED" in stated:
        raise NoVintages(f"series is {series!r}, must be one with vintages (FRED says: {said})")
    if "does not exist" in stated:
        raise UnknownSymbol(f"series is {series!r}, must be one that FRED has (FRED says: {said})")
    if TOO_MANY_VINTAGES.search(stated):
        raise TooManyVintages(f"{series}: FRED does not give all vintages at once ({said})")
    if status != 200 or stated or not isinstance(payload, dict):
        raise BadPayload(f"{series}: FRED answered HTTP {status} with {said}, must be JSON observations")
    return payload


def _refuse_429(series: str, response: Response, said: str, now: datetime) -> None:
    if response.status_code == 429:
        raise Refused(
            f"{series}: FRED refused because of too many requests (HTTP 429, {said})",
            retry_after_s(response.headers, now),
        )
