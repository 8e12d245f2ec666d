"""What every HTTP provider can do wrong, under our names; a fault never says anything about the symbol."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from openapex.errors import ApexError, BadPayload, NetworkError, RateLimited

QUOTE_CHARS = 160
BROKEN_BODY = frozenset({"IncompleteRead", "ChunkedEncodingError", "ContentDecodingError", "InvalidChunkLength"})
UNREACHED = {
    "NameResolutionError": "name resolution failed", "Could not resolve host": "name resolution failed",
    "Connection refused": "connection refused", "Network is unreachable": "network is unreachable",
}  # fmt: skip
"""What a transport's long words come to."""
BAD_CONTENT_ENCODING = 61  # curl's code for a body that does not unpack


class Refused(RateLimited):
    """Too many requests, with the provider's own waiting time where it gave one."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


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


def transport_error(provider: str, symbol: str, error: OSError) -> ApexError:
    """Return our error for one raised below HTTP (DNS, TLS, time-out, reset, a body cut short)."""
    kind = type(error).__name__
    words = str(error).removeprefix("Failed to perform, ").partition(" See https://curl.se")[0].rstrip(" .")
    if kind in BROKEN_BODY or getattr(error, "code", 0) == BAD_CONTENT_ENCODING:
        return BadPayload(f"{symbol}: {provider}'s answer broke off or does not unpack ({kind}: {words})")
    short = next((said for mark, said in UNREACHED.items() if mark in words), words)
    return NetworkError(f"{symbol}: {provider} was not reached ({kind}: {short})")
