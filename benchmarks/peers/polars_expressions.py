"""Polars alone: lazy expressions, aggregated in parallel over the symbols (faster here than ``over``)."""

import polars as pl

from benchmarks.peers.printed import Table, main


def latest(path: str) -> Table:
    high, low, close, volume = (pl.col(name) for name in ("high", "low", "close", "volume"))
    change = close.diff()
    gain, loss = wilder(change.clip(lower_bound=0.0)), wilder((-change).clip(lower_bound=0.0))
    macd = close.ewm_mean(span=12, adjust=False) - close.ewm_mean(span=26, adjust=False)
    middle, deviation = close.rolling_mean(20), close.rolling_std(20, ddof=0)
    before = close.shift(1)
    indicators = {
        "rsi": 100.0 * gain / (gain + loss),
        "macd": macd,
        "macd_signal": macd.ewm_mean(span=9, adjust=False),
        "percent_b": (close - middle + 2.0 * deviation) / (4.0 * deviation),
        "bandwidth": 4.0 * deviation / middle,
        "atr": wilder(pl.max_horizontal(high - low, (high - before).abs(), (low - before).abs())),
        "sma_50": close.rolling_mean(50),
        "sma_200": close.rolling_mean(200),
        "relative_volume": volume / volume.rolling_mean(20).shift(1),
        "high_20": high.rolling_max(20),
    }
    bars = pl.scan_parquet(path).select("symbol", pl.col("high", "low", "close", "volume").cast(pl.Float64))
    last = bars.group_by("symbol").agg(**{name: values.last() for name, values in indicators.items()})
    return last.collect().to_dict(as_series=False)


def wilder(values: pl.Expr, window: int = 14) -> pl.Expr:
    return values.ewm_mean(alpha=1.0 / window, adjust=False, ignore_nulls=True)


if __name__ == "__main__":
    main(latest)
