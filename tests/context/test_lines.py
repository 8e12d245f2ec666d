"""The sentences of the weather: each word follows from the numbers that it is built of."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

import openapex as apex
from openapex.context.breadth import Counts
from openapex.context.lines import Line, context_lines
from openapex.context.links import AfterLink
from openapex.context.weather import Weather

TODAY = date(2025, 12, 31)


@pytest.fixture(scope="module")
def weather() -> Weather:
    return apex.context("IWM", source="demo").weather


def line(weather: Weather, topic: str) -> Line:
    return next(one for one in context_lines(weather) if one.topic == topic)


def of_pair(weather: Weather, name: str, **changed: Any) -> Weather:
    pairs = {**weather.relative.pairs, name: replace(weather.relative.pairs[name], **changed)}
    return replace(weather, relative=replace(weather.relative, pairs=pairs))


def of_events(weather: Weather, driver: str | None, **values: dict[str, float]) -> Weather:
    """Return the weather with exactly the events named today."""
    events = {
        name: replace(event, is_now=name in values, values=values.get(name, event.values), share_pct=10.0)
        for name, event in weather.events.events.items()
    }
    return replace(weather, events=replace(weather.events, events=events, driver=driver))


@pytest.mark.parametrize(
    ("lead", "state"), [(0.05, "AHEAD"), (0.049, "LEVEL"), (0.0, "LEVEL"), (-0.049, "LEVEL"), (-0.05, "BEHIND")]
)
def test_a_lead_that_is_shown_as_nothing_is_level(weather: Weather, lead: float, state: str) -> None:
    assert line(of_pair(weather, "IWM/SPY", relative_20_pct=lead), "relative").state == state


@pytest.mark.parametrize(
    ("lead", "state", "confirmed", "says"),
    [
        (
            1.8,
            "NARROW",
            date(2025, 12, 1),
            ", less than the 4.8 pp that would end NARROW (since 2025-11-03, last confi",
        ),
        (-1.8, "NARROW", date(2025, 12, 1), ", less than the 4.8 pp that would confirm NARROW (since 2025-11-03"),
        (-1.8, "BROAD", date(2025, 12, 1), ", less than the 4.8 pp that would end BROAD (since 2025-11-03"),
        (1.8, "BROAD", date(2025, 12, 1), ", less than the 4.8 pp that would confirm BROAD (since 2025-11-03"),
        (5.8, "BROAD", TODAY, "; BROAD since 2025-11-03"),
    ],
)
def test_a_state_that_only_stands_says_what_would_end_it(
    weather: Weather, lead: float, state: str, confirmed: date, says: str
) -> None:
    changed = replace(
        weather.breadth, relative_20_pct=lead, state=state, last_confirmed=confirmed, session=TODAY,
        state_since=date(2025, 11, 3), threshold_pct=4.8, is_dramatic=False,
    )  # fmt: skip
    assert f"QQQ by {abs(lead)} pp in 20 sessions{says}" in line(replace(weather, breadth=changed), "breadth").sentence


def test_breadth_stands_in_the_history_of_its_lead(weather: Weather) -> None:
    pair = weather.relative.pairs["IWM/QQQ"]
    assert line(weather, "breadth").percentile == weather.breadth.relative_20_percentile == pair.relative_20_percentile


def test_breadth_has_the_same_percentile_on_every_page() -> None:
    ranks = {line(apex.context(name, source="demo").weather, "breadth").percentile for name in ("IWM", "SPY", "KRE")}
    (rank,) = ranks
    assert rank == pytest.approx(95.1, abs=0.1)


@pytest.mark.parametrize("is_stored", [False, True])
def test_the_share_told_is_a_published_one_where_there_is_one(weather: Weather, is_stored: bool) -> None:
    published, stored = Counts("S&P 500 stocks", share_above_200_pct=63.4), Counts("stored symbols", 120, 55.0, 51.2)
    counts = (published, Counts("NYSE issues", advancers=3, decliners=1), *([stored] if is_stored else []))
    changed = replace(weather.breadth, counts=counts)
    told = line(replace(weather, breadth=changed), "breadth").sentence
    assert told.endswith("; 63 % of S&P 500 stocks above their 200-day mean")
    alone = line(replace(weather, breadth=replace(changed, counts=counts[1:])), "breadth").sentence
    assert alone.endswith("; 51 % of stored symbols above their 200-day mean") is is_stored
    assert ("200-day" in alone) is is_stored


@pytest.mark.parametrize(
    ("lead", "slope", "says"),
    [
        (3.9, -0.05, "; but its trend falls: ratio -0.05 % a session"),
        (-3.9, 0.05, "; but its trend rises: ratio +0.05 % a session"),
        (3.9, 0.05, "; ratio +0.05 % a session"),
        (3.9, -0.004, "; ratio -0.00 % a session"),
        (0.04, -0.05, "; ratio -0.05 % a session"),
    ],
)
def test_a_lead_whose_trend_goes_the_other_way_says_so(weather: Weather, lead: float, slope: float, says: str) -> None:
    changed = of_pair(weather, "IWM/SPY", relative_20_pct=lead, slope_pct=slope, is_high_252=False, is_low_252=False)
    assert line(changed, "relative").sentence.endswith(f"QQQ{says}")


def test_changes_of_published_series_are_counted_in_publications(weather: Weather) -> None:
    assert "+0.15 pp in 20 publications" in line(weather, "rates").sentence
    assert "-0.20 pp in 20 publications" in line(weather, "credit").sentence
    assert "payrolls 3-month mean +" in line(weather, "growth").sentence


def test_growth_says_better_or_worse(weather: Weather) -> None:
    changed = replace(
        weather.growth, claims_4w=252_000.0, claims_change_13w_pct=10.1, votes={"cfnai": 1, "claims": -1, "payrolls": 0}
    )
    sentence = line(replace(weather, growth=changed), "growth").sentence
    assert "claims 252 K (+10.1 %): worse, payrolls 3-month mean" in sentence
    assert sentence.index(": better") < sentence.index(": worse") < sentence.index(": flat; each against")


@pytest.mark.parametrize(
    ("n", "says"),
    [(1, "for 1 session (typically 21; 21 % of 5,900 sessions): rates "), (26, "for 26 sessions (")],
)
def test_the_regime_tells_its_length_before_its_parts(weather: Weather, n: int, says: str) -> None:
    changed = replace(
        weather.regime, state="HEADWIND", n_sessions=n, n_known=5900, share={"HEADWIND": 21.0},
        median_dwell={"HEADWIND": 21.0},
    )  # fmt: skip
    assert says in line(replace(weather, regime=changed), "regime").sentence


@pytest.mark.parametrize(
    ("driver", "says"), [("undecided", "; driver undecided"), ("rates", "; driven by rates"), (None, "")]
)
def test_a_dip_tells_its_rsi_its_driver_and_what_followed(weather: Weather, driver: str | None, says: str) -> None:
    changed = of_events(weather, driver, rsi_dip={"rsi": 36.61})
    followed = replace(weather.links, dip=AfterLink(-0.62, -0.11, 394, 6000))
    made = line(replace(changed, links=followed), "events").sentence
    after = "; 20 sessions after such dips -0.6 pp (any -0.1, n 394)"
    assert made == f"RSI dip 36.6 (on 10.0 % of sessions){says}{after}"
    few = replace(weather.links, dip=AfterLink(float("nan"), -0.11, 3, 6000))
    assert line(replace(changed, links=few), "events").sentence == f"RSI dip 36.6 (on 10.0 % of sessions){says}"


def test_what_is_the_same_is_said_once(weather: Weather) -> None:
    spike = {"relative_volume": 2.21}
    made = line(of_events(weather, None, volume_spike=spike, volume_spike_in_band=spike), "events")
    assert made.sentence == "volume 2.2× its 20-day mean (on 10.0 % of sessions)"
    dip = {"rsi": 41.0}
    made = line(of_events(weather, None, rsi_dip=dip, rsi_dip_entered=dip), "events")
    assert made.sentence.startswith("RSI dip 41.0, entered today (on 10.0 % of sessions)")


@pytest.mark.parametrize(
    ("rank", "says"),
    [
        (3.1, ", lower than on 96.9 % of days)"), (5.0, ", lower than on 95 % of days)"), (5.1, ", n 252)"),
        (99.99, ", higher than on 99.9 % of days)"), (float("nan"), ", n 252)"),
    ],
)  # fmt: skip
def test_a_rare_beta_is_told_in_words(weather: Weather, rank: float, says: str) -> None:
    assert weather.beta.relative
    beta = replace(weather.beta, relative=replace(weather.beta.relative, percentile=rank, n=252))
    assert says in line(replace(weather, beta=beta), "rates").sentence


def test_a_monthly_rate_says_of_which_month_the_stance_is(weather: Weather) -> None:
    monthly = replace(weather.rates, policy_series="FEDFUNDS", stance="on hold")
    assert "; Fed on hold (Nov mean); " in line(replace(weather, rates=monthly), "rates").sentence
    assert "mean" not in line(weather, "rates").sentence
