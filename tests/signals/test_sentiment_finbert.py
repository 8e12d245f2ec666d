"""The FinBERT adapter, on the output shape of a transformers text-classification pipeline."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapex.errors import BadInput
from openapex.signals.finbert import FinbertScorer
from openapex.signals.sentiment import SentimentSignal


def pipeline_of(*answers):
    """As ``transformers.pipeline`` answers: one dict per title, in order."""
    return lambda titles: [{"label": label, "score": score} for label, score in answers[: len(titles)]]


def test_tone_is_the_labels_sign_times_its_probability():
    scorer = FinbertScorer(pipeline_of(("positive", 0.9), ("negative", 0.8), ("neutral", 0.99), ("Positive", 1.0)))
    assert scorer.tone(["a", "b", "c", "d"]).tolist() == [0.9, -0.8, 0.0, 1.0]


def test_it_plugs_into_the_signal():
    assert SentimentSignal(scorer=FinbertScorer(pipeline_of())).scorer.name == "finbert"


def test_without_titles_the_pipeline_is_not_asked():
    assert FinbertScorer(lambda titles: pytest.fail("asked")).tone([]).shape == (0,)


@pytest.mark.parametrize(
    ("answers", "says"),
    [([("LABEL_0", 0.9)], "label is 'LABEL_0', must be one of: positive, negative, neutral"), ([], "gave 0 answers")],
)
def test_another_models_answers_are_refused(answers, says):
    with pytest.raises(BadInput, match=says):
        FinbertScorer(pipeline_of(*answers)).tone(["a"])


@given(st.lists(st.tuples(st.sampled_from(["positive", "negative", "neutral"]), st.floats(0, 1))))
def test_tones_lie_between_minus_1_and_1(answers):
    tones = FinbertScorer(pipeline_of(*answers)).tone(["title"] * len(answers))
    assert tones.shape == (len(answers),)
    assert (np.abs(tones) <= 1).all()
