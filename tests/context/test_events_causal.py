"""Events of the page over whole histories: the past never changes; real data against pandas and TA-Lib; time."""

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.page import (
    NAN,
    Arrays,
    arrays_of,
    bars_of,
    days,
    events_of,
    macro_of,
)

from openapex.bars import Bars
from openapex.context.causal import States
from openapex.context.events import DEFINITIONS, PageEvents
from openapex.context.macro import Macro

N = 420


@cache
def world(seed: int) -> tuple[Bars, Bars, Macro, Arrays]:
    rng = np.random.default_rng(seed)

    def walk(symbol: str, keep: np.ndarray) -> Bars:
        close = 100 * np.exp(rng.normal(0, 0.01, N).cumsum())
        volume = rng.lognormal(0, 0.7, N)
        volume[rng.random(N) < 0.01] = NAN
        rows = np.flatnonzero(keep)
        day = [days(N)[i] for i in rows]
        return bars_of(close[rows].tolist(), symbol=symbol, sessions=day, high=(close[rows] * 1.002).tolist(),
                       volume=volume[rows].tolist())  # fmt: skip

    bars, other = walk("A", np.ones(N, dtype=bool)), walk("B", rng.random(N) > 0.05)

    def unknown(x: np.ndarray, mark: float) -> np.ndarray:
        return np.where(rng.random(N) < 0.05, mark, x)

    def runs(n_names: int) -> list[float]:
        return unknown(np.repeat(rng.integers(0, n_names, N // 35 + 1), 35)[:N], -1).tolist()

    arrays = arrays_of(
        bars, stance=runs(3), expects=runs(3), breadth=runs(3), leadership=(rng.random(N) < 0.02).tolist(),
        two_year=unknown(rng.normal(0, 1, N), NAN).tolist(), spread=unknown(rng.normal(0, 1, N), NAN).tolist(),
        cfnai=unknown(rng.normal(-0.5, 0.3, N), NAN).tolist(),
    )  # fmt: skip
    target = np.repeat(rng.integers(0, 4, N // 20 + 1) * 0.25, 20)[:N]
    known = {day: float(rate) for i, (day, rate) in enumerate(zip(days(N), target, strict=True)) if not 150 < i < 190}
    frame = pl.concat(
        [macro_of("DFEDTARU", {d: v for d, v in known.items() if d > date(2010, 4, 1)}), macro_of("DFF", known, lag=1)]
    )
    return bars, other, Macro(frame), arrays


@cache
def whole(seed: int) -> PageEvents:
    bars, other, macro, arrays = world(seed)
    return events_of(bars, other, macro=macro, arrays=arrays)


def cut(arrays: Arrays, bars: Bars) -> Arrays:
    k = len(bars)

    def states(one: States) -> States:
        return States(bars.sessions, one.codes[:k], one.names)

    return Arrays(states(arrays.stances), states(arrays.expectations), arrays.sigmas[:k], arrays.cfnai_ma3_history[:k],
                  states(arrays.states), arrays.leadership[:k], arrays.spread[:k])  # fmt: skip


def assert_starts_with(full: PageEvents, part: PageEvents, k: int) -> None:
    for name in DEFINITIONS:
        assert np.array_equal(full.history[name][:k], part.history[name]), name
        assert np.array_equal(full.known[name][:k], part.known[name]), name
    assert np.array_equal(full.drivers.codes[:k], part.drivers.codes)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.one_of(st.integers(1, 140), st.integers(141, N - 1)))
def test_the_past_never_changes(seed: int, k: int) -> None:
    bars, other, macro, arrays = world(seed)
    day = bars.sessions[k - 1].item()
    before = bars.until(day)
    part = events_of(before, other.until(day), macro=macro.until(day), arrays=cut(arrays, before))
    assert_starts_with(whole(seed), part, k)


def test_every_event_happens_in_the_worlds_of_these_tests() -> None:
    totals = dict.fromkeys(DEFINITIONS, 0)
    for seed in range(6):
        found = whole(seed)
        totals = {name: n + found[name].n for name, n in totals.items()}
    assert min(totals.values()) > 0, totals


@pytest.mark.parametrize("k", [1, 15, 21, 128, 300, N - 1])
@pytest.mark.parametrize("poison", [NAN, float("inf"), 1e9])
def test_a_poisoned_future_changes_nothing(k: int, poison: float) -> None:
    bars, other, macro, arrays = world(3)
    day = bars.sessions[k - 1].item()

    def poisoned(one: Bars) -> Bars:
        late = one.sessions > np.datetime64(day, "D")
        columns = ("open", "high", "low", "close", "adj_close", "volume")
        return replace(one, **{name: np.where(late, poison, getattr(one, name)) for name in columns})

    late = macro.frame.with_columns(value=pl.when(pl.col("known_at") > day).then(99.0).otherwise(pl.col("value")))
    with np.errstate(all="ignore"):
        found = events_of(poisoned(bars), poisoned(other), macro=Macro(late), arrays=arrays)
    full = whole(3)
    for name in DEFINITIONS:
        assert np.array_equal(found.history[name][:k], full.history[name][:k]), name
        assert np.array_equal(found.known[name][:k], full.known[name][:k]), name


def test_inputs_are_untouched() -> None:
    bars, other, macro, arrays = world(0)
    columns = [bars.close, bars.high, bars.volume, other.adj_close, arrays.sigmas, arrays.leadership,
               arrays.stances.codes]  # fmt: skip
    copies, frame = [column.copy() for column in columns], macro.frame.clone()
    events_of(bars, other, macro=macro, arrays=arrays)
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(columns, copies, strict=True))
    assert macro.frame.equals(frame)


# Real data


@pytest.mark.realdata
def test_iwm_against_spy_equals_pandas_and_talib(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "etf_daily.parquet").sort_values(["symbol", "date"])
    frame["date"] = pd.to_datetime(frame["date"])
    iwm, spy = (frame[frame.symbol == name].set_index("date") for name in ("IWM", "SPY"))

    def bars(rows: pd.DataFrame) -> Bars:
        rows = rows.reset_index()[["date", "symbol", "open", "high", "low", "close", "adj_close", "volume"]]
        polars = pl.from_pandas(rows).rename({"date": "session"})
        return Bars.from_frame(polars.with_columns(provisional=pl.lit(False)))

    rsi = pd.Series(talib.RSI(iwm.close.to_numpy(dtype=float), 14), iwm.index)
    dip = rsi.between(35, 42)
    ratio = iwm.volume / iwm.volume.rolling(20).mean().shift(1)
    lead = (iwm.adj_close.pct_change() - spy.adj_close.reindex(iwm.index).pct_change()) * 100
    sigmas = lead / lead.rolling(252, min_periods=126).std().shift(1)
    expected = {
        "rsi_dip": dip,
        "rsi_dip_entered": dip & ~dip.shift(1, fill_value=False),
        "rsi_dip_left": ~dip & dip.shift(1, fill_value=False),
        "volume_spike": ratio >= 2,
        "volume_spike_in_band": ratio.between(2, 3),
        "spike_at_breakout": (ratio >= 2) & (iwm.close > iwm.high.rolling(20).max().shift(1)),
        "rotation_day_up": sigmas > 2,
        "rotation_day_down": sigmas < -2,
    }
    mine = bars(iwm)
    found = events_of(mine, bars(spy))
    sessions = iwm.index.to_numpy()
    for name, series in expected.items():
        got = mine.sessions[found.history[name]]
        assert got.astype("datetime64[ns]").tolist() == sessions[series].astype("datetime64[ns]").tolist(), name
        assert found[name].n == int(series.sum()) > 20
    assert found["rsi_dip"].n_sessions == int(rsi.notna().sum())
    assert found["rotation_day_up"].n_sessions == int(sigmas.notna().sum())
    assert found["rotation_day_up"].values["relative_1_sigmas"] == pytest.approx(sigmas.iloc[-1], abs=1e-9)
    # July 2024: cool inflation figures sent small caps ahead on the 11th and for days after
    rotated = {str(day) for day in mine.sessions[found.history["rotation_day_up"]]}
    assert {"2024-07-11", "2024-07-16", "2024-11-06"} <= rotated


@pytest.mark.slow
def test_6500_bars_take_at_most_8_ms_given_rsi_and_relative_volume() -> None:
    rng = np.random.default_rng(0)
    n = 6500
    close = (100 * np.exp(rng.normal(0, 0.01, n).cumsum())).tolist()
    start = date(2000, 6, 1)
    bars, other = bars_of(close, start=start), bars_of(close[::-1], symbol="B", start=start)
    arrays = arrays_of(bars, stance=rng.integers(0, 3, n).tolist(), two_year=rng.normal(0, 1, n).tolist())
    macro = Macro(macro_of("DFEDTARU", {day: 1.0 for day in days(n - 3100, date(2008, 12, 16))}))
    rsi, ratio = rng.uniform(20, 80, n), rng.lognormal(0, 0.5, n)
    events_of(bars, other, macro=macro, arrays=arrays, rsi=rsi, relative_volume=ratio)
    spent = []
    for _ in range(20):
        begin = perf_counter()
        events_of(bars, other, macro=macro, arrays=arrays, rsi=rsi, relative_volume=ratio)
        spent.append(perf_counter() - begin)
    assert min(spent) <= 0.008, f"{1000 * min(spent):.1f} ms"
