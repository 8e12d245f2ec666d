"""The composite: 50 plus the weighted distance of each known opinion from 50."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from openapex.bars import FloatArray
from openapex.errors import BadInput
from openapex.indicators.percent_rank import percent_rank
from openapex.score.model import Model

Verdict: TypeAlias = Literal["BUY", "HOLD", "SELL"]
SLACK = 1e-12
"""What rounding may take from a coverage that is just enough."""


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite score over every bar.

    `score` (0–100, NaN where nothing is known) and `coverage` (0–1: the share of the model's weights that is known)
    have shape (n_bars,); `weights` and `contributions` give per signal what each known opinion weighed after the
    missing ones' weight was spread, and ``weight × (opinion − 50)``, which sum to ``score − 50``.
    """

    score: FloatArray
    coverage: FloatArray
    weights: Mapping[str, FloatArray]
    contributions: Mapping[str, FloatArray]


def composite(scores: Mapping[str, FloatArray], model: Model) -> Composite:
    """Return the composite of opinions over every bar.

    Parameters
    ----------
    scores : mapping of signal name to array of float, each of shape (n_bars,)
        Opinions 0–100; NaN is "no data".  Signals the model does not weigh are ignored; weighed ones that are absent
        count as missing.
    model : Model
        Weights and thresholds.

    Raises
    ------
    BadInput
        If the arrays differ in length or a score lies outside 0–100.

    Notes
    -----
    Known at the close of the bar it stands on, as each opinion is.

    Examples
    --------
    >>> from openapex.score.model import model
    >>> made = composite({"rsi": np.array([80.0]), "macd": np.array([60.0])}, model("apex"))
    >>> made.score, made.coverage
    (array([70.]), array([0.3]))
    """
    lengths = {len(column) for column in scores.values()}
    if len(lengths) > 1:
        raise BadInput(f"scores have lengths {sorted(lengths)}, must be the same for all signals")
    n_bars = lengths.pop() if lengths else 0
    coverage = np.zeros(n_bars)
    for name, share in model.weights.items():
        if name in scores:
            coverage += np.where(np.isnan(_checked(name, scores[name])), 0.0, share)
    weights, contributions = {}, {}
    total = np.zeros(n_bars)
    spread = 1.0 / np.where(coverage > 0, coverage, np.nan)
    for name, share in model.weights.items():
        opinion = scores.get(name, np.full(n_bars, np.nan))
        known = ~np.isnan(opinion)
        weights[name] = np.where(known, share * spread, 0.0)
        contributions[name] = np.where(known, weights[name] * (opinion - 50.0), 0.0)
        total += contributions[name]
    score = np.where(coverage > 0, np.clip(50.0 + total, 0.0, 100.0), np.nan)
    return Composite(score, np.minimum(coverage, 1.0), weights, contributions)


def _checked(name: str, column: FloatArray) -> FloatArray:
    outside = (column < 0) | (column > 100)
    if outside.any():
        raise BadInput(f"score of {name} is {column[outside][0]}, must be 0 to 100 or NaN")
    return column


def verdict(score: float, coverage: float, model: Model) -> Verdict | None:
    """Return BUY, HOLD or SELL, or None where less is known than the model asks for."""
    if np.isnan(score) or coverage < model.min_coverage - SLACK:
        return None
    if score >= model.buy:
        return "BUY"
    return "SELL" if score < model.sell else "HOLD"


@dataclass(frozen=True, slots=True)
class BaseRate:
    """How often a verdict has stood: on `n_days` of `n_sessions` sessions that had a verdict, `share` of them."""

    n_days: int
    n_sessions: int
    share: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the last score stands in the symbol's own history.

    `percentile` is the share (0–100) of sessions with a verdict, up to and including the last, whose score was lower,
    ties counted half; NaN where there are none.
    """

    percentile: float
    n_sessions: int
    buy: BaseRate
    sell: BaseRate


def standing(made: Composite, model: Model) -> Standing:
    """Return the last score's place in its own history, and how often BUY and SELL have occurred in it."""
    judged = made.score[made.coverage >= model.min_coverage - SLACK]
    n = len(judged)
    has_verdict = len(made.score) > 0 and made.coverage[-1] >= model.min_coverage - SLACK
    percentile = float("nan")
    if has_verdict:
        percentile = percent_rank(judged)
    n_buy, n_sell = int(np.count_nonzero(judged >= model.buy)), int(np.count_nonzero(judged < model.sell))
    share = [count / n if n else float("nan") for count in (n_buy, n_sell)]
    return Standing(percentile, n, BaseRate(n_buy, n, share[0]), BaseRate(n_sell, n, share[1]))
