"""Files as tables: the columns alone, or a scan; where a CSV's header stands, yfinance's header of several lines."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from openapex.errors import NoData, UnreadableData
from openapex.sources.columns import EXPECTED
from openapex.sources.kinds import kind_of

SUFFIXES = (".csv", ".parquet")
HEAD_LINES = 30


def columns_of(file: Path) -> tuple[str, ...]:
    """Return the names of a file's columns; nothing else of it is read.

    Raises
    ------
    UnreadableData
        If the file is no CSV or Parquet.
    NoData
        If it is empty.
    """
    if file.suffix.lower() != ".csv":
        try:
            return tuple(pl.read_parquet_schema(file))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _no_parquet(file.name, error) from error
    cells = _head(file)
    if _is_yfinance(cells):
        return ("Date", "Ticker", *dict.fromkeys(cells[0][1:]))
    return tuple(cells[_header_row(cells)])


def first_symbols(file: Path, column: str) -> set[str]:
    """Return the symbols in the first rows of a file that has a column of them."""
    if file.suffix.lower() != ".csv":
        try:
            return {str(symbol) for symbol in pl.read_parquet(file, columns=[column], n_rows=1)[column]}
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _no_parquet(file.name, error) from error
    cells = _head(file)
    if _is_yfinance(cells):
        return set(cells[1][1:])
    row = _header_row(cells)
    at = cells[row].index(column)
    return {line[at] for line in cells[row + 1 :] if len(line) > at}


def scanned(file: Path) -> pl.LazyFrame:
    """Return a file's rows, unread where the format allows.

    Raises
    ------
    UnreadableData
        If the file is no CSV or Parquet, or a CSV of a fund's holdings.
    NoData
        If it is empty.
    """
    if file.suffix.lower() == ".csv":
        return read_table(file).lazy()
    try:
        scan = pl.scan_parquet(file)
        scan.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_parquet(file.name, error) from error
    return scan


def collected(scan: pl.LazyFrame, where: str) -> pl.DataFrame:
    """Read what was scanned.

    Raises
    ------
    UnreadableData
        If the file is damaged.
    """
    try:
        return scan.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_parquet(where, error) from error


def parted_by(frame: pl.DataFrame, column: str) -> dict[str, pl.DataFrame]:
    """Return the rows of each name in a column, in their order; of a table sorted by it these are views.

    Rows without a name are left out.
    """
    named = frame if frame.schema[column] == pl.String else frame.with_columns(pl.col(column).cast(pl.String))
    runs = named[column].rle().struct.unnest()
    names = runs["value"].to_list()
    if len(set(names)) < len(names):
        parts = named.partition_by(column, as_dict=True).items()
        return {str(key[0]): rows for key, rows in parts if key[0] is not None}
    ends = runs["len"].cum_sum().to_list()
    places = zip(names, ends, runs["len"].to_list(), strict=True)
    return {name: named.slice(end - n, n) for name, end, n in places if name is not None}


def read_table(file: Path) -> pl.DataFrame:
    """Return a CSV as text columns (no value is guessed: the ticker NA stays NA), blank lines dropped.

    Raises
    ------
    UnreadableData
        If the file is no CSV, or holds a fund's holdings.
    NoData
        If it is empty.
    """
    cells = _head(file)
    if _is_yfinance(cells):
        return _yfinance(file, cells)
    header = _header_row(cells)
    if kind_of(tuple(cells[header])) == "holdings":
        raise UnreadableData(f"{file.name} is a fund's list of holdings, must be prices: {EXPECTED}")
    return _read(file, skip_rows=header)


def _head(file: Path) -> list[list[str]]:
    """Return the cells of the first lines."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            head = [line.rstrip("\r\n") for _, line in zip(range(HEAD_LINES), lines, strict=False)]
    except UnicodeDecodeError as error:
        raise UnreadableData(f"{file.name} is not UTF-8 text, must be a CSV file") from error
    except OSError as error:
        raise UnreadableData(f"{file.name} cannot be read: {error.strerror}") from error
    if not any(line.strip() for line in head):
        raise NoData(f"{file.name} is empty, must hold a header and at least one bar")
    return [[cell.strip().strip('"') for cell in line.split(",")] for line in head]


def _header_row(cells: Sequence[Sequence[str]]) -> int:
    """Return the first line that names columns we know, or else the first."""
    return next((i for i, row in enumerate(cells) if kind_of(tuple(row)) != "other"), 0)


def _is_yfinance(cells: Sequence[Sequence[str]]) -> bool:
    return cells[0][0] == "Price" and len(cells) > 1 and cells[1][0] == "Ticker"


def _read(file: Path, skip_rows: int, has_header: bool = True) -> pl.DataFrame:
    try:
        frame = pl.read_csv(file, infer_schema=False, skip_rows=skip_rows, has_header=has_header)
    except pl.exceptions.PolarsError as error:
        raise UnreadableData(f"{file.name} cannot be read as CSV: {_first_line(error)}") from error
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def _yfinance(file: Path, head: Sequence[Sequence[str]]) -> pl.DataFrame:
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


def _no_parquet(where: str, error: Exception) -> UnreadableData:
    return UnreadableData(f"{where} cannot be read as Parquet: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
