"""Past hits: those a scan of their day had, and what came after them as pandas counts it."""

import io
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from rich.console import Console

from openapex.bars import Bars
from openapex.cli.hits import print_hits
from openapex.desk.bulk import bulk
from openapex.desk.history_table import Source, past
from openapex.desk.hits import After, HitsReport, apart, entries, forward_returns, history
from openapex.desk.ready import ready
from openapex.desk.scan import scan
from openapex.desk.scan_table import late_scores, together
from openapex.desk.universe import Universe
from openapex.errors import BadInput, NoData
from openapex.score.model import model
from openapex.screens import PRESETS, parsed
from openapex.sessions import sessions_between
from openapex.sources.files import FilesSource

NOW = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = sessions_between(date(2022, 1, 3), date(2023, 6, 30))
UP = "change_pct > 2.5"
START = "2022-10-03"
"""By then every symbol of the walk has a score."""


def walk(seed: int, names: Sequence[str]) -> pl.DataFrame:
    """Random prices with dividends; the k-th symbol begins 30 k sessions late and misses a session in 40."""
    rng = np.random.default_rng(seed)
    frames = []
    for k, name in enumerate(names):
        days = DAYS[30 * k :]
        days = days[rng.random(len(days)) > (0.025 if k else 0.0)]
        close = np.round(30 * np.cumprod(1 + rng.normal(0.0, 0.02, len(days))), 4)
        opening = np.round(close * rng.uniform(0.99, 1.01, len(days)), 4)
        frames.append(
            pl.DataFrame(
                {
                    "date": days, "symbol": [name] * len(days), "open": opening,
                    "high": np.maximum(close, opening) * 1.004, "low": np.minimum(close, opening) * 0.996,
                    "close": close, "adj_close": close * np.linspace(0.93, 1.0, len(days)),
                    "volume": rng.uniform(1e6, 2e6, len(days)).round(),
                }
            )
        )  # fmt: skip
    return pl.concat(frames)


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hits") / "walk.parquet"
    walk(8, ["SPY", "AAA", "BBB", "CCC", "DDD"]).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def report(prices: Path) -> HitsReport:
    return history(data=prices, where=UP, start=START, now=NOW)


@pytest.fixture(scope="module")
def golden(prices: Path) -> pd.DataFrame:
    """The same bars with change and forward returns in pandas."""
    frame = pd.read_parquet(prices).astype({"date": "datetime64[ns]"}).sort_values(["symbol", "date"])
    by = frame.groupby("symbol")
    frame["change"] = by["adj_close"].pct_change()
    frame["scored"] = frame["date"] >= START
    entry = by["adj_close"].shift(-1) * by["open"].shift(-1) / by["close"].shift(-1)
    for horizon in (5, 20, 60):
        frame[f"after_{horizon}"] = 100 * (by["adj_close"].shift(-horizon) / entry - 1)
    frame["hit"] = frame["change"] > 0.025
    return frame.reset_index(drop=True)


def test_hits_entries_symbols_and_sessions(report: HitsReport, golden: pd.DataFrame) -> None:
    hits = golden[golden["hit"] & golden["scored"]]
    before = golden.groupby("symbol")["hit"].shift(1, fill_value=False)
    scored = golden[golden["scored"]]
    assert report.n_bars == len(scored)
    assert report.n_hits == len(hits) > 50
    assert report.n_entries == (golden["hit"] & golden["scored"] & ~before).sum() < len(hits)
    assert report.n_symbols == hits["symbol"].nunique() == report.n_universe == 5
    assert report.n_sessions == scored["date"].nunique()
    assert report.share_of_sessions == pytest.approx(hits["date"].nunique() / scored["date"].nunique())
    assert (report.start, report.end) == (scored["date"].min().date(), date(2023, 6, 30))


@pytest.mark.parametrize("at", range(3))
def test_returns_base_rate_and_matched_market(report: HitsReport, golden: pd.DataFrame, at: int) -> None:
    told = report.after[at]
    column = f"after_{told.horizon}"
    known = golden[golden["scored"] & golden[column].notna()]
    hits = known[known["hit"]]
    market = known.groupby("date")[column].mean()
    assert (told.n, told.base_n) == (len(hits), len(known))
    assert told.mean_pct == pytest.approx(hits[column].mean())
    assert told.median_pct == pytest.approx(hits[column].median())
    assert told.positive_share == pytest.approx((hits[column] > 0).mean())
    assert told.base_mean_pct == pytest.approx(known[column].mean())
    assert told.base_median_pct == pytest.approx(known[column].median())
    assert told.base_positive_share == pytest.approx((known[column] > 0).mean())
    assert told.matched_mean_pct == pytest.approx(hits["date"].map(market).mean())
    assert told.difference_pct == pytest.approx((hits[column] - hits["date"].map(market)).mean())


def by_hand(opens: list[float], closes: list[float], total: list[float]) -> Bars:
    days = np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]")[: len(closes)]
    close, flat = np.array(closes), np.ones(len(closes))
    offsets = np.array([0, len(closes)])
    return Bars(("X",), offsets, days, np.array(opens), close, close, close, np.array(total), flat, flat < 0)


def test_entry_is_the_next_open_in_total_return_terms() -> None:
    # bought at 11 on the second day, sold at 12 on the third; 5 % of the price was paid out in between
    bars = by_hand([10, 11, 12], [10, 11.5, 12], [10 * 0.95, 11.5 * 0.95, 12])
    made = forward_returns(bars, 2)
    assert made[0] == pytest.approx(100 * (12 / (11 * 0.95) - 1))
    assert np.isnan(made[1:]).all()


def test_where_the_next_open_is_unknown_entry_is_that_close() -> None:
    bars = by_hand([10, math.nan, 12], [10, 11.5, 12], [10, 11.5, 12])
    assert forward_returns(bars, 2)[0] == pytest.approx(100 * (12 / 11.5 - 1))


def test_a_run_of_hits_is_entered_once_and_never_continues_the_symbol_before() -> None:
    is_hit = np.array([True, True, False, True, True, True, False, True])
    made = entries(is_hit, np.array([0, 4, 8]))
    assert made.tolist() == [True, False, False, True, True, False, False, True]


def test_hits_apart_never_overlap_and_no_more_would_fit() -> None:
    rng = np.random.default_rng(3)
    offsets = np.array([0, 100, 130, 400])
    rows = np.sort(rng.choice(400, 90, replace=False))
    kept = apart(rows, offsets, 20)
    owner = np.searchsorted(offsets, kept, side="right")
    assert all(np.diff(kept)[np.diff(owner) == 0] >= 20)
    best = sum(_most(rows[(rows >= a) & (rows < b)].tolist(), 20) for a, b in pairwise(offsets))
    assert len(kept) == best


def _most(rows: list[int], gap: int) -> int:
    """The largest number of rows at least `gap` apart, by trying all: dynamic programming over the last one taken."""
    best: dict[int, int] = {}
    for row in rows:
        best[row] = 1 + max((n for other, n in best.items() if row - other >= gap), default=0)
    return max(best.values(), default=0)


NAMING_ALL = (
    "rsi > 5 and relative_volume > 0.5 and atr_pct < 90 and percent_b < 1.4 and distance_sma_50_pct > -80 and "
    "score > 20 and coverage > 0.1 and percentile >= 0 and rsi_score > 0 and score_rank > 5 and rsi_rank > 5 and "
    "n_bars > 30 and average_dollar_volume_20 > 1000 and change_pct > -50 and ret_20_pct > -90 and close > 1"
)
CONDITIONS = (
    UP,
    NAMING_ALL,
    "'squeeze' in events or verdict == 'BUY'",
    "below_52w_high_pct > -4",
    "relative_20_pct > 1",
    "score_rank == 50 or ret_20_rank == 10",
)


def source_of(path: Path | None, as_of: date | None = None, asked: Universe | None = None) -> Source:
    names, kind = (asked.symbols if asked else None), (None if path else "demo")
    parts = bulk(names, source=kind, data=path, as_of=as_of, now=NOW, progress=lambda text: None)
    bars = together([ready(part, NOW).bars for part in parts])
    return Source(bars, model("apex"), late_scores(bars, parts, as_of, NOW), asked)


def hits_of(source: Source, where: str) -> set[tuple[str, date]]:
    rows = np.flatnonzero(past(source, parsed(where)).is_hit)
    owners = np.searchsorted(source.bars.offsets, rows, side="right") - 1
    days = source.bars.sessions[rows]
    return {(source.bars.symbols[i], day.item()) for i, day in zip(owners, days, strict=True)}


@pytest.mark.parametrize("where", CONDITIONS)
def test_hits_of_a_session_are_those_of_a_scan_on_it(prices: Path, where: str) -> None:
    told = hits_of(source_of(prices), where)
    assert told
    rng = np.random.default_rng(17)
    every_symbol = [day for day in DAYS[160:].tolist() if _n_bars(prices, day) == 5]  # ranks are among these
    for at in rng.choice(len(every_symbol), 5, replace=False).tolist():
        day = every_symbol[at]
        hits = scan(data=prices, where=where, as_of=day, now=NOW).hits
        assert {name for name, session in told if session == day} == set(hits["symbol"])


def _n_bars(path: Path, day: date) -> int:
    return pl.read_parquet(path).filter(pl.col("date") == day).height


def test_every_column_can_be_named(prices: Path) -> None:
    for name, preset in PRESETS.items():
        assert history(data=prices, preset=name, now=NOW).where == preset.where.text


@pytest.mark.parametrize("where", CONDITIONS)
def test_later_bars_change_no_hit(prices: Path, where: str) -> None:
    whole, cut = hits_of(source_of(prices), where), date(2023, 2, 14)
    assert hits_of(source_of(prices, cut), where) == {one for one in whole if one[1] <= cut}


def test_news_and_facts_count_from_the_day_they_were_known() -> None:
    asked = Universe("three", ("IWM", "TEC01", "FIN08", "SPY"))
    where = "sentiment_score > 50 or fundamentals_score > 60"
    told = hits_of(source_of(None, asked=asked), where)
    days = sorted({day for _, day in told})
    assert len(days) > 50
    for day in (days[20], days[len(days) // 2], days[-2]):
        hits = scan(asked.symbols, source="demo", where=where, as_of=day).hits
        assert {name for name, session in told if session == day} == set(hits["symbol"])


def test_the_benchmark_is_no_hit_unless_asked_for(prices: Path) -> None:
    made = history(["AAA", "CCC"], data=prices, where="relative_20_pct > -99", now=NOW)
    assert (made.n_universe, made.n_symbols, made.universe) == (2, 2, "2 tickers")


def test_start_bounds_hits_and_base_rate_alike(prices: Path, golden: pd.DataFrame, report: HitsReport) -> None:
    made = history(data=prices, where=UP, start="2023-01-03", now=NOW)
    late = golden[golden["scored"] & (golden["date"] >= "2023-01-03")]
    assert (made.n_bars, made.n_hits) == (len(late), late["hit"].sum())
    assert made.start == date(2023, 1, 3)
    assert made.n_hits < report.n_hits


def test_a_horizon_that_has_not_passed_is_not_counted(prices: Path) -> None:
    (told,) = history(data=prices, where=UP, start="2023-06-01", horizons=[60], now=NOW).after
    assert (told.n, told.base_n) == (0, 0)
    assert math.isnan(told.mean_pct)


def test_the_newest_hits_are_listed_with_what_the_condition_names(report: HitsReport, golden: pd.DataFrame) -> None:
    hits = golden[golden["hit"]].sort_values(["date", "symbol"], ascending=[False, True]).head(10)
    assert report.newest["symbol"].to_list() == hits["symbol"].to_list()
    np.testing.assert_allclose(report.newest["change_pct"], 100 * hits["change"])


def test_scenario_39_says_that_the_universe_is_todays(report: HitsReport) -> None:
    told = json.loads(json.dumps(report.to_dict()))
    assert told["is_pit"] is False
    assert any("delisted" in sentence for sentence in told["warnings"])
    assert not report.simulated
    assert told["entry"] == "next open"
    assert [part["horizon"] for part in told["after"]] == [5, 20, 60]


def test_a_limit_on_the_price_warns_of_later_splits(prices: Path) -> None:
    told = history(data=prices, where="close > 5", now=NOW)
    assert any("later splits" in sentence for sentence in told.warnings)


def test_named_errors(prices: Path) -> None:
    with pytest.raises(BadInput, match="where is missing"):
        history(data=prices)
    with pytest.raises(BadInput, match="horizon is 0"):
        history(data=prices, where=UP, horizons=[0])
    with pytest.raises(NoData, match="from 2024-01-02"):
        history(data=prices, where=UP, start="2024-01-02", now=NOW)
    with pytest.raises(BadInput, match="start is 'soon'"):
        history(data=prices, where=UP, start="soon")


@pytest.mark.realdata
@pytest.mark.slow
def test_real_hits_are_those_of_scans_on_random_days(shared_data: Path) -> None:
    path = shared_data / "stocks_daily.parquet"
    rng = np.random.default_rng(5)
    held = FilesSource(path).symbols()
    asked = Universe("60", tuple(held[i] for i in rng.choice(len(held), 60, replace=False)))
    where = "rsi < 45 and distance_sma_50_pct > -20 and relative_volume > 0.6 and percentile < 60"
    whole = source_of(path, asked=asked)
    told = hits_of(whole, where)
    for _ in range(4):
        day = date(2018, 1, 2) + timedelta(days=int(rng.integers(1900)))
        same = begun(whole.bars) & begun(source_of(path, day, asked).bars)  # a later break of scale restarts a history
        assert len(same) >= 55
        hits = scan(asked.symbols, data=path, where=where, as_of=day).hits.filter(session=day)["symbol"]
        alike = {name for name, _ in same}
        assert {name for name, session in told if session == day} & alike == set(hits) & alike


def begun(bars: Bars) -> set[tuple[str, date]]:
    return {(name, bars.sessions[at].item()) for name, at in zip(bars.symbols, bars.offsets[:-1], strict=True)}


@pytest.mark.realdata
@pytest.mark.slow
def test_a_condition_that_always_holds_equals_its_base_rate(shared_data: Path) -> None:
    made = history(data=shared_data / "etf_daily.parquet", where="score >= 0", start="2010-01-04")
    assert made.n_hits == made.n_bars > 200_000
    assert made.share_of_sessions == 1.0
    for told in made.after:
        assert isinstance(told, After)
        assert told.mean_pct == told.base_mean_pct
        assert told.difference_pct == pytest.approx(0.0, abs=1e-9)
        assert told.n_apart == pytest.approx(told.n / told.horizon, rel=0.02)


def test_on_screen_it_fits_and_says_what_it_is(prices: Path) -> None:
    out = io.StringIO()
    report = history(data=prices, where=UP, start="2023-05-01", now=NOW)
    print_hits(report, Console(file=out, width=118))
    text = out.getvalue()
    assert f"{report.n_hits:,} past hits" in text
    assert "SIMULATED" not in text
    assert "n/a" in text  # 60 sessions have not passed
    assert "delisted" in text
    assert max(len(line) for line in text.splitlines()) <= 118


def test_the_command_prints_it_as_json_beside_the_scan(prices: Path, report: HitsReport) -> None:
    words = ["scan", "--data", str(prices), "--where", UP, "--history", "--start", START, "--json"]
    command = [sys.executable, "-m", "openapex.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(done.stdout)
    assert told["scored"] == 5
    assert told["engine"] == "local"
    assert told["history"]["after"] == report.to_dict()["after"]
    done = subprocess.run([*command, "--engine", "dask"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (1, 2)
    assert "must be local with --history" in done.stderr
