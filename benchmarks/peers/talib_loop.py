"""TA-Lib: a loop over symbols, each a slice of long arrays (one thread: its functions hold the interpreter's lock)."""

import itertools

import numpy as np
import numpy.typing as npt
import polars as pl
import talib

from benchmarks.peers.printed import COLUMNS, Table, main

Floats = npt.NDArray[np.float64]


def latest(path: str) -> Table:
    bars = pl.read_parquet(path, columns=["symbol", "high", "low", "close", "volume"])
    runs = bars.select(pl.col("symbol").rle()).unnest("symbol")
    edges = [0, *runs["len"].cum_sum()]
    columns = [bars[name].cast(pl.Float64).to_numpy() for name in ("high", "low", "close", "volume")]
    rows = [last(*(column[a:b] for column in columns)) for a, b in itertools.pairwise(edges)]
    return {"symbol": runs["value"].to_list(), **dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))}


def last(high: Floats, low: Floats, close: Floats, volume: Floats) -> tuple[float, ...]:
    macd, signal, _ = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    return (
        talib.RSI(close, 14)[-1],
        macd[-1],
        signal[-1],
        (close[-1] - lower[-1]) / (upper[-1] - lower[-1]),
        (upper[-1] - lower[-1]) / middle[-1],
        talib.ATR(high, low, close, 14)[-1],
        talib.SMA(close, 50)[-1],
        talib.SMA(close, 200)[-1],
        volume[-1] / talib.SMA(volume, 20)[-2],
        talib.MAX(high, 20)[-1],
    )


if __name__ == "__main__":
    main(latest)
