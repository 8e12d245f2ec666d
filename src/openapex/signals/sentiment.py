"""Sentiment: the tone of timed headlines, with decay, as an opinion on every bar.

A headline counts on bar t only if it was published by the close of session t and within `MAX_AGE_DAYS` before it.
Its weight halves every `HALF_LIFE_DAYS`::

    weight = 0.5 ** (age / HALF_LIFE_DAYS)
    score  = 50 + 50 * sum(weight * tone) / (sum(weight) + PRIOR_WEIGHT)

The prior is one fresh headline without tone: a single piece of good news reaches 75, not 100, and old news leans less
than fresh news.  No news is "no data" (NaN), never 50.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.bars import BoolArray, FloatArray, SessionArray
from openapex.errors import BadInput, UnreadableData
from openapex.sessions import calendar_of, close_times, known_span, sessions_between
from openapex.signals.signal import Opinion, SignalHistory, SignalInputs, SignalName, recent_events

NAN = float("nan")
HALF_LIFE_DAYS = 3.0
"""Days (of 24 hours) after which a headline counts half; the drift after news is measured in days, not weeks."""
MAX_AGE_DAYS = 14.0
"""Days after which a headline no longer counts (its weight would be 0.04)."""
PRIOR_WEIGHT = 1.0
"""Weight of the headline without tone that every score starts from."""
CLEAR_TONE = 0.5
"""Tone from which a headline is an event (`good_news`, `bad_news`)."""

NO_NEWS = f"no headline known in the {MAX_AGE_DAYS:.0f} days before the close"
HEADLINE_COLUMNS = ("symbol", "published_at", "title")
VALUE_NAMES = ("n_headlines", "mean_tone", "newest_age_days")
EVENT_NAMES = ("good_news", "bad_news")
DAY_US = 86_400_000_000


class HeadlineScorer(Protocol):
    """Reads headlines; pure: the tone of a title depends on that title alone."""

    @property
    def name(self) -> str:
        """Name shown beside the score."""
        ...

    def tone(self, titles: Sequence[str]) -> FloatArray:
        """Return one tone per title, −1 (bad news) to 1 (good news), 0 where it says neither."""
        ...


class _LazyPhraseRules:
    """The phrase rules, loaded when the first headline is read: most reports have none."""

    name = "phrase rules"

    def tone(self, titles: Sequence[str]) -> FloatArray:
        from openapex.signals.phrase_rules import PhraseRules

        return PhraseRules().tone(titles)


@dataclass(frozen=True, slots=True)
class SentimentSignal:
    """The Sentiment signal (obeys `Signal`), with an exchangeable reader of headlines.

    Parameters
    ----------
    scorer : HeadlineScorer
        Default: the first-party finance phrase rules.

    Notes
    -----
    Values: `n_headlines` counted, `mean_tone` (weighted, −1 to 1), `newest_age_days`; all NaN where there is no news.
    A title repeated within the frame counts once, when it was first published.  Rows without a time or a title were
    never known and do not count.  Events: `good_news`, `bad_news`, on the first bar that knows a headline with a tone
    of at least `CLEAR_TONE` either way.  Cost: one tone per distinct title, then linear in headlines.

    Examples
    --------
    >>> SentimentSignal().scorer.tone(["Acme cuts full-year guidance", "Acme beats estimates", "Acme to hold meeting"])
    array([-0.6,  0.5,  0. ])
    """

    scorer: HeadlineScorer = field(default_factory=_LazyPhraseRules)
    name: SignalName = "sentiment"
    title: str = "Sentiment"

    def history(self, inputs: SignalInputs) -> SignalHistory:
        """Return score, values and events on every bar, each from headlines published by that bar's close.

        Raises
        ------
        UnreadableData
            If the headlines lack a column or their time is not UTC.
        BadInput
            If the scorer answers with other than one tone from −1 to 1 per title.
        """
        bars = inputs.bars
        news = _news_of(inputs)
        if news is None:
            return _no_news(len(bars))
        published = news["published_at"].to_numpy().astype("datetime64[us]").astype(np.int64)
        tones = _checked_tones(self.scorer, news["title"].to_list())
        first = int(np.searchsorted(bars.sessions, published[0].astype("datetime64[us]").astype("datetime64[D]")))
        begin = max(0, first - 1)  # west of Greenwich a session may close on the next UTC day
        closes = known_until(bars.sessions[begin:], bars.symbols[0]).astype(np.int64)
        return _history(published, tones, closes, begin, len(bars))

    def opinion(self, inputs: SignalInputs, history: SignalHistory, at: int = -1) -> Opinion:
        """Return the opinion on bar `at`."""
        if not len(history.score):
            return Opinion(self.name, NAN, NO_NEWS, {})
        values = {name: float(column[at]) for name, column in history.values.items()}
        score = float(history.score[at])
        reason = NO_NEWS if np.isnan(score) else _reason(values)
        return Opinion(self.name, score, reason, values, recent_events(inputs.bars, history.events, at))


def known_until(sessions: SessionArray, symbol: str) -> npt.NDArray[np.datetime64]:
    """Return the moment (UTC) up to which news counts for each session: its close.

    Where the exchange or the day is not in a known calendar the date's midnight UTC is taken: too early, never late.

    Examples
    --------
    >>> known_until(np.array(["2024-11-29", "2024-11-30"], dtype="datetime64[D]"), "IWM")
    array(['2024-11-29T18:00:00.000000', '2024-11-30T00:00:00.000000'], dtype='datetime64[us]')
    """
    moments = sessions.astype("datetime64[us]")
    calendar = calendar_of(symbol)
    if calendar is None or not len(sessions):
        return moments
    start, end = known_span(calendar)
    days = sessions.astype("datetime64[D]")
    low, high = max(start, _date(days[0])), min(end, _date(days[-1]))
    if low > high:
        return moments
    is_known = np.isin(days, sessions_between(low, high, calendar))
    moments[is_known] = close_times(days[is_known], calendar)
    return moments


def _date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day))


def sentiment_score(toned: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the score of headlines with this sum of weighted tones and this sum of weights."""
    return 50.0 + 50.0 * toned / (weight + PRIOR_WEIGHT)


def _history(
    published: npt.NDArray[np.int64], tones: FloatArray, closes: npt.NDArray[np.int64], begin: int, n_bars: int
) -> SignalHistory:
    """Spread each headline over the bars that know it and are not too late for it (some ten bars each)."""
    n_known = len(closes)
    first = np.searchsorted(closes, published, side="left")
    last = np.searchsorted(closes, published + int(MAX_AGE_DAYS * DAY_US), side="right")
    counts = last - first
    headline = np.repeat(np.arange(len(published)), counts)
    bar = np.arange(len(headline)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    age_days = (closes[bar] - published[headline]) / DAY_US
    weight = 0.5 ** (age_days / HALF_LIFE_DAYS)
    n = np.bincount(bar, minlength=n_known).astype(float)
    weights = np.bincount(bar, weight, minlength=n_known).astype(float)
    toned = np.bincount(bar, weight * tones[headline], minlength=n_known).astype(float)
    newest = np.full(n_known, np.inf)
    np.minimum.at(newest, bar, age_days)
    has_news = n > 0
    columns = {
        "score": sentiment_score(toned, weights),
        "n_headlines": n,
        "mean_tone": toned / np.where(has_news, weights, 1.0),
        "newest_age_days": newest,
    }
    full = {name: _padded(np.where(has_news, column, NAN), begin, n_bars) for name, column in columns.items()}
    score = full.pop("score")
    return SignalHistory(score, full, _events(tones, first, counts, begin, n_bars))


def _padded(column: FloatArray, begin: int, n_bars: int) -> FloatArray:
    whole = np.full(n_bars, NAN)
    whole[begin:] = column
    return whole


def _events(
    tones: FloatArray, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], begin: int, n_bars: int
) -> dict[str, BoolArray]:
    events = {name: np.zeros(n_bars, dtype=bool) for name in EVENT_NAMES}
    for name, is_clear in (("good_news", tones >= CLEAR_TONE), ("bad_news", tones <= -CLEAR_TONE)):
        events[name][begin + first[is_clear & (counts > 0)]] = True
    return events


def _no_news(n_bars: int) -> SignalHistory:
    values = {name: np.full(n_bars, NAN) for name in VALUE_NAMES}
    return SignalHistory(np.full(n_bars, NAN), values, {name: np.zeros(n_bars, dtype=bool) for name in EVENT_NAMES})


def _news_of(inputs: SignalInputs) -> pl.DataFrame | None:
    """Return the symbol's headlines, oldest first, each title once; None when there are none."""
    frame = inputs.headlines
    if frame is None or frame.is_empty() or not len(inputs.bars):
        return None
    missing = [name for name in HEADLINE_COLUMNS if name not in frame.columns]
    if missing:
        raise UnreadableData(f"headlines frame has columns {frame.columns}, must also have {missing}")
    kind = frame.schema["published_at"]
    if not isinstance(kind, pl.Datetime) or kind.time_zone != "UTC":
        raise UnreadableData(f"published_at is {kind}, must be Datetime in UTC")
    own = frame.filter((pl.col("symbol") == inputs.bars.symbols[0]) & pl.col("published_at").is_not_null())
    own = own.filter(pl.col("title").str.strip_chars().str.len_chars() > 0)
    own = own.sort("published_at", "title").unique("title", keep="first", maintain_order=True)
    return own.with_columns(pl.col("published_at").dt.cast_time_unit("us")) if own.height else None


def _checked_tones(scorer: HeadlineScorer, titles: list[str]) -> FloatArray:
    tones = np.asarray(scorer.tone(titles), dtype=np.float64)
    if tones.shape != (len(titles),) or not (np.abs(tones) <= 1.0).all():
        raise BadInput(f"tone of scorer {scorer.name!r} has shape {tones.shape}, must be one of −1 to 1 per title")
    return tones


def _reason(values: dict[str, float]) -> str:
    n, tone, age = values["n_headlines"], values["mean_tone"], values["newest_age_days"]
    leaning = "leans positive" if tone >= 0.05 else "leans negative" if tone <= -0.05 else "leans nowhere"
    noun = "headline" if n == 1 else "headlines"
    return f"tone of {n:.0f} {noun} in {MAX_AGE_DAYS:.0f} days {leaning} ({tone:+.2f}), newest {age:.1f} days old"


SENTIMENT = SentimentSignal()
"""The Sentiment signal as `analyze` uses it."""
