"""Yahoo on localhost: real wire shapes made from a small synthetic market, and misbehaviour on command.

``with YahooServer() as yahoo:`` serves ``yahoo.url``.  Put a `Listing` into ``yahoo.listings``; order faults with
``yahoo.faults`` (a callable that sees each request and returns a `Fault` or None).  Every request is in ``yahoo.log``.
Also usable end to end: set ``APEX_YAHOO_URL`` to ``yahoo.url``.
"""

import contextlib
import gzip
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from openapex.sources.pace import Timers
from openapex.sources.yahoo import YahooSource, yahoo_session

NEW_YORK = "America/New_York"


def stamp(day: date, clock: str = "09:30", zone: str = NEW_YORK) -> int:
    """Return the Unix time of a wall clock on an exchange day."""
    hour, minute = clock.split(":")
    return int(datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=ZoneInfo(zone)).timestamp())


def single(value: float | None) -> float | None:
    """Return a number as Yahoo writes it: single precision, printed in full."""
    return None if value is None else float(np.float32(value))


@dataclass
class Listing:
    """A listing as it was traded, from which the chart of any moment is made.

    `bars` are (session, open, high, low, close, volume) as traded; dividends and gains as paid.
    """

    symbol: str
    bars: list[tuple[date, float, float, float, float, int]]
    splits: dict[date, tuple[float, float]] = field(default_factory=dict)
    dividends: dict[date, float] = field(default_factory=dict)
    gains: dict[date, float] = field(default_factory=dict)
    kind: str = "EQUITY"
    currency: str = "USD"
    zone: str = NEW_YORK
    opens: str = "09:30"
    closes: str = "16:00"
    edit: Callable[[dict[str, Any]], Any] | None = None
    news: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] | None = None

    def chart(self, period1: int, period2: int) -> dict[str, Any]:
        """Return the chart answer of the moment `period2`, adjusted for all splits until then, as Yahoo does."""
        seen = [bar for bar in self.bars if period1 <= stamp(bar[0], self.opens, self.zone) <= period2]
        return self._payload(seen, period1, period2)

    def _later(self, day: date, period2: int) -> float:
        ratios = [
            top / bottom
            for when, (top, bottom) in self.splits.items()
            if when > day and stamp(when, self.opens, self.zone) <= period2
        ]
        return float(np.prod(ratios))

    def _adjusted_closes(self, seen: list[tuple[Any, ...]], period2: int) -> list[float]:
        """Return closes after splits and dividends, walking back from the newest bar."""
        values: list[float] = []
        factor, after = 1.0, None
        for session, *_, close, _volume in reversed(seen):
            level = close / self._later(session, period2)
            if after is not None:
                paid = sum(
                    cash / self._later(when, period2)
                    for when, cash in self.dividends.items()
                    if session < when <= after
                )
                factor *= 1 - paid / level
            values.append(level * factor)
            after = session
        return values[::-1]

    def _payload(self, seen: list[tuple[Any, ...]], period1: int, period2: int) -> dict[str, Any]:
        factors = [self._later(bar[0], period2) for bar in seen]
        quote: dict[str, list[Any]] = {
            name: [single(bar[at] / factor) for bar, factor in zip(seen, factors, strict=True)]
            for at, name in enumerate(("open", "high", "low", "close"), start=1)
        }
        quote["volume"] = [round(bar[5] * factor) for bar, factor in zip(seen, factors, strict=True)]
        indicators: dict[str, Any] = {"quote": [quote if seen else {}]}
        indicators["adjclose"] = [{"adjclose": [single(v) for v in self._adjusted_closes(seen, period2)]}]
        result: dict[str, Any] = {"meta": self._meta(period2), "indicators": indicators}
        if seen:
            result["timestamp"] = [stamp(bar[0], self.opens, self.zone) for bar in seen]
        events = self._events(period1, period2)
        if events:
            result["events"] = events
        payload = {"chart": {"result": [result], "error": None}}
        return (self.edit(result) or payload) if self.edit else payload

    def _events(self, period1: int, period2: int) -> dict[str, Any]:
        events: dict[str, Any] = {}
        for name, cash in (("dividends", self.dividends), ("capitalGains", self.gains)):
            for day, amount in cash.items():
                when = stamp(day, self.opens, self.zone)
                if period1 <= when <= period2:
                    amount = round(amount / self._later(day, period2), 6)
                    events.setdefault(name, {})[str(when)] = {"amount": amount, "date": when}
        for day, (top, bottom) in self.splits.items():
            when = stamp(day, self.opens, self.zone)
            if period1 <= when <= period2:
                ratio = {"date": when, "numerator": top, "denominator": bottom, "splitRatio": f"{top:g}:{bottom:g}"}
                events.setdefault("splits", {})[str(when)] = ratio
        return events

    def _meta(self, period2: int) -> dict[str, Any]:
        today = datetime.fromtimestamp(period2, ZoneInfo(self.zone)).date()
        clocks = {"pre": ("04:00", self.opens), "regular": (self.opens, self.closes), "post": (self.closes, "20:00")}
        periods = {
            name: {
                "timezone": "EST",
                "start": stamp(today, start, self.zone),
                "end": stamp(today, end, self.zone),
                "gmtoffset": -18000,
            }
            for name, (start, end) in clocks.items()
        }
        return {
            "currency": self.currency,
            "symbol": self.symbol,
            "exchangeName": "NMS",
            "fullExchangeName": "NasdaqGS",
            "instrumentType": self.kind,
            "firstTradeDate": stamp(self.bars[0][0], self.opens, self.zone),
            "regularMarketTime": period2,
            "hasPrePostMarketData": True,
            "gmtoffset": -18000,
            "timezone": "EST",
            "exchangeTimezoneName": self.zone,
            "priceHint": 2,
            "currentTradingPeriod": periods,
            "dataGranularity": "1d",
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "1y", "max"],
        }


@dataclass(frozen=True)
class Request:
    """One request as the server saw it; `host` is the Yahoo host that was meant."""

    n: int
    host: str
    path: str
    params: Mapping[str, str]

    @property
    def symbol(self) -> str:
        """The symbol in the path, if it is a chart or a summary."""
        return unquote(self.path.rsplit("/", 1)[-1])


@dataclass(frozen=True)
class Fault:
    """What to answer instead: an HTTP answer, or something worse named by `manner`.

    `manner` is "answer", "reset" (the connection), "cut" (half of the promised body), "bad_gzip", "hang" (until the
    server stops).
    """

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: str = "answer"


NOT_FOUND = Fault(
    404,
    json.dumps(
        {
            "chart": {
                "result": None,
                "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
            }
        }
    ),
)
TOO_MANY = Fault(429, "Too Many Requests\r\n", {"Content-Type": "text/plain"})


class YahooServer:
    """A threaded server on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.listings: dict[str, Listing] = {}
        self.faults: Callable[[Request], Fault | None] = lambda request: None
        self.log: list[Request] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"yahoo": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "YahooServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def list_(self, *listings: Listing) -> None:
        """Serve these listings."""
        self.listings |= {listing.symbol: listing for listing in listings}

    def charts_asked(self) -> list[Request]:
        """Return the chart requests seen so far."""
        return [request for request in self.log if "/chart/" in request.path]

    def seen(self, host: str, path: str, params: Mapping[str, str]) -> Request:
        """Note a request."""
        with self._lock:
            request = Request(len(self.log), host, path, params)
            self.log.append(request)
        return request

    def answer(self, request: Request) -> Fault:
        """Return the proper answer to a request."""
        if request.path in ("", "/"):
            return Fault(404, "", {"Set-Cookie": "A3=d=x; Domain=127.0.0.1; Path=/; Max-Age=31557600"})
        if request.path.endswith("/getcrumb"):
            return Fault(200, "a.Crumb", {"Content-Type": "text/plain"})
        if request.path == "/v1/finance/search":
            listing = self.listings.get(request.params["q"])
            return Fault(200, json.dumps({"count": 0, "quotes": [], "news": listing.news if listing else []}))
        listing = self.listings.get(request.symbol)
        if request.path.startswith("/v8/finance/chart/") and listing:
            return Fault(200, json.dumps(listing.chart(int(request.params["period1"]), int(request.params["period2"]))))
        if request.path.startswith("/v10/finance/quoteSummary/") and listing and listing.summary:
            return Fault(200, json.dumps({"quoteSummary": {"result": [listing.summary], "error": None}}))
        return NOT_FOUND if "/chart/" in request.path else _NO_SUMMARY


class FakeTime:
    """A clock that only sleeping moves, so that no test waits; `moves_s` is what each look at it costs."""

    def __init__(self, now: datetime, moves_s: float = 0.0) -> None:
        self.start, self.passed_s, self.moves_s = now, 0.0, moves_s
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Return seconds since the start."""
        with self._lock:
            self.passed_s += self.moves_s
            return self.passed_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.slept.append(seconds)
            self.passed_s += seconds

    def now(self) -> datetime:
        """Return the date and time."""
        return self.start + timedelta(seconds=self.passed_s)

    def timers(self) -> Timers:
        """Return it as the source wants it."""
        return Timers(self.monotonic, self.sleep, random.Random(7).random)


def source(yahoo: "YahooServer", now: datetime, time: FakeTime | None = None, **given: Any) -> YahooSource:
    """Return a source that asks this server, on a fake clock, without extras unless given."""
    time = time or FakeTime(now)
    settings: dict[str, Any] = {"extras": False, **given}
    return YahooSource(yahoo_session(yahoo.url), now=time.now, timers=time.timers(), **settings)


@pytest.fixture(name="yahoo")
def yahoo_fixture() -> Iterator["YahooServer"]:
    """A running server."""
    with YahooServer() as server:
        yield server


_NO_SUMMARY = Fault(
    404,
    json.dumps(
        {
            "quoteSummary": {
                "result": None,
                "error": {"code": "Not Found", "description": "Quote not found for symbol: X"},
            }
        }
    ),
)


class _Handler(BaseHTTPRequestHandler):
    yahoo: YahooServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        params = dict(parse_qsl(parts.query))
        request = self.yahoo.seen(self.headers.get("X-Yahoo-Host", ""), parts.path, params)
        fault = self.yahoo.faults(request) or self.yahoo.answer(request)
        try:
            getattr(self, f"_{fault.manner}")(fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, fault: Fault) -> None:
        self._send(fault, fault.body.encode())

    def _bad_gzip(self, fault: Fault) -> None:
        body = gzip.compress(fault.body.encode() * 50)
        self._send(fault, body[: len(body) // 2] + b"\x00" * 20, {"Content-Encoding": "gzip"})

    def _cut(self, fault: Fault) -> None:
        body = fault.body.encode()
        self._send(fault, body[: len(body) // 2], length=len(body))
        self.close_connection = True

    def _reset(self, fault: Fault) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _hang(self, fault: Fault) -> None:
        self.yahoo.stopping.wait(10)
        self.close_connection = True

    def _send(
        self, fault: Fault, body: bytes, more: Mapping[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(fault.status)
        headers = {"Content-Type": "application/json;charset=utf-8", **fault.headers, **(more or {})}
        for name, value in {**headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""
