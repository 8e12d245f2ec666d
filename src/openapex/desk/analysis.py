"""What `analyze` returns: one frozen result that prints, serialises and shows itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from openapex.context.key_stats import KEY_STATS
from openapex.desk.plain import plain
from openapex.score.composite import Standing, Verdict
from openapex.signals.signal import Opinion

if TYPE_CHECKING:
    from openapex.context.lines import Line


@dataclass(frozen=True, slots=True)
class ScoredSignal:
    """One signal's opinion and what it did to the composite.

    `weight` is its share after missing signals' weight was spread (0 when it is missing itself); `contribution` is
    ``weight × (score − 50)`` in points.
    """

    opinion: Opinion
    title: str
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Warn:
    """Something the reader should know about the data: rule id, session (None = the whole), sentence."""

    rule: str
    session: date | None
    message: str


@dataclass(frozen=True, slots=True)
class DataNote:
    """Where the numbers come from.

    `version` names the exact rows used (a store version, or a hash of the rows); `provisional` is True when the last
    bar used had not settled; `n_quarantined` rows were refused by a quality rule; `context_sources` are where the macro
    series of the context came from.
    """

    source: str
    version: str
    first: date
    last: date
    n_bars: int
    n_quarantined: int
    provisional: bool
    stale: bool
    warnings: tuple[Warn, ...]
    context_sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """One ticker on one session: the score, its reasons, its place in history, and the data behind it.

    Parameters
    ----------
    symbol : str
        As asked.
    as_of : date
        Knowledge cut-off; the last bar's session when none was asked.
    session : date
        The bar everything stands on.
    simulated : bool
        True when the data comes from the simulated market; every rendering says so.
    model : str
        Name of the scoring model.
    score : float
        Composite 0–100; NaN when nothing is known.
    verdict : {"BUY", "HOLD", "SELL"} or None
        None under the model's least coverage.
    coverage : float
        Share of the model's weights that was known, 0–1.
    standing : Standing
        Percentile in its own history and how often BUY and SELL have occurred.
    signals : tuple of ScoredSignal
        All eight, in display order; also those the model does not weigh.
    key_stats : mapping of str to float
        Names and definitions: `openapex.context.key_stats.KEY_STATS`; NaN is unknown.
    context : tuple of Line
        What surrounds the symbol, one line a topic; empty when it was not asked for.
    data : DataNote
        Source, version, span, warnings.
    """

    symbol: str
    as_of: date
    session: date
    simulated: bool
    model: str
    score: float
    verdict: Verdict | None
    coverage: float
    standing: Standing
    signals: tuple[ScoredSignal, ...]
    key_stats: Mapping[str, float]
    context: "tuple[Line, ...]"
    data: DataNote

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types with the keys of docs/json.md; unknown numbers are None, dates ISO text."""
        return {
            "symbol": self.symbol,
            "as_of": self.as_of.isoformat(),
            "session": self.session.isoformat(),
            "simulated": self.simulated,
            "model": self.model,
            "score": _number(self.score),
            "verdict": self.verdict,
            "coverage": _number(self.coverage),
            "percentile": _number(self.standing.percentile),
            "base_rates": {name: _base_rate(getattr(self.standing, name)) for name in ("buy", "sell")},
            "signals": [_signal(part) for part in self.signals],
            "key_stats": {name: _number(value) for name, value in self.key_stats.items()},
            "context": plain(self.context),
            "data": _data(self.data),
        }

    def _repr_html_(self) -> str:
        from openapex.desk.html import as_html

        return as_html(self)


MACRO_TABLE = "--data FOLDER that also holds a table of date, series, value"


def macro_advice(*, is_stored: bool) -> str:
    """Return how to get the macro series that are missing."""
    by_fetch = "apex fetch --macro (from FRED)"
    return by_fetch if is_stored else f"{MACRO_TABLE}, or with the bars in the store: {by_fetch}"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _base_rate(rate: Any) -> dict[str, float | int | None]:
    return {"days": rate.n_days, "share": _number(rate.share), "n_sessions": rate.n_sessions}


def _signal(part: ScoredSignal) -> dict[str, Any]:
    opinion = part.opinion
    return {
        "name": opinion.name,
        "score": _number(opinion.score),
        "weight": part.weight,
        "contribution": part.contribution,
        "reason": opinion.reason,
        "values": {name: _number(value) for name, value in opinion.values.items()},
        "events": [{"name": event.name, "session": event.session.isoformat()} for event in opinion.events],
    }


def _data(note: DataNote) -> dict[str, Any]:
    return {
        "source": note.source,
        "version": note.version,
        "first": note.first.isoformat(),
        "last": note.last.isoformat(),
        "n_bars": note.n_bars,
        "n_quarantined": note.n_quarantined,
        "provisional": note.provisional,
        "stale": note.stale,
        "warnings": [
            {"rule": w.rule, "session": w.session.isoformat() if w.session else None, "message": w.message}
            for w in note.warnings
        ],
        "context_sources": list(note.context_sources),
    }


SHOWN_WARNINGS = 4
RECENT_DAYS = 30
SPIKE_DAYS = 365
"""A noted spike is a true print for all we know: it counts in the 52-week range, so a reader is told for a year."""


def shown_warnings(note: DataNote) -> list[Warn]:
    """Return the warnings a reader must see: recent ones newest first, then those about the whole, then spikes."""
    dated = [warning for warning in note.warnings if warning.session is not None]
    age = {id(warning): (note.last - warning.session).days for warning in dated if warning.session}
    recent = [warning for warning in dated if age[id(warning)] <= RECENT_DAYS]
    whole = [warning for warning in note.warnings if warning.session is None]
    spikes = [w for w in dated if w.rule == "reverting_spike" and RECENT_DAYS < age[id(w)] <= SPIKE_DAYS]
    return (recent[::-1] + whole + spikes[::-1])[:SHOWN_WARNINGS]


def warning_text(warning: Warn) -> str:
    """Return a warning as one sentence that begins with its session."""
    when = f"{warning.session} " if warning.session else ""
    counts = "; it counts in the 52-week range and in swings" if warning.rule == "reverting_spike" else ""
    return when + warning.message.removeprefix(when) + counts


def stat_text(name: str, value: float) -> str:
    """Return a key statistic as a reader wants it: ``+3.2 %``, ``1.2 M``, or ``n/a`` when unknown."""
    if not math.isfinite(value):
        return "n/a"
    if name.endswith("_usd") or name in ("average_volume_20", "average_dollar_volume_20"):
        return _short(value)
    if name in ("atr_pct", "atr_pct_percentile", "position_52w_pct", "realised_volatility_20_pct"):
        return f"{value:.2f} %" if name == "atr_pct" else f"{value:.0f} %"
    if name.startswith(("ret_", "change", "distance", "drawdown", "max_drawdown")):
        return f"{value:+.1f} %"
    if name.endswith("_pct"):
        return f"{value:.2f} %"
    return f"{value:,.0f}" if name.startswith("n_") else f"{value:,.2f}"


def _short(value: float) -> str:
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f}"


def stat_label(name: str) -> str:
    """Return the words the screen uses for a key statistic or a fund fact."""
    if name in KEY_STATS:
        return KEY_STATS[name].label
    return name.removesuffix("_pct").removesuffix("_usd").replace("_", " ")
