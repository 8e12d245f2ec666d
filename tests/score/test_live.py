"""`Live` equals the batch at every bar, keeps its promises to change nothing, and reads every form of a bar."""

import copy
import doctest
import pickle
import subprocess
import sys
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.signals.price_paths import bars_of as path_bars

from openapex.bars import BAR_SCHEMA, Bars
from openapex.errors import ApexError, BadInput, UnknownName, UnreadableData
from openapex.indicators.kernels import WORTH_THREADS
from openapex.score import live as module
from openapex.score import live_states
from openapex.score.composite import composite, verdict
from openapex.score.live import Live
from openapex.score.model import Model, model
from openapex.signals import PRICE_SIGNALS, SIGNALS
from openapex.signals.signal import SignalInputs
from openapex.sources.demo import DemoSource

both_ways = pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
COLUMNS = ("sessions", "open", "high", "low", "close", "adj_close", "volume", "provisional")
N = 420
BAR = (100.0, 101.0, 99.0, 100.5, 1e6)


def bars_of(symbol, close, high=None, low=None, volume=None):
    return path_bars(close, high, low, volume, symbol)


def walk(symbol, seed, n=N):
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, n)))
    high, low = close * np.exp(rng.exponential(0.006, n)), close * np.exp(-rng.exponential(0.006, n))
    return bars_of(symbol, close, high, low, np.round(1e6 * np.exp(rng.normal(0.0, 0.5, n))))


def with_gaps(symbol):
    """Every field unknown or infinite somewhere: in the warm-up, after it, twice in a row, one field at a time."""
    base = walk(symbol, 5)
    fields = {name: getattr(base, name).copy() for name in ("close", "high", "low", "volume")}
    for i, name in enumerate(fields):
        fields[name][[30 + i, 300 + 7 * i, 301 + 7 * i]] = np.nan
    fields["close"][[60, 262]] = np.inf, -np.inf
    return bars_of(symbol, **fields)


def edge_paths():
    line = np.arange(N, dtype=float)
    shaken = walk("X", 9)
    return [
        bars_of("FLAT", *[np.full(N, 100.0)] * 3),
        with_gaps("GAPS"),
        bars_of("JUMP", *[np.where(line < 250, 100.0, 150.0)] * 3),
        bars_of("NIL", shaken.close, shaken.high, shaken.low, np.zeros(N)),
        bars_of("ONLYUP", 100.0 + line),
        bars_of("WALK", shaken.close, shaken.high, shaken.low, shaken.volume),
        bars_of("ZERO", np.zeros(N), np.zeros(N), np.zeros(N)),
    ]


def panel(parts):
    """Several symbols in one `Bars`; the parts sorted by symbol."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return Bars(tuple(part.symbols[0] for part in parts), offsets, **columns)


def rows_of(bars, first, end):
    """Bars `first` up to `end` of one symbol."""
    columns = {name: getattr(bars, name)[first:end] for name in COLUMNS}
    return Bars(bars.symbols, np.array([0, len(columns["close"])]), **columns)


@pytest.fixture(scope="module")
def demo():
    """Five symbols of the simulated market, of different length."""
    answers = DemoSource().fetch(["IWM", "LQD", "QQQ", "SPY", "XLK"])
    frames = [answer.bars.sort("session").tail(N + 37 * i) for i, answer in enumerate(answers)]
    return Bars.from_frame(pl.concat(frames).with_columns(provisional=pl.lit(False)))


def batch(bars, chosen):
    """Every signal's history and the composite of one symbol, by the code that `analyze` uses."""
    histories = {name: signal.history(SignalInputs(bars)) for name, signal in PRICE_SIGNALS.items()}
    return histories, composite({name: history.score for name, history in histories.items()}, chosen)


def require_equal(answers, i, wanted, first, chosen):
    """The `i`-th symbol of successive answers equals the batch from bar `first` on, bit for bit."""
    histories, made = wanted
    rows = slice(first, first + len(answers))
    for name, history in histories.items():
        batch_columns = {"score": history.score, **history.values, **history.events}
        live_columns = [{"score": one.signals[name], **one.values(name), **one.events(name)} for one in answers]
        assert all(list(one) == list(batch_columns) for one in live_columns)
        for key, column in batch_columns.items():
            found = np.array([one[key][i] for one in live_columns])
            np.testing.assert_array_equal(found, column[rows], err_msg=f"{name} {key}", strict=True)
    np.testing.assert_array_equal([one.score[i] for one in answers], made.score[rows])
    np.testing.assert_array_equal([one.coverage[i] for one in answers], made.coverage[rows])
    pairs = zip(made.score[rows], made.coverage[rows], strict=True)
    assert [one.verdict[i] for one in answers] == [verdict(*pair, chosen) for pair in pairs]
    for name in ("sentiment", "fundamentals"):
        assert np.isnan([one.signals[name][i] for one in answers]).all()


def fed(live, parts, first, end):
    """The answers to the bars `first` up to `end` of several symbols, one by one."""
    return [live.update(panel([rows_of(part, t, t + 1) for part in parts])) for t in range(first, end)]


@both_ways
def test_every_bar_of_every_edge_path_equals_the_batch(compiled):
    parts = edge_paths()
    answers = fed(Live(model="technical", compiled=compiled), parts, 0, N)
    assert answers[-1].symbols == tuple(part.symbols[0] for part in parts)
    assert {one for answer in answers for one in answer.verdict} > {None, "HOLD"}
    for i, part in enumerate(parts):
        require_equal(answers, i, batch(part, model("technical")), 0, model("technical"))


@both_ways
def test_a_warmed_up_universe_of_the_simulated_market_goes_on_as_the_batch(demo, compiled):
    warm = 300
    parts = [demo.one(symbol) for symbol in demo.symbols]
    live = Live(panel([rows_of(part, 0, warm) for part in parts]), compiled=compiled)
    answers = fed(live, parts, warm, N)
    for i, part in enumerate(parts):
        require_equal(answers, i, batch(part, model()), warm, model())
    assert not np.isnan(answers[-1].score).any()


def test_a_universe_worth_threads_equals_the_interpreted_one():
    # more bars than WORTH_THREADS, so that the history runs in parallel and the new bars do not
    bars = panel([walk(f"S{i:02d}", i, 340 + i) for i in range(60)])
    assert len(bars) > WORTH_THREADS
    compiled, plain = Live(bars, compiled=True), Live(bars, compiled=False)
    np.testing.assert_array_equal(compiled.scores().outputs, plain.scores().outputs)
    new = {symbol: ("2030-01-02", *BAR) for symbol in bars.symbols[::3]}
    np.testing.assert_array_equal(compiled.update(new).outputs, plain.update(new).outputs)
    np.testing.assert_array_equal(compiled.scores().outputs, plain.scores().outputs)


WARM = walk("ANY", 11, 250)
prices = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.floats(40.0, 60.0), st.sampled_from([0.0, -1.0, 1e-300, 1e300])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(prices, prices, prices, prices), min_size=1, max_size=6), st.booleans(), st.integers(0, 6))
def test_any_bars_in_any_pieces_equal_the_batch(rows, compiled, cut):
    wild = dict(zip(("close", "high", "low", "volume"), np.array(rows).T, strict=True))
    part = bars_of("ANY", **{name: np.append(getattr(WARM, name), column) for name, column in wild.items()})
    live = Live(rows_of(part, 0, len(WARM)), model="technical", compiled=compiled)
    before = live.__getstate__()
    pieces = [
        rows_of(part, *edge) for edge in pairwise(sorted({len(WARM), min(len(WARM) + cut, len(part)), len(part)}))
    ]
    for piece in pieces:
        peeked, answer = live.peek(piece), live.update(piece)
        np.testing.assert_array_equal(peeked.outputs, answer.outputs)
    require_equal([answer], 0, batch(part, model("technical")), len(part) - 1, model("technical"))
    assert not np.array_equal(before["_states"], live.__getstate__()["_states"])


def test_a_prefix_of_the_bars_gives_what_live_gave_then(demo):
    part = demo.one("SPY")
    live = Live(rows_of(part, 0, 320))
    for t in range(320, 330):
        answers = fed(live, [part], t, t + 1)
        require_equal(answers, 0, batch(rows_of(part, 0, t + 1), model()), t, model())


@both_ways
def test_history_in_pieces_is_history_at_once(demo, compiled):
    whole = Live(demo, compiled=compiled).scores()
    live = Live(compiled=compiled)
    for first, end in pairwise([0, 1, 100, 221, 440, 2000]):
        parts = [rows_of(demo.one(symbol), first, end) for symbol in demo.symbols]
        live.update(panel([part for part in parts if len(part)]))
    np.testing.assert_array_equal(live.scores().outputs, whole.outputs)
    np.testing.assert_array_equal(live.scores().sessions, whole.sessions)


def state_of(live):
    """All that a `Live` holds, to compare by."""
    held = live.__getstate__()
    return {name: part.tobytes() if isinstance(part, np.ndarray) else repr(part) for name, part in held.items()}


@both_ways
def test_only_the_symbols_given_advance(demo, compiled):
    live = Live(demo, compiled=compiled)
    before = live.scores()
    scores = live.update({"SPY": ("2030-01-02", *BAR)})
    after = live.scores()
    assert scores.symbols == ("SPY",)
    assert after.sessions[after.symbols.index("SPY")] == np.datetime64("2030-01-02")
    others = [i for i, symbol in enumerate(after.symbols) if symbol != "SPY"]
    np.testing.assert_array_equal(after.outputs[others], before.outputs[others])
    np.testing.assert_array_equal(after.sessions[others], before.sessions[others])


@both_ways
def test_a_new_symbol_starts_fresh_and_warms_up(demo, compiled):
    live = Live(demo, compiled=compiled)
    fresh = walk("NEW", 3, 230)
    answers = fed(live, [fresh], 0, 230)
    require_equal(answers, 0, batch(fresh, model()), 0, model())
    assert [np.isnan(one.signals["rsi"][0]) for one in answers] == [t < 219 for t in range(230)]
    assert "NEW" in live.symbols
    assert len(live) == 6


@both_ways
def test_peeking_changes_nothing_and_says_what_updating_would(demo, compiled):
    live = Live(demo, compiled=compiled)
    before = state_of(live)
    peeked = [live.peek({"SPY": ("2030-01-02", *BAR), "NEW": ("2030-01-02", *BAR)}) for _ in range(3)]
    live.peek({"SPY": ("2030-01-02", 1.0, 900.0, 0.1, 500.0, 1e12)})
    assert state_of(live) == before
    assert "NEW" not in live.symbols
    kept = live.update({"SPY": ("2030-01-02", *BAR), "NEW": ("2030-01-02", *BAR)})
    for one in peeked:
        np.testing.assert_array_equal(one.outputs, kept.outputs)
        np.testing.assert_array_equal(one.score, kept.score)


@both_ways
def test_a_peek_before_every_bar_leaves_no_trace(compiled):
    part = with_gaps("GAPS")
    live, answers = Live(compiled=compiled), []
    for t in range(N):
        live.peek(rows_of(part, min(t + 1, N - 1), N))
        answers += fed(live, [part], t, t + 1)
    require_equal(answers, 0, batch(part, model()), 0, model())


REFUSED = {
    "the last session again": (
        {"LQD": ("2030-01-02", *BAR), "SPY": ("SPY's last", *BAR)},
        "must be after its last one",
    ),
    "an earlier session": ({"LQD": ("2030-01-02", *BAR), "SPY": ("1990-01-02", *BAR)}, "session of SPY is 1990-01-02"),
    "no date": ({"LQD": ("2030-01-02", *BAR), "SPY": ("soon", *BAR)}, "session of SPY is 'soon', must be a date"),
    "too short": ({"LQD": ("2030-01-02", *BAR), "SPY": ("2030-01-02", 1.0)}, "bar of SPY is"),
    "text": ({"LQD": ("2030-01-02", *BAR), "SPY": "2030-01-02"}, "bar of SPY is '2030-01-02', must be"),
    "a word for a price": ({"SPY": ("2030-01-02", 1, 2, 3, "4", 5)}, "close of SPY is '4', must be a number"),
    "yes for a price": ({"SPY": ("2030-01-02", 1, 2, 3, True, 5)}, "close of SPY is True, must be a number"),
    "an endless number": ({"SPY": ("2030-01-02", 1, 2, 3, 4, 10**400)}, "volume of SPY is 10.*, must be"),
    "a number for a symbol": ({"SPY": ("2030-01-02", *BAR), 7: ("2030-01-02", *BAR)}, "symbol is 7, must be text"),
    "twice the same": (
        pl.DataFrame(
            [{"symbol": "SPY", "session": date(2030, 1, 2), "high": 1, "low": 1, "close": 1, "volume": 1}] * 2
        ),
        "must be later than the row before it",
    ),
    "a list": ([("2030-01-02", *BAR)], "new bars are a list, must be"),
}


@both_ways
@pytest.mark.parametrize(("new", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bad_bar_is_refused_and_nothing_is_changed(demo, compiled, new, words):
    live = Live(demo, compiled=compiled)
    before = state_of(live)
    if isinstance(new, dict) and new["SPY"][0] == "SPY's last":
        new = new | {"SPY": (demo.one("SPY").sessions[-1], *BAR)}
    for method in (live.update, live.peek):
        with pytest.raises(BadInput, match=words):
            method(new)
    assert state_of(live) == before


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"sentiment": {"SPY": 100.1}}, BadInput, "sentiment of SPY is 100.1, must be 0 to 100 or NaN"),
        ({"fundamentals": {"SPY": -1}}, BadInput, "fundamentals of SPY is -1, must be 0 to 100"),
        ({"sentiment": {"SPY": "good"}}, BadInput, "sentiment of SPY is 'good'"),
        ({"fundamentals": {"SPX": 60.0}}, UnknownName, "symbol of fundamentals is 'SPX'.*Did you mean 'SPY'"),
    ],
)
def test_a_bad_opinion_is_refused_and_nothing_is_changed(demo, given, error, words):
    live = Live(demo)
    before = state_of(live)
    with pytest.raises(error, match=words):
        live.update({"SPY": ("2030-01-02", *BAR)}, **given)
    assert state_of(live) == before


def test_a_provisional_bar_may_be_peeked_at_but_not_kept(demo):
    live = Live(demo)
    bar = walk("SPY", 1, 1)
    bar = Bars(bar.symbols, bar.offsets, np.array(["2030-01-02"], "datetime64[D]"),
               *[getattr(bar, name) for name in COLUMNS[1:-1]], np.array([True]))  # fmt: skip
    before = state_of(live)
    for new in (bar, bar.frame()):
        with pytest.raises(BadInput, match=r"bar of SPY on 2030-01-02 is provisional, must be settled to be kept"):
            live.update(new)
    assert state_of(live) == before
    assert live.peek(bar).sessions[0] == np.datetime64("2030-01-02")


def test_an_unknown_session_is_refused():
    bar = walk("SPY", 1, 1)
    bar = Bars(("SPY",), bar.offsets, np.array(["NaT"], "datetime64[D]"), *[bar.close] * 6, bar.provisional)
    with pytest.raises(BadInput, match="session is NaT in some rows"):
        Live().update(bar)


def test_sentiment_and_fundamentals_count_in_their_own_answer_only(demo):
    live = Live(demo)
    bare = live.scores()
    given = live.scores(sentiment={"SPY": 100.0}, fundamentals={"SPY": 100.0, "LQD": float("nan")})
    spy, lqd = bare.symbols.index("SPY"), bare.symbols.index("LQD")
    # apex weighs both with 10 %: 0.8 × (score − 50) + 0.2 × 50 above 50
    assert given.score[spy] == pytest.approx(50 + 0.8 * (bare.score[spy] - 50) + 0.2 * 50, abs=1e-9)
    assert (bare.coverage[spy], given.coverage[spy]) == (pytest.approx(0.8), pytest.approx(1.0))
    assert given.score[lqd] == bare.score[lqd]
    np.testing.assert_array_equal(live.scores().score, bare.score)


@pytest.mark.parametrize(
    "session", ["2030-01-02", date(2030, 1, 2), datetime(2030, 1, 2, 16), np.datetime64("2030-01-02")], ids=repr
)
def test_every_form_of_one_bar_is_the_same_bar(demo, session):
    live = Live(demo)
    wanted = live.peek({"SPY": ["2030-01-02", 100, 101, 99, np.float32(100.5), 1_000_000]})
    frame = pl.DataFrame({"symbol": ["SPY"], "session": [date(2030, 1, 2)], "high": [101], "low": [99.0],
                          "close": [100.5], "volume": [1e6]})  # fmt: skip
    full = frame.with_columns(open=100.0, adj_close=None, provisional=None).select(list(BAR_SCHEMA))
    odd = frame.with_columns(open=pl.lit("not looked at"), note=pl.lit(1))
    for new in ({"SPY": (session, *BAR)}, frame, full, odd, Bars.from_frame(full)):
        found = live.peek(new)
        assert found.symbols == ("SPY",)
        assert found.sessions.tolist() == [date(2030, 1, 2)]
        np.testing.assert_array_equal(found.outputs, wanted.outputs)


def test_an_unknown_volume_is_none_or_nan(demo):
    live = Live(demo)
    none, nan = (live.peek({"SPY": ("2030-01-02", 100.0, 101.0, 99.0, 100.5, x)}) for x in (None, float("nan")))
    np.testing.assert_array_equal(none.outputs, nan.outputs)
    assert np.isnan(none.signals["volume"][0])


def test_sessions_of_another_unit_are_days(demo):
    part = demo.one("SPY")
    seconds = Bars(part.symbols, part.offsets, part.sessions.astype("datetime64[s]"),
                   *[getattr(part, name) for name in COLUMNS[1:]])  # fmt: skip
    live = Live(seconds)
    assert live.scores().sessions.tolist() == [part.sessions[-1].item()]
    with pytest.raises(BadInput, match="must be after its last one"):
        live.update(rows_of(part, len(part) - 1, len(part)))


def test_a_frame_without_a_column_or_of_another_type_is_refused():
    with pytest.raises(UnreadableData, match=r"must also have \['session'"):
        Live().update(pl.DataFrame({"symbol": ["SPY"]}))
    words = {"symbol": "SPY", "session": date(2030, 1, 2), "high": "x", "low": "y", "close": "z", "volume": "w"}
    with pytest.raises(UnreadableData, match="frame of new bars has types"):
        Live().update(pl.DataFrame([words]))


def test_nothing_held_and_nothing_given_is_no_score():
    live = Live()
    assert (len(live), live.symbols, len(live.scores()), live.scores().frame().height) == (0, (), 0, 0)
    assert len(live.update({})) == 0


def test_symbols_without_bars_are_not_held():
    part = walk("B", 2, 30)
    empty = Bars(("A", "B", "C"), np.array([0, 0, 30, 30]), *[getattr(part, name) for name in COLUMNS])
    live = Live(empty)
    assert live.symbols == ("B",)
    np.testing.assert_array_equal(live.scores().outputs, Live(part).scores().outputs)


@both_ways
def test_copies_and_pickles_go_their_own_way(demo, compiled):
    live = Live(demo, compiled=compiled)
    before = state_of(live)
    twins = [live.copy(), copy.copy(live), copy.deepcopy(live), pickle.loads(pickle.dumps(live))]
    new = {"NEW": ("2030-01-02", *BAR), "SPY": ("2030-01-02", *BAR)}
    wanted = [twin.update(new) for twin in twins]
    assert state_of(live) == before
    kept = live.update(new)
    for twin, scores in zip(twins, wanted, strict=True):
        np.testing.assert_array_equal(scores.outputs, kept.outputs)
        assert twin.compiled == compiled
        assert repr(twin) == repr(live)
        assert state_of(twin) == state_of(live)


def test_ctrl_c_in_the_middle_leaves_every_symbol_as_it_was(demo, monkeypatch):
    live, twin = Live(demo, compiled=False), Live(demo, compiled=False)
    before, stepped, calls = live.scores(), live_states._stepped, []

    def interrupted(indicator, *rest):
        calls.append(indicator)
        if len(calls) == 9:  # in the second of three symbols
            raise KeyboardInterrupt
        return stepped(indicator, *rest)

    new = {name: ("2030-01-02", *BAR) for name in ("IWM", "NEW", "SPY")}
    monkeypatch.setattr(live_states, "_stepped", interrupted)
    with pytest.raises(KeyboardInterrupt):
        live.update(new)
    monkeypatch.undo()
    assert live.symbols == demo.symbols
    np.testing.assert_array_equal(live.scores().outputs, before.outputs)
    np.testing.assert_array_equal(live.update(new).outputs, twin.update(new).outputs)


def test_a_pickle_goes_on_where_the_compiler_is_missing(demo, monkeypatch):
    live = Live(demo, compiled=True)
    pickled = pickle.dumps(live)
    without_compiler(monkeypatch)
    other = pickle.loads(pickled)
    assert not other.compiled
    monkeypatch.undo()
    for step in ("2030-01-02", "2030-01-03"):
        found, wanted = (each.update({"SPY": (step, *BAR)}) for each in (other, live))
        np.testing.assert_array_equal(found.outputs, wanted.outputs)


def without_compiler(monkeypatch):
    from openapex.indicators.compiled import MissingCompiler
    from openapex.score import live_compiled

    def missing(*arguments):
        raise MissingCompiler("llvmlite is missing")

    monkeypatch.setattr(live_compiled, "_kernel", missing)


def test_a_pickle_of_other_steps_is_refused(demo, monkeypatch):
    pickled = pickle.dumps(Live(demo, compiled=False))
    monkeypatch.setattr(module, "INDICATORS", module.INDICATORS[:-1])
    with pytest.raises(BadInput, match="made by this version"):
        pickle.loads(pickled)


def test_without_a_compiler_it_is_interpreted_unless_compiled_is_asked_for(demo, monkeypatch):
    monkeypatch.setattr(module, "MANY_BARS", 1)
    without_compiler(monkeypatch)
    assert not Live(demo).compiled
    with pytest.raises(ApexError, match="llvmlite is missing"):
        Live(demo, compiled=True)


def test_the_compiler_is_chosen_for_many_bars_only(demo, monkeypatch):
    assert not Live(demo).compiled
    monkeypatch.setattr(module, "MANY_BARS", len(demo))
    assert Live(demo).compiled
    assert not Live(demo, compiled=False).compiled


def test_importing_live_does_not_import_a_compiler():
    code = "import sys, openapex.score.live as m; m.Live().update({}); sys.exit('llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_of_ones_own_is_obeyed_and_survives_a_pickle(demo):
    text = "title='t'\n[weights]\nrsi=1\n[verdict]\nbuy=60\nsell=40\nmin_coverage=0.5"
    live = pickle.loads(pickle.dumps(Live(demo, Model.from_toml("mine", text))))
    scores = live.scores()
    assert live.model == Model.from_toml("mine", text)
    np.testing.assert_allclose(scores.score, scores.signals["rsi"], atol=1e-12)
    with pytest.raises(UnknownName, match="model is 'apx'"):
        Live(model="apx")


def test_the_frame_has_a_row_a_symbol_and_the_words_of_the_scan(demo):
    frame = Live(demo).scores(sentiment={"SPY": 60.0}).frame()
    assert frame.columns == ["symbol", "session", "score", "verdict", "coverage",
                             *(f"{name}_score" for name in SIGNALS), "events"]  # fmt: skip
    assert frame["symbol"].to_list() == list(demo.symbols)
    assert frame["sentiment_score"].to_list() == [None, None, None, 60.0, None]
    assert frame["fundamentals_score"].null_count() == 5
    assert frame.schema["events"] == pl.List(pl.String)


def test_events_of_the_bar_are_named_in_the_frame():
    # 60 quiet bars, then one on 10 times the volume that closes at its high: a spike up
    calm = 100.0 + np.arange(60) % 2
    live = Live(bars_of("AAA", calm, calm + 1.0, calm - 1.0))
    scores = live.update({"AAA": ("2030-01-02", 101.0, 110.0, 101.0, 110.0, 1e7)})
    assert scores.events("volume")["volume_spike_up"].tolist() == [True]
    assert "volume_spike_up" in scores.frame()["events"][0]


def test_reasons_are_those_of_the_batch(demo):
    live, part = Live(demo), demo.one("IWM")
    for name, signal in PRICE_SIGNALS.items():
        inputs = SignalInputs(part)
        assert live.scores().reason("IWM", name) == signal.opinion(inputs, signal.history(inputs)).reason
    young = Live(walk("NEW", 4, 3)).scores()
    assert young.reason("NEW", "rsi") == PRICE_SIGNALS["rsi"].missing
    with pytest.raises(UnknownName, match=r"symbol is 'IWN'.*Did you mean 'IWM'"):
        live.scores().reason("IWN", "rsi")
    with pytest.raises(UnknownName, match="price signal is 'sentiment'"):
        live.scores().reason("IWM", "sentiment")


def test_an_answer_is_not_changed_by_what_comes_later(demo):
    live = Live(demo, compiled=True)
    first = live.update({"SPY": ("2030-01-02", *BAR)})
    outputs, score = first.outputs.copy(), first.score.copy()
    live.update({"SPY": ("2030-01-03", 1.0, 2.0, 0.5, 1.0, 1.0)})
    np.testing.assert_array_equal(first.outputs, outputs)
    np.testing.assert_array_equal(first.score, score)


def test_read_only_bars_are_taken():
    part = walk("A", 1, 30)
    for name in ("close", "high", "low", "volume", "offsets"):
        getattr(part, name).flags.writeable = False
    live, plain = Live(part, compiled=True), Live(part, compiled=False)
    np.testing.assert_array_equal(live.scores().outputs, plain.scores().outputs)


def test_the_bars_given_are_not_touched(demo):
    copies = {name: getattr(demo, name).copy() for name in COLUMNS}
    for compiled in (False, True):
        Live(demo, compiled=compiled)
    for name, column in copies.items():
        np.testing.assert_array_equal(getattr(demo, name), column)


@pytest.mark.realdata
@pytest.mark.slow
def test_every_symbol_of_a_real_universe_equals_the_scan(shared_data):
    from openapex.score.panel import panel as scan

    frame = pl.read_parquet(shared_data / "stocks_daily.parquet").rename({"date": "session"})
    columns = ("symbol", "session", *COLUMNS[1:-1])
    bars = Bars.from_frame(frame.select(columns).with_columns(provisional=pl.lit(False)))
    last = bars.offsets[1:] - 1
    is_last = np.zeros(len(bars), dtype=bool)
    is_last[last] = True
    cut = bars.frame()
    live = Live(Bars.from_frame(cut.filter(~is_last)))
    scores, wanted = live.update(cut.filter(is_last)), scan(bars, model())
    assert live.compiled
    assert scores.symbols == bars.symbols
    np.testing.assert_array_equal(scores.score, wanted.score)
    np.testing.assert_array_equal(scores.coverage, wanted.coverage)
    assert list(scores.verdict) == wanted.verdicts
    for name, column in wanted.scores.items():
        np.testing.assert_array_equal(scores.signals[name], column, err_msg=name)


def test_the_example_of_the_page_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "live.md"
    n_failed, n_run = doctest.testfile(str(page), module_relative=False)
    assert (n_failed, n_run > 8) == (0, True)
