"""Steps written as machine code for four symbols at once: what is refused, what is shared, and gaps that fall apart."""

import importlib.util
import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openapex.indicators import INDICATORS, SMA, Indicator, interpreted
from openapex.indicators.compiled import compiled, compiled_tail
from openapex.indicators.lanes import Job, NotLowered
from openapex.indicators.lanes.kernel import kernel_module, planned
from openapex.indicators.sma import sma_start, sma_step
from openapex.indicators.step import NAN, ring, step
from openapex.signals import PRICE_SIGNALS

FIELDS = ("open", "high", "low", "close", "adj_close", "volume")


def universe(lengths, seed=3) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n)))
    high, low = close * (1.0 + rng.uniform(0.0, 0.02, n)), close * (1.0 - rng.uniform(0.0, 0.02, n))
    volume = np.round(1e6 * rng.lognormal(0.0, 0.6, n))
    columns = {"open": close, "high": high, "low": low, "close": close, "adj_close": close, "volume": volume}
    return columns, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def alone(indicator, columns, offsets, params=None) -> list[np.ndarray]:
    parts = [
        interpreted(indicator, [columns[name][a:b] for name in indicator.inputs], params)
        for a, b in pairwise(offsets)
        if b > a
    ]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def assert_equal(indicator, columns, offsets, params=None) -> None:
    found = compiled(indicator, [columns[name] for name in indicator.inputs], offsets, params)
    for name, own, wanted in zip(indicator.outputs, found, alone(indicator, columns, offsets, params), strict=True):
        np.testing.assert_array_equal(own, wanted, err_msg=f"{indicator.name}.{name}")


SIGNALS = [signal.indicator for signal in PRICE_SIGNALS.values()]


@pytest.mark.parametrize("indicator", [*INDICATORS, *SIGNALS], ids=str)
@settings(max_examples=12, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 320), min_size=4, max_size=11),
    gaps=st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from(FIELDS), st.sampled_from([NAN, math.inf, -math.inf])),
        max_size=8,
    ),
)
def test_symbols_of_any_length_with_gaps_anywhere_equal_each_alone(indicator, lengths, gaps):
    columns, offsets = universe(lengths)
    for row, name, value in gaps:
        if offsets[-1]:
            columns[name] = columns[name].copy()
            columns[name][row % offsets[-1]] = value
    if offsets[-1]:
        assert_equal(indicator, columns, offsets)


@pytest.mark.parametrize("indicator", SIGNALS, ids=str)
def test_markets_that_differ_in_every_way_run_side_by_side(indicator):
    columns, offsets = universe([300] * 8)
    own = {name: values.reshape(8, 300).copy() for name, values in columns.items()}
    for name in ("open", "high", "low", "close"):
        own[name][1] = 10.0  # nothing moves
        own[name][2] = 1.0 + np.arange(300)  # only up
        own[name][3] = 301.0 - np.arange(300)  # only down
        own[name][4] *= 1e-6
        own[name][5] *= 1e9
    own["volume"][1] = 0.0
    own["volume"][6] *= 1e9
    own["volume"][7, ::7] = 0.0
    assert_equal(indicator, {name: values.ravel() for name, values in own.items()}, offsets)


def test_a_gap_ends_the_run_of_its_neighbours_and_of_no_others():
    columns, offsets = universe([250] * 12)
    columns["close"][5 * 250 + 100] = NAN
    tail = compiled_tail([(SMA, {"window": 20})], columns, offsets, 3)[0]
    wanted = alone(SMA, columns, offsets, {"window": 20})[0]
    np.testing.assert_array_equal(tail.history, wanted)
    np.testing.assert_array_equal(tail.last[:, :, 0], [wanted[end - 3 : end] for end in offsets[1:]])


def test_what_several_signals_compute_alike_is_computed_once():
    jobs = [Job(indicator, ()) for indicator in SIGNALS]
    plan = planned(jobs, 4)
    n_rings = sorted(len(slot.start) for slot in plan.rings())
    assert n_rings.count(200) == 1  # RSI and MA Cross share the SMA 200 …
    assert sum(len(slot.start) == 200 for slot in plan.slots if isinstance(slot.start, list)) == 2  # … that both hold
    n_shared = sum(slot.same_as is not None for slot in plan.slots)
    assert n_shared == 3 * 4 + 6 + 2  # ATR thrice more (4 numbers and counts each), one SMA (6) and one lag (2)
    assert all(slot.same_as is None for slot in planned(jobs, 4, shares=False).slots)


def made(function, start=lambda: (NAN, ring(3)), outputs=("out",)) -> list[Job]:
    return [Job(Indicator("made", ("close",), outputs, {}, start, function, lambda: 0, (0,)), ())]


@step
def writes_where_lanes_differ(state, close):
    last, held = state
    if close > last:
        held[0] = close
    return (close, held), held[0]


@step
def loops_while(state, close):
    while close > 1.0:
        close = close / 2.0
    return state, close


@step
def reads_a_place_of_its_own_lane(state, close):
    last, held = state
    return state, held[1 if close > last else 0]


@step
def calls_what_is_no_step(state, close):
    return state, round(close)


@step
def forgets_to_return(state, close):
    if close > 1.0:
        return state, close


@step
def returns_another_ring(state, close):
    last, _ = state
    return (last, ring(3)), close


def_outside = 3.0


@step
def joins_numbers(state, close):
    return state, 1.0 if len((1, 2)) and 4 else close


@step
def assigns_on_one_path(state, close):
    if close > 1.0:
        def_outside = 2.0
    return state, def_outside


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (joins_numbers, "which joins numbers"),
        (assigns_on_one_path, "the name def_outside, which may stand for nothing here"),
        (writes_where_lanes_differ, "held.0. cannot be written as machine code"),
        (loops_while, "while close > 1.0"),
        (reads_a_place_of_its_own_lane, "a place that is not of a ring, or not the same for all symbols"),
        (calls_what_is_no_step, "round cannot be written"),
        (forgets_to_return, "a path without return"),
        (returns_another_ring, "ring cannot be written"),
    ],
)
def test_what_cannot_be_written_is_named(function, words):
    with pytest.raises(NotLowered, match=words):
        kernel_module(made(function), 4)


@step
def counted_step(state, close):
    n, best = state
    if close > best:
        best = close
        n += 1
    elif close < 0.5 * best and close == close:
        n, best = 0, close
    total = 0.0
    for i in range(40):
        total += i * close if i > 20 else 0.5
    return (n, best), (n + total, 1.0 if n == 3 or best > 60.0 else -best)


def test_counts_of_each_lane_loops_and_choices():
    indicator = Indicator(
        "counted", ("close",), ("count", "best"), {}, lambda: (0, 0.0), counted_step, lambda: 0, (0, 0)
    )
    columns, offsets = universe([200, 180, 199, 60, 1, 77])
    columns["close"][300] = NAN
    assert_equal(indicator, columns, offsets)


@step
def first_of(held):
    return held[0]


@step
def reads_around_a_store(state, close):
    _, held = state
    before = first_of(held)
    held[0] = close
    after = first_of(held)
    return (close, held), (before, after)


@step
def signed_zero(state, close):
    return state, 0.0 if close > 50.0 else -0.0


@step
def two_in_reverse(state, close):
    slow, fast = state
    fast, quick = sma_step(fast, close, 5)
    slow, calm = sma_step(slow, close, 5)
    return (slow, fast), (quick, calm)


@step
def counts_below_zero(state, close):
    n = state - 1 if close > 50.0 else state
    return n, 1.0 * abs(n)


@pytest.mark.parametrize(
    ("function", "start", "outputs"),
    [
        (reads_around_a_store, lambda: (NAN, ring(3)), ("before", "after")),
        (signed_zero, lambda: 0.0, ("out",)),
        (two_in_reverse, lambda: (sma_start(5), sma_start(5)), ("quick", "calm")),
        (counts_below_zero, lambda: 0, ("out",)),
    ],
)
def test_what_python_does_step_by_step(function, start, outputs):
    indicator = Indicator("made", ("close",), outputs, {}, start, function, lambda: 0, (0,) * len(outputs))
    columns, offsets = universe([40, 60, 30, 50, 45])
    assert_equal(indicator, columns, offsets)
    found = compiled(indicator, [columns["close"]], offsets)
    for own, wanted in zip(found, alone(indicator, columns, offsets), strict=True):
        np.testing.assert_array_equal(np.signbit(own), np.signbit(wanted))


def test_a_file_that_changed_after_it_was_imported_is_not_compiled(tmp_path):
    body = "@step\ndef own_step(state, close):\n    return state, close * 2.0\n"
    text = f"from openapex.indicators.step import step\n\n\n{body}"
    file = tmp_path / "own_steps.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location("own_steps", file)
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    file.write_text(text.replace("2.0", "3.0"))
    with pytest.raises(NotLowered, match="own_step: its file has changed since it was imported"):
        kernel_module(made(own.own_step, lambda: 0.0), 4)


def test_threads_that_keep_one_kernel_do_not_meet(tmp_path, monkeypatch):
    from openapex.indicators.lanes import machine

    monkeypatch.setenv("APEX_KERNELS", str(tmp_path))
    with ThreadPoolExecutor(4) as pool:  # warnings are errors here
        list(pool.map(lambda i: machine.write_kernel("one", bytes(100 + i)), range(200)))
    assert [file.name for file in tmp_path.iterdir()] == ["one.apex"]
    assert machine.read_kernel("one") is not None
