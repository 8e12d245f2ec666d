"""Sentiment over history.  Golden values are worked out by hand from the published formula (in the comments)."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openapex.bars import Bars
from openapex.errors import BadInput, UnreadableData
from openapex.sessions import close_times, sessions_between
from openapex.signals.sentiment import SENTIMENT, SentimentSignal, known_until
from openapex.signals.signal import SignalInputs
from openapex.sources.source import HEADLINE_SCHEMA

MONDAY_CLOSE = datetime(2024, 12, 2, 21, tzinfo=UTC)


class Told:
    """Reads the tone out of the title: ``"0.5 anything"``."""

    name = "told"

    def tone(self, titles):
        return np.array([float(title.split()[0]) for title in titles])


class Wrong:
    name = "wrong"

    def __init__(self, answer):
        self.answer = answer

    def tone(self, titles):
        return np.array(self.answer)


SIGNAL = SentimentSignal(scorer=Told())


def bars_on(sessions, symbol="T"):
    n = len(sessions)
    flat, flags = np.full(n, 10.0), np.zeros(n, dtype=bool)
    return Bars((symbol,) if n else (), np.array([0, n] if n else [0]), sessions, *[flat] * 6, flags)


def news(*rows, symbol="T"):
    return pl.DataFrame([(symbol, at, title, "") for at, title in rows], HEADLINE_SCHEMA, orient="row")


def december(*rows, symbol="T"):
    sessions = sessions_between(date(2024, 11, 27), date(2024, 12, 31))
    return SignalInputs(bars_on(sessions, symbol), news(*rows, symbol=symbol))


def on(inputs, day, column=None):
    at = int(np.searchsorted(inputs.bars.sessions, np.datetime64(day)))
    history = SIGNAL.history(inputs)
    return float((history.score if column is None else history.values[column])[at])


def test_one_good_headline_at_the_close_is_75():
    inputs = december((MONDAY_CLOSE, "1.0 good"))
    assert on(inputs, "2024-12-02") == 75.0  # 50 + 50 * 1 / (1 + 1)


def test_weight_halves_in_three_days():
    inputs = december((MONDAY_CLOSE, "1.0 good"))
    assert on(inputs, "2024-12-05") == pytest.approx(50 + 50 * 0.5 / 1.5)  # Thursday's close is 72 hours later


def test_fresh_bad_news_outweighs_old_good_news():
    inputs = december((MONDAY_CLOSE, "1.0 good"), (datetime(2024, 12, 5, 21, tzinfo=UTC), "-1.0 bad"))
    assert on(inputs, "2024-12-05") == pytest.approx(40.0)  # 50 + 50 * (0.5 - 1) / (1.5 + 1)
    assert on(inputs, "2024-12-05", "n_headlines") == 2
    assert on(inputs, "2024-12-05", "mean_tone") == pytest.approx(-1 / 3)
    assert on(inputs, "2024-12-05", "newest_age_days") == 0.0


def test_news_counts_to_its_fourteenth_day_and_no_longer():
    inputs = december((MONDAY_CLOSE, "1.0 good"))
    assert not np.isnan(on(inputs, "2024-12-16"))
    assert np.isnan(on(inputs, "2024-12-17"))


@pytest.mark.parametrize("tone", ["0.0", "-0.0"])
def test_news_without_tone_is_50(tone):
    assert on(december((MONDAY_CLOSE, f"{tone} meeting")), "2024-12-02") == 50.0


def test_no_news_is_no_data():
    inputs = december((MONDAY_CLOSE, "1.0 good"))
    assert np.isnan(on(inputs, "2024-11-29"))
    for nothing in (None, news(), news((MONDAY_CLOSE, "1.0 other"), symbol="OTHER")):
        history = SIGNAL.history(SignalInputs(inputs.bars, nothing))
        assert np.isnan(history.score).all()
        assert all(np.isnan(column).all() for column in history.values.values())
        assert not any(flags.any() for flags in history.events.values())
        opinion = SIGNAL.opinion(SignalInputs(inputs.bars, nothing), history)
        assert np.isnan(opinion.score)
        assert opinion.reason == "no headline known in the 14 days before the close"


def test_weekend_news_counts_only_from_mondays_close():
    inputs = december((datetime(2024, 12, 7, 12, tzinfo=UTC), "1.0 good"))
    assert np.isnan(on(inputs, "2024-12-06"))
    assert on(inputs, "2024-12-09", "newest_age_days") == pytest.approx(2 + 9 / 24)  # Saturday noon to Monday 21:00


@pytest.mark.parametrize(
    ("minute", "first"),
    [
        (datetime(2024, 11, 29, 18, 0, tzinfo=UTC), "2024-11-29"),  # half day: closes 13:00 in New York
        (datetime(2024, 11, 29, 18, 1, tzinfo=UTC), "2024-12-02"),
        (datetime(2024, 12, 3, 21, 0, tzinfo=UTC), "2024-12-03"),
        (datetime(2024, 12, 3, 21, 1, tzinfo=UTC), "2024-12-04"),
    ],
)
def test_news_after_the_close_belongs_to_the_next_session(minute, first):
    inputs = december((minute, "1.0 good"))
    known = inputs.bars.sessions[~np.isnan(SIGNAL.history(inputs).score)]
    assert str(known[0]) == first


def test_scenario_26_news_of_the_future_changes_nothing_before_it():
    rows = [(MONDAY_CLOSE, "1.0 good"), (datetime(2024, 12, 6, 15, tzinfo=UTC), "-0.3 bad")]
    before, after = december(*rows), december(*rows, (datetime(2024, 12, 10, 21, 0, 1, tzinfo=UTC), "-1.0 leak"))
    cut = int(np.searchsorted(before.bars.sessions, np.datetime64("2024-12-10"))) + 1
    plain, leaked = SIGNAL.history(before), SIGNAL.history(after)
    np.testing.assert_array_equal(leaked.score[:cut], plain.score[:cut])
    assert (leaked.score[cut:] != plain.score[cut:]).all()


def test_a_repeated_title_counts_once_when_first_published():
    again = december((MONDAY_CLOSE, "1.0 good"), (MONDAY_CLOSE + timedelta(days=2), "1.0 good"))
    once = december((MONDAY_CLOSE, "1.0 good"))
    np.testing.assert_array_equal(SIGNAL.history(again).score, SIGNAL.history(once).score)


def test_rows_without_time_or_title_do_not_count():
    rows = [(None, "1.0 when"), (MONDAY_CLOSE, None), (MONDAY_CLOSE, "  ")]
    assert np.isnan(SIGNAL.history(december(*rows)).score).all()


def test_clear_news_is_an_event_on_the_bar_that_first_knows_it():
    inputs = december(
        (datetime(2024, 12, 7, 12, tzinfo=UTC), "0.5 good"), (MONDAY_CLOSE, "-0.9 bad"), (MONDAY_CLOSE, "0.4 meh")
    )
    history = SIGNAL.history(inputs)
    days = {name: [str(day) for day in inputs.bars.sessions[flags]] for name, flags in history.events.items()}
    assert days == {"good_news": ["2024-12-09"], "bad_news": ["2024-12-02"]}
    at = int(np.searchsorted(inputs.bars.sessions, np.datetime64("2024-12-09")))
    assert [event.name for event in SIGNAL.opinion(inputs, history, at).events] == ["good_news", "bad_news"]


def test_the_reason_states_count_tone_and_age():
    inputs = december((MONDAY_CLOSE, "1.0 good"), (datetime(2024, 12, 5, 21, tzinfo=UTC), "-1.0 bad"))
    history = SIGNAL.history(inputs)
    at = int(np.searchsorted(inputs.bars.sessions, np.datetime64("2024-12-06")))
    expected = "tone of 2 headlines in 14 days leans negative (-0.33), newest 1.0 days old"
    assert SIGNAL.opinion(inputs, history, at).reason == expected


@pytest.mark.parametrize("n", [0, 1])
def test_scenario_34_hardly_any_bars(n):
    sessions = np.array(["2024-12-02"][:n], dtype="datetime64[D]")
    inputs = SignalInputs(bars_on(sessions), news((MONDAY_CLOSE, "1.0 good")))
    history = SIGNAL.history(inputs)
    assert history.score.tolist() == [75.0][:n]
    assert np.isnan(SIGNAL.opinion(inputs, history).score) == (n == 0)


def test_where_no_calendar_is_known_the_dates_midnight_is_used():
    days = np.array(["2024-12-06", "2024-12-07", "2024-12-09"], dtype="datetime64[D]")
    assert known_until(days, "BTC-USD").tolist() == days.astype("datetime64[us]").tolist()
    saturday = known_until(days, "IWM")
    np.testing.assert_array_equal(saturday[[0, 2]], close_times(days[[0, 2]]))
    assert saturday[1] == np.datetime64("2024-12-07T00:00")
    long_ago = np.array(["1928-01-03"], dtype="datetime64[D]")
    assert known_until(long_ago, "^SPX")[0] == np.datetime64("1928-01-03T00:00")
    assert not len(known_until(days[:0], "IWM"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda frame: frame.drop("title"), "must also have .'title'"),
        (
            lambda frame: frame.with_columns(pl.col("published_at").dt.replace_time_zone(None)),
            "must be Datetime in UTC",
        ),
        (lambda frame: frame.with_columns(pl.col("published_at").dt.date()), "published_at is Date"),
    ],
)
def test_unreadable_headlines_are_named(broken, says):
    inputs = december((MONDAY_CLOSE, "1.0 good"))
    with pytest.raises(UnreadableData, match=says):
        SIGNAL.history(SignalInputs(inputs.bars, broken(inputs.headlines)))


@pytest.mark.parametrize("answer", [[0.1, 0.2], [1.5], [float("nan")], [[0.5]]])
def test_a_scorer_that_breaks_its_promise_is_named(answer):
    with pytest.raises(BadInput, match="scorer 'wrong'"):
        SentimentSignal(scorer=Wrong(answer)).history(december((MONDAY_CLOSE, "good")))


SESSIONS = sessions_between(date(2024, 10, 1), date(2024, 12, 31))
MOMENTS = st.datetimes(datetime(2024, 9, 10), datetime(2025, 1, 10)).map(lambda moment: moment.replace(tzinfo=UTC))
NEWS = st.lists(st.tuples(MOMENTS, st.floats(-1, 1)), max_size=30)


def frame_of(rows):
    return news(*[(at, f"{tone!r} title {i}") for i, (at, tone) in enumerate(rows)])


def slow_twin(rows, sessions):
    """The formula, bar by bar and headline by headline."""
    scores = []
    for close in close_times(sessions).tolist():
        ages = [((close - at.replace(tzinfo=None)) / timedelta(days=1), tone) for at, tone in rows]
        counted = [(0.5 ** (age / 3), tone) for age, tone in ages if 0 <= age <= 14]
        top, bottom = sum(w * tone for w, tone in counted), sum(w for w, _ in counted) + 1
        scores.append(50 + 50 * top / bottom if counted else float("nan"))
    return scores


@settings(deadline=None, max_examples=60)
@given(NEWS)
def test_history_equals_its_slow_twin(rows):
    score = SIGNAL.history(SignalInputs(bars_on(SESSIONS), frame_of(rows))).score
    np.testing.assert_allclose(score, slow_twin(rows, SESSIONS), rtol=1e-9)
    known = score[~np.isnan(score)]
    assert ((known >= 0) & (known <= 100)).all()


@settings(deadline=None, max_examples=40)
@given(NEWS)
def test_opposite_tones_mirror_the_score(rows):
    score = SIGNAL.history(SignalInputs(bars_on(SESSIONS), frame_of(rows))).score
    turned = SIGNAL.history(SignalInputs(bars_on(SESSIONS), frame_of([(at, -tone) for at, tone in rows]))).score
    np.testing.assert_allclose(turned, 100 - score, rtol=1e-9)


@settings(deadline=None, max_examples=40)
@given(NEWS, st.randoms(use_true_random=False))
def test_the_order_of_the_frame_does_not_matter(rows, shuffle):
    frame = frame_of(rows)
    order = list(range(frame.height))
    shuffle.shuffle(order)
    inputs = SignalInputs(bars_on(SESSIONS), frame)
    np.testing.assert_array_equal(
        SIGNAL.history(SignalInputs(bars_on(SESSIONS), frame[order])).score, SIGNAL.history(inputs).score
    )


def test_the_signal_in_use_reads_with_the_phrase_rules():
    assert (SENTIMENT.name, SENTIMENT.title, SENTIMENT.scorer.name) == ("sentiment", "Sentiment", "phrase rules")
    inputs = december((MONDAY_CLOSE, "Acme cuts full-year guidance"))
    assert SENTIMENT.history(inputs).score[3] < 50  # 2024-12-03
