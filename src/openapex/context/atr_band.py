"""ATR in percent of the price: how much a symbol moves in a day, and whether that is the band the page names."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray
from openapex.indicators.atr import atr

NAN = float("nan")
ATR_BAND_PCT = (1.5, 2.5)
"""The band the APEX page names for IWM, "matching QQQ"."""


@dataclass(frozen=True, slots=True)
class AtrBand:
    """ATR(14) in percent of the close on the last of `n_sessions` known ones, and the share of them in the band.

    NaN is unknown; `session` is the last bar's.
    """

    session: date
    atr_pct: float
    atr_pct_band_share_pct: float
    n_sessions: int


def atr_band(bars: Bars) -> AtrBand:
    """Return how large the ATR of one symbol with at least one bar is beside its price, today and on all sessions."""
    share = 100.0 * atr(bars.high, bars.low, bars.close) / bars.close
    known = share[~np.isnan(share)]
    part = 100.0 * float(is_in_band(known).mean()) if len(known) else NAN
    return AtrBand(bars.sessions[-1].item(), float(share[-1]), part, len(known))


def is_in_band(atr_pct: FloatArray) -> BoolArray:
    """Return where an ATR in percent of the price is in the page's band, its ends included."""
    return (atr_pct >= ATR_BAND_PCT[0]) & (atr_pct <= ATR_BAND_PCT[1])
