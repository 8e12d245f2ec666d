"""Yahoo's many error faces, mapped to our few.

A fault of the network, of the payload or of the pace never says anything about the symbol: only Yahoo's own
"Not Found" makes a symbol unknown.
"""

import json
from datetime import datetime
from typing import Any

from openapex.errors import BadPayload, NoData, UnknownSymbol
from openapex.sources.http_faults import Refused, Response, quoted, retry_after_s


class LoginWanted(BadPayload):
    """Yahoo asks for a cookie or crumb (HTTP 401 or 403)."""


class NothingInSpan(NoData):
    """Yahoo knows the symbol and says that it has nothing for the span."""


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
