"""ATR beside the price: a range that is known by hand, and warm-up."""

import numpy as np
import pytest
from tests.context.page import bars_of

import openapex as apex
from openapex.context.atr_band import atr_band


@pytest.mark.parametrize(("half", "share"), [(0.74, 0.0), (0.75, 100.0), (1.25, 100.0), (1.26, 0.0)])
def test_a_day_of_a_known_range_is_in_the_band_or_not(half: float, share: float) -> None:
    """A close of 100 with a high and a low `half` away from it: the true range is twice that."""
    close = np.full(60, 100.0)
    bars = bars_of(close.tolist(), high=(close + 2 * half).tolist())  # the low is the close
    made = atr_band(bars)
    assert made.atr_pct == pytest.approx(2 * half)
    assert (made.atr_pct_band_share_pct, made.n_sessions, made.session) == (share, 46, bars.sessions[-1].item())


def test_warm_up_is_unknown() -> None:
    made = atr_band(bars_of([100.0] * 14))
    assert (made.n_sessions, np.isnan(made.atr_pct), np.isnan(made.atr_pct_band_share_pct)) == (0, True, True)


def test_it_is_that_of_the_key_statistics() -> None:
    made = apex.context("IWM", source="demo").weather.relative.atr["IWM"]
    stats = apex.analyze("IWM", source="demo", context=False).key_stats
    assert (made.atr_pct, made.atr_pct_band_share_pct) == (stats["atr_pct"], stats["atr_pct_band_share_pct"])
