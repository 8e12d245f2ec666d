"""Yahoo's many error faces, mapped to our few.

A fault of the network, of the payload or of the pace never says anything about the symbol: only Yahoo's own
"Not Found" makes a symbol unknown.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from openapex.errors import ApexError, BadPayload, NetworkError, NoData, RateLimited, UnknownSymbol

QUOTE_CHARS = 160
BROKEN_BODY = frozenset({"IncompleteRead", "ChunkedEncodingError", "ContentDecodingError", "InvalidChunkLength"})
BAD_CONTENT_ENCODING = 61  # curl's code for a body that does not unpack


class Refused(RateLimited):
    """Too many requests, with the provider's own waiting time where it gave one."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class LoginWanted(BadPayload):
    """Yahoo asks for a cookie or crumb (HTTP 401 or 403)."""


class NothingInSpan(NoData):
    """Yahoo knows the symbol and says that it has nothing for the span."""


class Response(Protocol):
    """What is needed of an HTTP response, of curl_cffi or of requests."""

    status_code: int
    headers: Mapping[str, str]
    text: str


def quoted(text: str) -> str:
    """Return the provider's own words: markup and white space collapsed, cut to `QUOTE_CHARS`.

    Examples
    --------
    >>> quoted("<html><head><title>Oops</title></head><body><h1>Will be  right back</h1></body></html>")
    '"Oops Will be right back"'
    >>> quoted("")
    '(an empty body)'
    """
    plain = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text)
    plain = " ".join(plain.split())
    if not plain:
        return "(an empty body)"
    return f'"{plain[:QUOTE_CHARS]}{"…" if len(plain) > QUOTE_CHARS else ""}"'


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, given as seconds or as a date; None without one.

    Examples
    --------
    >>> now = datetime(2024, 12, 31, 12, 0, tzinfo=UTC)
    >>> retry_after_s({"Retry-After": "30"}, now), retry_after_s({"retry-after": "Tue, 31 Dec 2024 12:01:00 GMT"}, now)
    (30.0, 60.0)
    """
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - now).total_seconds())


def transport_error(symbol: str, error: OSError) -> ApexError:
    """Return our error for one raised below HTTP (DNS, TLS, time-out, reset, a body cut short)."""
    kind = type(error).__name__
    words = str(error).removeprefix("Failed to perform, ").partition(" See https://curl.se")[0].rstrip(" .")
    if kind in BROKEN_BODY or getattr(error, "code", 0) == BAD_CONTENT_ENCODING:
        return BadPayload(f"{symbol}: Yahoo's answer broke off or does not unpack ({kind}: {words})")
    return NetworkError(f"{symbol}: Yahoo was not reached ({kind}: {words})")


def checked_json(symbol: str, response: Response, now: datetime) -> dict[str, Any]:
    """Return the JSON object of a response, or raise what is wrong with it.

    Raises
    ------
    Refused
        HTTP 429, or its disguises (999, or the words in the body).
    LoginWanted
        HTTP 401 or 403.
    UnknownSymbol
        Yahoo itself says Not Found.
    NothingInSpan
        Yahoo itself says that the span holds no data.
    BadPayload
        Anything else that is not the data: another status, a page instead of JSON, a null result.
    """
    status, text = response.status_code, response.text
    if status in (429, 999) or text.lstrip()[:40].startswith(("Too Many Requests", "Edge: Too Many Requests")):
        raise Refused(
            f"{symbol}: Yahoo refused because of too many requests (HTTP {status}, {quoted(text)})",
            retry_after_s(response.headers, now),
        )
    try:
        payload = json.loads(text)
    except json.JSONDecodeError:
        payload = None
    if not isinstance(payload, dict):
        wants_login = status in (401, 403)
        raise (LoginWanted if wants_login else BadPayload)(
            f"{symbol}: Yahoo answered HTTP {status} with {quoted(text)}, must be JSON"
        )
    _raise_stated_error(symbol, status, payload)
    return payload


def _raise_stated_error(symbol: str, status: int, payload: dict[str, Any]) -> None:
    """Raise the error that the payload itself states, or that its status means."""
    part = next((value for value in payload.values() if isinstance(value, dict) and "error" in value), {})
    stated = part.get("error") or {}
    code, words = (
        (str(stated.get(key, "")) for key in ("code", "description")) if isinstance(stated, dict) else ("", "")
    )
    said = f"HTTP {status}, {code}: {quoted(words)}"
    if status in (401, 403) or code == "Unauthorized":
        raise LoginWanted(f"{symbol}: Yahoo wants a cookie or crumb ({said})")
    if code == "Not Found":
        raise UnknownSymbol(f"symbol is {symbol!r}, must be one that Yahoo knows (Yahoo says: {quoted(words)})")
    if "Data doesn't exist for startDate" in words:
        raise NothingInSpan(f"Yahoo says: {quoted(words)}")
    if status != 200 or stated:
        raise BadPayload(f"{symbol}: Yahoo answered {said}, must be data")
