"""TA-Lib 0.8.2 as the oracle: the same values and the same warm-up, counted.

Documented exceptions (docs/indicators.md): a flat RSI is 50 here and 0 there, a stochastic window without range is 50
here and 0 there, a NaN restarts ours where it ends theirs, and after a jump TA-Lib's standard deviation is up to
1.2e-9 off the exact sum (ours 2e-15), so there the exact sum is the oracle.
"""

import itertools
import math

import numpy as np
import polars as pl
import pytest
import talib
from paths import SHAPES, bar_columns, path

import openapex.indicators as ta

WINDOWS = (2, 3, 5, 14, 20, 50)
SEEDS = (1, 2)
N_BARS = 320
MINIMUM = 50_000


def pairs(bars: dict, window: int):
    """Yield (name, ours, TA-Lib's, size of the terms that were subtracted) for every indicator both have."""
    high, low, close, volume = (bars[name] for name in ("high", "low", "close", "volume"))
    level = np.maximum.accumulate(close)
    yield "sma", ta.sma(close, window), talib.SMA(close, window), 0.0
    yield "ema", ta.ema(close, window), talib.EMA(close, window), 0.0
    yield "rsi", ta.rsi(close, window), talib.RSI(close, window), 100.0
    yield "atr", ta.atr(high, low, close, window), talib.ATR(high, low, close, window), 0.0
    yield "true_range", ta.true_range(high, low, close), talib.TRANGE(high, low, close), 0.0
    yield "obv", ta.obv(close, volume), talib.OBV(close, volume), volume.sum()
    yield "rolling_high", ta.rolling_high(high, window), talib.MAX(high, window), 0.0
    yield "rolling_low", ta.rolling_low(low, window), talib.MIN(low, window), 0.0
    slow, signal = 2 * window + 1, window // 2 + 1
    names = ("macd", "macd_signal", "macd_histogram")
    theirs = talib.MACD(close, window, slow, signal) if signal > 1 else ()
    for name, a, b in zip(names, ta.macd(close, window, slow, signal), theirs, strict=True):
        yield name, a, b, level
    upper, middle, lower = talib.BBANDS(close, window, 2.0, 2.0)
    for name, a, b in zip(("middle", "upper", "lower"), ta.bollinger(close, window), (middle, upper, lower)):  # noqa: B905
        yield name, a, b, level
    adx, plus, minus = ta.adx(high, low, close, window)
    yield "adx", adx, talib.ADX(high, low, close, window), 100.0
    yield "plus_di", plus, talib.PLUS_DI(high, low, close, window), 100.0
    yield "minus_di", minus, talib.MINUS_DI(high, low, close, window), 100.0
    k, d = ta.stochastic(high, low, close, window, 3, 3)
    theirs_k, theirs_d = talib.STOCH(high, low, close, window, 3, 0, 3, 0)
    yield "stochastic_k", k, theirs_k, 100.0
    yield "stochastic_d", d, theirs_d, 100.0


def compare(bars: dict, window: int, what: str, worst: dict[str, float]) -> int:
    """Assert equality with TA-Lib, note the worst relative difference per output, return the number of values."""
    counted = 0
    for name, ours, theirs, terms in pairs(bars, window):
        where = f"{name}({window}) on {what}"
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs), err_msg=f"warm-up of {where}")
        known = ~np.isnan(theirs)
        floor = np.broadcast_to(1e-3 * np.asarray(terms), ours.shape)[known]  # 1e-12 of what was subtracted
        error = np.abs(ours - theirs)[known] / np.maximum(np.maximum(np.abs(theirs[known]), floor), 1e-300)
        counted += int(known.sum())
        worst[name] = max(worst.get(name, 0.0), float(error.max(initial=0.0)))
        assert worst[name] <= 1e-9, where
    return counted


def test_scenario_29_equals_talib_on_every_bar_with_the_same_warm_up():
    assert talib.__version__ == "0.8.2"
    counted, worst = 0, {}
    for window, shape, seed in itertools.product(WINDOWS, SHAPES, SEEDS):
        counted += compare(bar_columns(path(shape, N_BARS, seed), seed), window, f"{shape}, seed {seed}", worst)
    print(f"{counted:,} values compared; worst relative difference:", worst)
    assert counted >= MINIMUM
    assert len(worst) == 19


@pytest.mark.parametrize("shape", SHAPES)
def test_std_equals_the_exact_sum(shape):
    close = path(shape, 200, 1)
    for window in WINDOWS:
        found = ta.std(close, window)
        for end in range(window, len(close) + 1):
            rows = close[end - window : end].tolist()
            mean = math.fsum(rows) / window
            exact = math.sqrt(math.fsum((x - mean) ** 2 for x in rows) / window)
            assert found[end - 1] == pytest.approx(exact, rel=1e-13, abs=0.0)


def test_std_equals_talib():
    close = path("walk", 500, 1)
    np.testing.assert_allclose(ta.std(close, 20), talib.STDDEV(close, 20), rtol=1e-9)


def test_documented_differences_from_talib_are_still_there():
    flat = np.full(40, 10.0)
    assert (ta.rsi(flat)[14:] == 50.0).all()
    assert (talib.RSI(flat)[14:] == 0.0).all()
    assert (ta.stochastic(flat, flat, flat)[0][17:] == 50.0).all()
    assert (talib.STOCH(flat, flat, flat, 14, 3, 0, 3, 0)[0][17:] == 0.0).all()
    holed = path("walk", 200, 1)
    holed[100] = np.nan
    assert np.isnan(talib.EMA(holed, 20)[100:]).all()
    assert not np.isnan(ta.ema(holed, 20)[120:]).any()


@pytest.mark.realdata
@pytest.mark.parametrize("symbol", ["IWM", "SPY", "QQQ", "KRE", "XLK"])
def test_scenario_29_equals_talib_on_real_bars(symbol, shared_data):
    frame = pl.read_parquet(shared_data / "etf_daily.parquet").filter(pl.col("symbol") == symbol).sort("date")
    names = ("high", "low", "close", "volume")
    bars = {name: frame[name].cast(pl.Float64).to_numpy() for name in names}
    assert all(np.isfinite(column).all() for column in bars.values())
    assert compare(bars, 14, symbol, {}) > 19 * (len(frame) - 100)
