"""The composite of the compiled pass equals the composite of arrays, bit for bit."""

from itertools import pairwise

import numpy as np
import pytest

from openapex.bars import FloatArray
from openapex.errors import BadInput
from openapex.indicators.compiled import compiled_together
from openapex.indicators.percent_rank import percent_rank
from openapex.score.composite import composite
from openapex.score.composite_compiled import compiled_composite
from openapex.score.model import model
from openapex.signals import SIGNALS
from openapex.signals.signal import PriceSignal

JOBS = {name: (signal.indicator, {}) for name, signal in SIGNALS.items() if isinstance(signal, PriceSignal)}
OFFSETS = np.array([0, 700, 701, 701, 1100, 1400])


def universe() -> dict[str, FloatArray]:
    rng = np.random.default_rng(3)
    n = int(OFFSETS[-1])
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n)))
    columns = {"close": close, "high": close * (1 + rng.random(n) / 50), "low": close * (1 - rng.random(n) / 50)}
    columns["volume"] = np.floor(rng.lognormal(13.0, 0.5, n))
    columns["volume"][rng.integers(0, n, 20)] = np.nan
    columns["close"][1200] = np.nan
    return columns


def opinions(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.0, 100.0, int(OFFSETS[-1]))
    scores[rng.random(len(scores)) < 0.4] = np.nan
    return scores


@pytest.mark.parametrize("name", ["apex", "technical"])
@pytest.mark.parametrize(
    "extra", [{}, {"sentiment": opinions(1)}, {"sentiment": opinions(2), "fundamentals": opinions(3)}]
)
def test_scores_and_coverages_are_those_of_the_composite(name, extra):
    columns = universe()
    full = compiled_together(list(JOBS.values()), columns, OFFSETS)
    scores = {signal: outputs[0] for signal, outputs in zip(JOBS, full, strict=True)} | extra
    wanted = composite(scores, model(name))
    made = compiled_composite(JOBS, columns, OFFSETS, 4, model(name), extra=extra)
    is_judged = wanted.coverage >= model(name).min_coverage - 1e-12
    for own, (first, end) in zip(made.percentile, pairwise(OFFSETS), strict=True):
        judged = wanted.score[first:end][is_judged[first:end]]
        np.testing.assert_array_equal(own, percent_rank(judged) if is_judged[end - 1] else np.nan)
    for found, values in ((made.score, wanted.score), (made.coverage, wanted.coverage)):
        for own, (first, end) in zip(found, pairwise(OFFSETS), strict=True):
            np.testing.assert_array_equal(own[4 - min(4, end - first) :], values[max(first, end - 4) : end])
    assert 0 < np.isnan(wanted.score).sum() < len(wanted.score)
    for outputs, last in zip(full, made.last.values(), strict=True):
        np.testing.assert_array_equal(last[0], np.array([values[696:700] for values in outputs]).T)


def test_a_score_outside_its_range_and_a_model_without_its_signals_are_refused():
    columns = universe()
    with pytest.raises(BadInput, match=r"score of sentiment is 101\.0, must be 0 to 100"):
        compiled_composite(JOBS, columns, OFFSETS, 1, model("apex"), extra={"sentiment": np.full(1400, 101.0)})
    with pytest.raises(BadInput, match="must hold a signal that model apex weighs"):
        compiled_composite({}, columns, OFFSETS, 1, model("apex"))
