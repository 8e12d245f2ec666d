"""Stylised facts of the simulated market, in bands around what `../shared/data` shows for the real one (2002-2024).

Real figures in the comments: SPY, IWM, KRE, TLT of ``etf_daily.parquet``, stocks of ``stocks_daily.parquet``.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from openapex.adjust import adjusted
from openapex.sources.demo import DemoSource
from openapex.sources.demo.market import BEAR, CALM, RECOVERY
from openapex.sources.demo.universe import FUNDS, STOCKS

Panel = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource()


@pytest.fixture(scope="module")
def panel(demo: DemoSource) -> Panel:
    symbols = [*FUNDS, *STOCKS[::4]]
    return {d.symbol: adjusted(d.bars, d.actions, d.basis).bars for d in demo.fetch(symbols) if d.bars.height > 2500}


def returns(panel: Panel, symbol: str) -> np.ndarray:
    close = panel[symbol]["adj_close"].to_numpy()
    return close[1:] / close[:-1] - 1.0


def volatility(panel: Panel, symbol: str) -> float:
    return float(returns(panel, symbol).std() * 252**0.5)


def correlation(panel: Panel, one: str, other: str) -> float:
    return float(np.corrcoef(returns(panel, one), returns(panel, other))[0, 1])


def kurtosis(column: np.ndarray) -> float:
    centred = column - column.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def memory(column: np.ndarray, lag: int) -> float:
    size = np.abs(column)
    return float(np.corrcoef(size[lag:], size[:-lag])[0, 1])


def max_drawdown(panel: Panel, symbol: str) -> float:
    close = panel[symbol]["adj_close"].to_numpy()
    return float((close / np.maximum.accumulate(close) - 1.0).min())


def true_range_pct(bars: pl.DataFrame) -> np.ndarray:
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    return 100.0 * (np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])) / close[1:]


def relative_volume(bars: pl.DataFrame) -> np.ndarray:
    volume = bars["volume"].to_numpy()
    return volume[20:] / np.lib.stride_tricks.sliding_window_view(volume, 20)[:-1].mean(axis=1)


def test_returns_have_fat_tails(panel: Panel):
    for symbol in panel:
        assert kurtosis(returns(panel, symbol)) > 3.5, symbol
    assert 8.0 < kurtosis(returns(panel, "SPY")) < 25.0  # real 16


def test_volatility_clusters(panel: Panel):
    for symbol in ("SPY", "IWM", "QQQ", "KRE", "XLK"):  # real, lags 1, 5 and 20: 0.31, 0.36, 0.24 (SPY)
        assert [memory(returns(panel, symbol), lag) > low for lag, low in ((1, 0.15), (5, 0.15), (20, 0.08))] == [
            True
        ] * 3
    lag_one = [memory(returns(panel, symbol), 1) for symbol in panel if symbol in STOCKS]
    assert np.mean(np.array(lag_one) > 0.05) > 0.9


def test_returns_themselves_have_no_memory(panel: Panel):
    for symbol in ("SPY", "IWM", "TEC01", "GLD"):
        column = returns(panel, symbol)
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 0.06


def test_volatilities_stand_in_the_order_of_the_real_ones(panel: Panel):
    assert 0.14 < volatility(panel, "SPY") < 0.22  # real 0.190
    assert 0.20 < volatility(panel, "IWM") < 0.27  # real 0.239
    assert 0.11 < volatility(panel, "TLT") < 0.16  # real 0.145
    assert 0.010 < volatility(panel, "SHY") < 0.020  # real 0.015
    order = ["SHY", "IEF", "TLT", "SPY", "IWM", "KRE", "XBI"]
    assert sorted(order, key=lambda symbol: volatility(panel, symbol)) == order
    assert 0.30 < np.median([volatility(panel, symbol) for symbol in panel if symbol in STOCKS]) < 0.47  # real 0.40


def test_correlations_are_those_of_markets(panel: Panel):
    assert 0.75 < correlation(panel, "IWM", "SPY") < 0.95  # real 0.90
    assert 0.80 < correlation(panel, "QQQ", "SPY") < 0.96  # real 0.92
    assert 0.60 < correlation(panel, "KRE", "SPY") < 0.85  # real 0.74
    assert -0.50 < correlation(panel, "TLT", "SPY") < -0.15  # real -0.33
    assert 0.45 < correlation(panel, "HYG", "SPY") < 0.80  # real 0.68
    assert abs(correlation(panel, "GLD", "SPY")) < 0.15  # real 0.05
    assert correlation(panel, "KRE", "IWM") > correlation(panel, "KRE", "QQQ")


def test_the_worst_drawdown_is_a_bear_market_and_the_long_run_is_up(panel: Panel):
    assert -0.60 < max_drawdown(panel, "SPY") < -0.35  # real -0.55
    years = panel["SPY"].height / 252
    growth = (panel["SPY"]["adj_close"][-1] / panel["SPY"]["adj_close"][0]) ** (1 / years) - 1
    assert 0.05 < growth < 0.12


def test_ranges_are_those_of_funds(panel: Panel):
    assert 0.9 < np.median(true_range_pct(panel["SPY"])) < 1.3  # real 1.10
    assert 1.4 < np.median(true_range_pct(panel["IWM"])) < 1.8  # real 1.60
    assert 1.5 < true_range_pct(panel["IWM"]).mean() < 2.5
    gaps = panel["IWM"]["open"].to_numpy()[1:] / panel["IWM"]["close"].to_numpy()[:-1] - 1.0
    assert 0.4 < gaps.std() / returns(panel, "IWM").std() < 0.7  # real 0.55


@pytest.mark.parametrize("symbol", ["SPY", "IWM", "KRE", "TEC01"])
def test_volume_spikes_are_rare_and_go_with_big_moves(panel: Panel, symbol: str):
    ratio = relative_volume(panel[symbol])
    assert 0.01 < ((ratio >= 2.0) & (ratio < 3.0)).mean() < 0.05  # real 0.02 (IWM) to 0.04 (KRE)
    assert 0.001 < (ratio >= 3.0).mean() < 0.015  # real 0.003 to 0.012
    size = np.abs(returns(panel, symbol))[19:]
    assert 0.25 < np.corrcoef(size, ratio)[0, 1] < 0.65  # real 0.30
    assert size[ratio >= 2.0].mean() > 1.6 * size.mean()


def test_breakouts_come_with_more_volume_than_other_days_as_good(panel: Panel):
    bars = panel["IWM"]
    close = bars["close"].to_numpy()
    size = (close[1:] / close[:-1] - 1.0)[19:] / returns(panel, "IWM").std()
    is_good = (size > 0.3) & (size < 1.3)
    highest = np.lib.stride_tricks.sliding_window_view(close[:-1], 20).max(axis=1)
    is_new = close[20:] > highest
    is_break = is_new & ~np.concatenate([[False], is_new[:-1]])
    ratio = relative_volume(bars)
    assert (is_break & is_good).sum() > 100
    assert ratio[is_break & is_good].mean() > 1.15 * ratio[~is_break & is_good].mean()


def test_regimes_persist_and_differ(demo: DemoSource, panel: Panel):
    regime, spy = demo._market.regime[1:], returns(panel, "SPY")
    share = [float((regime == state).mean()) for state in (CALM, BEAR, RECOVERY)]
    assert share[CALM] > 0.5
    assert min(share) > 0.05
    starts = ((regime[1:] == BEAR) & (regime[:-1] != BEAR)).sum()
    assert 3 <= starts <= 9
    assert (regime == BEAR).sum() / starts > 60
    mean = [spy[regime == state].mean() * 252 for state in (CALM, BEAR, RECOVERY)]
    spread = [spy[regime == state].std() for state in (CALM, BEAR, RECOVERY)]
    assert mean[BEAR] < -0.1 < 0.0 < mean[CALM]
    assert spread[BEAR] > 1.5 * spread[CALM]


def test_small_caps_and_banks_react_to_the_two_year_yield_and_bonds_to_yields(demo: DemoSource, panel: Panel):
    economy = demo._market.economy
    two, ten = np.diff(economy.yield_2y), np.diff(economy.yield_10y)
    small_against_large = returns(panel, "IWM") - returns(panel, "SPY")
    assert -0.4 < np.corrcoef(small_against_large, two)[0, 1] < -0.1
    assert np.corrcoef(returns(panel, "TLT"), ten)[0, 1] < -0.9
    assert np.corrcoef(returns(panel, "IEF"), ten)[0, 1] < -0.85
    assert np.corrcoef(returns(panel, "SHY"), two)[0, 1] < -0.8
    assert np.corrcoef(returns(panel, "HYG"), np.diff(economy.spread))[0, 1] < -0.7


def test_breadth_follows_the_regime(demo: DemoSource, panel: Panel):
    above = []
    for symbol in STOCKS:
        if symbol in panel and panel[symbol].height == demo._market.n:
            close = panel[symbol]["close"].to_numpy()
            above.append(close[199:] > np.lib.stride_tricks.sliding_window_view(close, 200).mean(axis=1))
    breadth, regime = np.mean(above, axis=0), demo._market.regime[199:]
    assert len(above) > 40
    assert breadth[regime == BEAR].mean() + 0.15 < breadth[regime == CALM].mean()
    assert breadth.min() < 0.3
    assert breadth.max() > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_other_seeds_are_markets_too(seed: int):
    source = DemoSource(seed)
    other = {d.symbol: adjusted(d.bars, d.actions, d.basis).bars for d in source.fetch(["SPY", "IWM", "TLT"])}
    assert 0.11 < volatility(other, "SPY") < 0.26
    assert volatility(other, "IWM") > volatility(other, "SPY")
    assert 0.72 < correlation(other, "IWM", "SPY") < 0.96
    assert kurtosis(returns(other, "SPY")) > 3.5
    assert memory(returns(other, "SPY"), 1) > 0.1
    assert -0.9 < max_drawdown(other, "SPY") < -0.2
