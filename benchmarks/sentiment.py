"""Accuracy of the headline readers on labelled sentences: ours beside VADER, with 95 % Wilson intervals.

Run: ``python benchmarks/sentiment.py`` (reads ``sentiment_phrasebank.csv`` of the shared data folder next to the
repository, or of ``APEX_SHARED_DATA``).  Exits 1 when ours leads VADER by less than `MARGIN` on the held-out half.

The sentences are half of the Financial PhraseBank (Malo et al. 2014, CC BY-NC-SA 3.0): evaluated with, never shipped.
A sentence is held out when the first byte of the SHA-256 of its text is odd; rules were only ever improved by looking
at the other half.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from openapex.bars import FloatArray
from openapex.signals.phrase_rules import PhraseRules

LABELS = ("positive", "neutral", "negative")
CLEAR = 0.05
MARGIN = 0.15
DATA = Path(os.environ.get("APEX_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class Quality:
    """What a reader got right: `n` sentences, accuracy with its interval, macro-F1."""

    n: int
    accuracy: float
    low: float
    high: float
    macro_f1: float


def is_held_out(text: str) -> bool:
    """Tell whether a sentence belongs to the half that was never looked at."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def wilson(n_right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    share, spread = n_right / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (share * (1 - share) / n + spread / (4 * n)) ** 0.5
    return middle - half, middle + half


def labels_of(tones: FloatArray) -> np.ndarray:
    """Return the label of each tone; the thresholds ±0.05 are VADER's own."""
    return np.where(tones >= CLEAR, "positive", np.where(tones <= -CLEAR, "negative", "neutral"))


def quality(truth: Sequence[str], told: Sequence[str]) -> Quality:
    """Return accuracy and macro-F1 (the mean of the three classes' F1, each class weighing the same)."""
    is_true, is_told = (np.stack([np.asarray(side) == label for label in LABELS], axis=1) for side in (truth, told))
    both = (is_true & is_told).sum(axis=0)
    f1 = 2 * both / np.maximum(is_true.sum(axis=0) + is_told.sum(axis=0), 1)
    low, high = wilson(int(both.sum()), len(truth))
    return Quality(len(truth), float(both.sum() / len(truth)), low, high, float(f1.mean()))


def vader_tones(titles: Sequence[str]) -> FloatArray:
    """Return VADER's compound score per title."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return np.array([analyzer.polarity_scores(title)["compound"] for title in titles])


def measured(path: Path) -> dict[tuple[str, str], Quality]:
    """Return (sentences, reader) → quality on the phrasebank."""
    frame = pl.read_csv(path)
    held_out = np.array([is_held_out(text) for text in frame["text"]])
    agreed = (frame["min_agree_pct"] == 100).to_numpy()
    parts = {"held-out": held_out, "all": np.ones_like(held_out), "held-out, full agreement": held_out & agreed}
    readers: dict[str, Callable[[Sequence[str]], FloatArray]] = {
        "phrase rules": PhraseRules().tone,
        "VADER": vader_tones,
    }
    told = {name: labels_of(reader(frame["text"].to_list())) for name, reader in readers.items()}
    told["always neutral"] = np.full(frame.height, "neutral")
    truth = frame["label"].to_numpy()
    return {(part, name): quality(truth[rows], told[name][rows]) for part, rows in parts.items() for name in told}


def table(results: dict[tuple[str, str], Quality]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| sentences | reader | n | accuracy | 95 % interval | macro-F1 |", "|---|---|---|---|---|---|"]
    for (part, name), q in results.items():
        lines.append(f"| {part} | {name} | {q.n:,} | {q.accuracy:.3f} | {q.low:.3f}–{q.high:.3f} | {q.macro_f1:.3f} |")
    return "\n".join(lines)


def leads(results: dict[tuple[str, str], Quality]) -> tuple[float, float]:
    """Return by how much ours leads VADER on the held-out half: accuracy and macro-F1."""
    ours, theirs = results["held-out", "phrase rules"], results["held-out", "VADER"]
    return ours.accuracy - theirs.accuracy, ours.macro_f1 - theirs.macro_f1


def main() -> int:
    """Print the table and tell whether the bar was met."""
    results = measured(DATA / "sentiment_phrasebank.csv")
    accuracy, macro_f1 = leads(results)
    print(table(results))
    print(f"\nlead over VADER, held-out: accuracy {accuracy:+.3f}, macro-F1 {macro_f1:+.3f} (bar: {MARGIN:+.2f} each)")
    return 0 if min(accuracy, macro_f1) >= MARGIN else 1


if __name__ == "__main__":
    sys.exit(main())
