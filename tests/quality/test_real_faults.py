"""The faults that are known in the shared data are found; clean series stay quiet (rates: docs/data-quality.md)."""

from collections import Counter
from datetime import UTC, date, datetime

import polars as pl
import pytest
from marked_market import barred, judged

pytestmark = pytest.mark.realdata
NOW = datetime(2025, 1, 2, 12, tzinfo=UTC)
BAD_IWM_VOLUMES = [
    date(2008, 3, 25), date(2008, 3, 28), date(2008, 4, 4), date(2008, 4, 22), date(2008, 4, 24), date(2008, 7, 3),
    date(2019, 7, 30),
]  # fmt: skip


@pytest.fixture(scope="module")
def funds(shared_data):
    return barred(shared_data / "etf_daily.parquet")


@pytest.fixture(scope="module")
def stocks(shared_data):
    names = ["HUBB", "PEAK", "SHEL", "SITC", "UA", "INDV", "IVT", "APTO"]
    return barred(shared_data / "stocks_daily.parquet").filter(pl.col("symbol").is_in(names))


def test_the_known_faults_of_iwm_are_found_and_nothing_else(funds):
    result = judged(funds.filter(pl.col("symbol") == "IWM"), now=NOW)
    volumes = [f.session for f in result.findings if f.rule == "volume_out_of_proportion"]
    assert volumes == BAD_IWM_VOLUMES
    assert result.kept.filter(pl.col("volume").is_null())["session"].to_list() == BAD_IWM_VOLUMES
    others = [(f.rule, f.session) for f in result.findings if f.rule != "volume_out_of_proportion"]
    assert others == [("reverting_spike", date(2008, 9, 19))]
    assert "86.05" in next(f.message for f in result.findings if f.rule == "reverting_spike")


def test_the_2009_high_of_iwm_cannot_be_known_from_the_series_alone(funds):
    """52.37 lies between open, close and the next high; only a second vendor (54.55) contradicts it."""
    bar = funds.filter((pl.col("symbol") == "IWM") & (pl.col("session") == date(2009, 6, 1))).row(0, named=True)
    assert bar["low"] < bar["open"] < bar["close"] < bar["high"] == pytest.approx(52.37, abs=1e-4)


def test_clean_funds_lose_no_bar_and_no_volume_and_are_noted_less_than_once_in_1000_bars(funds):
    names = ["SPY", "QQQ", "DIA", "XLK", "TLT"]
    span = pl.col("session").is_between(date(2012, 1, 1), date(2024, 12, 31))
    frame = funds.filter(span & pl.col("symbol").is_in(names))
    result = judged(frame, now=NOW, as_of=date(2024, 12, 31))
    assert frame.height > 16_000
    assert result.kept.height == frame.height
    assert result.kept["volume"].null_count() == 0
    counted = Counter(finding.rule for finding in result.findings)
    assert set(counted) <= {"reverting_spike"}
    assert counted["reverting_spike"] / frame.height < 1 / 1000


def test_no_fund_loses_a_bar(funds):
    result = judged(funds, now=NOW, as_of=date(2024, 12, 31))
    assert result.quarantined.is_empty()
    assert result.kept["volume"].null_count() <= 100  # 80 of them are zero in the file


def test_gaps_of_thin_funds_are_counted(funds):
    for symbol, n_missing in (("IXG", 109), ("SPMD", 80), ("IYM", 53)):
        holes = [f for f in judged(funds.filter(pl.col("symbol") == symbol), now=NOW).findings if f.rule == "hole"]
        assert sum(f.n_bars for f in holes) == n_missing


def test_splits_that_the_vendor_never_applied_are_found(stocks):
    """INDV 5:1 (2022-10), IVT 10:1 (2021-08) and APTO 15:1 (2023-06) were reverse splits."""
    found = {f.symbol: f for f in judged(stocks, now=NOW).findings if f.rule == "split_like_jump"}
    assert {"INDV", "IVT", "APTO"} <= set(found)
    assert "(x 5)" in found["INDV"].message
    assert "(x 15)" in found["APTO"].message


def test_bad_highs_and_lows_of_stocks_are_found(stocks):
    bad = judged(stocks, now=NOW).quarantined.filter(pl.col("rule") == "bad_high_low")
    assert set(bad["symbol"]) == {"HUBB", "PEAK", "SHEL", "SITC", "UA"}
    assert bad.height == 6
