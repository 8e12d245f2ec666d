"""`analyze` on real history: equal to TA-Lib on the same bars, and blind to whatever comes later."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib

import openapex as apex

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CASES = [
    ("IWM", "etf_daily.parquet", "2024-12-31"),
    ("SPY", "etf_daily.parquet", "2024-12-31"),
    ("QQQ", "etf_daily.parquet", "2024-12-31"),
    ("KRE", "etf_daily.parquet", "2024-12-31"),
    ("XLK", "etf_daily.parquet", "2024-12-31"),
    ("ABT", "stocks_daily.parquet", "2023-06-30"),
    ("IWM", "etf_daily.parquet", "2020-03-23"),
]
pytestmark = pytest.mark.realdata


@pytest.mark.parametrize(("symbol", "file", "as_of"), CASES)
def test_values_equal_talib_on_the_same_bars(shared_data: Path, symbol: str, file: str, as_of: str) -> None:
    report = apex.analyze(symbol, data=shared_data / file, as_of=as_of, now=NOW).to_dict()
    rows = (
        pl.scan_parquet(shared_data / file)
        .filter((pl.col("symbol") == symbol) & (pl.col("date") <= date.fromisoformat(as_of)))
        .collect()
        .drop_nulls("close")
        .sort("date")
    )
    high, low, close, volume = (rows[name].cast(pl.Float64).to_numpy() for name in ("high", "low", "close", "volume"))
    values = {part["name"]: part["values"] for part in report["signals"]}
    line, signal, histogram = talib.MACD(close)
    upper, _, lower = talib.BBANDS(close, 20, 2, 2)
    expected = {
        ("rsi", "rsi"): talib.RSI(close, 14)[-1],
        ("macd", "macd"): line[-1],
        ("macd", "signal"): signal[-1],
        ("macd", "histogram"): histogram[-1],
        ("bollinger", "percent_b"): (close[-1] - lower[-1]) / (upper[-1] - lower[-1]),
        ("volume", "relative_volume"): volume[-1] / volume[-21:-1].mean(),
    }
    for (name, key), value in expected.items():
        assert values[name][key] == pytest.approx(value, rel=1e-9), (name, key)
    atr_pct = 100 * talib.ATR(high, low, close, 14)[-1] / close[-1]
    assert report["key_stats"]["atr_pct"] == pytest.approx(atr_pct, rel=1e-9)
    assert (report["session"], report["as_of"], report["simulated"]) == (as_of, as_of, False)
    assert report["data"]["last"] == as_of
    points = sum(part["contribution"] for part in report["signals"])
    assert points == pytest.approx(report["score"] - 50, abs=1e-9)


def _without_version(report: apex.Analysis) -> str:
    made = report.to_dict()
    del made["data"]["version"]
    return json.dumps(made)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["IWM", "SPY", "KRE"])
def test_removing_later_rows_changes_nothing(shared_data: Path, tmp_path: Path, symbol: str) -> None:
    whole = tmp_path / "whole" / "etf.parquet"
    cut = tmp_path / "cut" / "etf.parquet"
    rows = pl.read_parquet(shared_data / "etf_daily.parquet").filter(pl.col("symbol").is_in([symbol, "SPY", "QQQ"]))
    for path in (whole, cut):
        path.parent.mkdir()
    rows.write_parquet(whole)
    sessions = rows.filter(pl.col("symbol") == symbol)["date"].unique().sort().to_list()
    rng = np.random.default_rng(50)
    for at in rng.choice(np.arange(30, len(sessions)), 50, replace=False):
        day = sessions[at]
        rows.filter(pl.col("date") <= day).write_parquet(cut)
        before = apex.analyze(symbol, data=whole, as_of=day, now=NOW)
        after = apex.analyze(symbol, data=cut, as_of=day, now=NOW)
        assert _without_version(before) == _without_version(after), day


def test_a_planted_future_changes_nothing(shared_data: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(shared_data / "etf_daily.parquet").filter(pl.col("symbol").is_in(["IWM", "SPY", "QQQ"]))
    day = date(2019, 6, 28)
    wild = pl.when(pl.col("date") > day).then(pl.col("close") * 37.0).otherwise(pl.col("close"))
    planted = rows.with_columns(wild.alias(name) for name in ("open", "high", "low", "close", "adj_close", "volume"))
    planted = planted.with_columns(
        pl.when(pl.col("date") > day).then(planted[name]).otherwise(rows[name]).alias(name)
        for name in ("open", "high", "low", "close", "adj_close", "volume")
    )
    for name, table in (("true", rows), ("planted", planted)):
        (tmp_path / name).mkdir()
        table.write_parquet(tmp_path / name / "etf.parquet")
    true, false = (
        apex.analyze("IWM", data=tmp_path / name / "etf.parquet", as_of=day, now=NOW) for name in ("true", "planted")
    )
    assert _without_version(true) == _without_version(false)


def test_a_frame_gives_the_same_as_its_file(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "etf_daily.parquet").filter(pl.col("symbol").is_in(["IWM", "SPY", "QQQ"]))
    from_file = apex.analyze("IWM", data=shared_data / "etf_daily.parquet", as_of="2024-12-31", now=NOW).to_dict()
    for held in (frame, frame.to_pandas()):
        made = apex.analyze("IWM", data=held, as_of="2024-12-31", now=NOW).to_dict()
        assert made["signals"] == from_file["signals"]
        assert made["key_stats"] == from_file["key_stats"]
        assert made["data"]["version"] == from_file["data"]["version"]


def test_known_faults_of_iwm_are_in_the_report(shared_data: Path) -> None:
    report = apex.analyze("IWM", data=shared_data / "etf_daily.parquet", as_of="2024-12-31", now=NOW).to_dict()
    found = {(warning["rule"], warning["session"]) for warning in report["data"]["warnings"]}
    assert ("volume_out_of_proportion", "2019-07-30") in found
    assert ("reverting_spike", "2008-09-19") in found
