"""`Bars` checks its shape once, at the border."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapex.bars import BAR_SCHEMA, FIELDS, Bars
from openapex.errors import BadInput, UnknownName, UnreadableData


def rows(symbol: str, n_bars: int, first: date = date(2024, 1, 1)) -> pl.DataFrame:
    columns = {name: np.arange(n_bars, dtype=float) + 1 for name in FIELDS}
    days = [first + timedelta(days=i) for i in range(n_bars)]
    return pl.DataFrame({"symbol": [symbol] * n_bars, "session": days, **columns, "provisional": [False] * n_bars})


@given(st.dictionaries(st.text("ABC", min_size=1, max_size=3), st.integers(1, 6), max_size=5), st.randoms())
def test_a_frame_survives_the_round_trip_in_any_order(sizes: dict[str, int], shuffle: object) -> None:
    frame = pl.concat([rows(name, n) for name, n in sizes.items()] or [pl.DataFrame(schema=BAR_SCHEMA)])
    bars = Bars.from_frame(frame.cast(dict(BAR_SCHEMA)).sample(fraction=1, shuffle=True, seed=shuffle.randint(0, 99)))  # type: ignore[attr-defined]
    assert bars.symbols == tuple(sorted(sizes))
    assert bars.frame().equals(frame.cast(dict(BAR_SCHEMA)).sort("symbol", "session"))
    for name, n in sizes.items():
        assert bars.one(name).n_bars == n
        assert bars.one(name).symbols == (name,)


def test_rows_of_one_symbol_are_views() -> None:
    bars = Bars.from_frame(pl.concat([rows("A", 3), rows("B", 4)]))
    assert np.shares_memory(bars.one("B").close, bars.close)
    assert np.shares_memory(bars.one("B").until(date(2024, 1, 2)).close, bars.close)


def test_until_cuts_after_the_day() -> None:
    bars = Bars.from_frame(rows("A", 5))
    assert len(bars.until(date(2024, 1, 3))) == 3
    assert len(bars.until(date(2023, 1, 3))) == 0
    assert len(bars.until(date(2025, 1, 3))) == 5


def test_unknown_values_stay_unknown() -> None:
    frame = rows("A", 2).with_columns(volume=pl.Series([None, 5.0]))
    bars = Bars.from_frame(frame)
    assert np.isnan(bars.volume[0])
    assert bars.frame()["volume"].to_list() == [None, 5.0]


def test_a_session_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="session 2024-01-01 stands in row 1"):
        Bars.from_frame(pl.concat([rows("A", 1), rows("A", 1)]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UnreadableData, match="must also have \\['close'\\]"):
        Bars.from_frame(rows("A", 1).drop("close"))


def test_a_null_session_is_refused() -> None:
    with pytest.raises(UnreadableData, match="null"):
        Bars.from_frame(rows("A", 1).with_columns(session=pl.lit(None, pl.Date)))


def test_an_unknown_symbol_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'IWM'"):
        Bars.from_frame(rows("IWM", 1)).one("IWN")


def test_until_of_many_symbols_is_refused() -> None:
    with pytest.raises(BadInput, match="2 symbols"):
        Bars.from_frame(pl.concat([rows("A", 1), rows("B", 1)])).until(date(2024, 1, 1))


def test_columns_of_different_length_are_refused() -> None:
    bars = Bars.from_frame(rows("A", 3))
    columns = {name: getattr(bars, name) for name in (*FIELDS, "provisional")} | {"close": bars.close[:2]}
    with pytest.raises(BadInput, match="close has 2 rows"):
        Bars(symbols=bars.symbols, offsets=bars.offsets, sessions=bars.sessions, **columns)
