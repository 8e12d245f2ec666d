"""Breadth of a set of stocks: how many stand above their means, how many rose."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from openapex.context.causal import NAN

LEAST = 100
"""Stocks below which a share is no breadth."""


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
    frame: pl.DataFrame | pl.LazyFrame, session: date, name: str = "stored stocks", least: int = LEAST
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
    close = pl.col("close").cast(pl.Float64)
    bars = (
        frame.lazy()
        .select("symbol", "session", close)
        .filter((pl.col("session") <= session) & close.is_not_nan())  # null is not kept either
        .sort("session")
    )
    stocks = (
        bars.group_by("symbol")
        .agg(
            last=pl.col("session").last(),
            close=pl.col("close").last(),
            before=pl.col("close").tail(2).first(),  # a first bar's is itself: neither up nor down
            n=pl.len(),
            mean_50=pl.col("close").tail(50).mean(),
            mean_200=pl.col("close").tail(200).mean(),
        )
        .filter(pl.col("last") == session)
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
    n_above = int((old["close"] > old[f"mean_{window}"]).sum())
    return 100.0 * n_above / old.height
