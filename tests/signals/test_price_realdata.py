"""The signals on real history: the story of IWM, recomputed with pandas, and the spread of the scores."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from price_paths import columns_of, history

from openapex.bars import Bars
from openapex.signals import SIGNALS
from openapex.signals.bollinger import BOLLINGER_SIGNAL
from openapex.signals.ma_cross import MA_CROSS_SIGNAL
from openapex.signals.rsi import RSI_SIGNAL
from openapex.signals.signal import PriceSignal, SignalInputs
from openapex.signals.volume import VOLUME_SIGNAL

pytestmark = pytest.mark.realdata
PRICE = [signal for signal in SIGNALS.values() if isinstance(signal, PriceSignal)]
COLUMNS = ("open", "high", "low", "close", "adj_close", "volume")


def bars_from(path, symbol):
    frame = pl.read_parquet(path).filter(pl.col("symbol") == symbol)
    session = pl.col("date").cast(pl.Date).alias("session")
    return Bars.from_frame(frame.select("symbol", session, *COLUMNS, provisional=pl.lit(False)))


@pytest.fixture(scope="module")
def iwm(shared_data):
    return bars_from(shared_data / "etf_daily.parquet", "IWM")


@pytest.fixture(scope="module")
def prices(iwm):
    return pd.DataFrame({name: getattr(iwm, name) for name in COLUMNS}, index=iwm.sessions)


def sessions(bars, flags):
    return bars.sessions[np.asarray(flags)].tolist()


def test_golden_and_death_crosses_of_iwm_are_those_of_rolling_means(iwm, prices):
    above = (prices.close.rolling(50).mean() > prices.close.rolling(200).mean())[199:]
    turned = above != above.shift(1)
    turned.iloc[0] = False
    events = history(MA_CROSS_SIGNAL, iwm).events
    assert sessions(iwm, events["golden_cross"]) == [day.date() for day in above.index[turned & above]]
    assert sessions(iwm, events["death_cross"]) == [day.date() for day in above.index[turned & ~above]]


def test_crosses_of_the_s_and_p_500_that_were_news(shared_data):
    """Financial press: death crosses on 2020-03-30 and 2022-03-14, golden crosses on 2020-07-09 and 2023-02-02."""
    index = bars_from(shared_data / "index_daily.parquet", "^SPX")
    events = history(MA_CROSS_SIGNAL, index).events
    since_2020 = {name: [day for day in sessions(index, events[name]) if day.year >= 2020] for name in events}
    assert since_2020["death_cross"] == [date(2020, 3, 30), date(2022, 3, 14)]
    assert since_2020["golden_cross"] == [date(2020, 7, 9), date(2023, 2, 2)]


def test_volume_spikes_and_breakouts_of_iwm_are_those_of_pandas(iwm, prices):
    spike = prices.volume / prices.volume.rolling(20).mean().shift(1) >= 2.0
    up = prices.close > prices.close.shift(1)
    events = history(VOLUME_SIGNAL, iwm).events
    assert sessions(iwm, events["volume_spike_up"]) == sessions(iwm, spike & up)
    for window in (20, 55):
        breakout = prices.close > prices.high.rolling(window).max().shift(1)
        assert sessions(iwm, events[f"breakout_{window}_on_spike"]) == sessions(iwm, spike & breakout)


def test_squeezes_of_iwm_start_at_a_low_of_the_bandwidth(iwm, prices):
    sigma, mean = prices.close.rolling(20).std(ddof=0), prices.close.rolling(20).mean()
    bandwidth = 4.0 * sigma / mean
    at_low = set(sessions(iwm, bandwidth <= bandwidth.rolling(126).min() * (1.0 + 1e-9)))
    found = sessions(iwm, history(BOLLINGER_SIGNAL, iwm).events["squeeze"])
    assert found
    assert set(found) <= at_low


def test_at_the_low_of_march_2020_iwm_is_oversold_and_trend_followers_are_bearish(iwm):
    at = iwm.sessions.tolist().index(date(2020, 3, 18))
    scores = {signal.name: signal.history(SignalInputs(iwm)).score[at] for signal in PRICE}
    assert history(RSI_SIGNAL, iwm).values["rsi"][at] < 25.0
    assert scores["rsi"] > 55.0
    assert max(scores["macd"], scores["ma_cross"], scores["volume"], scores["fibonacci"]) < 40.0


@pytest.mark.parametrize("signal", PRICE, ids=lambda signal: signal.name)
@pytest.mark.parametrize("symbol", ["IWM", "SPY"])
def test_scores_use_the_range_on_real_history(shared_data, signal, symbol):
    """No signal crowds around 50: the middle half spans 15 points, the outer percent reach the verdicts' thresholds."""
    score = history(signal, bars_from(shared_data / "etf_daily.parquet", symbol)).score
    low, lower, middle, upper, high = np.nanquantile(score, [0.01, 0.25, 0.5, 0.75, 0.99])
    assert upper - lower > 15.0
    assert low < 35.0
    assert high > 75.0
    assert 40.0 < middle < 80.0


def test_the_spread_on_the_page_is_that_of_iwm(iwm):
    page = (Path(__file__).resolve().parents[2] / "docs" / "signals.md").read_text(encoding="utf-8")
    for signal in PRICE:
        spread = np.nanquantile(history(signal, iwm).score, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
        assert f"| {signal.title} | {' | '.join(f'{x:.0f}' for x in spread)} |" in page


@pytest.mark.parametrize("signal", PRICE, ids=lambda signal: signal.name)
def test_dirty_stocks_give_scores_in_range_or_none(shared_data, signal):
    frame = pl.read_parquet(shared_data / "stocks_daily.parquet")
    dirty = frame.filter((pl.col("high") < pl.col("close")) | (pl.col("volume") == 0))["symbol"].unique().sort()
    for symbol in dirty.to_list()[:5]:
        seen = history(signal, bars_from(shared_data / "stocks_daily.parquet", symbol))
        known = seen.score[~np.isnan(seen.score)]
        assert ((known >= 0.0) & (known <= 100.0)).all()
        assert not any(np.isinf(column.astype(float)).any() for column in columns_of(seen).values())
