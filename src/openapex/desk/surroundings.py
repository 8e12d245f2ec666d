"""The pure weather of what was gathered."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

import polars as pl

from openapex.adjust import adjusted
from openapex.bars import Bars
from openapex.context.macro import Macro
from openapex.context.profile import CREDIT_PAIR, profile, profile_names
from openapex.context.universe import Universe, universe_breadth
from openapex.context.weather import Computed, Weather, weather
from openapex.quality.usable import usable
from openapex.sessions import calendar_of, known_span, sessions_between

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
    return weather(bars, others, macro, profile(symbol), universe=universe, computed=computed, thorough=thorough)


def macro_known(rows: pl.DataFrame, session: date, as_of: date | None) -> Macro:
    """Return what was known at `as_of`; what came after the last close, but before the next, counts on the last bar.

    A symbol whose bars ended earlier keeps the weather of its last session: no number mixes two days.
    """
    last = max(min(as_of or session, _before_next(session)), session)
    rows = rows.filter(pl.col("known_at") <= last)
    if last > session:
        rows = rows.sort("known_at", maintain_order=True)
        rows = rows.with_columns(pl.min_horizontal("known_at", pl.lit(session)), published_at="known_at")
    return Macro(rows)


def _before_next(session: date) -> date:
    """Return the day before the New York session that follows."""
    if session + timedelta(days=10) > known_span()[1] or session < known_span()[0]:
        return session
    later = sessions_between(session + timedelta(days=1), session + timedelta(days=10))
    return later[0].item() - timedelta(days=1) if len(later) else session


def stored_universe(session: date, now: datetime, version: str | None = None) -> Universe | None:
    """Return what the symbols in the store did on a session, None with fewer than 100 of them.

    Those of the New York calendar count, by bars that `analyze` would use.  Funds with a profile or a place in one, and
    indices, are left out; which others are funds nobody says, so these are "stored symbols", and today's survivors.
    `version` is one of the store's, by default the latest.
    """
    from openapex.store import Store, store_home

    frames: list[pl.DataFrame] = []
    known = set(_funds())
    first = session - timedelta(days=UNIVERSE_DAYS)
    for part in Store(store_home()).windows(first, session, version=version):
        bars = part.bars.filter(~pl.col("symbol").is_in(list(known)) & ~pl.col("symbol").str.starts_with("^"))
        traded = bars.filter(pl.col("session") == session)["symbol"].to_list()
        traded = [name for name in traded if calendar_of(name) == "XNYS"]
        bars = bars.filter(pl.col("symbol").is_in(traded))  # a source that has ended hides no other
        levels = adjusted(bars, part.actions, part.basis).bars
        kept = usable(levels, part.actions, calendar="XNYS", now=now, as_of=session).filter(~pl.col("provisional"))
        frames.append(kept.select("symbol", "session", "close"))
        known |= set(traded)
    return universe_breadth(pl.concat(frames), session) if frames else None


def _funds() -> Iterator[str]:
    for name in profile_names():
        about = profile(name)
        yield from (name, *about.companions)
