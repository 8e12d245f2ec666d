"""The pure weather of what was gathered."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import polars as pl

from openapex.adjust import adjusted
from openapex.bars import Bars
from openapex.context.macro import Macro
from openapex.context.profile import profile, profile_names
from openapex.context.universe import Universe, universe_breadth
from openapex.context.weather import CREDIT_PAIR, Computed, Weather, weather

UNIVERSE_DAYS = 320
"""Calendar days that hold 200 sessions."""
RECENT = (*CREDIT_PAIR, "DIA", "MDY", "IJR", "IJH", "VTI")
"""Companions of which only the last year matters: a 20-session change, a rate beta."""


def surroundings(
    symbol: str,
    bars: Bars,
    others: Mapping[str, Bars],
    macro: Macro,
    *,
    universe: Universe | None = None,
    computed: Computed | None = None,
    thorough: bool = True,
) -> Weather:
    """Return the weather around a symbol, of bars that are ready to be used."""
    around = {name: held for name, held in others.items() if name != symbol}
    return weather(bars, around, macro, profile(symbol), universe=universe, computed=computed, thorough=thorough)


def macro_known(rows: pl.DataFrame, session: date, as_of: date | None) -> Macro:
    """Return what was known at `as_of`; what came after the last close but by then counts on the last bar."""
    last = max(as_of or session, session)
    rows = rows.filter(pl.col("known_at") <= last)
    if last > session:
        rows = rows.sort("known_at", maintain_order=True)
        rows = rows.with_columns(pl.min_horizontal("known_at", pl.lit(session)), published_at="known_at")
    return Macro(rows)


def stored_universe(session: date) -> Universe | None:
    """Return what the stocks in the store did on a session, None with fewer than 100 of them.

    Funds with a profile or a place in one, and indices, are left out: they are not the market's members.
    """
    from openapex.store import Store, store_home

    frames: list[pl.DataFrame] = []
    known = set(_funds())
    for part in Store(store_home()).windows(session - timedelta(days=UNIVERSE_DAYS), session):
        bars = part.bars.filter(~pl.col("symbol").is_in(list(known)) & ~pl.col("symbol").str.starts_with("^"))
        traded = bars.filter(pl.col("session") == session)["symbol"].to_list()
        bars = bars.filter(pl.col("symbol").is_in(traded))  # a source that has ended hides no other
        frames.append(adjusted(bars, part.actions, part.basis).bars.select("symbol", "session", "close"))
        known |= set(traded)
    return universe_breadth(pl.concat(frames), session) if frames else None


def _funds() -> Iterator[str]:
    for name in profile_names():
        about = profile(name)
        yield from (name, *about.companions)
