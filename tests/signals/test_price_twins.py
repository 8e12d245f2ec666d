"""Each signal against a slow, obvious twin: numbers by TA-Lib and pandas, scores by the formulas of docs/signals.md."""

import numpy as np
import pandas as pd
import pytest
import talib
from price_paths import history, random_bars

from openapex.signals.bollinger import BOLLINGER_SIGNAL
from openapex.signals.fibonacci import FIBONACCI_SIGNAL
from openapex.signals.ma_cross import MA_CROSS_SIGNAL
from openapex.signals.macd import MACD_SIGNAL
from openapex.signals.rsi import RSI_SIGNAL
from openapex.signals.volume import VOLUME_SIGNAL

BARS = random_bars(seed=29, n=2500)
CLOSE, HIGH, LOW, VOLUME = (pd.Series(x) for x in (BARS.close, BARS.high, BARS.low, BARS.volume))
ATR = pd.Series(talib.ATR(BARS.high, BARS.low, BARS.close, 14))


def squash(x):
    return x / np.sqrt(1.0 + x**2)


def knots(text):
    """Return (xs, ys) of knots as they stand on the page."""
    pairs = [pair.split(" → ") for pair in text.replace("−", "-").split(", ")]
    return [float(x) for x, _ in pairs], [float(y) for _, y in pairs]


def assert_twin(signal, expected):
    seen = history(signal, BARS)
    for name, values in expected.items():
        found = seen.score if name == "score" else seen.values[name]
        known = ~np.isnan(found)
        assert known.sum() > 2000
        np.testing.assert_allclose(found[known], np.asarray(values)[known], rtol=1e-7, atol=1e-6, err_msg=name)


def blend(trend, across, along, mirrored):
    return np.where(trend >= 0, across + trend * (along - across), across - trend * (mirrored - across))


def test_rsi():
    rsi, sma = talib.RSI(BARS.close, 14), CLOSE.rolling(200).mean()
    trend = ((CLOSE - sma) / ATR / 4).clip(-1, 1) / 2 + ((sma - sma.shift(20)) / ATR).clip(-1, 1) / 2
    plain = knots("0 → 85, 20 → 80, 30 → 70, 50 → 50, 70 → 30, 80 → 20, 100 → 15")
    up = knots("20 → 85, 30 → 88, 35 → 92, 42 → 92, 50 → 84, 60 → 74, 70 → 50, 80 → 42, 100 → 32")
    score = blend(trend, np.interp(rsi, *plain), np.interp(rsi, *up), 100 - np.interp(100 - rsi, *up))
    assert_twin(RSI_SIGNAL, {"rsi": rsi, "trend": trend, "distance_pct": 100 * (CLOSE / sma - 1), "score": score})


def test_macd():
    line, trigger, hist = talib.MACD(BARS.close, 12, 26, 9)
    score = 50 + 25 * squash(line / ATR / 0.8) + 25 * squash(hist / ATR / 0.2)
    values = {"macd": line, "signal": trigger, "histogram": hist, "macd_atr": line / ATR, "histogram_atr": hist / ATR}
    assert_twin(MACD_SIGNAL, {**values, "score": score})


def faded(now):
    """Tightness fades by a tenth per session."""
    kept, last = [], 0.0
    for x in now:
        last = 0.0 if np.isnan(x) else max(x, last - 0.1)
        kept.append(last)
    return np.array(kept)


def test_bollinger():
    middle, sigma = CLOSE.rolling(20).mean(), CLOSE.rolling(20).std(ddof=0)
    b, width = (CLOSE - middle + 2 * sigma) / (4 * sigma), 4 * sigma / middle
    trend = ((middle - middle.shift(20)) / (2 * sigma) / 1.5).clip(-1, 1)
    tight = faded((1 - (width / width.rolling(126).min() - 1) / 0.25).clip(0, 1))
    sideways = np.interp(b, *knots("−0.2 → 88, 0 → 80, 0.5 → 50, 1 → 20, 1.2 → 12"))
    rising = knots("0.25 → 88, 0.5 → 82, 1 → 70, 1.3 → 52")
    squeeze = np.interp(b, *knots("−0.2 → 8, 0 → 20, 0.2 → 44, 0.8 → 56, 1 → 80, 1.2 → 92"))
    wide = blend(trend, sideways, np.interp(b, *rising), 100 - np.interp(1 - b, *rising))
    score = (1 - tight) * wide + tight * squeeze
    values = {"percent_b": b, "bandwidth": width, "trend": trend, "tightness": tight}
    assert_twin(BOLLINGER_SIGNAL, {**values, "score": score})


def test_volume():
    ratio = VOLUME / VOLUME.rolling(20).mean().shift(1)
    push = ((CLOSE - CLOSE.shift(1)) / ATR).clip(-1, 1) / 2 + (2 * CLOSE - HIGH - LOW) / (HIGH - LOW) / 2
    with_push = VOLUME.where(push.notna())
    flow = talib.EMA((push * VOLUME).to_numpy(), 20) / talib.EMA(with_push.to_numpy(), 20)
    above = ((CLOSE - HIGH.rolling(20).max().shift(1)) / ATR / 0.5).clip(0, 1)
    below = ((LOW.rolling(20).min().shift(1) - CLOSE) / ATR / 0.5).clip(0, 1)
    pressure = push * np.interp(ratio, *knots("0 → 0, 1 → 0.35, 2 → 0.8, 3 → 1"))
    score = 50 + 25 * squash(flow / 0.1) + 15 * pressure + 10 * (above - below) * (ratio - 1).clip(0, 1)
    assert_twin(VOLUME_SIGNAL, {"relative_volume": ratio, "push": push, "flow": flow, "score": score})


def test_ma_cross():
    fast, slow = CLOSE.rolling(50).mean(), CLOSE.rolling(200).mean()
    distance, slope, close = (fast - slow) / ATR, (slow - slow.shift(20)) / ATR, (CLOSE - fast) / ATR
    score = 50 + 20 * squash(distance / 2) + 15 * squash(slope / 0.8) + 15 * squash(close / 2)
    values = {"sma_50": fast, "sma_200": slow, "distance": distance, "slope": slope, "close_distance": close}
    assert_twin(MA_CROSS_SIGNAL, {**values, "score": score})


def test_fibonacci_given_the_swing():
    seen = history(FIBONACCI_SIGNAL, BARS).values
    low, high, direction = seen["swing_low"], seen["swing_high"], seen["direction"]
    up = direction > 0
    size = high - low
    given_back = np.where(up, high - BARS.close, BARS.close - low) / size
    ratios = np.array([0.236, 0.382, 0.5, 0.618, 0.786])
    levels = np.where(up[:, None], high[:, None] - ratios * size[:, None], low[:, None] + ratios * size[:, None])
    nearest = np.abs(levels - BARS.close[:, None]).argmin(axis=1)
    price = np.take_along_axis(levels, nearest[:, None], axis=1)[:, 0]
    text = "−0.618 → 60, 0 → 70, 0.236 → 70, 0.382 → 76, 0.5 → 80, 0.618 → 85, 0.786 → 66, 1 → 40, 1.2 → 20"
    place = np.interp(given_back, *knots(text))
    reaction = twin_reaction(levels)
    expected = {
        "retracement": given_back,
        "level": np.where(np.isnan(direction), np.nan, ratios[nearest]),
        "level_price": price,
        "distance_atr": (BARS.close - price) / ATR,
        "reaction": reaction,
        "score": np.where(up, place, 100 - place) + 15 * reaction,
    }
    assert_twin(FIBONACCI_SIGNAL, expected)


def twin_reaction(levels):
    """Touches and turns at the levels, fading by a fifth per session."""
    weight = np.array([0.4, 0.7, 0.7, 1.0, 0.4])
    unit, close = ATR.to_numpy()[:, None], BARS.close[:, None]
    touch_up = np.clip(1 - 2 * np.abs(BARS.low[:, None] - levels) / unit, 0, 1)
    touch_down = np.clip(1 - 2 * np.abs(BARS.high[:, None] - levels) / unit, 0, 1)
    up = (weight * touch_up * np.clip(2 * (close - levels) / unit, 0, 1)).max(axis=1)
    down = (weight * touch_down * np.clip(2 * (levels - close) / unit, 0, 1)).max(axis=1)
    kept, last_up, last_down = [], 0.0, 0.0
    for now_up, now_down in zip(np.nan_to_num(up), np.nan_to_num(down), strict=True):
        last_up, last_down = max(now_up, 0.8 * last_up), max(now_down, 0.8 * last_down)
        kept.append(last_up - last_down)
    return np.array(kept)


@pytest.mark.parametrize("row", [400, 1111, 2499])
def test_the_swing_is_made_of_prices_that_were_traded_before(row):
    seen = history(FIBONACCI_SIGNAL, BARS).values
    low, high = seen["swing_low"][row], seen["swing_high"][row]
    before = slice(0, row)
    assert high in BARS.high[before] or high in BARS.close[before]
    assert low in BARS.low[before] or low in BARS.close[before]
