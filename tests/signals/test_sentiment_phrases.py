"""The default reader, on headlines written for this test (labels by hand) and on its own vocabulary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openapex.signals import phrases
from openapex.signals.phrase_rules import Hit, PhraseRules, _Reading

READER = PhraseRules()
GOOD = """Acme beats third-quarter estimates, raises full-year guidance
Acme shares jump 8% after earnings beat
Acme announces $10 billion share buyback
Acme raised to Buy at Goldman Sachs
Morgan Stanley upgrades Acme to overweight
Acme price target raised to $250 from $200 at UBS
Acme wins $1.2 billion Pentagon contract
Acme's quarterly loss narrows on strong cloud demand
FDA approves Acme's cancer drug
Acme hikes dividend by 10%
Acme tops revenue estimates as subscribers surge
Acme cuts costs, lifts margin outlook
Acme swings to profit in second quarter
Acme net debt falls for fifth straight quarter
Acme posts record revenue on AI chip demand
Acme stock hits all-time high
Acme not under investigation, regulator says
Acme profit rose to EUR 5m from 3m
Acme net loss was $2.0m, compared to $3.5m a year earlier
Acme posts net profit of $3m versus a loss of $1m
Acme gross margin 41.5% vs 39.8%
Despite weak demand, Acme profit rose
Small caps rally as Fed signals rate cut
Acme is no. 1 and wins contract
Jobless claims fall to six-month low"""
BAD = """Acme misses earnings estimates, shares tumble
Acme cuts full-year guidance
Acme downgraded to Sell at Citi
Acme faces downgrade risk
SEC probes Acme over accounting practices
Acme recalls 1 million vehicles over brake defect
Acme price target cut to $90 from $120
Acme files for Chapter 11 bankruptcy
Acme's loss widens to $2.3 billion from $1.1 billion
Acme to lay off 12,000 workers
Acme profit falls 12% as costs rise
Acme suspends dividend
Acme issues profit warning, blames weak demand
Judge rules Acme violated antitrust law
Acme shares plunge 20% after data breach
Small caps slide as Treasury yields jump
Acme earnings fell to $3m from $5m a year ago
Acme hit by class action lawsuit
Acme lowers forecast, citing tariffs
Acme fails to meet revenue expectations
Acme unlikely to return to profit this year
Acme operating loss of $2m, compared to a profit of $1m
Acme sales rose but net profit fell sharply
Acme operating profit 3.1 mn (4.5 mn)
Acme net loss was $3.5m against $2.0m a year earlier
Inflation rises more than expected
Unemployment rises"""
NEUTRAL = """Acme to report third-quarter results on Tuesday
Acme names new chief financial officer
Acme to present at technology conference
What to know about Acme ahead of earnings
Acme opens office in Dublin
Acme completes name change
5 things to watch in the stock market this week
Acme sets date for annual meeting
How to invest in small-cap ETFs
Acme denies accounting fraud
Acme's share capital increased to EUR 5m
Acme will publish its financial results on 5 May 2025"""


@pytest.mark.parametrize("title", GOOD.splitlines())
def test_good_news(title):
    assert READER.tone([title])[0] > 0.05, READER.hits(title)


@pytest.mark.parametrize("title", BAD.splitlines())
def test_bad_news(title):
    assert READER.tone([title])[0] < -0.05, READER.hits(title)


@pytest.mark.parametrize("title", NEUTRAL.splitlines())
def test_no_news(title):
    assert READER.tone([title])[0] == 0.0, READER.hits(title)


def test_hits_name_the_words_and_the_tone_is_made_from_them_alone():
    title = "Acme sales rose 5 %, but it cut its full-year guidance and faces an SEC probe"
    hits = READER.hits(title)
    assert hits == (Hit("sales rose", 1.0), Hit("cut guidance", -1.5), Hit("sec probe", -1.0))
    assert READER.tone([title])[0] == pytest.approx(-1.5 / 2.5)  # total −1.5, over 1 + 1.5


def test_direction_times_metric():
    """Up and down of a good and of a bad metric: four combinations, two answers."""
    tones = READER.tone(["Acme revenue rose", "Acme revenue fell", "Acme costs rose", "Acme costs fell"])
    assert tones.tolist() == [0.5, -0.5, -0.5, 0.5]


@pytest.mark.parametrize(
    ("plain", "negated"),
    [("Acme is profitable", "Acme is not profitable"), ("Acme faces lawsuit", "Acme avoids lawsuit")],
)
def test_negation_turns_the_tone(plain, negated):
    before, after = READER.tone([plain, negated])
    assert before != 0
    assert after == -before


@pytest.mark.parametrize(
    ("title", "tone"),
    [
        ("Despite weak demand, Acme revenue rose", 0.5),
        ("Acme revenue rose in spite of weak demand", 0.5),
        ("Acme denies fraud, shares rise", 0.5),
        ("Acme denies fraud", 0.0),
    ],
)
def test_what_is_conceded_or_denied_does_not_count(title, tone):
    assert READER.tone([title])[0] == tone


@pytest.mark.parametrize(
    ("title", "sign"),
    [
        ("Acme profit was EUR 5 mn from EUR 4,100 thousand", 1),  # units are converted
        ("Acme profit was EUR 5 mn ($ 5.6 mn)", 0),  # a conversion is not a comparison
        ("Acme profit was EUR 5 mn compared to 2023", 0),  # a year is not a figure
        ("Acme net cash flow was negative EUR 2 mn, compared to EUR 1 mn", -1),
    ],
)
def test_only_comparable_figures_are_compared(title, sign):
    assert np.sign(READER.tone([title])[0]) == sign, READER.hits(title)


def test_nothing_to_read():
    assert READER.tone([]).shape == (0,)
    assert READER.tone(["", "…", "ΑΒΓ", "12345", "%%%", "from", "( ) ,"]).tolist() == [0.0] * 7


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=200))
def test_any_text_has_a_tone_between_minus_1_and_1(title):
    tone = READER.tone([title])
    assert tone.shape == (1,)
    assert abs(tone[0]) < 1.0


VOCABULARY = sorted(phrases.METRICS) + sorted(phrases.PHRASES) + sorted(phrases.UP_WORDS | phrases.DOWN_WORDS)
WORDS = st.lists(
    st.sampled_from([*VOCABULARY, "not", "from", "but", ",", "5 %", "EUR 3 mn", "(", "12,000"]), max_size=25
)


@settings(deadline=None, max_examples=150)
@given(WORDS)
def test_any_order_of_its_own_words_is_read(words):
    title = " ".join(words)
    assert np.isfinite(READER.tone([title])).all()
    assert READER.tone([title.upper()])[0] == READER.tone([title])[0]


@given(st.lists(st.sampled_from([*GOOD.splitlines(), *BAD.splitlines()]), max_size=5))
def test_a_tone_depends_on_its_own_title_alone(titles):
    alone = [READER.tone([title])[0] for title in titles]
    np.testing.assert_array_equal(READER.tone(titles), np.array(alone, dtype=float))


def test_the_vocabulary_does_not_contradict_itself():
    assert not phrases.UP_WORDS & phrases.DOWN_WORDS
    assert not set(phrases.NEUTRAL_PHRASES) & set(phrases.PHRASES)
    assert phrases.TAKES_OBJECT <= phrases.UP_WORDS | phrases.DOWN_WORDS
    assert not [word for word, tone in phrases.SPEAKS_ALONE.items() if tone > 0 and word not in phrases.UP_WORDS]
    assert not [word for word, tone in phrases.SPEAKS_ALONE.items() if tone < 0 and word not in phrases.DOWN_WORDS]
    assert not phrases.PROFIT_METRICS - set(phrases.METRICS)


def test_every_entry_can_be_found_in_a_title():
    """An entry that the tokeniser splits otherwise, or that a longer one hides, would be dead."""
    for entry in {*phrases.PHRASES, *phrases.METRICS, *phrases.NEUTRAL_PHRASES}:
        reading = _Reading(f"acme {entry} acme")
        assert set(range(1, len(reading.tokens) - 1)) <= reading.taken, entry
