"""How often the default reader agrees with people: the published table is what the benchmark measures."""

import importlib.util
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_sentiment", ROOT / "benchmarks" / "sentiment.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_wilson_interval_equals_the_textbook(benchmark):
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611."""
    assert benchmark.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert benchmark.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_macro_f1_by_hand(benchmark):
    """Positive: 1 right of 2 true and 1 told, F1 2/3; neutral 0; negative: 1 right of 1 true, 2 told, F1 2/3."""
    truth, told = ["positive", "positive", "negative", "neutral"], ["positive", "negative", "negative", "positive"]
    found = benchmark.quality(truth, told)
    assert found.accuracy == 0.5
    assert found.macro_f1 == pytest.approx((2 * 1 / (2 + 2) + 0 + 2 * 1 / (1 + 2)) / 3)


@pytest.mark.realdata
def test_phrase_rules_beat_vader_on_sentences_never_looked_at(benchmark, shared_data):
    results = benchmark.measured(shared_data / "sentiment_phrasebank.csv")
    accuracy, macro_f1 = benchmark.leads(results)
    print(benchmark.table(results))
    assert accuracy >= benchmark.MARGIN
    assert macro_f1 >= benchmark.MARGIN
    ours, theirs = results["held-out", "phrase rules"], results["held-out", "VADER"]
    assert ours.low > theirs.high
    assert ours.low > results["held-out", "always neutral"].high


@pytest.mark.realdata
def test_the_published_table_is_the_measured_one(benchmark, shared_data):
    page = (ROOT / "docs" / "signals-sentiment-fundamentals.md").read_text(encoding="utf-8")
    assert benchmark.table(benchmark.measured(shared_data / "sentiment_phrasebank.csv")) in page


@pytest.mark.realdata
def test_no_sentence_of_the_phrasebank_is_shipped(shared_data):
    """No run of six words of a labelled sentence stands in the vocabulary or in the tests' headlines."""
    sources = [
        *(ROOT / "src" / "openapex" / "signals").glob("phrase*.py"),
        *Path(__file__).parent.glob("test_sent*.py"),
    ]
    shipped = " ".join(" ".join(path.read_text(encoding="utf-8") for path in sources).lower().replace(",", " ").split())
    for text in pl.read_csv(shared_data / "sentiment_phrasebank.csv")["text"]:
        words = text.lower().replace(",", " ").split()
        runs = {" ".join(words[at : at + 6]) for at in range(len(words) - 5)}
        assert not [run for run in runs if run in shipped], text
