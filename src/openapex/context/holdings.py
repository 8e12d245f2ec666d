"""What a fund holds, by sector, from the newest list known on a day."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from openapex.errors import UnreadableData

COLUMNS = ("fund", "symbol", "sector", "weight_pct", "as_of")
CASH = "Cash and derivatives"
UNNAMED = "No sector named"
_NOT_A_SECTOR = "cash and/or derivatives"


@dataclass(frozen=True, slots=True)
class Sector:
    """One line: the positions of a sector, their number and the sum of their weights in percent of the fund."""

    name: str
    weight_pct: float
    n_holdings: int


@dataclass(frozen=True, slots=True)
class Sectors:
    """A fund by sector.

    Parameters
    ----------
    fund : str
        Its symbol.
    list_date : date
        Day the list is about.
    sectors : tuple of Sector
        The heaviest first; without cash and derivatives.
    cash : Sector or None
        Cash, collateral, money market and futures together; None where the list has no such line.
    n_holdings : int
        Positions in `sectors`.
    weight_pct : float
        Sum of all weights of the list, about 100.
    n_unweighted : int
        Positions whose weight the list does not say; they count, and add nothing.
    """

    fund: str
    list_date: date
    sectors: tuple[Sector, ...]
    cash: Sector | None
    n_holdings: int
    weight_pct: float
    n_unweighted: int


def newest_list_day(as_of: date) -> date:
    """Return the last day whose list was known by `as_of`: a list is published on the next business day.

    Examples
    --------
    >>> [str(newest_list_day(date(2024, 3, d))) for d in (5, 4, 2)]  # a Tuesday, the Monday, the Saturday before
    ['2024-03-04', '2024-03-03', '2024-02-29']
    """
    latest: date = np.busday_offset(np.datetime64(as_of, "D"), 0, roll="backward").astype(object)
    return latest - timedelta(days=1)


def sector_weights(holdings: pl.DataFrame, fund: str, as_of: date) -> Sectors | None:
    """Return a fund by sector from its newest list known at `as_of`, None where none was.

    Parameters
    ----------
    holdings : polars.DataFrame
        Columns fund, symbol, sector, weight_pct (5 is 5 %), as_of (the day a list is about), and asset_class where
        known: whatever is not "Equity" there is cash or a derivative.
    fund : str
        Whose list.
    as_of : date
        Day of knowledge; a list is known from the business day after the one it is about.

    Raises
    ------
    UnreadableData
        If a column is missing, `as_of` does not hold dates or `weight_pct` numbers.
    """
    mine = _checked(holdings).filter((pl.col("fund") == fund) & (pl.col("as_of") <= newest_list_day(as_of)))
    if mine.is_empty():
        return None
    mine = mine.filter(pl.col("as_of") == pl.col("as_of").max()).with_columns(line=_line("asset_class" in mine.columns))
    weight = pl.col("weight_pct")
    totals = mine.group_by("line").agg(weight.sum(), n=pl.len()).sort(["weight_pct", "line"], descending=[True, False])
    lines = [Sector(*row) for row in totals.select("line", "weight_pct", "n").iter_rows()]
    sectors = tuple(line for line in lines if line.name != CASH)
    return Sectors(
        fund=fund,
        list_date=mine["as_of"][0],
        sectors=sectors,
        cash=next((line for line in lines if line.name == CASH), None),
        n_holdings=sum(line.n_holdings for line in sectors),
        weight_pct=float(mine["weight_pct"].sum()),
        n_unweighted=mine["weight_pct"].null_count(),
    )


def _checked(holdings: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in COLUMNS if name not in holdings.columns]
    if missing:
        raise UnreadableData(f"holdings frame has columns {holdings.columns}, must also have {missing}")
    if holdings.schema["as_of"] != pl.Date:
        raise UnreadableData(f"as_of of the holdings is {holdings.schema['as_of']}, must be Date")
    if not holdings.schema["weight_pct"].is_numeric():
        raise UnreadableData(f"weight_pct of the holdings is {holdings.schema['weight_pct']}, must be a number")
    return holdings.with_columns(pl.col("weight_pct").cast(pl.Float64).fill_nan(None))


def _line(has_class: bool) -> pl.Expr:
    """Return the name of the line a position belongs to."""
    sector = pl.col("sector").str.strip_chars()
    is_cash = sector.str.to_lowercase() == _NOT_A_SECTOR
    if has_class:
        is_cash = is_cash.fill_null(False) | (pl.col("asset_class") != "Equity").fill_null(False)
    named = pl.when(sector.is_null() | sector.is_in(["", "-"])).then(pl.lit(UNNAMED)).otherwise(sector)
    return pl.when(is_cash).then(pl.lit(CASH)).otherwise(named)
