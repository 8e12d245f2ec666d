"""Small made markets and weather for the events of the page."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from openapex.bars import Bars
from openapex.context.causal import States
from openapex.context.events import PageEvents, page_events
from openapex.context.macro import Macro

NAN = float("nan")
STANCES, EXPECTS = ("cutting", "on hold", "hiking"), ("cuts", "no change", "hikes")
BREADTHS = ("NARROW", "MIXED", "BROAD")


def days(n: int, start: date = date(2010, 1, 1)) -> list[date]:
    return [start + timedelta(days=i) for i in range(n)]


def bars_of(
    close: list[float],
    *,
    symbol: str = "A",
    start: date = date(2010, 1, 1),
    sessions: list[date] | None = None,
    high: list[float] | None = None,
    volume: list[float] | None = None,
) -> Bars:
    price = pl.Series(close, dtype=pl.Float64)
    frame = pl.DataFrame(
        {
            "symbol": symbol, "session": sessions or days(len(close), start), "open": price,
            "high": price if high is None else pl.Series(high, dtype=pl.Float64), "low": price, "close": price,
            "adj_close": price, "volume": pl.Series(volume or [100.0] * len(close), dtype=pl.Float64),
            "provisional": False,
        }
    )  # fmt: skip
    return Bars.from_frame(frame)


@dataclass
class Arrays:
    """What the events take of rates, credit, growth and breadth, all in one."""

    stances: States
    expectations: States
    sigmas: np.ndarray
    cfnai_ma3_history: np.ndarray
    states: States
    leadership: np.ndarray
    spread: np.ndarray


@dataclass
class Sigmas:
    sigmas: np.ndarray


def arrays_of(bars: Bars, **given: list[float]) -> Arrays:
    n = len(bars)

    def states(name: str, names: tuple[str, ...]) -> States:
        return States(bars.sessions, np.array(given.get(name, [-1] * n), dtype=np.int8), names)

    return Arrays(
        stances=states("stance", STANCES),
        expectations=states("expects", EXPECTS),
        sigmas=np.array(given.get("two_year", [NAN] * n)),
        cfnai_ma3_history=np.array(given.get("cfnai", [NAN] * n)),
        states=states("breadth", BREADTHS),
        leadership=np.array(given.get("leadership", [0] * n), dtype=bool),
        spread=np.array(given.get("spread", [NAN] * n)),
    )


def events_of(
    bars: Bars,
    other: Bars | None = None,
    *,
    macro: Macro | None = None,
    arrays: Arrays | None = None,
    rsi: list[float] | np.ndarray | None = None,
    relative_volume: list[float] | np.ndarray | None = None,
    **given: list[float],
) -> PageEvents:
    around = arrays or arrays_of(bars, **given)
    return page_events(
        bars, other, rates=around, credit=Sigmas(around.spread), growth=around, breadth=around,
        macro=macro or Macro.nothing(),
        rsi=None if rsi is None else np.array(rsi, dtype=float),
        relative_volume=None if relative_volume is None else np.array(relative_volume, dtype=float),
    )  # fmt: skip


def told(found: PageEvents, name: str) -> list[bool | None]:
    """Return yes, no or unknown on every session, and check that the event says the same of the last one."""
    history, known = found.history[name], found.known[name]
    assert not (history & ~known).any()
    answers = [bool(so) if knows else None for so, knows in zip(history, known, strict=True)]
    event = found[name]
    assert event.is_now is answers[-1]
    assert (event.n, event.n_sessions) == (answers.count(True), len(answers) - answers.count(None))
    return answers


def macro_of(series: str, values: dict[date, float], lag: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "series": [series] * len(values), "reference_date": list(values),
            "known_at": [day + timedelta(days=lag) for day in values], "value": list(values.values()),
        },
        schema={"series": pl.String, "reference_date": pl.Date, "known_at": pl.Date, "value": pl.Float64},
    )  # fmt: skip
