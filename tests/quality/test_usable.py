"""The fast ways to the usable bars keep what the quality room keeps, bit for bit."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marked_market import NOW, barred, changed, clean, judged, scaled
from polars.testing import assert_frame_equal

from openapex.bars import BAR_SCHEMA, FIELDS
from openapex.errors import BadInput, UnreadableData
from openapex.quality.usable import usable
from openapex.quality.usable_arrays import usable_arrays
from openapex.sources.source import ACTION_SCHEMA

WEEK = datetime(2024, 6, 28, 15, tzinfo=UTC)  # Friday morning in New York: the last bar has not settled


def arrays_of(frame: pl.DataFrame, actions=None, *, calendar="XNYS", now=NOW, is_compiled=None) -> pl.DataFrame:
    """Run the arrays and give the kept rows as a frame."""
    frame = frame.sort("symbol", "session", maintain_order=True).with_columns(pl.col(FIELDS).fill_nan(None))
    lengths = frame["symbol"].rle().struct.field("len").to_numpy() if frame.height else np.zeros(0, dtype=np.int64)
    names = frame["symbol"].unique(maintain_order=True).to_list()
    found = usable_arrays(
        {name: frame[name].to_numpy() for name in FIELDS},
        frame["session"].to_numpy(),
        np.concatenate([[0], np.cumsum(lengths)]),
        names,
        calendar=calendar,
        now=now,
        actions=actions,
        is_compiled=is_compiled,
    )
    columns = {name: pl.Series(getattr(found, name)) for name in ("volume", "adj_close")}
    columns["provisional"] = pl.Series(found.provisional, dtype=pl.Boolean) | frame["provisional"].fill_null(False)
    kept = frame.with_columns(**columns).filter(pl.Series(found.keep, dtype=pl.Boolean))
    assert found.n_refused.sum() == frame.height - kept.height
    return kept.with_columns(pl.col("volume", "adj_close").fill_nan(None))


def assert_all_equal(frame: pl.DataFrame, actions=None, *, calendar="XNYS", now=NOW, as_of=None) -> pl.DataFrame:
    wanted = judged(frame, actions, calendar=calendar, now=now, as_of=as_of).kept
    found = usable(frame, actions, calendar=calendar, now=now, as_of=as_of)
    assert_frame_equal(found, wanted, check_exact=True)
    cut = frame if as_of is None else frame.filter(pl.col("session") <= as_of)
    for is_compiled in (True, False):
        found = arrays_of(cut, actions, calendar=calendar, now=now, is_compiled=is_compiled)
        assert_frame_equal(found, wanted, check_exact=True)
    return wanted


def splits(*rows: tuple[str, date, float]) -> pl.DataFrame:
    made = [{"symbol": name, "session": day, "kind": "split", "value": value} for name, day, value in rows]
    return pl.DataFrame(made, schema=ACTION_SCHEMA)


INF, NAN = float("inf"), float("nan")
PRICES = st.sampled_from([None, NAN, INF, -INF, 0.0, -5.0, 1e-3, 1e6])
FAULTS = st.one_of(
    st.tuples(st.sampled_from(["open", "high", "low", "close"]), PRICES),
    st.tuples(st.sampled_from(["volume"]), st.sampled_from([None, NAN, INF, -1.0, 0.0, 1.0, 50.0, 9e3, 1e12])),
    st.tuples(st.sampled_from(["adj_close"]), st.sampled_from([None, NAN, INF, -INF, 0.0, -5.29])),
    st.tuples(st.sampled_from(["session"]), st.sampled_from([date(2024, 6, 22), date(2024, 7, 5), date(2024, 6, 27)])),
    st.tuples(st.sampled_from(["provisional"]), st.just(value=True)),
)
PLANTED = st.lists(st.tuples(st.integers(0, 119), FAULTS), max_size=6)
SCALES = st.lists(
    st.tuples(st.integers(1, 119), st.integers(1, 130), st.sampled_from([0.1, 0.5, 2.0, 10.0, 100.0, 0.01, 1.6])),
    max_size=2,
)


def marked(symbol: str, seed: int, planted, scales) -> pl.DataFrame:
    frame = clean(120, symbol, seed)
    for begin, length, factor in scales:
        frame = scaled(frame, begin, begin + length, factor)
    for row, (name, value) in planted:
        frame = changed(frame, row, **{name: value})
    return frame


@settings(max_examples=120, deadline=None)
@given(planted=PLANTED, scales=SCALES, seed=st.integers(1, 5))
def test_one_symbol_with_planted_faults(planted, scales, seed):
    assert_all_equal(marked("X", seed, planted, scales))


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.tuples(PLANTED, SCALES), min_size=2, max_size=4),
    split_row=st.integers(0, 119),
    value=st.sampled_from([2.0, 10.0, 0.1, 1.0]),
    as_of=st.sampled_from([None, date(2024, 5, 1), date(2024, 1, 2)]),
    now=st.sampled_from([NOW, WEEK]),
    calendar=st.sampled_from(["XNYS", None]),
)
def test_many_symbols_with_splits_cuts_and_an_open_session(parts, split_row, value, as_of, now, calendar):
    frames = [marked(f"S{i}", i + 1, planted, scales) for i, (planted, scales) in enumerate(parts)]
    day = frames[0]["session"][split_row]
    actions = splits(("S0", day, value), ("S1", day, value), ("ZZ", day, 3.0))
    assert_all_equal(pl.concat(frames), actions, calendar=calendar, now=now, as_of=as_of)


def test_a_day_that_stands_twice_or_three_times_keeps_its_last_good_row():
    frame = clean(60)
    twice = pl.concat([frame, frame[20:22], frame[20:21].with_columns(high=pl.lit(None, pl.Float64))])
    assert assert_all_equal(twice)["session"].is_unique().all()
    again = scaled(frame[30:31], 0, 1, 2.0)  # the row that a later one replaces is on another scale
    assert assert_all_equal(pl.concat([frame[:30], again, frame[30:]])).height == frame.height


def test_a_break_of_scale_restarts_and_the_volumes_are_judged_anew():
    frame = changed(scaled(clean(300), 0, 100, 10.0), 110, volume=2.0)
    frame = changed(frame, 250, volume=2.0)
    kept = assert_all_equal(frame)
    assert kept.height == 195
    assert kept["volume"].null_count() == 1


@pytest.mark.parametrize(("row", "n_unknown"), [(19, 0), (20, 1), (21, 1), (90, 1)])
def test_a_thin_volume_is_judged_from_the_twentieth_known_bar_before_it(row, n_unknown):
    assert assert_all_equal(changed(clean(120), row, volume=3.0))["volume"].null_count() == n_unknown


def test_nothing_and_nothing_usable():
    empty = pl.DataFrame(schema=BAR_SCHEMA)
    assert usable(empty, calendar="XNYS", now=NOW).is_empty()
    assert arrays_of(empty, is_compiled=True).is_empty()
    assert arrays_of(empty, is_compiled=False).is_empty()
    refused = clean(5).with_columns(close=pl.lit(None, pl.Float64))
    assert assert_all_equal(refused).is_empty()
    assert assert_all_equal(pl.concat([refused, clean(30, "Y")]))["symbol"].unique().to_list() == ["Y"]


def test_bad_input_has_a_name():
    with pytest.raises(UnreadableData, match="bars frame has columns"):
        usable(clean(3).drop("close"), calendar="XNYS", now=NOW)
    frame = clean(4)
    columns, days = {name: frame[name].to_numpy() for name in FIELDS}, frame["session"].to_numpy()
    options = {"calendar": "XNYS", "now": NOW}
    with pytest.raises(BadInput, match="must rise within a symbol"):
        usable_arrays(columns, days[::-1], np.array([0, 4]), ["X"], **options)
    with pytest.raises(BadInput, match="offsets is inconsistent, must be 2 row numbers from 0 to 4"):
        usable_arrays(columns, days, np.array([0, 3]), ["X"], **options)
    with pytest.raises(BadInput, match="must be alike"):
        usable_arrays(columns | {"low": np.ones(3)}, days, np.array([0, 4]), ["X"], **options)


@pytest.mark.realdata
def test_sixty_real_stocks(shared_data):
    bars = barred(shared_data / "stocks_daily.parquet")
    names = np.random.default_rng(11).choice(bars["symbol"].unique().sort().to_numpy(), 60, replace=False)
    frame = bars.filter(pl.col("symbol").is_in([*names.tolist(), "IVT", "FERG"]))  # these two have silent days
    kept = assert_all_equal(frame, now=datetime(2023, 7, 3, tzinfo=UTC))
    assert kept.height < frame.height
