"""Small deliveries for the tests of the store."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from openapex.sources.source import ACTION_SCHEMA, BAR_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, MACRO_SCHEMA, Delivery

NOW = datetime(2024, 1, 31, 22, tzinfo=UTC)
FIRST = date(2024, 1, 2)


def day(n):
    return FIRST + timedelta(days=n)


def bar_rows(symbol, closes, start=0, provisional=()):
    """Bars on consecutive days from day `start`; `provisional` holds day numbers."""
    rows = [
        (symbol, day(start + i), close, close, close, close, None, 100.0, (start + i) in provisional)
        for i, close in enumerate(closes)
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


def rows_of(schema, symbol, given):
    return pl.DataFrame([(symbol, *row) for row in given], schema=schema, orient="row")


def delivery(
    symbol="IWM", closes=(10.0, 11.0, 12.0), *, start=0, provisional=(), source="files", basis="split_adjusted",
    simulated=False, actions=(), headlines=(), facts=(), bars=None,
):  # fmt: skip
    return Delivery(
        symbol=symbol,
        source=source,
        simulated=simulated,
        basis=basis,
        bars=bar_rows(symbol, closes, start, provisional) if bars is None else bars,
        actions=rows_of(ACTION_SCHEMA, symbol, actions),
        headlines=rows_of(HEADLINE_SCHEMA, symbol, headlines),
        facts=rows_of(FACT_SCHEMA, symbol, facts),
    )


def macro(series="UNRATE", rows=(), *, source="fred", published=False, simulated=False):
    """A delivery of one series; `rows` hold reference date, day it became known, value."""
    frame = pl.DataFrame([(series, *row, published) for row in rows], schema=MACRO_SCHEMA, orient="row")
    return Delivery(series, source, simulated, "as_traded", bars=BAR_SCHEMA.to_frame(), macro=frame)


def closes_of(stored):
    return stored.bars["close"].to_list()
