"""Breadth of the stocks in the store: counted by hand, funds and indices left out, splits seen through."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from tests.desk.tables import Tables, demo_tables

import openapex as apex
from openapex.adjust import Basis
from openapex.cli.weather import print_context
from openapex.desk.surroundings import stored_universe
from openapex.sessions import sessions_between
from openapex.sources.source import ACTION_SCHEMA, BAR_SCHEMA, MACRO_SCHEMA, Delivery, empty
from openapex.store import Store, store_home

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
FRIDAY = date(2024, 6, 28)
DAYS = sessions_between(date(2023, 6, 1), FRIDAY)
UP, DOWN, FLAT = 1.002, 0.998, 1.0


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APEX_HOME", str(tmp_path / "home"))


def stock(
    symbol: str, step: float, *, n_bars: int = 240, split: float | None = None, last: float | None = None,
    source: str = "yahoo", simulated: bool = False,
) -> Delivery:  # fmt: skip
    """A stock that moves by one factor a day; `split` for one on the 30th bar from the end, as it was traded."""
    close = 50.0 * step ** np.arange(n_bars)
    if last is not None:
        close[-1] = last * close[-2]
    actions, basis = empty(ACTION_SCHEMA), "split_adjusted"
    if split is not None:
        close[-30:] /= split
        actions = pl.DataFrame([(symbol, DAYS[-30].item(), "split", split)], ACTION_SCHEMA, orient="row")
        basis = "as_traded"
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    rows = {"symbol": symbol, "session": DAYS[-n_bars:], **prices, "adj_close": None, "volume": 1e6}
    bars = pl.DataFrame(rows | {"provisional": False}).cast(dict(BAR_SCHEMA)).select(BAR_SCHEMA.names())
    known: Basis = basis  # type: ignore[assignment]
    return Delivery(symbol, source, simulated, known, bars, actions)


def unemployment(rows: list[tuple[str, date, date, float, bool]]) -> Delivery:
    macro = pl.DataFrame(rows, MACRO_SCHEMA, orient="row")
    return Delivery("UNRATE", "fred", False, "as_traded", bars=empty(BAR_SCHEMA), macro=macro)


def keep(*groups: Sequence[Delivery]) -> None:
    receipt = Store(store_home()).ingest([one for group in groups for one in group], now=NOW)
    assert not receipt.refused


def named(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{at:03}" for at in range(n)]


def test_a_report_reads_one_version_while_others_write(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("UNRATE", date(2024, 5, 1), date(2024, 6, 7), 4.0, True)]
    store = Store(store_home())
    keep([stock("IWM", UP)], [stock(name, UP) for name in named("UP", 100)], [unemployment(rows)])
    find_each = Store.find_each

    def overtaken(self: Store, *wanted: object, **how: object) -> object:
        found = find_each(self, *wanted, **how)  # type: ignore[arg-type]
        later = [(*rows[0][:3], 9.9, True)]
        Store(store_home()).ingest([stock("LATE", UP), unemployment(later)], now=NOW)
        return found

    monkeypatch.setattr(Store, "find_each", overtaken)
    report = apex.context("IWM", offline=True, as_of=FRIDAY, now=NOW)
    assert report.to_dict()["data"]["version"] == "store@1"
    assert store.find_macro("UNRATE").frame["value"].to_list() == [9.9], "the other writer was there"
    assert report.weather.growth.unemployment_pct == 4.0
    assert report.weather.breadth.advancers == 100


def test_shares_and_counts_are_those_counted_by_hand() -> None:
    keep(
        [stock(name, UP) for name in named("UP", 60)],
        [stock(name, UP, split=4.0) for name in named("SPLIT", 10)],  # as traded they fell by three quarters
        [stock(name, DOWN, split=0.1) for name in named("REVERSE", 5)],  # as traded they rose tenfold
        [stock(name, DOWN) for name in named("DOWN", 25)],
        [stock(name, FLAT) for name in named("FLAT", 8)],
        [stock(name, UP, last=0.98) for name in named("SLIP", 6)],  # fell today, still above both means
        [stock(name, UP, n_bars=120) for name in named("YOUNG", 6)],  # too young for 200
    )
    made = stored_universe(FRIDAY, NOW)
    assert made is not None
    assert (made.name, made.session, made.n_stocks) == ("stored symbols", FRIDAY, 120)
    assert (made.advancers, made.decliners) == (60 + 10 + 6, 5 + 25 + 6)
    assert made.share_above_50_pct == pytest.approx(100 * (60 + 10 + 6 + 6) / 120)
    assert made.share_above_200_pct == pytest.approx(100 * (60 + 10 + 6) / 114)


def test_99_stocks_are_no_universe_and_100_are() -> None:
    keep([stock(name, UP) for name in named("A", 99)])
    assert stored_universe(FRIDAY, NOW) is None
    keep([stock("ONE", DOWN)])
    made = stored_universe(FRIDAY, NOW)
    assert made is not None
    assert (made.advancers, made.decliners) == (99, 1)


def test_an_empty_store_is_no_universe() -> None:
    assert stored_universe(FRIDAY, NOW) is None


def test_funds_indices_and_simulated_stocks_are_not_counted() -> None:
    keep([stock(name, UP) for name in named("A", 100)])
    others = [stock(name, DOWN) for name in ("SPY", "IWM", "KRE", "HYG", "^RUT", "^VIX")]
    simulated = [stock(name, DOWN, source="demo", simulated=True) for name in named("SIM", 20)]
    keep(others, simulated)
    made = stored_universe(FRIDAY, NOW)
    assert made is not None
    assert (made.n_stocks, made.decliners, made.share_above_50_pct) == (100, 0, 100.0)


def test_a_stock_of_two_sources_is_counted_once_as_the_larger_source_has_it() -> None:
    keep([stock(name, UP) for name in named("A", 100)])
    keep([stock(name, DOWN, source="files") for name in named("A", 40)])
    made = stored_universe(FRIDAY, NOW)
    assert made is not None
    assert (made.n_stocks, made.advancers, made.decliners) == (100, 100, 0)


def test_a_larger_source_that_ended_does_not_hide_a_fresh_one() -> None:
    ended = [stock(name, DOWN, source="files") for name in named("A", 150)]
    keep([replace(one, bars=one.bars.filter(pl.col("session") < FRIDAY)) for one in ended])
    keep([stock(name, UP) for name in named("A", 110)])
    made = stored_universe(FRIDAY, NOW)
    assert made is not None
    assert (made.n_stocks, made.advancers) == (110, 110)


def test_what_came_later_is_not_seen() -> None:
    day = DAYS[-40].item()
    whole = [stock(name, UP, split=4.0, last=0.5) for name in named("A", 100)]
    keep([replace(one, bars=one.bars.filter(pl.col("session") <= day), actions=one.actions[:0]) for one in whole])
    before = stored_universe(day, NOW)
    keep(whole)
    assert before is not None
    assert before == stored_universe(day, NOW)
    assert (before.session, before.advancers) == (day, 100)
    assert stored_universe(FRIDAY, NOW) != before


def around_iwm(n: int) -> Tables:
    """The simulated tables up to the day, with `n` made-up stocks beside them, imported into the store."""
    tables = demo_tables().cut(FRIDAY)
    apex.import_path(tables.written(store_home().parent / "tables"), now=NOW)
    keep([stock(name, UP if at % 4 else DOWN) for at, name in enumerate(named("Z", n))])
    return tables


@pytest.mark.parametrize("n", [99, 120])
def test_breadth_is_of_the_stored_stocks_if_they_are_enough(n: int, tmp_path: Path) -> None:
    tables = around_iwm(n)
    rows = tables.series["macro"].filter(pl.col("series") == "VIXCLS").drop("truly_known")
    rows.with_columns(series=pl.lit("S5TH")).write_parquet(tmp_path / "breadth.parquet")
    apex.import_path(tmp_path / "breadth.parquet", now=NOW)
    report = apex.context("IWM", offline=True, now=NOW)
    made = report.weather.breadth
    if n < 100:
        last = rows.sort("known_at")["value"][-1]
        assert (made.universe, made.n_stocks, made.share_above_200_pct) == ("S&P 500 stocks", None, last)
    else:
        assert (made.universe, made.n_stocks) == ("stored symbols", 120)
        assert (made.advancers, made.decliners, made.share_above_50_pct) == (90, 30, 75.0)
    assert "S5TH" not in {one.name for one in report.missing}


@pytest.mark.parametrize("is_published", [True, False])
def test_analysis_and_context_tell_the_same_share_where_one_is_published(tmp_path: Path, is_published: bool) -> None:
    tables = around_iwm(120)
    rows = tables.series["macro"].filter(pl.col("series") == "VIXCLS").drop("truly_known")
    if is_published:
        rows.with_columns(series=pl.lit("S5TH"), value=pl.lit(63.4)).write_parquet(tmp_path / "breadth.parquet")
        apex.import_path(tmp_path / "breadth.parquet", now=NOW)
    both = (apex.analyze("IWM", offline=True, now=NOW).context, apex.context("IWM", offline=True, now=NOW).lines)
    lines = [next(line for line in each if line.topic == "breadth").sentence for each in both]
    console = Console(width=118, record=True, file=io.StringIO())
    print_context(apex.context("IWM", offline=True, now=NOW), console)
    rows = [" ".join(row.split()) for row in console.export_text().splitlines()]
    assert "stored symbols 120 75 % 75 % 90 30 +50 %" in rows
    assert ("S&P 500 stocks 63 %" in rows) is is_published
    if is_published:
        assert lines[0] == lines[1]
        assert lines[0].endswith("; 63 % of S&P 500 stocks above their 200-day mean")
    else:  # counting the stored takes longer than the rest of an analysis
        assert lines[1] == f"{lines[0]}; 75 % of stored symbols above their 200-day mean"


def test_a_provisional_bar_is_not_counted() -> None:
    early = datetime(2024, 6, 28, 18, tzinfo=UTC)  # two hours before the close
    keep([stock(name, UP, last=2.2) for name in named("A", 120)])
    assert stored_universe(FRIDAY, early) is None
    assert stored_universe(FRIDAY, NOW) is not None
