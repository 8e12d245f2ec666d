"""One file per signal: an opinion 0–100 with its reason and the numbers behind it."""

from collections.abc import Mapping
from types import MappingProxyType

from openapex.signals.bollinger import BOLLINGER_SIGNAL
from openapex.signals.fibonacci import FIBONACCI_SIGNAL
from openapex.signals.fundamentals import FUNDAMENTALS
from openapex.signals.ma_cross import MA_CROSS_SIGNAL
from openapex.signals.macd import MACD_SIGNAL
from openapex.signals.rsi import RSI_SIGNAL
from openapex.signals.sentiment import SENTIMENT
from openapex.signals.signal import PriceSignal, Signal, SignalName
from openapex.signals.volume import VOLUME_SIGNAL

SIGNALS: Mapping[SignalName, Signal] = MappingProxyType(
    {
        "rsi": RSI_SIGNAL,
        "macd": MACD_SIGNAL,
        "bollinger": BOLLINGER_SIGNAL,
        "volume": VOLUME_SIGNAL,
        "ma_cross": MA_CROSS_SIGNAL,
        "fibonacci": FIBONACCI_SIGNAL,
        "sentiment": SENTIMENT,
        "fundamentals": FUNDAMENTALS,
    }
)
"""The eight signals by name, in display order."""

PRICE_SIGNALS: Mapping[SignalName, PriceSignal] = MappingProxyType(
    {name: signal for name, signal in SIGNALS.items() if isinstance(signal, PriceSignal)}
)
"""Those made of bars alone."""


def least_bars() -> int:
    """Return the bars below which no price signal has an opinion."""
    return 1 + min(signal.indicator.warm_up() for signal in PRICE_SIGNALS.values())


__all__ = ["PRICE_SIGNALS", "SIGNALS", "least_bars"]
