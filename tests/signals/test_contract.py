"""What every signal obeys; a new one joins by its place in `SIGNALS`.

The checks are functions so that they can be tested themselves: at the end, signals that cheat are planted, and each
must be caught.
"""

import math
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, time

import numpy as np
import polars as pl
import pytest
from price_paths import (
    SCENARIO_27,
    assert_equal,
    bars_of,
    changed,
    columns_of,
    first,
    panel_of,
    random_bars,
    scaled,
)

from openapex.indicators.step import Stream
from openapex.signals import SIGNALS
from openapex.signals.ma_cross import MA_CROSS_SIGNAL
from openapex.signals.signal import PriceSignal, SignalHistory, SignalInputs
from openapex.sources.source import FACT_SCHEMA, HEADLINE_SCHEMA

N = 700
ORDER = ["rsi", "macd", "bollinger", "volume", "ma_cross", "fibonacci", "sentiment", "fundamentals"]
PRICE = [signal for signal in SIGNALS.values() if isinstance(signal, PriceSignal)]
CUTS = [1, 2, 10, 15, 34, 100, 145, 219, 220, 221, 387, 512, N - 1, N]
TITLES = ("{} beats estimates and raises guidance", "{} cut to sell", "{} files for bankruptcy", "{} opens new office")
each_signal = pytest.mark.parametrize("signal", SIGNALS.values(), ids=list(SIGNALS))
each_price_signal = pytest.mark.parametrize("signal", PRICE, ids=lambda signal: signal.name)


def inputs_of(bars):
    """Bars with a headline every third session and two facts every 60 sessions."""
    days = bars.sessions.astype(object).tolist()
    headlines = [
        ("TEST", datetime.combine(day, time(15), UTC), TITLES[i % 4].format("T"), "")
        for i, day in enumerate(days)
        if i % 3 == 0
    ]
    facts = [("TEST", "quote_type", days[0], None, "EQUITY")] if days else []
    for i, day in list(enumerate(days))[::60]:
        known = {"trailing_pe": 12.0 + i / 50, "revenue_growth_pct": 9.0, "profit_margin_pct": 8.0 + i / 90}
        known |= {"return_on_equity_pct": 14.0, "debt_to_equity": 0.6, "price_to_book": 2.0, "forward_pe": 15.0}
        facts += [("TEST", name, day, value, None) for name, value in known.items()]
    frames = [pl.DataFrame(rows, s, orient="row") for rows, s in ((headlines, HEADLINE_SCHEMA), (facts, FACT_SCHEMA))]
    return SignalInputs(bars, *frames)


def cut(inputs, n_bars):
    """What was known at the close of bar `n_bars - 1`."""
    day = inputs.bars.sessions[n_bars - 1].item()
    headlines = inputs.headlines.filter(pl.col("published_at").dt.date() <= day)
    return SignalInputs(first(inputs.bars, n_bars), headlines, inputs.facts.filter(pl.col("known_at") <= day))


def poisoned(inputs, n_bars):
    """The same past, and a future that is absurd."""
    bars, later = inputs.bars, np.arange(len(inputs.bars)) >= n_bars
    rng = np.random.default_rng(n_bars)
    poison = rng.choice([np.nan, np.inf, 1e9, 1e-9, 0.0], size=(4, len(bars)))
    fields = ("close", "high", "low", "volume")
    columns = {name: np.where(later, poison[i], getattr(bars, name)) for i, name in enumerate(fields)}
    day = bars.sessions[n_bars - 1].item()
    titles = pl.when(pl.col("published_at").dt.date() > day).then(pl.lit("fraud")).otherwise("title")
    values = pl.when(pl.col("known_at") > day).then(pl.lit(1e9)).otherwise("value")
    facts = inputs.facts.with_columns(value=values)
    return SignalInputs(changed(bars, **columns), inputs.headlines.with_columns(title=titles), facts)


def check_past_never_changes(signal, inputs):
    full = signal.history(inputs)
    for n_bars in CUTS:
        known = cut(inputs, n_bars)
        seen = signal.history(known)
        assert_equal(seen, signal.history(known))
        for name, values in columns_of(full).items():
            np.testing.assert_array_equal(columns_of(seen)[name], values[:n_bars], err_msg=f"{name} at {n_bars}")
        assert repr(signal.opinion(known, seen)) == repr(signal.opinion(inputs, full, n_bars - 1))


def check_future_cannot_matter(signal, inputs):
    full = signal.history(inputs)
    for n_bars in CUTS[:-1]:
        assert_equal(signal.history(poisoned(inputs, n_bars)), full, slice(0, n_bars))


def check_scores_are_0_to_100_or_no_data(signal, inputs):
    seen = signal.history(inputs)
    known = seen.score[~np.isnan(seen.score)]
    assert known.size
    assert ((known >= 0.0) & (known <= 100.0)).all()
    for name, column in columns_of(seen).items():
        assert column.shape == (len(inputs.bars),), name
        assert not np.isinf(column.astype(float)).any(), name


def check_inputs_are_untouched(signal, inputs):
    before = deepcopy(inputs)
    signal.opinion(inputs, signal.history(inputs))
    for name in ("close", "high", "low", "volume", "adj_close", "open", "sessions"):
        np.testing.assert_array_equal(getattr(inputs.bars, name), getattr(before.bars, name))
    assert inputs.headlines.equals(before.headlines)
    assert inputs.facts.equals(before.facts)


def check_unit_of_price_does_not_matter(signal, inputs):
    score = signal.history(inputs).score
    doubled = replace(inputs, bars=scaled(inputs.bars, price=8.0, volume=0.25))
    np.testing.assert_array_equal(signal.history(doubled).score, score)
    odd = signal.history(replace(inputs, bars=scaled(inputs.bars, price=0.37, volume=7.3))).score
    np.testing.assert_allclose(odd, score, rtol=1e-6, equal_nan=True)


CHECKS = [
    check_past_never_changes,
    check_future_cannot_matter,
    check_scores_are_0_to_100_or_no_data,
    check_inputs_are_untouched,
]


@pytest.fixture(scope="module")
def inputs():
    return inputs_of(random_bars(seed=5, n=N))


def test_there_are_eight_in_display_order():
    assert list(SIGNALS) == ORDER
    assert [signal.name for signal in SIGNALS.values()] == ORDER


def test_import_is_cheap():
    """No compiler, no pandas, nothing that costs `analyze` its half second."""
    code = "import sys, openapex.signals; print({'llvmlite', 'pandas', 'scipy', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@each_signal
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_signal(check, signal, inputs):
    check(signal, inputs)


@each_signal
def test_reason_is_one_short_sentence_with_a_number(signal, inputs):
    seen = signal.history(inputs)
    for at in range(0, N, 7):
        opinion = signal.opinion(inputs, seen, at)
        assert opinion.reason
        assert "\n" not in opinion.reason
        assert not opinion.reason.endswith((".", " "))
        if not math.isnan(opinion.score):
            assert any(letter.isdigit() for letter in opinion.reason)
            assert "nan" not in opinion.reason
            assert len(opinion.reason) <= 100


def test_event_names_are_unique_over_all_signals(inputs):
    names = [name for signal in SIGNALS.values() for name in signal.history(inputs).events]
    assert len(names) == len(set(names))


@each_price_signal
def test_unit_of_price_and_volume_does_not_matter(signal, inputs):
    check_unit_of_price_does_not_matter(signal, inputs)


@each_price_signal
def test_outputs_are_score_values_then_the_declared_events(signal, inputs):
    seen = signal.history(inputs)
    assert signal.indicator.outputs == ("score", *seen.values, *seen.events)
    assert tuple(seen.events) == signal.event_names
    assert len(signal.indicator.scale) == len(signal.indicator.outputs)


@each_price_signal
def test_streamed_equals_batch(signal, inputs):
    columns = [getattr(inputs.bars, name).tolist() for name in signal.indicator.inputs]
    stream = Stream(signal.indicator)
    rows = np.array([stream.update(*bar) for bar in zip(*columns, strict=True)])
    batch = columns_of(signal.history(inputs))
    for i, name in enumerate(signal.indicator.outputs):
        np.testing.assert_array_equal(rows[:, i], batch[name].astype(float), err_msg=name)


@pytest.mark.slow
@each_price_signal
def test_compiled_equals_interpreted_and_symbols_do_not_mix(signal, inputs):
    """Bit for bit, over a panel of odd markets, random walks with gaps and a symbol of one bar; each as if alone."""
    from openapex.indicators.compiled import compiled_over_bars

    holes = {name: inputs.bars.close.copy() for name in ("close", "high", "low")}
    for values in holes.values():
        values[[150, 400, 401]] = np.nan, np.inf, np.nan
    named = {**SCENARIO_27, "a": inputs.bars, "b": changed(inputs.bars, **holes), "one": first(inputs.bars, 1)}
    panel = panel_of(named)
    seen = compiled_over_bars(signal.indicator, panel)
    for symbol, low, high in zip(panel.symbols, panel.offsets, panel.offsets[1:], strict=False):
        alone = columns_of(signal.history(SignalInputs(named[symbol])))
        for name, values in seen.items():
            np.testing.assert_array_equal(values[low:high], alone[name].astype(float), err_msg=f"{name} of {symbol}")


@each_price_signal
def test_warm_up_is_nan_and_as_long_as_declared(signal, inputs):
    known = np.flatnonzero(~np.isnan(signal.history(inputs).score))
    declared = signal.indicator.warm_up()
    assert known[0] == declared if signal.name != "fibonacci" else known[0] >= declared
    assert (np.diff(known) == 1).all()


@each_price_signal
@pytest.mark.parametrize("at", [20, 300, 335, 341, 390])
def test_scenario_28_a_gap_harms_only_the_windows_that_cover_it(signal, inputs, at):
    """After an unknown bar scores and events are those of a history that starts on the next bar, warm-up included."""
    bars = inputs.bars
    fields = ("close", "high", "low", "volume")
    gap = {name: np.where(np.arange(N) == at, np.nan, getattr(bars, name)) for name in fields}
    seen = signal.history(SignalInputs(changed(bars, **gap)))
    tail = slice(at + 1, None)
    fresh = signal.history(SignalInputs(bars_of(bars.close[tail], bars.high[tail], bars.low[tail], bars.volume[tail])))
    assert_equal(signal.history(inputs), seen, slice(0, at))
    np.testing.assert_allclose(seen.score[tail], fresh.score, rtol=1e-9, equal_nan=True)
    for name, flags in fresh.events.items():
        np.testing.assert_array_equal(seen.events[name][tail], flags, err_msg=name)
    assert np.isnan(seen.score[at])
    assert not any(flags[at] for flags in seen.events.values())


class CentredWindow:
    """Looks five bars ahead."""

    name, title = "rsi", "cheat"

    def history(self, inputs):
        close = inputs.bars.close
        mean = np.array([close[max(0, i - 5) : i + 6].mean() for i in range(len(close))])
        with np.errstate(invalid="ignore"):
            return SignalHistory(50.0 + np.clip(close - mean, -50.0, 50.0), {}, {})

    def opinion(self, inputs, history, at=-1):
        return float(history.score[at])


class WholeSample(CentredWindow):
    """Ranks today among all days, later ones too."""

    def history(self, inputs):
        ranks = np.argsort(np.argsort(inputs.bars.close, kind="stable"))
        return SignalHistory(100.0 * ranks / max(1, len(ranks) - 1), {}, {})


class BackFill(CentredWindow):
    """Fills the warm-up with the first known score: seen only by cuts inside the warm-up."""

    def history(self, inputs):
        seen = MA_CROSS_SIGNAL.history(inputs)
        known = np.flatnonzero(~np.isnan(seen.score))
        score = seen.score.copy()
        score[: known[0] if known.size else 0] = score[known[0]] if known.size else np.nan
        return SignalHistory(score, {}, {})


class Mutation(CentredWindow):
    """Sorts the caller's closes."""

    def history(self, inputs):
        inputs.bars.close.sort()
        return SignalHistory(np.full(len(inputs.bars), 50.0), {}, {})


class PriceInDollars(CentredWindow):
    """Takes the price itself for an opinion."""

    def history(self, inputs):
        return SignalHistory(np.clip(inputs.bars.close, 0.0, 100.0), {}, {})


CHEATS = [
    (CentredWindow(), check_past_never_changes),
    (CentredWindow(), check_future_cannot_matter),
    (WholeSample(), check_past_never_changes),
    (WholeSample(), check_future_cannot_matter),
    (BackFill(), check_past_never_changes),
    (Mutation(), check_inputs_are_untouched),
    (PriceInDollars(), check_unit_of_price_does_not_matter),
]


@pytest.mark.parametrize(("cheat", "check"), CHEATS, ids=lambda x: getattr(x, "__name__", type(x).__name__))
def test_planted_cheats_are_caught(cheat, check):
    with pytest.raises(AssertionError):
        check(cheat, inputs_of(random_bars(seed=5, n=N)))
