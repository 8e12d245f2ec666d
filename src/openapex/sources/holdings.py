"""What a fund holds: the iShares download with its preamble, or a plain table."""

import csv
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl

from openapex.errors import UnreadableData
from openapex.sources.columns import numbers, sessions, shown
from openapex.sources.kinds import kind_of

HOLDINGS_SCHEMA = pl.Schema(
    [
        ("fund", pl.String),
        ("symbol", pl.String),
        ("sector", pl.String),
        ("asset_class", pl.String),
        ("weight_pct", pl.Float64),
        ("as_of", pl.Date),
    ]
)
"""A fund's holdings, one row each, in the order listed; `as_of` is the day the list is of.

Cash, futures and unlisted rights are rows too: filter ``asset_class == "Equity"`` for shares alone.  A holding without
a ticker has a null `symbol`; sector and asset class are null where the list does not give them.
"""

NAMES = {
    "ticker": "symbol", "symbol": "symbol", "sector": "sector", "assetclass": "asset_class", "weight": "weight_pct",
    "weightpct": "weight_pct", "asof": "as_of",
}  # fmt: skip
NOT_A_FUND = {"fund", "funds", "raw", "etf", "list", "daily", "csv", "all", "us", "en", "of", "as"}
_FUND = re.compile(r"[A-Za-z]{2,5}")
_LIST_DATE = "fund holdings as of"


def fund_words(file: Path) -> set[str]:
    """Return the words of a file's name in capitals: the fund is one of them.

    Examples
    --------
    >>> sorted(fund_words(Path("ishares_IWM_holdings_2026-05-05.csv")))
    ['05', '2026', 'HOLDINGS', 'ISHARES', 'IWM']
    """
    return set(_words(file, upper=True))


def read_holdings(path: str | Path, fund: str | None = None) -> pl.DataFrame:
    r"""Return a fund's holdings from a CSV or Parquet file.

    Parameters
    ----------
    path : path
        An iShares download (with its preamble), or a table with the columns symbol or ticker, weight (in percent), and
        sector, asset class and as_of where known.
    fund : str, optional
        Whose holdings they are; by default the word in the file's name that looks like a ticker.

    Returns
    -------
    DataFrame
        In `HOLDINGS_SCHEMA`; weights in percent (1.93 is 1.93 %), which may sum to a little more or less than 100.

    Raises
    ------
    UnreadableData
        If the file holds no holdings, a number or date cannot be read, the day of the list is not stated, or the fund
        cannot be told.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "IWM_holdings.csv"
    >>> _ = path.write_text("symbol,sector,asset_class,weight_pct,as_of\nBE,Industrials,Equity,1.93,2026-05-05\n")
    >>> read_holdings(path).row(0)
    ('IWM', 'BE', 'Industrials', 'Equity', 1.93, datetime.date(2026, 5, 5))
    """
    file = Path(path).expanduser()
    table, listed = _from_parquet(file) if file.suffix.lower() == ".parquet" else _from_csv(file)
    found = {name: column for column in table.columns if (name := NAMES.get(_plain(column)))}
    if not {"symbol", "weight_pct"} <= set(found):
        raise UnreadableData(f"{file.name} has columns {shown(table.columns)}, must have ticker and weight (holdings)")
    table = table.select(pl.col(column).alias(name) for name, column in found.items())
    days = sessions(table["as_of"], file.name, "as_of") if "as_of" in found else _repeated(listed, table.height, file)
    columns = {
        "fund": pl.Series([fund.upper() if fund else _fund(file)] * table.height, dtype=pl.String),
        **{name: _text(table, name) for name in ("symbol", "sector", "asset_class")},
        "weight_pct": numbers(table["weight_pct"], file.name),
        "as_of": days,
    }
    return pl.DataFrame(columns, schema=HOLDINGS_SCHEMA)


def latest_list(lists: Sequence[pl.DataFrame], end: date | None = None) -> pl.DataFrame | None:
    """Return the latest of some lists of holdings, none that is later than `end`; the first of equal ones."""
    chosen: tuple[date, pl.DataFrame] | None = None
    for one in lists:
        day = one["as_of"].max()
        if isinstance(day, date) and (end is None or day <= end) and (chosen is None or day > chosen[0]):
            chosen = day, one
    return None if chosen is None else chosen[1]


def _from_parquet(file: Path) -> tuple[pl.DataFrame, date | None]:
    try:
        return pl.read_parquet(file), None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableData(f"{file.name} cannot be read as Parquet: {error}") from error


def _from_csv(file: Path) -> tuple[pl.DataFrame, date | None]:
    """Return the table as text and the day that the lines above it name."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UnreadableData(f"{file.name} cannot be read as CSV: {error}") from error
    at = next((i for i, row in enumerate(rows[:30]) if kind_of(tuple(row)) == "holdings"), None)
    if at is None:
        first = rows[0] if rows else []
        raise UnreadableData(f"{file.name} begins with {shown(first)}, must have columns ticker and weight (holdings)")
    body = _body(rows[at + 1 :], len(rows[at]), at + 2, file)
    names = [name or f"column {i}" for i, name in enumerate(rows[at])]
    table = pl.DataFrame(body, schema=dict.fromkeys(names, pl.String), orient="row")
    return table, _list_date(rows[:at], file)


def _body(rows: Sequence[list[str]], width: int, first_line: int, file: Path) -> list[list[str]]:
    """Return the rows up to the blank line behind which iShares prints its terms."""
    body: list[list[str]] = []
    for i, row in enumerate(rows):
        if len(row) < 2:
            break
        if len(row) != width:
            raise UnreadableData(f"{file.name} has {len(row)} cells in row {first_line + i}, must be {width} as above")
        body.append(row)
    return body


def _list_date(preamble: Sequence[Sequence[str]], file: Path) -> date | None:
    for row in preamble:
        if len(row) > 1 and row[0].lower() == _LIST_DATE:
            try:
                return datetime.strptime(row[1], "%b %d, %Y").date()
            except ValueError:
                raise UnreadableData(f"{file.name} is of {row[1]!r}, must be a date like 'May 05, 2026'") from None
    return None


def _repeated(listed: date | None, n_rows: int, file: Path) -> pl.Series:
    if listed is None:
        raise UnreadableData(f"{file.name} does not say of which day it is, must have a column as_of")
    return pl.Series([listed] * n_rows, dtype=pl.Date)


def _text(table: pl.DataFrame, name: str) -> pl.Series:
    if name not in table.columns:
        return pl.Series([None] * table.height, dtype=pl.String)
    plain = table[name].cast(pl.String)
    return plain.replace({"": None, "-": None})


def _fund(file: Path) -> str:
    words = [word for word in _words(file) if _FUND.fullmatch(word) and word.lower() not in NOT_A_FUND]
    words = [word for word in words if word.isupper()] or words
    if len(set(words)) != 1:
        raise UnreadableData(f"{file.name} does not name one fund, must be called like IWM_holdings.csv")
    return words[0].upper()


def _words(file: Path, upper: bool = False) -> list[str]:
    stem = file.name[: -len(file.suffix)] if file.suffix else file.name
    return re.split(r"[\s_,()-]+", stem.upper() if upper else stem)


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
