"""Numbers from bars: one file per indicator, one definition each, run interpreted, compiled or streamed."""

from openapex.indicators.adx import ADX, adx
from openapex.indicators.atr import ATR, atr
from openapex.indicators.bollinger import BOLLINGER, bollinger
from openapex.indicators.ema import EMA, ema
from openapex.indicators.fibonacci import FIBONACCI, fibonacci, fibonacci_levels
from openapex.indicators.macd import MACD, macd
from openapex.indicators.obv import OBV, obv
from openapex.indicators.relative_volume import RELATIVE_VOLUME, relative_volume
from openapex.indicators.rolling import ROLLING_HIGH, ROLLING_LOW, rolling_high, rolling_low
from openapex.indicators.rsi import RSI, rsi
from openapex.indicators.sma import SMA, sma
from openapex.indicators.step import Indicator, Stream, interpreted, over_bars
from openapex.indicators.stochastic import STOCHASTIC, stochastic
from openapex.indicators.swings import SWINGS, swings
from openapex.indicators.true_range import TRUE_RANGE, true_range
from openapex.indicators.volatility import REALISED_VOLATILITY, STD, realised_volatility, std
from openapex.indicators.wilder import WILDER, wilder

INDICATORS: tuple[Indicator, ...] = (
    SMA,
    EMA,
    WILDER,
    RSI,
    MACD,
    BOLLINGER,
    TRUE_RANGE,
    ATR,
    RELATIVE_VOLUME,
    OBV,
    ROLLING_HIGH,
    ROLLING_LOW,
    STD,
    REALISED_VOLATILITY,
    ADX,
    STOCHASTIC,
    SWINGS,
    FIBONACCI,
)
"""Every indicator; the contract tests run over this tuple, so a new one joins by standing in it."""

__all__ = [
    "ADX",
    "ATR",
    "BOLLINGER",
    "EMA",
    "FIBONACCI",
    "INDICATORS",
    "MACD",
    "OBV",
    "REALISED_VOLATILITY",
    "RELATIVE_VOLUME",
    "ROLLING_HIGH",
    "ROLLING_LOW",
    "RSI",
    "SMA",
    "STD",
    "STOCHASTIC",
    "SWINGS",
    "TRUE_RANGE",
    "WILDER",
    "Indicator",
    "Stream",
    "adx",
    "atr",
    "bollinger",
    "ema",
    "fibonacci",
    "fibonacci_levels",
    "interpreted",
    "macd",
    "obv",
    "over_bars",
    "realised_volatility",
    "relative_volume",
    "rolling_high",
    "rolling_low",
    "rsi",
    "sma",
    "std",
    "stochastic",
    "swings",
    "true_range",
    "wilder",
]
