"""An HTTP session that looks like a browser to Yahoo; imported only when Yahoo is asked (it pulls in yfinance)."""

import os
from typing import Any
from urllib.parse import urlsplit

from yfinance._http import HAS_CURL_CFFI, is_supported_session, new_session
from yfinance._http import requests as backend

__all__ = ["YahooSession", "is_supported_session"]

URL_VARIABLE = "APEX_YAHOO_URL"
LONGEST_TIMEOUT_S = 15.0
COOKIE_TIMEOUT_S = 4.0
"""For all but data: yfinance waits 30 s for each of its cookie and crumb requests, whatever its caller asked for."""
DATA_PATHS = ("/v1/finance/", "/v8/finance/", "/v10/finance/")


class YahooSession(backend.Session):  # type: ignore[misc]
    """yfinance's browser-like session with bounded time-outs and, for tests, another host.

    Parameters
    ----------
    base_url : str or None
        Where to send every request instead of Yahoo's hosts, e.g. ``http://127.0.0.1:8000``; the host that was meant
        goes into the header ``X-Yahoo-Host``.  None reads the environment variable `APEX_YAHOO_URL`, and without that
        goes to Yahoo.
    """

    def __init__(self, base_url: str | None = None) -> None:
        if HAS_CURL_CFFI:
            super().__init__(impersonate="chrome")
        else:
            super().__init__()
            self.headers.update(new_session().headers)
        base_url = base_url or os.environ.get(URL_VARIABLE)
        self._to = urlsplit(base_url) if base_url else None
        if base_url:
            self.trust_env = False  # a proxy of the environment must not stand between a test and its localhost

    def request(self, method: str, url: str, *args: Any, **named: Any) -> Any:
        """Send one request."""
        meant = urlsplit(url)
        longest = LONGEST_TIMEOUT_S if meant.path.startswith(DATA_PATHS) else COOKIE_TIMEOUT_S
        named["timeout"] = min(named.get("timeout") or longest, longest)
        if self._to is not None:
            named["headers"] = {**(named.get("headers") or {}), "X-Yahoo-Host": meant.netloc}
            url = meant._replace(scheme=self._to.scheme, netloc=self._to.netloc).geturl()
        return super().request(method, url, *args, **named)
