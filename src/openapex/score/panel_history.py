"""What `panel` says of every symbol's last bar, said of every bar: scores, values, events, verdicts, percentiles.

Each number stands on its bar as a scan on that day would have given it; nothing here looks at a later bar.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from openapex.bars import Bars, BoolArray, FloatArray, IntArray
from openapex.indicators.compiled import MissingCompiler, compiled_over_bars
from openapex.indicators.percent_rank import percent_ranks
from openapex.indicators.step import Indicator, over_bars
from openapex.score.composite import composite
from openapex.score.model import Model
from openapex.score.panel import price_histories
from openapex.signals import PRICE_SIGNALS
from openapex.signals.signal import EVENT_MEMORY, SignalName

VALUE_SIGNALS: Mapping[str, SignalName] = {
    output: name
    for name, signal in reversed(list(PRICE_SIGNALS.items()))
    for output in signal.indicator.outputs[1:]
    if output not in signal.event_names
}
"""Which signal a value comes from; of equal names the first, as in `panel`."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHistory:
    """Scores of a universe on every bar; arrays of shape (n_bars,), NaN is unknown.

    Parameters
    ----------
    scores : mapping of signal name to array
        The opinions that are known of at least one symbol.
    score, coverage : array
        Composite, and known share of the weights.
    is_compiled : bool
        False where llvmlite is absent.
    """

    scores: Mapping[str, FloatArray]
    score: FloatArray
    coverage: FloatArray
    is_compiled: bool

    @property
    def is_scored(self) -> BoolArray:
        """Whether a scan of that day would have had a row: at least one opinion is known."""
        known: BoolArray = ~np.all([np.isnan(column) for column in self.scores.values()], axis=0)
        return known


def score_history(
    bars: Bars,
    model: Model,
    extra: Mapping[SignalName, FloatArray] | None = None,
    *,
    on_compile: Callable[[str], None] | None = None,
) -> ScoreHistory:
    """Return opinions and composite of every symbol of `bars` on every bar.

    Parameters
    ----------
    bars : Bars
        The universe; every symbol has at least one bar.
    model : Model
        Scoring model.
    extra : mapping of signal name to array of float, shape (n_bars,), optional
        Histories of sentiment and fundamentals; absent is no data.
    on_compile : callable, optional
        Told what is about to be compiled.
    """
    histories, _, is_compiled = price_histories(bars, EVENT_MEMORY, on_compile)
    scores: dict[str, FloatArray] = {str(name): column for name, column in (histories | dict(extra or {})).items()}
    made = composite(scores, model)
    return ScoreHistory(scores, made.score, made.coverage, is_compiled)


def value_history(bars: Bars, names: Collection[str]) -> dict[str, FloatArray]:
    """Return numbers behind the price signals on every bar, by name; only the signals that own them are run."""
    made: dict[str, FloatArray] = {}
    for owner in dict.fromkeys(VALUE_SIGNALS[name] for name in names):
        columns = _over_universe(PRICE_SIGNALS[owner].indicator, bars)
        made |= {name: columns[name] for name in names if VALUE_SIGNALS[name] == owner}
    return made


def verdict_history(score: FloatArray, coverage: FloatArray, model: Model) -> pl.Series:
    """Return BUY, HOLD or SELL on every bar, null where less is known than the model asks for."""
    out = np.where(score >= model.buy, "BUY", np.where(score < model.sell, "SELL", "HOLD"))
    is_judged = ~np.isnan(score) & (coverage >= model.min_coverage - 1e-12)
    names = pl.Series(out, dtype=pl.String)
    return pl.select(pl.when(pl.Series(is_judged)).then(names)).to_series()


def percentile_history(score: FloatArray, coverage: FloatArray, offsets: IntArray, model: Model) -> FloatArray:
    """Return where each score stands among its symbol's scores so far that had a verdict, in percent, ties half."""
    out = np.full(len(score), np.nan)
    judged = coverage >= model.min_coverage - 1e-12
    for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        rows = first + np.flatnonzero(judged[first:end])
        out[rows] = percent_ranks(score[rows])
    return out


def event_history(bars: Bars, keep: int = EVENT_MEMORY) -> pl.Series:
    """Return on every bar the names of the events of its symbol's last `keep` bars, the newest first.

    Returns
    -------
    Series of list of text, length n_bars
        Empty lists where nothing has happened.
    """
    begins = np.repeat(bars.offsets[:-1], np.diff(bars.offsets))
    at = np.arange(len(bars))
    parts = []
    for signal in PRICE_SIGNALS.values():
        if not signal.event_names:
            continue
        columns = _over_universe(signal.indicator, bars)
        for name in signal.event_names:
            happened = np.maximum.accumulate(np.where(columns[name] == 1.0, at, -1))
            rows = np.flatnonzero((happened >= begins) & (at - happened < keep))
            ages = (rows - happened[rows]).astype(np.int32)
            parts.append(pl.DataFrame({"row": rows, "age": ages}).with_columns(name=pl.lit(name)))
    found = pl.concat(parts).sort("row", "age", "name")
    names = found.group_by("row", maintain_order=True).agg("name")
    lists = pl.DataFrame({"row": at}).join(names, on="row", how="left", maintain_order="left")["name"]
    return lists.fill_null(pl.Series([[]], dtype=pl.List(pl.String))).alias("events")


def _over_universe(indicator: Indicator, bars: Bars) -> dict[str, FloatArray]:
    try:
        return compiled_over_bars(indicator, bars)
    except MissingCompiler:
        parts = [over_bars(indicator, bars.one(symbol)) for symbol in bars.symbols]
        return {name: np.concatenate([part[name] for part in parts]) for name in indicator.outputs}
