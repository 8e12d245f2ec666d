"""Key statistics against pandas, TA-Lib and hand computation."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import talib

from openapex.bars import Bars
from openapex.context.key_stats import KEY_STATS, RETURN_SPANS, key_stats


def bars_of(close: list[float], start: date = date(2024, 1, 1), symbol: str = "X") -> Bars:
    days = [start + timedelta(days=i) for i in range(len(close))]
    price = pl.Series(close, dtype=pl.Float64)
    return Bars.from_frame(
        pl.DataFrame(
            {
                "symbol": symbol, "session": days, "open": price, "high": price, "low": price, "close": price,
                "adj_close": price, "volume": 100.0, "provisional": False,
            }
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, pd.DataFrame]:
    frame = pd.read_parquet(shared_data / "etf_daily.parquet").sort_values(["symbol", "date"])
    frame["date"] = pd.to_datetime(frame["date"])
    return {name: frame[frame.symbol == name].set_index("date") for name in ("IWM", "SPY", "QQQ")}


def real_bars(real: dict[str, pd.DataFrame], name: str, as_of: str) -> Bars:
    rows = real[name].loc[:as_of].reset_index()
    frame = pl.from_pandas(rows[["date", "symbol", "open", "high", "low", "close", "adj_close", "volume"]])
    return Bars.from_frame(frame.rename({"date": "session"}).with_columns(provisional=pl.lit(False)))


@pytest.mark.realdata
@pytest.mark.parametrize("as_of", ["2024-12-31", "2020-03-23", "2016-02-29", "2008-10-10"])
def test_iwm_equals_pandas_and_talib(real: dict[str, pd.DataFrame], as_of: str) -> None:
    stats = key_stats(real_bars(real, "IWM", as_of), {n: real_bars(real, n, as_of) for n in ("SPY", "QQQ")})
    iwm = real["IWM"].loc[:as_of]
    offsets = {
        "ret_1w_pct": pd.DateOffset(days=7), "ret_1m_pct": pd.DateOffset(months=1),
        "ret_3m_pct": pd.DateOffset(months=3), "ret_6m_pct": pd.DateOffset(months=6),
        "ret_1y_pct": pd.DateOffset(years=1), "ret_3y_pct": pd.DateOffset(years=3),
        "ret_5y_pct": pd.DateOffset(years=5),
    }  # fmt: skip
    last, price = iwm.index[-1], iwm.adj_close
    expected = {name: 100 * (price.iloc[-1] / price.asof(last - span) - 1) for name, span in offsets.items()}
    expected["ret_ytd_pct"] = 100 * (price.iloc[-1] / price.asof(pd.Timestamp(last.year - 1, 12, 31)) - 1)
    year = iwm[iwm.index > last - pd.DateOffset(years=1)]
    expected["high_52w"], expected["low_52w"] = year.high.max(), year.low.min()
    atr = talib.ATR(iwm.high.values, iwm.low.values, iwm.close.values, 14)
    expected["atr"], expected["atr_pct"] = atr[-1], 100 * atr[-1] / iwm.close.iloc[-1]
    share = pd.Series(100 * atr / iwm.close.values).dropna()
    expected["atr_pct_band_share_pct"] = 100 * share.between(1.5, 2.5).mean()
    expected["realised_volatility_20_pct"] = 100 * np.log(price).diff().iloc[-20:].std() * np.sqrt(252)
    expected["max_drawdown_pct"] = 100 * (price / price.cummax() - 1).min()
    expected["distance_sma_200_pct"] = 100 * (iwm.close.iloc[-1] / iwm.close.rolling(200).mean().iloc[-1] - 1)
    expected["relative_volume"] = iwm.volume.iloc[-1] / iwm.volume.iloc[-21:-1].mean()
    for name, other in (("spy", "SPY"), ("qqq", "QQQ")):
        both = pd.concat([price, real[other].loc[:as_of].adj_close], axis=1, join="inner").iloc[-253:]
        moves = both.pct_change().dropna()
        expected[f"beta_{name}"] = moves.cov().iloc[0, 1] / moves.iloc[:, 1].var()
        expected[f"correlation_{name}"] = moves.corr().iloc[0, 1]
    for name, value in expected.items():
        assert stats[name] == pytest.approx(value, rel=1e-9), name


def test_beta_of_the_benchmark_to_itself_is_one_and_of_its_double_two() -> None:
    rng = np.random.default_rng(3)
    moves = rng.normal(0, 0.01, 300)
    market = bars_of((100 * np.cumprod(1 + moves)).tolist(), symbol="SPY")
    double = bars_of((100 * np.cumprod(1 + 2 * moves)).tolist())
    stats = key_stats(double, {"SPY": market, "QQQ": double})
    assert stats["beta_spy"] == pytest.approx(2, abs=1e-9)
    assert stats["beta_qqq"] == pytest.approx(1, abs=1e-9)
    assert stats["beta_spy_low"] <= stats["beta_spy"] <= stats["beta_spy_high"]
    assert stats["n_sessions_spy"] == 252


def test_beta_interval_covers_the_planted_beta_about_95_per_cent_of_the_time() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        x = rng.standard_t(5, 252) * 0.01
        y = 1.2 * x + rng.normal(0, 1, 252) * (0.002 + np.abs(x))  # errors grow with the move
        market = bars_of((100 * np.cumprod(1 + x)).tolist(), symbol="SPY")
        stats = key_stats(bars_of((100 * np.cumprod(1 + y)).tolist()), {"SPY": market})
        hits += stats["beta_spy_low"] <= 1.2 <= stats["beta_spy_high"]
    assert 0.90 <= hits / 400 <= 0.98


def test_what_cannot_be_known_is_nan() -> None:
    stats = key_stats(bars_of([10.0, 11.0]), {})
    assert stats["change_pct"] == pytest.approx(10.0)
    for name in (*RETURN_SPANS, "atr", "high_52w", "beta_spy", "relative_volume", "distance_sma_50_pct", "support"):
        assert np.isnan(stats[name]), name


def test_one_bar_gives_its_price_and_nothing_invented() -> None:
    stats = key_stats(bars_of([10.0]), {})
    assert stats["last"] == 10.0
    assert {name for name, value in stats.items() if not np.isnan(value)} == {
        "last", "drawdown_pct", "max_drawdown_pct",
    }  # fmt: skip


def test_every_statistic_is_defined_and_in_the_docs() -> None:
    from docs.tables import JSON_PAGE, with_table

    assert list(key_stats(bars_of([10.0]), {})) == list(KEY_STATS)
    page = JSON_PAGE.read_text("utf-8")
    assert page == with_table(page), "run: python -m docs.tables"


def test_newest_known_fact_is_shown() -> None:
    facts = pl.DataFrame(
        {
            "symbol": "X", "field": ["expense_ratio_pct", "expense_ratio_pct", "category"],
            "known_at": [date(2023, 1, 1), date(2024, 1, 1), date(2024, 1, 1)],
            "value": [0.2, 0.19, None], "text": [None, None, "Small Blend"],
        }
    )  # fmt: skip
    stats = key_stats(bars_of([10.0]), {}, facts)
    assert stats["expense_ratio_pct"] == 0.19
    assert "category" not in stats
