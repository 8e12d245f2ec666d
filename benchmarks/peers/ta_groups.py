"""ta (Technical Analysis Library in Python): its classes on each group of a pandas frame."""

import pandas as pd
from ta.momentum import RSIIndicator  # type: ignore[import-untyped]
from ta.trend import MACD, SMAIndicator  # type: ignore[import-untyped]
from ta.volatility import AverageTrueRange, BollingerBands  # type: ignore[import-untyped]

from benchmarks.peers.printed import COLUMNS, Table, main


def latest(path: str) -> Table:
    frame = pd.read_parquet(path, columns=["symbol", "high", "low", "close", "volume"]).dropna()
    frame = frame.astype({name: "float64" for name in ("high", "low", "close", "volume")})
    groups = [(symbol, last(bars)) for symbol, bars in frame.groupby("symbol", sort=False)]
    rows = [row for _, row in groups]
    return {"symbol": [symbol for symbol, _ in groups], **dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))}


def last(bars: pd.DataFrame) -> tuple[float, ...]:
    high, low, close, volume = (bars[name] for name in ("high", "low", "close", "volume"))
    macd = MACD(close, window_slow=26, window_fast=12, window_sign=9)
    bands = BollingerBands(close, 20, 2)
    return (
        RSIIndicator(close, 14).rsi().iloc[-1],
        macd.macd().iloc[-1],
        macd.macd_signal().iloc[-1],
        bands.bollinger_pband().iloc[-1],
        bands.bollinger_wband().iloc[-1] / 100.0,
        AverageTrueRange(high, low, close, 14).average_true_range().iloc[-1],
        SMAIndicator(close, 50).sma_indicator().iloc[-1],
        SMAIndicator(close, 200).sma_indicator().iloc[-1],
        volume.iloc[-1] / SMAIndicator(volume, 20).sma_indicator().iloc[-2],
        high.rolling(20).max().iloc[-1],
    )


if __name__ == "__main__":
    main(latest)
