"""The context is blind to what comes later: bars by session, macro values by the day they became public."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.desk.tables import Tables, demo_tables, real_tables

import openapex as apex
from openapex.bars import SessionArray
from openapex.sources.releases import Release

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASKED: dict[str, Callable[..., object]] = {"context": lambda *a, **k: apex.context(*a, **k), "analyze": apex.analyze}


def told(what: str, symbol: str, folder: Path, day: date) -> str:
    """Return the report as JSON text, its version included: the hash of all rows that may have mattered."""
    report = ASKED[what](symbol, data=folder, as_of=day, now=NOW)
    return json.dumps(report.to_dict(), allow_nan=False)  # type: ignore[attr-defined]


def days_between(first: date, last: date, n: int, seed: int) -> list[date]:
    """Return random days, weekends and holidays among them, in order."""
    chosen = np.random.default_rng(seed).choice((last - first).days + 1, n, replace=False)
    return [first + timedelta(days=int(at)) for at in sorted(chosen)]


def eves_of(tables: Tables, series: str) -> list[date]:
    """Return the day before a value of a series became public, in a few years: on it the value must not be seen."""
    known = tables.series["macro"].filter(pl.col("series") == series)["truly_known"].unique().sort()
    chosen = [next(day for day in known if day.year == year) for year in (2003, 2009, 2016, 2022)]
    return [day - timedelta(days=1) for day in chosen]


def differing(what: str, symbol: str, tables: Tables, days: list[date], scratch: Path) -> list[date]:
    """Return the days on which removing everything later changes the report."""
    whole, found = tables.written(scratch / "whole"), []
    for day in days:
        cut = tables.cut(day).written(scratch / "cut")
        if told(what, symbol, whole, day) != told(what, symbol, cut, day):
            found.append(day)
    return found


SIMULATED_DAYS = [
    date(2000, 1, 4), date(2001, 9, 22), date(2008, 10, 10), date(2016, 2, 28), date(2020, 3, 23), date(2025, 6, 30)
]  # fmt: skip


@pytest.fixture(scope="module")
def simulated() -> Tables:
    return demo_tables()


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Tables:
    return real_tables(shared_data)


def test_removing_the_simulated_future_changes_not_a_byte(simulated: Tables, tmp_path: Path) -> None:
    assert not differing("context", "IWM", simulated, SIMULATED_DAYS, tmp_path)
    assert not differing("analyze", "IWM", simulated, SIMULATED_DAYS[2:3], tmp_path)


def test_a_planted_simulated_future_changes_not_a_byte(simulated: Tables, tmp_path: Path) -> None:
    day = date(2020, 3, 20)
    true, wild = simulated.written(tmp_path / "true"), simulated.planted(day).written(tmp_path / "wild")
    assert told("context", "IWM", true, day) == told("context", "IWM", wild, day)
    later = day + timedelta(days=40)
    assert told("context", "IWM", true, later) != told("context", "IWM", wild, later), "and is seen once it is known"


@pytest.mark.parametrize("what", ASKED)
def test_the_check_catches_a_macro_value_known_too_early(simulated: Tables, tmp_path: Path, what: str) -> None:
    day, leaking = date(2020, 3, 20), simulated.leaking()
    assert differing(what, "IWM", leaking, [day], tmp_path) == [day]
    reports = [json.loads(told(what, "IWM", tmp_path / name, day)) for name in ("whole", "cut")]
    lines = "context" if what == "analyze" else "lines"
    assert reports[0][lines] != reports[1][lines], "in its numbers, not only in the version of its data"


def test_the_check_catches_a_bar_from_the_future(simulated: Tables, tmp_path: Path) -> None:
    day = date(2020, 3, 20)
    true, leaking = simulated.written(tmp_path / "true"), simulated.planted(day - timedelta(days=1))
    assert told("context", "IWM", true, day) != told("context", "IWM", leaking.written(tmp_path / "leaking"), day)


@pytest.mark.realdata
@pytest.mark.slow
def test_scenario_26_removing_everything_after_50_random_days_changes_not_a_byte(real: Tables, tmp_path: Path) -> None:
    days = days_between(date(2000, 6, 1), date(2024, 12, 31), 50, seed=26)
    eves = [eve for series in ("PAYEMS", "FEDFUNDS") for eve in eves_of(real, series)]
    assert not differing("context", "IWM", real, [*days, *eves], tmp_path)


@pytest.mark.realdata
@pytest.mark.slow
def test_scenario_26_the_context_within_an_analysis_does_not_look_ahead(real: Tables, tmp_path: Path) -> None:
    days = days_between(date(2001, 6, 1), date(2024, 12, 31), 10, seed=27)
    assert not differing("analyze", "IWM", real, days, tmp_path)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["SPY", "QQQ", "XLK"])
def test_scenario_26_other_profiles_do_not_look_ahead(shared_data: Path, tmp_path: Path, symbol: str) -> None:
    days = days_between(date(2000, 1, 4), date(2024, 12, 31), 5, seed=len(symbol) + ord(symbol[0]))
    assert not differing("context", symbol, real_tables(shared_data, [symbol]), days, tmp_path)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("what", ASKED)
def test_a_planted_real_future_changes_not_a_byte(real: Tables, tmp_path: Path, what: str) -> None:
    day = date(2019, 6, 28)
    true, wild = real.written(tmp_path / "true"), real.planted(day).written(tmp_path / "wild")
    assert told(what, "IWM", true, day) == told(what, "IWM", wild, day)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("what", ASKED)
def test_the_real_check_catches_a_value_known_too_early(real: Tables, tmp_path: Path, what: str) -> None:
    day = date(2019, 6, 28)
    assert differing(what, "IWM", real.leaking(), [day], tmp_path) == [day]


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize(("series", "day"), [("UNRATE", date(2019, 6, 28)), ("BAMLH0A0HYM2", date(2019, 6, 28))])
def test_the_real_check_catches_a_release_rule_that_is_a_week_early(
    real: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, series: str, day: date
) -> None:
    days = [day + timedelta(days=n) for n in range(0, 35, 5)]
    assert not differing("context", "IWM", real, days, tmp_path)
    true = Release.known_at

    def early(rule: Release, reference: SessionArray) -> SessionArray:
        known = true(rule, reference)
        return np.maximum(known - 7, reference) if rule.series == series else known

    monkeypatch.setattr(Release, "known_at", early)
    assert differing("context", "IWM", real, days, tmp_path)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("series", ["PAYEMS", "FEDFUNDS"])
def test_the_eve_of_a_release_catches_a_rule_that_is_a_day_early(
    real: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, series: str
) -> None:
    true, eves = Release.known_at, eves_of(real, series)[2:]

    def early(rule: Release, reference: SessionArray) -> SessionArray:
        return true(rule, reference) - (1 if rule.series == series else 0)

    monkeypatch.setattr(Release, "known_at", early)
    assert differing("context", "IWM", real, eves, tmp_path) == eves


@pytest.mark.realdata
@pytest.mark.slow
def test_the_whole_shared_folder_says_the_same_and_names_the_absent(
    real: Tables, shared_data: Path, tmp_path: Path
) -> None:
    base = real.written(tmp_path / "base")
    made, few = (json.loads(told("context", "IWM", folder, date(2023, 6, 30))) for folder in (shared_data, base))
    assert {key: made[key] for key in made if key != "data"} == {key: few[key] for key in few if key != "data"}
    assert made["data"]["version"] == few["data"]["version"]
    assert {one["name"]: one["title"] for one in made["data"]["missing"]} == {
        "XHB": "homebuilders",
        "XBI": "biotech",
        "DFEDTARU": "Fed funds target, upper limit",
    }
    assert not [pair for pair in made["relative"]["pairs"] if pair.startswith("X") and pair != "XRT/SPY"]


def test_a_symbol_that_ended_keeps_the_macro_values_of_its_last_session(tmp_path: Path) -> None:
    tables = demo_tables()
    day, later = date(2019, 6, 28), date(2019, 12, 31)
    bars = tables.bars.filter((pl.col("symbol") != "IWM") | (pl.col("date") <= day))
    folder = Tables(bars, tables.series).written(tmp_path / "ended")
    at_its_end = apex.context("IWM", data=folder, as_of=day).to_dict()
    asked_later = apex.context("IWM", data=folder, as_of=later).to_dict()
    for key in ("rates", "credit", "growth", "regime", "events"):
        assert asked_later[key] == at_its_end[key], key
    assert min(one["age_days"] for one in asked_later["data"]["macro"].values()) >= 0
