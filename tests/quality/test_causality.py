"""What happens to a bar never depends on later bars; only a restart removes the bars before it."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marked_market import barred, changed, clean, judged, scaled
from polars.testing import assert_frame_equal

from openapex.quality import Examined

RESTARTS = ("split_like_jump", "split_not_applied")


def assert_the_past_is_the_same(whole: Examined, cut: Examined, last: date) -> None:
    """Kept rows, values and rules up to `last` are equal, but for rows that a later restart removed altogether."""
    until = pl.col("session") <= last
    kept, known = whole.kept.filter(until), cut.kept
    gone = whole.quarantined.filter(until & pl.col("rule").is_in(RESTARTS))["session"]
    later = cut.kept.filter(pl.col("session").is_in(gone.implode()))
    if later.height:  # a restart after the cut: it leaves nothing before itself
        assert kept.is_empty()
        return
    assert_frame_equal(kept.drop("provisional"), known.drop("provisional"))
    assert_frame_equal(whole.quarantined.filter(until), cut.quarantined)


FAULTS = st.lists(
    st.tuples(
        st.integers(0, 299),
        st.sampled_from(["price", "volume", "tiny", "zero", "high", "missing", "scale", "scaled_block", "adjusted"]),
    ),
    max_size=4,
)


def spoiled(frame: pl.DataFrame, faults: list[tuple[int, str]]) -> pl.DataFrame:
    values = {
        "price": {"close": -1.0}, "volume": {"volume": -1.0}, "tiny": {"volume": 50.0}, "zero": {"volume": 0.0},
        "high": {"high": 1e5}, "missing": {"close": None}, "adjusted": {"adj_close": -1.0},
    }  # fmt: skip
    for row, fault in faults:
        if fault == "scale":
            frame = scaled(frame, row, row + 1, 4.0)
        elif fault == "scaled_block":
            frame = scaled(frame, row, min(row + 12, 300), 100.0)
        else:
            frame = changed(frame, row, **values[fault])
    return frame


@settings(max_examples=25, deadline=None)
@given(FAULTS, st.integers(1, 299), st.integers(0, 5))
def test_cutting_later_rows_changes_nothing_whatever_the_faults(faults, n_bars, seed):
    frame = spoiled(clean(300, seed=seed), faults)
    whole = judged(frame)
    for at in {n_bars, *(row + 1 for row, _ in faults), *(row + 3 for row, _ in faults)}:  # on the fault and behind it
        assert_the_past_is_the_same(whole, judged(frame[:at]), frame["session"][min(at, 300) - 1])


@pytest.mark.realdata
@pytest.mark.parametrize("symbol", ["IWM", "SPY", "IXG", "KRE", "SPMD"])
def test_cutting_later_rows_of_a_real_fund_changes_no_byte(shared_data, symbol):
    frame = barred(shared_data / "etf_daily.parquet").filter(pl.col("symbol") == symbol)
    now = datetime(2025, 1, 2, 12, tzinfo=UTC)
    whole = judged(frame, now=now)
    rng = np.random.default_rng(7)
    on_faults = whole.kept.with_row_index().filter(pl.col("volume").is_null())["index"].to_list()
    for n_bars in [1, 2, 21, 64, *rng.integers(3, frame.height, 14).tolist(), *(row + 1 for row in on_faults[:20])]:
        cut = judged(frame[:n_bars], now=now)
        last = frame["session"][n_bars - 1]
        until = pl.col("session") <= last
        assert whole.kept.filter(until).write_csv() == cut.kept.write_csv()
        assert whole.quarantined.filter(until).write_csv() == cut.quarantined.write_csv()


@pytest.mark.realdata
def test_cutting_later_rows_of_dirty_stocks_changes_nothing(shared_data):
    frame = barred(shared_data / "stocks_daily.parquet")
    rng = np.random.default_rng(11)
    names = ["INDV", "IVT", "APTO", "BIIB", "SHEL", *rng.choice(frame["symbol"].unique().sort().to_list(), 25)]
    for symbol in names:
        mine = frame.filter(pl.col("symbol") == symbol)
        whole = judged(mine)
        for n_bars in rng.integers(1, mine.height, 6).tolist():
            assert_the_past_is_the_same(whole, judged(mine[:n_bars]), mine["session"][n_bars - 1])
