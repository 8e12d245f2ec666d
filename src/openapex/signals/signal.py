"""What a signal is: an opinion 0–100 with its reason, the numbers behind it and the events it saw.

50 leans nowhere, higher is more bullish, NaN is "no data" (never 50).  A *price* signal is an indicator whose first
output is the score, so it is interpreted, compiled and streamed by the same machinery and cannot look ahead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol, TypeAlias

import numpy as np
import polars as pl

from openapex.bars import Bars, BoolArray, FloatArray
from openapex.indicators.step import Indicator, over_bars

SignalName: TypeAlias = Literal[
    "rsi", "macd", "bollinger", "volume", "ma_cross", "fibonacci", "sentiment", "fundamentals"
]


@dataclass(frozen=True, slots=True)
class SignalInputs:
    """All that a signal may look at, already cut at the knowledge date.

    `bars` hold one symbol.  `headlines` (`HEADLINE_SCHEMA`) and `facts` (`FACT_SCHEMA`) are None when there are none.
    """

    bars: Bars
    headlines: pl.DataFrame | None = None
    facts: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class SignalHistory:
    """A signal over every bar: score, named values and named events, each of shape (n_bars,)."""

    score: FloatArray
    values: Mapping[str, FloatArray]
    events: Mapping[str, BoolArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something with a name that happened on a session, e.g. ``golden_cross``."""

    name: str
    session: date


@dataclass(frozen=True, slots=True)
class Opinion:
    """A signal on one bar.

    `score` is 0–100 or NaN (no data); `reason` one plain sentence made from `values`; `events` those of the last
    `EVENT_MEMORY` sessions, newest first.
    """

    name: SignalName
    score: float
    reason: str
    values: Mapping[str, float]
    events: tuple[Event, ...] = ()


EVENT_MEMORY = 10
"""Sessions for which an event is still reported with an opinion."""


class Signal(Protocol):
    """One opinion, over history and on one bar."""

    @property
    def name(self) -> SignalName:
        """Key in JSON and in models."""
        ...

    @property
    def title(self) -> str:
        """Words on screen."""
        ...

    def history(self, inputs: SignalInputs) -> SignalHistory:
        """Return the score, values and events on every bar, each known at that bar's close."""
        ...

    def opinion(self, inputs: SignalInputs, history: SignalHistory, at: int = -1) -> Opinion:
        """Return the opinion on bar `at` (an index into the history), in words."""
        ...


@dataclass(frozen=True, slots=True)
class PriceSignal:
    """A signal computed from bars alone by an indicator whose outputs are score, values, then events.

    Parameters
    ----------
    name, title : str
        Key in JSON, and words on screen.
    indicator : Indicator
        First output ``score``; then the values; then the `event_names`, as 0.0 / 1.0.
    event_names : tuple of str
        The trailing outputs that are events.
    reason : callable
        ``reason(values) -> str``; called only where the score is known.
    missing : str
        What to say when the score is NaN, e.g. "needs 15 bars".
    hidden : tuple of str
        Values of the history that no opinion shows: for other code, which need not compute them again.
    """

    name: SignalName
    title: str
    indicator: Indicator
    event_names: tuple[str, ...]
    reason: Callable[[Mapping[str, float]], str]
    missing: str
    hidden: tuple[str, ...] = ()

    def history(self, inputs: SignalInputs) -> SignalHistory:
        """Return score, values and events on every bar."""
        columns = over_bars(self.indicator, inputs.bars)
        score = columns.pop("score")
        events = {name: columns.pop(name) == 1.0 for name in self.event_names}
        return SignalHistory(score=score, values=columns, events=events)

    def opinion(self, inputs: SignalInputs, history: SignalHistory, at: int = -1) -> Opinion:
        """Return the opinion on bar `at`."""
        shown = {name: column for name, column in history.values.items() if name not in self.hidden}
        values = {name: float(column[at]) for name, column in shown.items()} if len(history.score) else {}
        score = float(history.score[at]) if len(history.score) else float("nan")
        reason = self.missing if np.isnan(score) else self.reason(values)
        return Opinion(self.name, score, reason, values, recent_events(inputs.bars, history.events, at))


def recent_events(bars: Bars, events: Mapping[str, BoolArray], at: int = -1) -> tuple[Event, ...]:
    """Return the events of the last `EVENT_MEMORY` bars up to bar `at`, newest first."""
    end = len(bars) + at + 1 if at < 0 else at + 1
    begin = max(0, end - EVENT_MEMORY)
    found = [
        Event(name, bars.sessions[begin + int(i)].item())
        for name, flags in events.items()
        for i in np.flatnonzero(flags[begin:end])
    ]
    return tuple(sorted(found, key=lambda event: (event.session, event.name), reverse=True))
