"""polars-talib: TA-Lib's C functions as Polars expressions, run in parallel over the symbols."""

import polars as pl
import polars_talib  # noqa: F401 - adds `Expr.ta`

from benchmarks.peers.printed import Table, main


def latest(path: str) -> Table:
    high, low, close, volume = (pl.col(name) for name in ("high", "low", "close", "volume"))
    ta = close.ta  # type: ignore[attr-defined]
    macd, bands = ta.macd(12, 26, 9), ta.bbands(20, 2.0, 2.0)
    upper, middle, lower = (bands.struct.field(f"{name}band") for name in ("upper", "middle", "lower"))
    indicators = {
        "rsi": ta.rsi(14),
        "macd": macd.struct.field("macd"),
        "macd_signal": macd.struct.field("macdsignal"),
        "percent_b": (close - lower) / (upper - lower),
        "bandwidth": (upper - lower) / middle,
        "atr": ta.atr(high, low, 14),
        "sma_50": ta.sma(50),
        "sma_200": ta.sma(200),
        "relative_volume": volume / volume.ta.sma(20).shift(1),  # type: ignore[attr-defined]
        "high_20": high.ta.max(20),  # type: ignore[attr-defined]
    }
    bars = pl.scan_parquet(path).select("symbol", pl.col("high", "low", "close", "volume").cast(pl.Float64))
    values = bars.select("symbol", *(each.over("symbol").alias(name) for name, each in indicators.items()))
    return values.group_by("symbol").last().collect().to_dict(as_series=False)


if __name__ == "__main__":
    main(latest)
