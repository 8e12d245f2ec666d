"""CSV files as tables of text: where the header stands, and yfinance's header of several lines."""

from pathlib import Path

import polars as pl

from openapex.errors import NoData, UnreadableData
from openapex.sources.columns import EXPECTED, canonical

HEAD_LINES = 30


def read_table(file: Path) -> pl.DataFrame:
    """Return a CSV as text columns (no value is guessed: the ticker NA stays NA), blank lines dropped.

    Raises
    ------
    UnreadableData
        If the file is no CSV, or holds a fund's holdings.
    NoData
        If it is empty.
    """
    head = _head(file)
    if not any(line.strip() for line in head):
        raise NoData(f"{file.name} is empty, must hold a header and at least one bar")
    cells = [[cell.strip().strip('"') for cell in line.split(",")] for line in head]
    if cells[0][0] == "Price" and len(cells) > 1 and cells[1][0] == "Ticker":
        return _yfinance(file, cells)
    if any({"Ticker", "Weight (%)"} <= set(row) for row in cells):
        raise UnreadableData(f"{file.name} is a fund's list of holdings, must be prices: {EXPECTED}")
    header = next((i for i, row in enumerate(cells) if {"session", "close"} <= set(map(canonical, row))), 0)
    return _read(file, skip_rows=header)


def _head(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            return [line.rstrip("\r\n") for _, line in zip(range(HEAD_LINES), lines, strict=False)]
    except UnicodeDecodeError as error:
        raise UnreadableData(f"{file.name} is not UTF-8 text, must be a CSV file") from error


def _read(file: Path, skip_rows: int, has_header: bool = True) -> pl.DataFrame:
    try:
        frame = pl.read_csv(file, infer_schema=False, skip_rows=skip_rows, has_header=has_header)
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnreadableData(f"{file.name} cannot be read as CSV: {reason}") from error
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def _yfinance(file: Path, head: list[list[str]]) -> pl.DataFrame:
    """Read what ``yfinance.download`` writes: a line of fields, lines of tickers, the line ``Date``, then the rows."""
    fields, tickers = head[0], head[1]
    n_lines = next((i + 1 for i, row in enumerate(head) if row[0] in ("Date", "Datetime")), 0)
    if not n_lines:
        raise UnreadableData(f"{file.name} starts like a yfinance download, must have a line 'Date'")
    rows = _read(file, skip_rows=n_lines, has_header=False)
    parts = []
    for ticker in dict.fromkeys(tickers[1:]):
        chosen = {fields[i]: rows.columns[i] for i in range(1, len(fields)) if tickers[i] == ticker}
        columns = [pl.col(rows.columns[0]).alias("Date"), *(pl.col(at).alias(name) for name, at in chosen.items())]
        parts.append(rows.select(pl.lit(ticker).alias("Ticker"), *columns))
    return pl.concat(parts, how="diagonal")
