"""FinBERT is an extra: absent it is a named error, present it reads the headlines."""

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

import openapex as apex
from openapex.desk.finbert import finbert_scorer
from openapex.errors import BadInput, UnreadableData


def fake_transformers(monkeypatch: pytest.MonkeyPatch, load: object) -> None:
    module = ModuleType("transformers")
    module.pipeline = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BadInput, match=r"openapex\[finbert\]"):
        finbert_scorer()


def test_a_model_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(task: str, model: str) -> object:
        raise OSError("no such folder")

    fake_transformers(monkeypatch, load)
    with pytest.raises(UnreadableData, match="finbert model is 'nowhere'"):
        finbert_scorer("nowhere")


def test_a_loaded_model_reads_the_headlines(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(task: str, model: str) -> object:
        assert (task, model) == ("text-classification", "folder")
        return lambda titles: [{"label": "negative", "score": 0.9} for _ in titles]

    fake_transformers(monkeypatch, load)
    scorer = finbert_scorer("folder")

    def sentiment(as_of: str, headline_scorer: object) -> float:
        report = apex.analyze("SPY", source="demo", as_of=as_of, headline_scorer=headline_scorer)  # type: ignore[arg-type]
        return next(part.opinion.score for part in report.signals if part.opinion.name == "sentiment")

    days: Sequence[str] = [f"2025-{month:02}-15" for month in range(1, 13)]
    read = {day: sentiment(day, scorer) for day in days}
    known = [day for day, score in read.items() if score == score]
    assert known
    assert all(read[day] < 50 for day in known)
    assert any(sentiment(day, None) != read[day] for day in known)
