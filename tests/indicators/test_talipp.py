"""talipp as a second oracle, one bar at a time like our streams."""

import numpy as np
import pytest
from paths import bar_columns, path
from talipp.indicators import ADX, ATR, BB, EMA, MACD, OBV, RSI, SMA
from talipp.ohlcv import OHLCV

import openapex.indicators as ta
from openapex.indicators import Stream

BARS = bar_columns(path("walk", 400, 11), 11)


def closes(indicator):
    for close in BARS["close"]:
        indicator.add(float(close))
        yield indicator[-1]


def bars(indicator):
    names = ("open", "high", "low", "close", "volume")
    for row in zip(*(BARS[name].tolist() for name in names), strict=True):
        indicator.add(OHLCV(*row))
        yield indicator[-1]


def streamed(indicator, **params):
    stream = Stream(indicator, **params)
    return [stream.update(*row) for row in zip(*(BARS[name] for name in indicator.inputs), strict=True)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: streamed(ta.SMA, window=20), lambda: closes(SMA(20))),
        (lambda: streamed(ta.EMA, window=20), lambda: closes(EMA(20))),
        (lambda: streamed(ta.RSI, window=14), lambda: closes(RSI(14))),
        (lambda: streamed(ta.OBV), lambda: bars(OBV())),
        (lambda: [v[1] for v in streamed(ta.BOLLINGER)], lambda: (v and v.ub for v in closes(BB(20, 2)))),
    ],
    ids=["sma", "ema", "rsi", "obv", "bollinger"],
)
def test_streams_equal_talipp_on_every_bar(ours, theirs):
    found, wanted = ours(), [np.nan if value is None else value for value in theirs()]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: streamed(ta.ATR, window=14), lambda: bars(ATR(14))),
        (lambda: [v[0] for v in streamed(ta.MACD)], lambda: (v and v.macd for v in closes(MACD(12, 26, 9)))),
        (lambda: [v[1] for v in streamed(ta.ADX)], lambda: (v and v.plus_di for v in bars(ADX(14, 14)))),
    ],
    ids=["atr", "macd", "adx"],
)
def test_streams_reach_talipp_where_only_the_seed_differs(ours, theirs):
    """Talipp seeds ATR, MACD and ADX otherwise than TA-Lib; after 350 bars the seed weighs below 1e-9."""
    found, wanted = ours(), [np.nan if value is None else value for value in theirs()]
    np.testing.assert_allclose(found[350:], wanted[350:], rtol=1e-8, atol=1e-9)
