"""FinBERT as a reader of headlines: an adapter around a loaded transformers pipeline (extra ``finbert``)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from openapex.bars import FloatArray
from openapex.errors import BadInput

Pipeline: TypeAlias = Callable[[list[str]], Sequence[Mapping[str, Any]]]
SIGNS = {"positive": 1.0, "negative": -1.0, "neutral": 0.0}


@dataclass(frozen=True, slots=True)
class FinbertScorer:
    """A `HeadlineScorer` made from a text-classification pipeline with labels positive, negative and neutral.

    Parameters
    ----------
    pipeline : callable
        ``pipeline(titles)`` gives ``[{"label": "positive", "score": 0.97}, …]``, one per title, as
        ``transformers.pipeline("text-classification", model=…)`` does.  It is called with everything it needs already
        loaded: this adapter reads no disk and no network.
    name : str
        Shown beside the score.

    Notes
    -----
    Tone is the label's sign times its probability; neutral is 0.

    References
    ----------
    Araci, D. (2019), *FinBERT: Financial Sentiment Analysis with Pre-trained Language Models*.

    Examples
    --------
    >>> FinbertScorer(lambda titles: [{"label": "negative", "score": 0.75} for _ in titles]).tone(["Acme sued"])
    array([-0.75])
    """

    pipeline: Pipeline
    name: str = "finbert"

    def tone(self, titles: Sequence[str]) -> FloatArray:
        """Return one tone per title.

        Raises
        ------
        BadInput
            If the pipeline answers with another label or another number of answers.
        """
        if not len(titles):
            return np.zeros(0)
        answers = self.pipeline(list(titles))
        if len(answers) != len(titles):
            raise BadInput(f"pipeline gave {len(answers)} answers, must be {len(titles)}, one per title")
        return np.array([_tone(answer) for answer in answers])


def _tone(answer: Mapping[str, Any]) -> float:
    label = str(answer["label"]).lower()
    if label not in SIGNS:
        raise BadInput(f"pipeline label is {answer['label']!r}, must be one of: {', '.join(SIGNS)}")
    return SIGNS[label] * float(answer["score"])
