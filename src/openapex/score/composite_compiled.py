"""The composite of a universe in the same compiled pass as the signals: score and coverage on every bar.

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
from openapex.indicators.compiled import Job, Tail, compiled_tail
from openapex.indicators.step import NAN, Indicator, step
from openapex.score.model import Model


@dataclass(frozen=True, slots=True)
class CompositeHistory:
    """Score and coverage on every bar, shape (n_bars,), and per job the last rows of all its outputs."""

    score: FloatArray
    coverage: FloatArray
    last: Mapping[str, FloatArray]


@step
def coverage_step(state: float, *values: float) -> tuple[float, float]:
    """Take the opinions and then their weights, return the share of the weights that is known."""
    known = 0.0
    for i in range(len(values) // 2):
        if values[i] == values[i]:
            known += values[len(values) // 2 + i]
    return state, min(known, 1.0)


@step
def composite_step(state: float, *values: float) -> tuple[float, float]:
    """Take the opinions and then their weights, return the composite; the order of operations is `composite`'s."""
    known, total = 0.0, 0.0
    for i in range(len(values) // 2):
        if values[i] == values[i]:
            known += values[len(values) // 2 + i]
    if known == 0.0:
        return state, NAN
    for i in range(len(values) // 2):
        if values[i] == values[i]:
            total += values[len(values) // 2 + i] / known * (values[i] - 50.0)
    return state, min(max(50.0 + total, 0.0), 100.0)


@step
def nothing_start(*weights: float) -> float:
    """Return a state that says nothing: a composite has no memory."""
    return 0.0


@cache
def _indicators(inputs: tuple[Any, ...]) -> tuple[Indicator, Indicator]:
    params = {f"weight_{i}": 1.0 for i in range(len(inputs))}
    made = (
        Indicator(name, inputs, (name,), params, nothing_start, advance, lambda *weights: 0, (0,))
        for name, advance in (("composite", composite_step), ("coverage", coverage_step))
    )
    score, coverage = made
    return score, coverage


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
    both = _indicators(tuple(jobs[name][0].name if name in jobs else f"score_{name}" for name in names))
    fields = dict(columns) | {f"score_{name}": score for name, score in given.items()}
    todo = [*jobs.values(), *((indicator, weights) for indicator in both)]
    history = [indicator.name for indicator in both]
    *tails, made, known = compiled_tail(todo, fields, offsets, keep, with_history=history, on_compile=on_compile)
    last = {name: tail.last for name, tail in zip(jobs, tails, strict=True)}
    return CompositeHistory(_made(made), _made(known), last)


def _made(tail: Tail) -> FloatArray:
    return np.empty(0) if tail.history is None else tail.history
