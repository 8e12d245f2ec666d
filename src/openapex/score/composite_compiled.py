"""The composite of a universe in the same compiled pass as the signals.

The histories of the signals themselves are not kept, nor what each weighed: on 4.4 million bars that would be 0.8 GB.
Equal, bit for bit, to `openapex.score.composite.composite`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from openapex.bars import FloatArray, IntArray
from openapex.errors import BadInput
from openapex.indicators.compiled import Job, compiled_tail
from openapex.indicators.step import NAN, Indicator, step
from openapex.score.composite import SLACK
from openapex.score.model import Model


@dataclass(frozen=True, slots=True)
class CompositeHistory:
    """The composite of a universe.

    Parameters
    ----------
    percentile : array of float, shape (n_symbols,)
        Place of the last score among those of all bars on which enough is known for a verdict.
    score, coverage : array of float, shape (n_symbols, keep)
        On each symbol's last bars, newest last.
    last : mapping of job to array of float, shape (n_symbols, keep, n_outputs)
        All outputs of each signal there.
    """

    percentile: FloatArray
    score: FloatArray
    coverage: FloatArray
    last: Mapping[str, FloatArray]


@step
def composite_step(state: float, *values: float) -> tuple[float, tuple[float, float, float]]:
    """Take opinions, then their weights, then the least coverage; return the score if judged, the score, the coverage.

    The order of operations is that of `openapex.score.composite.composite`.
    """
    n, known, total = len(values) // 2, 0.0, 0.0
    for i in range(n):
        if values[i] == values[i]:
            known += values[n + i]
    spread = 1.0 / known if known > 0.0 else NAN
    for i in range(n):
        if values[i] == values[i]:
            total += values[n + i] * spread * (values[i] - 50.0)
    score = min(max(50.0 + total, 0.0), 100.0) if known > 0.0 else NAN
    coverage = min(known, 1.0)
    return state, (score if coverage >= values[2 * n] else NAN, score, coverage)


@step
def nothing_start(*given: float) -> float:
    """Return a state that says nothing: a composite has no memory."""
    return 0.0


@cache
def _composite(inputs: tuple[Any, ...]) -> Indicator:
    params = {f"weight_{i}": 1.0 for i in range(len(inputs))} | {"least": 1.0}
    outputs = ("judged", "score", "coverage")
    return Indicator("composite", inputs, outputs, params, nothing_start, composite_step, lambda *given: 0, (0, 0, 0))


def compiled_composite(
    jobs: Mapping[Any, Job],
    columns: Mapping[Any, FloatArray],
    offsets: IntArray,
    keep: int,
    model: Model,
    *,
    extra: Mapping[str, FloatArray] | None = None,
    on_compile: Callable[[str], None] | None = None,
) -> CompositeHistory:
    """Run signals and their composite over a universe.

    Parameters
    ----------
    jobs : mapping of signal name to (Indicator, parameters)
        Price signals; the first output is the score.
    columns : mapping of str to array of float, each of shape (n_bars,)
        Fields of the bars.
    offsets, keep, on_compile
        As in `openapex.indicators.compiled.compiled_tail`.
    model : Model
        Weights; a signal among neither `jobs` nor `extra` is no data.
    extra : mapping of signal name to array of float, each of shape (n_bars,), optional
        Scores of signals that are not made of prices; NaN is no data.

    Raises
    ------
    BadInput, MissingCompiler
        As `compiled_tail`; if no weighed signal is given, or an extra score lies outside 0-100.
    """
    given = dict(extra or {})
    names = [name for name in model.weights if name in jobs or name in given]
    if not names:
        raise BadInput(f"jobs is {sorted(jobs)}, must hold a signal that model {model.name} weighs")
    for name, score in given.items():
        if (outside := score[(score < 0) | (score > 100)]).size:
            raise BadInput(f"score of {name} is {outside[0]}, must be 0 to 100 or NaN")
    weights = {f"weight_{i}": model.weights[name] for i, name in enumerate(names)}
    whole = _composite(tuple(jobs[name][0].name if name in jobs else f"score_{name}" for name in names))
    fields = dict(columns) | {f"score_{name}": score for name, score in given.items()}
    todo = [*jobs.values(), (whole, weights | {"least": model.min_coverage - SLACK})]
    *tails, made = compiled_tail(
        todo, fields, offsets, keep, with_history=False, with_rank=[whole.name], on_compile=on_compile
    )
    last = {name: tail.last for name, tail in zip(jobs, tails, strict=True)}
    percentile = np.empty(0) if made.rank is None else made.rank
    return CompositeHistory(percentile, made.last[:, :, 1], made.last[:, :, 2], last)
