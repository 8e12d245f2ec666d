"""Analyze through the store and the network: fresh is served, stale is refreshed, and a fault costs nothing held."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.sources.yahoo_server import TOO_MANY, Fault, Listing, YahooServer, source

import openapex as apex
from openapex.desk import material
from openapex.errors import NoData, StoreError
from openapex.sessions import sessions_between
from openapex.sources.source import Source
from openapex.store import Store

MONDAY_NIGHT = datetime(2024, 6, 25, 2, tzinfo=UTC)
FRIDAY_NIGHT = datetime(2024, 6, 29, 2, tzinfo=UTC)


def listing(symbol: str, until: str = "2024-06-28") -> Listing:
    days = sessions_between(np.datetime64("2023-01-03").item(), np.datetime64(until).item())
    rng = np.random.default_rng(4)
    close = 200 * np.cumprod(1 + rng.normal(0.0004, 0.011, len(days)))
    bars = [
        (day.item(), price * 0.999, price * 1.01, price * 0.99, price, 1_000_000)
        for day, price in zip(days, close.tolist(), strict=True)
    ]
    return Listing(symbol, bars)


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[YahooServer]:
    with YahooServer() as server:
        server.list_(*(listing(name) for name in ("IWM", "SPY", "QQQ")))
        monkeypatch.setenv("APEX_YAHOO_URL", server.url)
        monkeypatch.setenv("APEX_HOME", str(tmp_path))
        yield server


@pytest.fixture
def unhurried(yahoo: YahooServer, monkeypatch: pytest.MonkeyPatch) -> YahooServer:
    """The same server, asked by a source whose clock is made up: waiting between requests takes no time."""

    def open_source(name: str, now: datetime, *data: Path, **given: object) -> Source:
        if name != "yahoo":
            return really(name, now, *data)
        return source(yahoo, now, extras=given.get("extras", True))

    really = material.open_source
    for module in ("material", "fetch"):
        monkeypatch.setattr(f"openapex.desk.{module}.open_source", open_source)
    return yahoo


def test_first_use_fetches_the_symbol_and_its_benchmarks(yahoo: YahooServer) -> None:
    report = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert (report.data.source, report.session.isoformat()) == ("yahoo", "2024-06-28")
    assert not report.simulated
    assert not report.data.stale
    assert not np.isnan(report.key_stats["beta_spy"])
    assert report.data.version.startswith("store@")


def test_what_is_fresh_is_served_without_a_request(unhurried: YahooServer) -> None:
    first = apex.analyze("IWM", now=FRIDAY_NIGHT)
    asked = len(unhurried.log)
    second = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert len(unhurried.log) == asked
    assert second.to_dict() == first.to_dict()


def test_what_is_stale_is_refreshed_and_equals_a_bulk_load(
    unhurried: YahooServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    early = apex.analyze("IWM", now=MONDAY_NIGHT)
    assert early.session.isoformat() == "2024-06-24"
    late = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert late.session.isoformat() == "2024-06-28"
    monkeypatch.setenv("APEX_HOME", str(tmp_path / "bulk"))
    bulk = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert late.to_dict()["signals"][:6] == bulk.to_dict()["signals"][:6]
    assert late.key_stats == pytest.approx(bulk.key_stats, nan_ok=True)


@pytest.mark.parametrize(
    "fault",
    [TOO_MANY, Fault(200, "<html>down</html>"), Fault(manner="reset"), Fault(manner="cut", body="{}")],
    ids=["rate limit", "html", "reset", "cut"],
)
def test_scenario_03_when_the_network_fails_the_stored_is_served_dated_and_stale(
    unhurried: YahooServer, fault: Fault, tmp_path: Path
) -> None:
    early = apex.analyze("IWM", now=MONDAY_NIGHT)
    held = Store(tmp_path).content_hash()
    unhurried.faults = lambda request: fault
    late = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert late.session == early.session
    assert late.data.stale
    assert any("could not refresh IWM" in warning.message for warning in late.data.warnings)
    assert not any("delisted" in warning.message for warning in late.data.warnings)
    assert Store(tmp_path).content_hash() == held


def test_offline_asks_for_nothing(unhurried: YahooServer) -> None:
    with pytest.raises(NoData, match="offline was asked for"):
        apex.analyze("IWM", offline=True, now=FRIDAY_NIGHT)
    assert not unhurried.log


def test_as_of_within_what_is_held_asks_for_nothing(unhurried: YahooServer) -> None:
    apex.analyze("IWM", now=MONDAY_NIGHT)
    asked = len(unhurried.log)
    report = apex.analyze("IWM", as_of="2024-03-28", now=FRIDAY_NIGHT)
    assert report.session.isoformat() == "2024-03-28"
    assert len(unhurried.log) == asked


def test_an_unknown_ticker_says_what_yahoo_said(unhurried: YahooServer) -> None:
    with pytest.raises(NoData, match="nothing is stored for IWMX"):
        apex.analyze("IWMX", now=FRIDAY_NIGHT)


def test_fetch_accounts_for_every_symbol(unhurried: YahooServer) -> None:
    seen: list[str] = []
    report = apex.fetch(["IWM", "NOPE", "SPY"], progress=seen.append, now=FRIDAY_NIGHT)
    assert sorted(report.stored) == ["IWM", "SPY"]
    assert list(report.failed) == ["NOPE"]
    assert seen == ["IWM", "NOPE", "SPY"]
    assert report.to_dict()["failed"]["NOPE"]["cause"] == "UnknownSymbol"
    again = apex.fetch(["IWM"], now=FRIDAY_NIGHT)
    assert (again.n_new, again.n_revised) == (0, 0)


def test_scenario_04_one_typo_of_many_and_all_typos(unhurried: YahooServer) -> None:
    names = [f"T{n}" for n in range(20)]
    unhurried.list_(*(listing(name, "2023-02-28") for name in names[:-1]))
    report = apex.fetch(names, now=FRIDAY_NIGHT)
    assert len(report.requested) == len(report.stored) + len(report.no_new_data) + len(report.failed)
    assert list(report.failed) == ["T19"]
    assert list(apex.fetch(["AAAA", "BBBB"], now=FRIDAY_NIGHT).failed) == ["AAAA", "BBBB"]


def test_a_fault_is_told_of_the_symbols_it_hit_alone(unhurried: YahooServer) -> None:
    apex.analyze("IWM", now=MONDAY_NIGHT)
    unhurried.faults = lambda request: TOO_MANY if request.path.endswith("/SPY") else None
    late = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert late.session.isoformat() == "2024-06-28"
    assert not [warning for warning in late.data.warnings if "could not refresh" in warning.message]


def test_a_store_that_cannot_be_written_still_answers(unhurried: YahooServer, monkeypatch: pytest.MonkeyPatch) -> None:
    early = apex.analyze("IWM", now=MONDAY_NIGHT)

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Store, "ingest", full)
    late = apex.analyze("IWM", now=FRIDAY_NIGHT)
    assert late.session == early.session
    assert any("the disk is full" in warning.message for warning in late.data.warnings)


def test_a_weekend_as_of_asks_for_nothing_when_friday_is_held(unhurried: YahooServer) -> None:
    apex.analyze("IWM", now=FRIDAY_NIGHT)
    asked = len(unhurried.log)
    report = apex.analyze("IWM", as_of="2024-06-30", now=datetime(2024, 8, 1, tzinfo=UTC))
    assert report.session.isoformat() == "2024-06-28"
    assert len(unhurried.log) == asked


def test_what_came_from_a_file_is_not_refreshed_and_says_so(unhurried: YahooServer, tmp_path: Path) -> None:
    apex.analyze("IWM", now=MONDAY_NIGHT)
    bars = Store(tmp_path).read("IWM").bars.rename({"session": "date"}).drop("adj_close", "provisional")
    bars.with_columns(symbol=pl.lit("FILED")).write_parquet(tmp_path / "filed.parquet")
    apex.import_path(tmp_path / "filed.parquet", now=MONDAY_NIGHT)
    asked = len(unhurried.log)
    report = apex.analyze("FILED", now=FRIDAY_NIGHT)
    assert len(unhurried.log) == asked
    assert report.data.stale
    assert any("apex fetch FILED" in warning.message for warning in report.data.warnings)


def test_a_late_revision_within_the_overlap_is_seen(unhurried: YahooServer) -> None:
    apex.analyze("IWM", now=MONDAY_NIGHT)
    old = unhurried.listings["IWM"]
    at = next(i for i, bar in enumerate(old.bars) if bar[0].isoformat() == "2024-06-20")
    day, opened, high, low, close, volume = old.bars[at]
    old.bars[at] = (day, opened, high, low, close, volume * 2)
    apex.analyze("IWM", now=FRIDAY_NIGHT)
    held = apex.analyze("IWM", as_of="2024-06-20", now=FRIDAY_NIGHT)
    assert held.key_stats["relative_volume"] == pytest.approx(2.0)
