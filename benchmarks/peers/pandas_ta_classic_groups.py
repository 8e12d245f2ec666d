"""pandas-ta-classic: its functions on each group of a pandas frame, in its own code (``talib=False``, its default)."""

import pandas as pd
import pandas_ta_classic as ta  # type: ignore[import-untyped]

from benchmarks.peers.printed import COLUMNS, Table, main


def latest(path: str) -> Table:
    frame = pd.read_parquet(path, columns=["symbol", "high", "low", "close", "volume"]).dropna()
    frame = frame.astype({name: "float64" for name in ("high", "low", "close", "volume")})
    groups = [(symbol, last(bars)) for symbol, bars in frame.groupby("symbol", sort=False)]
    rows = [row for _, row in groups]
    return {"symbol": [symbol for symbol, _ in groups], **dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))}


def last(bars: pd.DataFrame) -> tuple[float, ...]:
    if len(bars) < 200:  # its functions answer None where their window is longer than the series
        return (float("nan"),) * len(COLUMNS)
    high, low, close, volume = (bars[name] for name in ("high", "low", "close", "volume"))
    macd = ta.macd(close, 12, 26, 9)
    bands = ta.bbands(close, 20, 2.0, ddof=0)
    return (
        ta.rsi(close, 14).iloc[-1],
        macd["MACD_12_26_9"].iloc[-1],
        macd["MACDs_12_26_9"].iloc[-1],
        bands["BBP_20_2.0"].iloc[-1],
        bands["BBB_20_2.0"].iloc[-1] / 100.0,
        ta.atr(high, low, close, 14).iloc[-1],
        ta.sma(close, 50).iloc[-1],
        ta.sma(close, 200).iloc[-1],
        volume.iloc[-1] / ta.sma(volume, 20).iloc[-2],
        high.rolling(20).max().iloc[-1],
    )


if __name__ == "__main__":
    main(latest)
