"""Breadth of a set of stocks: how many stand above their means, how many rose."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from openapex.context.causal import NAN

LEAST = 100
"""Stocks below which a share is no breadth."""
ABOVE = 1e-12
"""A close is above its mean by more than this share of it: the mean of a price that never moved may round below it."""


@dataclass(frozen=True, slots=True)
class Universe:
    """What a set of stocks did at the close of one session.

    Parameters
    ----------
    session : date
    share_above_50_pct, share_above_200_pct : float
        Percent of the stocks with so many closes that closed above their mean; NaN with too few such stocks.
    advancers, decliners : int
        Stocks whose close is above, below their close before.
    n_stocks : int
        Stocks with a bar on the session.
    name : str
        What the set is called.
    """

    session: date
    share_above_50_pct: float
    share_above_200_pct: float
    advancers: int
    decliners: int
    n_stocks: int
    name: str


def universe_breadth(
    frame: pl.DataFrame | pl.LazyFrame, session: date, name: str = "stored symbols", least: int = LEAST
) -> Universe | None:
    """Return the breadth of the stocks that have a bar on `session`, None if they are fewer than `least`.

    Parameters
    ----------
    frame : polars.DataFrame or polars.LazyFrame
        Columns symbol, session and close (split-adjusted), one row per symbol and session in any order; a close that
        is null or NaN is no bar.  300 days up to `session` are enough, and quick; rows after it are left out.
    session : date
        Session asked for.
    name : str
        What the set is called.
    least : int, default 100
        Stocks needed, for each of the shares as well.

    Returns
    -------
    Universe or None

    Notes
    -----
    Means are over a stock's own last 50 and 200 closes, the session's included.
    """
    close = pl.col("close")
    stocks = (
        frame.lazy()
        .select("symbol", "session", close.cast(pl.Float64))
        .filter((pl.col("session") <= session) & close.is_not_nan())  # null is not kept either
        .group_by("symbol")
        .agg(last=pl.col("session").max(), closes=close.sort_by("session"))  # half the time of sorting the frame
        .filter(pl.col("last") == session)
        .with_columns(
            n=pl.col("closes").list.len(),
            close=pl.col("closes").list.last(),
            before=pl.col("closes").list.tail(2).list.first(),  # a first bar's is itself: neither up nor down
            mean_50=pl.col("closes").list.tail(50).list.mean(),
            mean_200=pl.col("closes").list.tail(200).list.mean(),
        )
        .collect()
    )
    if stocks.height < max(least, 1):
        return None
    return Universe(
        session=session,
        share_above_50_pct=_share_above(stocks, 50, least),
        share_above_200_pct=_share_above(stocks, 200, least),
        advancers=int((stocks["close"] > stocks["before"]).sum()),
        decliners=int((stocks["close"] < stocks["before"]).sum()),
        n_stocks=stocks.height,
        name=name,
    )


def _share_above(stocks: pl.DataFrame, window: int, least: int) -> float:
    old = stocks.filter(pl.col("n") >= window)
    if old.height < max(least, 1):
        return NAN
    n_above = int((old["close"] > old[f"mean_{window}"] * (1.0 + ABOVE)).sum())
    return 100.0 * n_above / old.height
