"""The composite, its contributions, its verdict and its place in history."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapex.errors import BadInput, UnknownName
from openapex.score.composite import composite, standing, verdict
from openapex.score.model import Model, model, model_names

NAMES = ("rsi", "macd", "ma_cross", "fibonacci", "volume", "bollinger", "sentiment", "fundamentals")
APEX_WEIGHTS = {
    "rsi": 15, "macd": 15, "ma_cross": 15, "fibonacci": 13,
    "volume": 12, "bollinger": 10, "sentiment": 10, "fundamentals": 10,
}  # fmt: skip
opinions = st.one_of(st.just(float("nan")), st.floats(0, 100))


def one(**scores: float) -> dict[str, np.ndarray]:
    return {name: np.array([value]) for name, value in scores.items()}


def test_default_model_has_the_published_weights() -> None:
    assert {name: round(100 * share, 9) for name, share in model().weights.items()} == APEX_WEIGHTS
    assert (model().buy, model().sell, model().min_coverage) == (75, 35, 0.6)


def test_composite_by_hand() -> None:
    # 15 % of 80, 15 % of 60, 13 % of 20 known: (15*30 + 15*10 + 13*-30) / 43 = 210 / 43
    made = composite(one(rsi=80.0, macd=60.0, fibonacci=20.0), model())
    assert made.score[0] == pytest.approx(50 + 210 / 43, abs=1e-12)
    assert made.coverage[0] == pytest.approx(0.43, abs=1e-12)
    assert made.contributions["fibonacci"][0] == pytest.approx(13 / 43 * -30, abs=1e-12)
    assert made.weights["sentiment"][0] == 0.0


@given(st.lists(opinions, min_size=8, max_size=8))
def test_contributions_sum_to_the_distance_from_50(values: list[float]) -> None:
    made = composite(one(**dict(zip(NAMES, values, strict=True))), model())
    if np.isnan(values).all():
        assert np.isnan(made.score[0])
        assert made.coverage[0] == 0
        return
    assert sum(part[0] for part in made.contributions.values()) == pytest.approx(made.score[0] - 50, abs=1e-9)
    assert sum(part[0] for part in made.weights.values()) == pytest.approx(1, abs=1e-12)
    known = [value for value in values if not np.isnan(value)]
    assert min(known) - 1e-9 <= made.score[0] <= max(known) + 1e-9


@pytest.mark.parametrize(
    ("score", "expected"), [(75.0, "BUY"), (74.999, "HOLD"), (35.0, "HOLD"), (34.999, "SELL"), (float("nan"), None)]
)
def test_verdict_at_its_thresholds(score: float, expected: str | None) -> None:
    assert verdict(score, 1.0, model()) == expected


def test_no_verdict_under_60_per_cent_coverage() -> None:
    assert verdict(90.0, 0.59, model()) is None
    assert verdict(90.0, 0.60, model()) == "BUY"


def test_exactly_60_per_cent_known_is_enough_whatever_the_rounding() -> None:
    # 15 + 15 + 15 + 15 is not a choice of the default model; 15 + 13 + 12 + 10 + 10 is, and sums badly in floats
    known = one(rsi=90.0, fibonacci=90.0, volume=90.0, bollinger=90.0, sentiment=90.0)
    made = composite(known, model())
    assert verdict(made.score[0], made.coverage[0], model()) == "BUY"


def test_standing_counts_days_and_ties_by_hand() -> None:
    scores = {"rsi": np.array([np.nan, 80.0, 20.0, 50.0, 50.0])}
    only_rsi = Model.from_toml("r", "title='r'\n[weights]\nrsi=1\n[verdict]\nbuy=75\nsell=35\nmin_coverage=0.6")
    place = standing(composite(scores, only_rsi), only_rsi)
    assert place.n_sessions == 4
    assert place.percentile == 50.0  # one of four below, two ties counted half
    assert (place.buy.n_days, place.sell.n_days, place.buy.share) == (1, 1, 0.25)


def test_standing_of_nothing_is_unknown() -> None:
    place = standing(composite({"rsi": np.array([np.nan])}, model()), model())
    assert np.isnan(place.percentile)
    assert np.isnan(place.buy.share)
    assert place.n_sessions == 0


def test_past_of_the_composite_never_changes() -> None:
    rng = np.random.default_rng(7)
    scores = {name: rng.uniform(0, 100, 60) for name in NAMES}
    whole = composite(scores, model()).score
    for cut in range(1, 60):
        assert np.array_equal(composite({k: v[:cut] for k, v in scores.items()}, model()).score, whole[:cut])


def test_a_score_outside_its_range_is_refused() -> None:
    with pytest.raises(BadInput, match="score of rsi is 101"):
        composite(one(rsi=101.0), model())


def test_scores_of_different_lengths_are_refused() -> None:
    with pytest.raises(BadInput, match="lengths"):
        composite({"rsi": np.zeros(3), "macd": np.zeros(2)}, model())


def test_unknown_model_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'technical'"):
        model("techncal")
    assert "apex" in model_names()


GOOD = "title='t'\n[weights]\nrsi=1\n[verdict]\nbuy=75\nsell=35\nmin_coverage=0.6"


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        GOOD.replace("rsi=1", "rsi=-1"),
        GOOD.replace("rsi=1", "rsi=nan"),
        GOOD.replace("rsi=1", "rsi=0"),
        GOOD.replace("rsi=1", "rsi='high'"),
        GOOD.replace("buy=75", "buy=30"),
        GOOD.replace("buy=75\n", ""),
        GOOD.replace("title='t'\n", ""),
        GOOD.replace("min_coverage=0.6", "min_coverage=60"),
    ],
)
def test_bad_model_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadInput, match="model"):
        Model.from_toml("mine", text)
