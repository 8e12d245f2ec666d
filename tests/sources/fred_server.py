"""FRED on localhost: the keyless CSV and the keyed API with vintages, and misbehaviour on command.

``with FredServer() as fred:`` serves ``fred.url``.  Put the history of a series into ``fred.series`` with `publish`;
order faults with ``fred.faults`` as with `YahooServer`, whose threads, log and manners of failing are used.
Usable end to end: set ``APEX_FRED_URL`` to ``fred.url``.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from yahoo_server import FakeTime, Fault, Request, YahooServer

from openapex.sources.fred import FredSource

KEY = "0123456789abcdef0123456789abcdef"
FOREVER = date(9999, 12, 31)
PAGE_NOT_FOUND = "<html><head><title>FRED</title></head><body><h1>Error: page not found</h1></body></html>"


def iso(text: str) -> date:
    """Return a date; short for ``date.fromisoformat``."""
    return date.fromisoformat(text)


class FredServer(YahooServer):
    """A threaded server on a free port of 127.0.0.1.

    `series` holds (reference, published, value as text) of each series; `header` is the CSV's name of the dates;
    `today` is the day of FRED's clock, the default of its real-time period; `ignores_period` answers every period with
    today's, as FRED does for a parameter that it does not know; `max_vintages` is its limit of one answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.series: dict[str, list[tuple[date, date, str]]] = {}
        self.without_vintages: set[str] = set()
        self.header = "observation_date"
        self.today = date(2024, 12, 6)
        self.ignores_period = False
        self.max_vintages = 2000

    def publish(self, series: str, *rows: tuple[str, str, str]) -> None:
        """Add (reference, published, value) to a series."""
        self.series.setdefault(series, []).extend((iso(r), iso(p), v) for r, p, v in rows)

    def answer(self, request: Request) -> Fault:
        """Return the proper answer to a request."""
        if request.path == "/graph/fredgraph.csv":
            return self._csv(request.params.get("id", ""))
        if request.path == "/fred/series/observations":
            return self._observations(request.params)
        return Fault(404, PAGE_NOT_FOUND, {"Content-Type": "text/html"})

    def _csv(self, series: str) -> Fault:
        if series not in self.series:
            return Fault(404, PAGE_NOT_FOUND, {"Content-Type": "text/html"})
        now = {reference: value for reference, _, value in sorted(self.series[series], key=lambda row: row[:2])}
        lines = [f"{self.header},{series}", *(f"{reference},{value}" for reference, value in sorted(now.items()))]
        return Fault(200, "\n".join(lines) + "\n", {"Content-Type": "application/csv"})

    def _observations(self, params: Mapping[str, str]) -> Fault:
        series = params["series_id"]
        if params.get("api_key") != KEY:
            return _refusal("Bad Request.  The value for variable api_key is not registered.")
        if series not in self.series:
            return _refusal("Bad Request.  The series does not exist.")
        first, last = iso(params["realtime_start"]), iso(params["realtime_end"])
        if self.ignores_period:
            first = last = self.today
        rows = self._of_period(series, first, last)
        n_vintages = len({since for _, since, _ in self.series[series] if first <= since <= last})
        if not rows or series in self.without_vintages:
            return _refusal("Bad Request.  The series does not exist in ALFRED but may exist in FRED.")
        if n_vintages > self.max_vintages:
            return _refusal(
                f"Bad Request.  There are {n_vintages} vintage dates in the specified real-time period: {first} to "
                f"{last}.  This exceeds the maximum number of vintage dates allowed ({self.max_vintages})."
            )
        limit, offset = int(params["limit"]), int(params["offset"])
        payload = {
            "realtime_start": str(first),
            "realtime_end": str(last),
            "observation_start": "1600-01-01",
            "observation_end": str(FOREVER),
            "units": "lin",
            "output_type": 1,
            "file_type": "json",
            "order_by": "observation_date",
            "sort_order": "asc",
            "count": len(rows),
            "offset": offset,
            "limit": limit,
            "observations": rows[offset : offset + limit],
        }
        return Fault(200, json.dumps(payload))

    def _of_period(self, series: str, first: date, last: date) -> list[dict[str, str]]:
        """Return observations, each period cut to the asked one, as FRED does."""
        rows = sorted(self.series[series], key=lambda row: row[:2])
        found = []
        for n, (reference, since, value) in enumerate(rows):
            is_replaced = n + 1 < len(rows) and rows[n + 1][0] == reference
            until = rows[n + 1][1] - timedelta(days=1) if is_replaced else FOREVER
            start, end = max(since, first), min(until, last)
            if start <= end:
                found.append(
                    {"realtime_start": str(start), "realtime_end": str(end), "date": str(reference), "value": value}
                )
        return found


def _refusal(words: str) -> Fault:
    return Fault(400, json.dumps({"error_code": 400, "error_message": words}))


def source(fred: FredServer, now: datetime, time: FakeTime | None = None, **given: Any) -> FredSource:
    """Return a source that asks this server, on a fake clock."""
    time = time or FakeTime(now)
    return FredSource(fred.url, now=time.now, timers=time.timers(), **given)


@pytest.fixture(name="fred")
def fred_fixture() -> Iterator[FredServer]:
    """A running server."""
    with FredServer() as server:
        yield server
