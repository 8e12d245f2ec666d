"""What a peer prints, and how it is called; imports nothing that would slow a peer down."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

COLUMNS = (
    "rsi",
    "macd",
    "macd_signal",
    "percent_b",
    "bandwidth",
    "atr",
    "sma_50",
    "sma_200",
    "relative_volume",
    "high_20",
)
"""RSI and ATR(14) of Wilder, MACD 12/26/9, Bollinger 20/2 (population deviation), volume / mean of the 20 bars before,
the highest high of 20 bars."""

TOP = 10
Table: TypeAlias = Mapping[str, Sequence[Any]]
"""One row a symbol, by column: ``symbol`` and `COLUMNS`; None or NaN where unknown."""


def main(latest: Callable[[str], Table]) -> None:
    """Print the symbols with the highest RSI; with a second argument also write every row there, as CSV."""
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m benchmarks.peers.NAME PATH [CSV]")
    table = latest(sys.argv[1])
    rows = list(zip(*(table[name] for name in ("symbol", *COLUMNS)), strict=True))
    ranked = sorted(rows, key=lambda row: row[1] if row[1] is not None and row[1] == row[1] else -1.0, reverse=True)
    print("symbol", *COLUMNS, sep="\t")
    for symbol, *values in ranked[:TOP]:
        print(symbol, *(f"{value:.6g}" for value in values), sep="\t")
    print(f"{len(rows)} symbols")
    if len(sys.argv) == 3:
        with open(sys.argv[2], "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("symbol", *COLUMNS), *rows])
