"""`apex.context` through the store and the network: the same numbers, fetched with what it is compared with."""

import importlib
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from tests.desk.tables import Tables

import openapex as apex
from openapex.cli.report import print_report
from openapex.cli.weather import print_context
from openapex.context.macro import FRED_SERIES
from openapex.context.profile import profile
from openapex.desk import material
from openapex.errors import BadInput, NoData
from openapex.sessions import sessions_between
from openapex.sources.source import Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BREADTH_COUNTS = ("S5TH", "ADV", "DECL", "MAHN", "MALN")
"""What the store does not have and FRED does not publish."""
FRIDAY_NIGHT = datetime(2024, 6, 29, 2, tzinfo=UTC)
SERVERS = Path(__file__).resolve().parents[1] / "sources"


def missing(report: apex.ContextReport) -> dict[str, str]:
    return {one.name: one.how for one in report.missing}


def printed(report: apex.ContextReport) -> str:
    console = Console(width=118, record=True, file=io.StringIO())
    print_context(report, console)
    return console.export_text()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("APEX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_store_gives_the_same_numbers_as_the_folder(home: Path, folder: Path) -> None:
    report = apex.import_path(folder, now=NOW)
    assert not report.failed
    stored = apex.context("IWM", offline=True, now=NOW)
    made, direct = stored.to_dict(), apex.context("IWM", data=folder, now=NOW).to_dict()
    assert re.fullmatch(r"store@\d+", stored.data.version)
    for topic in ("profile", "relative", "rates", "credit", "growth", "breadth", "regime", "events", "lines"):
        assert made[topic] == direct[topic], topic
    for key in ("macro", "first", "last", "n_bars"):
        assert made["data"][key] == direct["data"][key], key
    assert stored.macro_sources == ("files",)
    assert missing(stored) == {
        "XRT": "apex fetch SYMBOL", "IJR": "apex fetch SYMBOL",
        **dict.fromkeys(BREADTH_COUNTS, "apex import TABLE of date, series, value"),
    }  # fmt: skip
    assert "apex fetch XRT IJR" in printed(stored)


def test_a_store_without_macro_says_how_to_fetch_it(home: Path, tables: Tables, tmp_path: Path) -> None:
    apex.import_path(Tables(tables.bars, {}).written(tmp_path / "bars"), now=NOW)
    assert missing(apex.context("IWM", offline=True, now=NOW))["DGS2"] == "apex fetch --macro (from FRED)"
    console = Console(width=118, record=True, file=io.StringIO())
    print_report(apex.analyze("IWM", offline=True, now=NOW), console)
    assert "macro series are missing: apex fetch --macro" in console.export_text()


def test_simulated_companions_and_series_are_fetched_and_kept_apart(home: Path) -> None:
    report = apex.fetch(["IWM"], source="demo", companions=True, now=NOW)
    assert not report.failed
    assert set(report.stored) >= {"IWM", "SPY", "QQQ", "KRE", "XHB", "XBI", "HYG", "IEF", "DIA", "MDY", "DGS2", "DFF"}
    assert report.simulated
    assert report.n_macro_new > 10_000
    with pytest.raises(NoData, match="nothing is stored for IWM"):
        apex.context("IWM", offline=True, now=NOW)


@pytest.fixture
def net(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yahoo and FRED on localhost, as (yahoo, fred), asked by sources on a clock that waiting alone moves."""
    monkeypatch.syspath_prepend(SERVERS)
    fred_server, yahoo_server = (importlib.import_module(name) for name in ("fred_server", "yahoo_server"))
    really = material.open_source

    def open_source(name: str, now: datetime, *data: Path, **given: object) -> Source:
        if name == "yahoo":
            return yahoo_server.source(yahoo, now, extras=given.get("extras", True))  # type: ignore[no-any-return]
        if name == "fred":
            return fred_server.source(fred, now)  # type: ignore[no-any-return]
        return really(name, now, *data)

    with yahoo_server.YahooServer() as yahoo, fred_server.FredServer() as fred:
        monkeypatch.setenv("APEX_YAHOO_URL", yahoo.url)
        monkeypatch.setenv("APEX_FRED_URL", fred.url)
        for module in ("material", "fetch"):
            monkeypatch.setattr(f"openapex.desk.{module}.open_source", open_source)
        days = sessions_between(date(2023, 1, 3), date(2024, 6, 28))
        for name in ("IWM", *profile("IWM").companions):
            rng = np.random.default_rng([ord(letter) for letter in name])
            close = 100 * np.cumprod(1 + rng.normal(0.0004, 0.011, len(days)))
            bars = [(day.item(), p, p * 1.01, p * 0.99, p, 10**6) for day, p in zip(days, close.tolist(), strict=True)]
            yahoo.list_(yahoo_server.Listing(name, bars))
        for name in FRED_SERIES:
            firsts = np.arange("2022-01", "2024-05", dtype="datetime64[M]").astype("datetime64[D]")
            months = [str(day) for day in firsts]
            weekdays = [str(day.item()) for day in days]
            is_daily = name.startswith(("DGS", "T10", "DFF", "BAML", "VIX"))
            about = weekdays if is_daily else months
            fred.publish(name, *((day, day, f"{4 + at % 7 / 10:.2f}") for at, day in enumerate(about)))
        yield yahoo, fred


def test_macro_series_alone_are_fetched_from_fred(net: Any) -> None:
    yahoo, fred = net
    report = apex.fetch([], macro=True, now=FRIDAY_NIGHT)
    assert sorted(report.stored) == sorted(FRED_SERIES)
    assert not report.failed
    assert not yahoo.log
    assert {request.params["id"] for request in fred.log if "id" in request.params} == set(FRED_SERIES)


def test_a_symbol_is_fetched_with_what_it_is_compared_with(net: Any) -> None:
    yahoo, _ = net
    report = apex.fetch(["IWM"], companions=True, now=FRIDAY_NIGHT)
    assert set(report.stored) == {"IWM", *profile("IWM").companions, *FRED_SERIES}
    assert {request.symbol for request in yahoo.charts_asked()} == {"IWM", *profile("IWM").companions}
    asked = len(yahoo.log)
    made = apex.context("IWM", now=FRIDAY_NIGHT)
    assert len(yahoo.log) == asked
    monthly = {"ICSA", "CFNAI", "PAYEMS", "UNRATE", "DTWEXBGS"}
    assert {one.name for one in made.missing} <= {"DFEDTAR", *BREADTH_COUNTS, *monthly}
    assert made.weather.rates.two_year_pct == pytest.approx(made.to_dict()["data"]["macro"]["DGS2"]["value"])
    assert made.macro_sources == ("fred",)
    assert made.data.version.startswith("store@")
    before = made.to_dict()["data"]["macro"]["DGS2"]
    assert before["known_at"] <= "2024-06-28"


def test_one_series_that_fred_refuses_fails_alone(net: Any) -> None:
    _, fred = net
    del fred.series["CFNAI"]
    report = apex.fetch(["IWM"], macro=True, now=FRIDAY_NIGHT)
    assert list(report.failed) == ["CFNAI"]
    assert len(report.requested) == len(report.stored) + len(report.no_new_data) + len(report.failed)
    assert "IWM" in report.stored


def test_fred_may_be_asked_for_series_by_name(net: Any) -> None:
    assert apex.fetch(["DGS2", "VIXCLS"], source="fred", now=FRIDAY_NIGHT).stored == ["DGS2", "VIXCLS"]


def test_context_keeps_symbol_and_benchmarks_fresh_but_serves_the_stored_when_the_network_fails(net: Any) -> None:
    yahoo, _ = net
    first = apex.context("IWM", now=FRIDAY_NIGHT)
    assert {request.symbol for request in yahoo.charts_asked()} == {"IWM", "SPY", "QQQ"}
    assert "apex fetch" in missing(first)["KRE"]
    yahoo.faults = lambda request: importlib.import_module("yahoo_server").TOO_MANY
    later = apex.context("IWM", now=FRIDAY_NIGHT + timedelta(days=10))
    assert later.weather.session == first.weather.session
    assert later.data.stale
    assert any("could not refresh IWM" in warning.message for warning in later.data.warnings)


def test_nothing_to_fetch_is_a_named_error(home: Path) -> None:
    with pytest.raises(BadInput, match="symbols is empty"):
        apex.fetch([], now=FRIDAY_NIGHT)
