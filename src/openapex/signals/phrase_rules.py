"""First-party finance phrase rules: the default reader of headlines.

What moved (a metric) times which way (a direction) times whether more of it is good; phrases that speak for
themselves (*beats estimates*, *SEC probe*); comparisons of two figures (*profit EUR 5m against 3m*); negation turns the
statement around.  Small, explainable (`PhraseRules.hits`) and without weights to download: not a language model.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from openapex.bars import FloatArray
from openapex.signals import phrases as say

NEGATION_REACH = 3
BACK_REACH = 18
AHEAD_REACH = 3
FIGURE_REACH = 14
PROFIT_WEIGHT = 1.5
"""A statement about the bottom line counts one and a half times: *sales rose, profit fell* is bad news."""

_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|us\$|[a-z]+(?:['-][a-z0-9]+)*|\.(?=\s|$)|[;!?,()%$€£-]")
_TIDY = (
    (re.compile(r"[’`]"), "'"),
    (re.compile(r"\s+'s\b|'s\b"), ""),
    (re.compile(r"(\d)\s+\.(\d)"), r"\1.\2"),
    (re.compile(r"\b(inc|corp|ltd|co|plc|oyj|u\.s|mr|vs|approx)\."), r"\1"),
    (re.compile(r"\bno\.\s*(?=\d)"), ""),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One statement found in a title: the words it was read from, and its tone (sign and weight)."""

    words: str
    tone: float


@dataclass(frozen=True, slots=True)
class PhraseRules:
    """The default `HeadlineScorer`.

    Notes
    -----
    The tone of a title is ``total / (1 + |total|)`` over its hits: one plain hit is ±0.5, contradictions cancel,
    repetition saturates.  A title in which nothing is recognised is 0.  English only.  Accuracy on labelled sentences:
    docs/signals-sentiment-fundamentals.md.

    Examples
    --------
    >>> PhraseRules().tone(["Acme profit fell 12 %", "Acme's loss narrowed", "Acme raised to buy", "Acme opens office"])
    array([-0.6, 0.6, 0.5, 0. ])
    >>> PhraseRules().hits("Sales rose, but Acme cut its full-year guidance")
    (Hit(words='sales rose', tone=1.0), Hit(words='cut guidance', tone=-1.5))
    """

    name: str = "phrase rules"

    def tone(self, titles: Sequence[str]) -> FloatArray:
        """Return one tone per title, −1 (bad news) to 1 (good news)."""
        totals = np.array([sum(hit.tone for hit in self.hits(title)) for title in titles], dtype=np.float64)
        tones: FloatArray = totals / (1.0 + np.abs(totals))
        return tones

    def hits(self, title: str) -> tuple[Hit, ...]:
        """Return the statements found in a title, in the order of its words; the tone is made from these alone."""
        return tuple(_Reading(title).hits())


@cache
def _lexicon() -> dict[str, list[tuple[tuple[str, ...], str, str]]]:
    """Return first word → (words, kind, entry), the longest first."""
    kinds = ((say.NEUTRAL_PHRASES, "neutral"), (say.PHRASES, "phrase"), (say.METRICS, "metric"))
    lexicon: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
    for entries, kind in kinds:
        for entry in entries:
            words = tuple(_TOKEN.findall(entry))
            lexicon.setdefault(words[0], []).append((words, kind, entry))
    for found in lexicon.values():
        found.sort(key=lambda row: -len(row[0]))
    return lexicon


@cache
def _comparisons() -> dict[str, list[tuple[str, ...]]]:
    """Return first word → comparing phrases."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for entry in say.COMPARISONS:
        words = tuple(entry.split())
        found.setdefault(words[0], []).append(words)
    return found


@dataclass(frozen=True, slots=True)
class _Span:
    """A phrase or metric: its words, where it starts and ends (exclusive)."""

    kind: str
    words: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Figure:
    """A number that is neither date nor span, with its unit (``%``, a currency or none)."""

    at: int
    value: float
    unit: str


class _Reading:
    """One title, taken apart."""

    def __init__(self, title: str) -> None:
        text = title.lower()
        for pattern, instead in _TIDY:
            text = pattern.sub(instead, text)
        self.tokens: list[str] = _TOKEN.findall(text)
        spans = list(self._spans())
        self.metrics = [span for span in spans if span.kind == "metric" and not self._is_set_aside(span)]
        self.phrases = [span for span in spans if span.kind == "phrase"]
        self.taken = {at for span in spans for at in range(span.begin, span.end)}
        self.told: set[int] = set()

    def hits(self) -> Iterator[Hit]:
        """Yield every statement, by position."""
        found = [*self._phrase_hits(), *self._turn_hits(), *self._direction_hits(), *self._carried_hits()]
        found += [*self._comparison_hits(), *self._share_hits(), *self._bare_loss_hits()]
        for _, hit in sorted(found, key=lambda pair: pair[0]):
            yield hit

    def _spans(self) -> Iterator[_Span]:
        lexicon, tokens, at = _lexicon(), self.tokens, 0
        while at < len(tokens):
            for words, kind, entry in lexicon.get(tokens[at], ()):
                if tuple(tokens[at : at + len(words)]) == words:
                    yield _Span(kind, entry, at, at + len(words))
                    at += len(words)
                    break
            else:
                at += 1

    def _is_set_aside(self, metric: _Span) -> bool:
        near = self.tokens[max(0, metric.begin - 2) : metric.begin]
        return any(word in say.SET_ASIDE for word in near)

    def _factor(self, at: int) -> float:
        """Return −1 after a negation, 0 inside a concession (*despite …*, *denies …*), else 1."""
        for back in range(at - 1, -1, -1):
            if self.tokens[back] in ",.;":
                break
            if self.tokens[back] in say.CONCESSIONS or self.tokens[back : back + 3] == ["in", "spite", "of"]:
                return 0.0
        near = self.tokens[max(0, at - NEGATION_REACH) : at]
        return -1.0 if any(word in say.NEGATIONS for word in near) else 1.0

    def _phrase_hits(self) -> Iterator[tuple[int, Hit]]:
        for span in self.phrases:
            tone = say.PHRASES[span.words] * self._factor(span.begin)
            if tone:
                yield span.begin, Hit(span.words, tone)

    def _direction_hits(self) -> Iterator[tuple[int, Hit]]:
        for at, word in enumerate(self.tokens):
            way = (word in say.UP_WORDS) - (word in say.DOWN_WORDS)
            if not way or at in self.taken:
                continue
            metric = self._metric_of(at)
            if metric is not None:
                yield from self._moved(metric, at, float(way))
            elif word in say.SPEAKS_ALONE and self._factor(at):
                yield at, Hit(word, say.SPEAKS_ALONE[word] * self._factor(at))

    def _moved(self, metric: _Span, at: int, way: float) -> Iterator[tuple[int, Hit]]:
        first = min(metric.begin, at)
        tone = way * _worth(metric) * self._factor(at if metric.begin < at else first)
        if metric.begin in self.told or not tone:
            return
        self.told.add(metric.begin)
        words = (metric.words, self.tokens[at]) if metric.begin < at else (self.tokens[at], metric.words)
        yield first, Hit(" ".join(words), tone)

    def _metric_of(self, at: int) -> _Span | None:
        """Return what the direction word speaks of: the object right after it, or the nearest metric before it."""
        following = self.tokens[at + 1 : at + 2]
        if self.tokens[at] in say.TAKES_OBJECT or following in (["in"], ["of"]):
            ahead = self._metric_ahead(at + (following in (["in"], ["of"])))
            if ahead is not None:
                return ahead
        return self._metric_before(at)

    def _metric_ahead(self, at: int) -> _Span | None:
        for metric in self.metrics:
            if 0 < metric.begin - at <= AHEAD_REACH + 1:
                between = self.tokens[at + 1 : metric.begin]
                if not any(self._ends_object(word) for word in between):
                    return metric
        return None

    @staticmethod
    def _ends_object(word: str) -> bool:
        return word in say.BREAKS or word in say.OBJECT_ENDS or word[0].isdigit()

    def _metric_before(self, at: int) -> _Span | None:
        for metric in reversed(self.metrics):
            if 0 <= at - metric.end <= BACK_REACH:
                between = self.tokens[metric.end : at]
                return None if any(word in say.BREAKS for word in between) else metric
        return None

    def _carried_hits(self) -> Iterator[tuple[int, Hit]]:
        """Yield *profit by 34 %* after *sales increased by 5 %*: the verb is said once and carried on."""
        for metric in self.metrics:
            after = self.tokens[metric.end : metric.end + 2]
            moved = [self.tokens[at] for at in range(metric.begin) if at not in self.taken]
            ways = [(word in say.UP_WORDS) - (word in say.DOWN_WORDS) for word in moved]
            ways = [way for way in ways if way]
            if metric.begin not in self.told and after[:1] == ["by"] and after[1:2] and after[1][0].isdigit() and ways:
                self.told.add(metric.begin)
                yield metric.begin, Hit(f"{metric.words} by {after[1]}", ways[-1] * _worth(metric))

    def _figures(self) -> list[_Figure]:
        return [figure for at in range(len(self.tokens)) if (figure := self._figure(at)) is not None]

    def _figure(self, at: int) -> _Figure | None:
        token = self.tokens[at]
        if not token[0].isdigit():
            return None
        after, before = self.tokens[at + 1 : at + 3], self.tokens[at - 1] if at else ""
        value = float(token.replace(",", "").rstrip(".") or "nan")
        scale = say.MULTIPLIERS.get(after[0], 1.0) if after else 1.0
        unit = "%" if after[:1] in (["%"], ["percent"], ["pct"]) else say.CURRENCIES.get(before, "")
        if not unit and after:
            unit = say.CURRENCIES.get(after[0], "") or say.CURRENCIES.get(after[-1], "")
        is_date = not unit and scale == 1.0 and (_is_period(after, before) or re.fullmatch(r"(19|20)\d\d", token))
        sign = -1.0 if any(word in ("negative", "minus") for word in self.tokens[max(0, at - 2) : at]) else 1.0
        return None if is_date else _Figure(at, sign * value * scale, unit)

    def _turn_hits(self) -> Iterator[tuple[int, Hit]]:
        """Yield a profit that stands against a loss, or the reverse: no figures are needed."""
        for at, width in self._comparators():
            metric = self._compared_metric(at)
            other = next((m for m in self.metrics if at + width <= m.begin < at + width + 5), None)
            if metric is None or other is None or not {metric.words, other.words} <= say.PROFIT_METRICS:
                continue
            if _is_loss(metric) != _is_loss(other) and metric.begin not in self.told:
                self.told |= {metric.begin, other.begin}
                words = f"{metric.words} {' '.join(self.tokens[at : at + width])} {other.words}"
                yield metric.begin, Hit(words, -PROFIT_WEIGHT if _is_loss(metric) else PROFIT_WEIGHT)

    def _share_hits(self) -> Iterator[tuple[int, Hit]]:
        """Yield a move in percent of something unnamed (*up 5 %*, *20 % more than*), where nothing else was said."""
        if self.told:
            return
        for at, word in enumerate(self.tokens):
            way = (word in say.UP_WORDS or word == "more") - (word in say.DOWN_WORDS or word == "less")
            near = self.tokens[max(0, at - 2) : at] + self.tokens[at + 1 : at + 4]
            if way and at not in self.taken and word not in say.SPEAKS_ALONE and self._has_share(near):
                factor = self._factor(at)
                if factor:
                    yield at, Hit(f"{word} in percent", way * factor)
                return

    @staticmethod
    def _has_share(words: list[str]) -> bool:
        return any(word in ("%", "percent", "pct", "per-cent") or word.endswith("-percent") for word in words)

    def _comparison_hits(self) -> Iterator[tuple[int, Hit]]:
        figures = self._figures()
        for at, width in self._comparators():
            metric = self._compared_metric(at)
            if metric is None or metric.begin in self.told:
                continue
            tone = self._comparison_tone(metric, at, at + width, figures)
            if tone:
                self.told.add(metric.begin)
                yield metric.begin, Hit(f"{metric.words} {' '.join(self.tokens[at : at + width])}", tone)

    def _comparators(self) -> Iterator[tuple[int, int]]:
        by_first = _comparisons()
        for at, token in enumerate(self.tokens):
            for words in by_first.get(token, ()):
                if tuple(self.tokens[at : at + len(words)]) == words:
                    yield at, len(words)
            if token == "(" and at and (self.tokens[at - 1] in say.MULTIPLIERS or self.tokens[at - 1] == "%"):
                yield at, 1

    def _compared_metric(self, at: int) -> _Span | None:
        for metric in reversed(self.metrics):
            if metric.end <= at and at - metric.end <= BACK_REACH:
                return None if "." in self.tokens[metric.end : at] else metric
        return None

    def _comparison_tone(self, metric: _Span, left: int, right: int, figures: list[_Figure]) -> float:
        """Return the tone of *metric FIGURE than FIGURE*; figures must be of one unit."""
        after = next((f for f in figures if right <= f.at < right + FIGURE_REACH), None)
        if after is None:
            return 0.0
        now = [f for f in figures if metric.end <= f.at < left and f.unit == after.unit]
        if not now or now[-1].value == after.value:
            return 0.0
        return _worth(metric) * (1.0 if now[-1].value > after.value else -1.0)

    def _bare_loss_hits(self) -> Iterator[tuple[int, Hit]]:
        """Yield a loss that is reported without a comparison: *posts net loss of $5m*."""
        for metric in self.metrics:
            if _is_loss(metric) and metric.begin not in self.told and not self.told:
                tone = -PROFIT_WEIGHT * self._factor(metric.begin)
                if tone:
                    yield metric.begin, Hit(metric.words, tone)


def _worth(metric: _Span) -> float:
    return say.METRICS[metric.words] * (PROFIT_WEIGHT if metric.words in say.PROFIT_METRICS else 1.0)


def _is_loss(metric: _Span) -> bool:
    return "loss" in metric.words and metric.words in say.PROFIT_METRICS


def _is_period(after: list[str], before: str) -> bool:
    following = after[0].lstrip("-") if after else ""
    return (bool(after) and not following) or following in say.PERIODS or before in say.PERIODS
