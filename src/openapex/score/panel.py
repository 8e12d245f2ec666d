"""The eight opinions and the composite of every symbol of a universe: `analyze`'s numbers, many at a time.

The same steps as for one ticker, compiled over all symbols at once, or interpreted one by one where llvmlite is absent;
the numbers are equal bit for bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray
from openapex.indicators.compiled import Job, MissingCompiler, compiled_tail
from openapex.indicators.percent_rank import percent_rank
from openapex.indicators.step import interpreted
from openapex.score.composite import SLACK, Verdict, composite, verdict
from openapex.score.composite_compiled import CompositeHistory, compiled_composite
from openapex.score.model import Model
from openapex.signals import PRICE_SIGNALS, SIGNALS
from openapex.signals.signal import EVENT_MEMORY, SignalName


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Scores of a universe on each symbol's last bar; arrays of shape (n_symbols,), NaN is unknown.

    Parameters
    ----------
    scores : mapping of signal name to array
        All eight opinions.
    values : mapping of str to array
        The numbers behind the price signals, by name; of equal names the first signal's.
    events : mapping of str to array of bool, shape (n_symbols, keep)
        Whether an event happened on each of the last `keep` bars.
    score, coverage, percentile : array
        Composite, known share of the weights, place of the score in the symbol's own history.
    verdicts : list of str or None
    is_compiled : bool
        False where llvmlite is absent.
    """

    scores: Mapping[SignalName, FloatArray]
    values: Mapping[str, FloatArray]
    events: Mapping[str, BoolArray]
    score: FloatArray
    coverage: FloatArray
    percentile: FloatArray
    verdicts: list[Verdict | None]
    is_compiled: bool


def panel(
    bars: Bars,
    model: Model,
    extra: Mapping[SignalName, FloatArray] | None = None,
    *,
    keep: int = EVENT_MEMORY,
    on_compile: Callable[[str], None] | None = None,
) -> Panel:
    """Return the scores of every symbol of `bars` on its last bar.

    Parameters
    ----------
    bars : Bars
        The universe; every symbol has at least one bar.
    model : Model
        Scoring model.
    extra : mapping of signal name to array of float, shape (n_bars,), optional
        Histories of the signals that are not made of prices (sentiment, fundamentals); absent is no data.
    keep : int, default `EVENT_MEMORY`
        Bars back in which events are reported.
    on_compile : callable, optional
        Told what is about to be compiled.
    """
    history, is_compiled = _history(bars, model, extra or {}, keep, on_compile)
    last, tails = bars.offsets[1:] - 1, history.last
    score, coverage = history.score[:, -1], history.coverage[:, -1]
    known = {name: tails[name][:, -1, 0] for name in PRICE_SIGNALS}
    known |= {name: column[last] for name, column in (extra or {}).items()}
    nothing = np.full(len(last), np.nan)
    values: dict[str, FloatArray] = {}
    events: dict[str, BoolArray] = {}
    for name, signal in PRICE_SIGNALS.items():
        for at, output in enumerate(signal.indicator.outputs):
            if output in signal.event_names:
                events[output] = tails[name][:, :, at] == 1.0
            elif at:
                values.setdefault(output, tails[name][:, -1, at])
    return Panel(
        scores={name: known.get(name, nothing) for name in SIGNALS},
        values=values,
        events=events,
        score=score,
        coverage=coverage,
        percentile=history.percentile,
        verdicts=[verdict(a, b, model) for a, b in zip(score.tolist(), coverage.tolist(), strict=True)],
        is_compiled=is_compiled,
    )


def _history(
    bars: Bars,
    model: Model,
    extra: Mapping[SignalName, FloatArray],
    keep: int,
    on_compile: Callable[[str], None] | None,
) -> tuple[CompositeHistory, bool]:
    """Return the composite with the signals' last rows, and whether it was compiled."""
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    jobs: dict[str, Job] = {name: (signal.indicator, {}) for name, signal in PRICE_SIGNALS.items()}
    late = {str(name): column for name, column in extra.items()}
    try:
        made = compiled_composite(jobs, columns, bars.offsets, keep, model, extra=late, on_compile=on_compile)
    except MissingCompiler:
        histories, tails = _interpreted(bars, keep)
        both = composite({str(name): column for name, column in histories.items()} | late, model)
        judged = np.where(both.coverage >= model.min_coverage - SLACK, both.score, np.nan)
        ends = bars.offsets[1:, None] - 1
        latest = {str(name): tail for name, tail in tails.items()}
        return CompositeHistory(_percentiles(judged, bars), both.score[ends], both.coverage[ends], latest), False
    return made, True


def price_histories(
    bars: Bars, keep: int, on_compile: Callable[[str], None] | None
) -> tuple[dict[SignalName, FloatArray], dict[SignalName, FloatArray], bool]:
    """Return per price signal its score on every bar and the last `keep` rows of all outputs of every symbol."""
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    jobs: list[Job] = [(signal.indicator, {}) for signal in PRICE_SIGNALS.values()]
    try:
        made = compiled_tail(jobs, columns, bars.offsets, keep, on_compile=on_compile)
    except MissingCompiler:
        return (*_interpreted(bars, keep), False)
    parts = dict(zip(PRICE_SIGNALS, made, strict=True))
    histories = {name: part.history for name, part in parts.items() if part.history is not None}
    return histories, {name: part.last for name, part in parts.items()}, True


def _interpreted(bars: Bars, keep: int) -> tuple[dict[SignalName, FloatArray], dict[SignalName, FloatArray]]:
    histories: dict[SignalName, FloatArray] = {}
    tails: dict[SignalName, FloatArray] = {}
    edges = list(zip(bars.offsets[:-1].tolist(), bars.offsets[1:].tolist(), strict=True))
    for name, signal in PRICE_SIGNALS.items():
        indicator = signal.indicator
        histories[name] = np.empty(len(bars))
        tails[name] = np.full((len(edges), keep, len(indicator.outputs)), np.nan)
        for i, (first, end) in enumerate(edges):
            parts = interpreted(indicator, [getattr(bars, field)[first:end] for field in indicator.inputs])
            histories[name][first:end] = parts[0]
            n = min(keep, end - first)
            tails[name][i, keep - n :, :] = np.stack([part[-n:] for part in parts], axis=1)
    return histories, tails


def _percentiles(judged: FloatArray, bars: Bars) -> FloatArray:
    """Return where each symbol's last score stands among its own sessions with a verdict, as `standing` does."""
    out = np.full(len(bars.symbols), np.nan)
    edges = bars.offsets.tolist()
    for i in np.flatnonzero(~np.isnan(judged[bars.offsets[1:] - 1])).tolist():
        own = judged[edges[i] : edges[i + 1]]
        out[i] = percent_rank(own[~np.isnan(own)])
    return out
