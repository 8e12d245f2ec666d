"""Growth: the three votes by hand, the state they make, releases and revisions."""

from dataclasses import fields
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.published import macro_of, months, published, random_rows, weekdays

from openapex.context.causal import UNKNOWN
from openapex.context.growth import STATES, Growth, growth
from openapex.context.macro import Macro

SATURDAYS = np.datetime64("2024-01-06") + 7 * np.arange(60)
MONTHS = months("2024-01", 12)
PUBLIC = [one.name for one in fields(Growth) if not one.metadata.get("internal")]


def shown(result: Growth) -> dict[str, str]:
    return {name: repr(getattr(result, name)) for name in PUBLIC}


def session(day: str) -> np.ndarray:
    return np.array([day], dtype="datetime64[D]")


def activity(change: float) -> pl.DataFrame:
    """Return CFNAI of January to June 2024, whose 3-month mean ends `change` higher; June is known on 2024-07-26."""
    return published("CFNAI", MONTHS[:6], [-0.1, 0.0, 0.1, change, change, change], 55)


def claims(later: float) -> pl.DataFrame:
    """Return 17 weeks to 2024-04-27: four of 200, nine of 999, four of `later`."""
    return published("ICSA", SATURDAYS[:17] + 70, [200.0] * 4 + [999.0] * 9 + [later] * 4, 5)


def payrolls(rise: float) -> pl.DataFrame:
    """Return PAYEMS of January to July: 100 a month, then 100 + `rise` a month."""
    return published("PAYEMS", MONTHS[:7], np.cumsum([1000] + [100] * 3 + [100 + rise] * 3), 7)


DAY = session("2024-07-26")


class TestVotes:
    @pytest.mark.parametrize(("change", "vote"), [(0.10, 1), (0.09, 0), (-0.09, 0), (-0.10, -1)])
    def test_activity(self, change, vote):
        result = growth(macro_of(activity(change)), DAY)
        assert result.cfnai_ma3 == pytest.approx(change)
        assert result.cfnai_ma3_change == pytest.approx(change)
        assert result.votes == {"cfnai": vote, "claims": None, "payrolls": None}

    @pytest.mark.parametrize(("later", "vote"), [(194.0, 1), (194.5, 0), (205.5, 0), (206.0, -1)])
    def test_fewer_claims_are_up(self, later, vote):
        result = growth(macro_of(claims(later)), DAY)
        assert result.claims_4w == later
        assert result.claims_change_13w_pct == pytest.approx((later - 200) / 2)
        assert result.votes == {"cfnai": None, "claims": vote, "payrolls": None}

    @pytest.mark.parametrize(("rise", "vote"), [(25, 1), (24.9, 0), (-24.9, 0), (-25, -1)])
    def test_payrolls(self, rise, vote):
        result = growth(macro_of(payrolls(rise)), DAY)
        assert result.payrolls_3m == pytest.approx(100 + rise)
        assert result.payrolls_change_3m == pytest.approx(rise)
        assert result.votes == {"cfnai": None, "claims": None, "payrolls": vote}

    @pytest.mark.parametrize(
        ("made", "n", "name"), [(activity, 6, "cfnai"), (claims, 17, "claims"), (payrolls, 7, "payrolls")]
    )
    def test_one_value_short_is_unknown(self, made, n, name):
        frame = made(1.0)
        assert frame.height == n
        assert growth(macro_of(frame[1:]), DAY).votes[name] is None

    @pytest.mark.parametrize(
        ("made", "dropped", "name", "key"),
        [
            (activity, 1, "cfnai", "cfnai_ma3"),
            (claims, 3, "claims", "claims_4w"),
            (payrolls, 2, "payrolls", "payrolls_3m"),
        ],
    )
    def test_a_missing_month_or_week_makes_the_indicator_unknown(self, made, dropped, name, key):
        """Seven values of PAYEMS that span eight months are no "mean change over 3 months"."""
        frame = made(1.0)
        before = frame[:1].with_columns(
            pl.col("reference_date", "known_at").dt.offset_by("-1w" if name == "claims" else "-1mo")
        )
        whole = pl.concat([before, frame])
        assert growth(macro_of(whole), DAY).votes[name] is not None
        gap = growth(macro_of(whole.filter(pl.int_range(pl.len()) != dropped)), DAY)
        assert gap.votes[name] is None
        assert np.isnan(getattr(gap, key))


class TestState:
    UP = (activity(1.0), claims(100.0), payrolls(50))
    FLAT = (activity(0.0), claims(200.0), payrolls(0))
    DOWN = (activity(-1.0), claims(300.0), payrolls(-50))

    @pytest.mark.parametrize(
        ("frames", "balance", "state"),
        [
            (UP, 3, "ACCELERATING"),
            ((*UP[:2], FLAT[2]), 2, "ACCELERATING"),
            ((*UP[:2], DOWN[2]), 1, "STEADY"),
            (FLAT, 0, "STEADY"),
            ((DOWN[0], *UP[1:]), 1, "STEADY"),
            ((FLAT[0], DOWN[1], FLAT[2]), -1, "STEADY"),
            ((*DOWN[:2], FLAT[2]), -2, "SLOWING"),
            (DOWN, -3, "SLOWING"),
            (UP[1:], 2, "ACCELERATING"),
            (DOWN[:2], -2, "SLOWING"),
            (FLAT[:2], 0, "STEADY"),
            (UP[:1], None, None),
        ],
    )
    def test_is_two_votes_of_at_least_two(self, frames, balance, state):
        result = growth(macro_of(*frames), DAY)
        assert (result.balance, result.state, result.n_votes) == (balance, state, len(frames))

    def test_stands_since_the_session_the_second_vote_became_known(self):
        """Payrolls of July are known on 2024-07-08, claims to 2024-07-06 on 2024-07-11."""
        days = weekdays("2024-07-01", 20)
        result = growth(macro_of(*self.UP[1:]), days)
        assert (result.state, result.state_since) == ("ACCELERATING", date(2024, 7, 11))
        assert (result.known_at, result.reference_date) == (date(2024, 7, 11), date(2024, 7, 6))

    def test_is_unknown_once_its_values_are_too_old(self):
        macro = macro_of(*self.UP)
        assert growth(macro, session("2024-07-30")).votes["claims"] == 1
        assert growth(macro, session("2024-07-31")).votes["claims"] is None  # 25 days after 2024-07-06
        assert growth(macro, session("2024-12-02")).state is None


class TestReleases:
    def test_a_month_counts_from_its_release(self):
        macro = macro_of(activity(1.0))
        days = session("2024-07-25"), session("2024-07-26")
        assert [growth(macro, day).votes["cfnai"] for day in days] == [None, 1]

    def test_claims_revised_a_week_later_change_nothing_before(self):
        frame = claims(206.0)
        revision = frame[16:].with_columns(known_at=pl.lit(date(2024, 7, 18)), value=pl.lit(202.0))
        macro = macro_of(frame, revision)
        before, after = growth(macro, session("2024-07-17")), growth(macro, session("2024-07-18"))
        assert shown(before) == shown(growth(macro_of(frame), session("2024-07-17")))
        assert (before.claims_4w, before.votes["claims"]) == (206.0, -1)
        assert (after.claims_4w, after.votes["claims"]) == (205.0, 0)

    def test_revised_older_months_count_as_they_then_stand(self):
        frame = payrolls(0)
        revision = frame[3:4].with_columns(known_at=pl.lit(date(2024, 7, 10)), value=pl.col("value") - 75)
        result = growth(macro_of(frame, revision), DAY)
        assert (result.payrolls_3m, result.payrolls_change_3m) == (125.0, 50.0)
        assert result.known_at == date(2024, 7, 8)

    def test_a_recession_is_one_once_it_was_announced(self):
        """The peak of February 2020 was announced on 2020-06-08; before, March was not known to be one."""
        kinds = {"series": ["USREC"] * 3, "reference_date": [date(2020, 2, 1), date(2020, 3, 1), date(2020, 4, 1)]}
        known = {"known_at": [date(2020, 4, 1), date(2020, 6, 8), date(2020, 6, 8)], "value": [0.0, 1.0, 1.0]}
        macro = Macro(pl.DataFrame(kinds | known))
        days = ("2020-03-31", "2020-06-05", "2020-06-08")
        assert [growth(macro, session(day)).recession for day in days] == [None, False, True]

    def test_unemployment_is_the_newest_known(self):
        macro = macro_of(published("UNRATE", MONTHS[:2], [3.8, 3.9], 35))
        assert growth(macro, session("2024-03-06")).unemployment_pct == 3.8
        assert growth(macro, session("2024-03-07")).unemployment_pct == 3.9


@pytest.mark.parametrize("sessions", [MONTHS[:0], weekdays("2024-01-01", 30)])
def test_without_macro_data_everything_is_unknown(sessions):
    result = growth(Macro.nothing(), sessions)
    assert result.votes == {"cfnai": None, "claims": None, "payrolls": None}
    assert result.n_votes == 0
    for name in set(PUBLIC) - {"votes", "n_votes"}:
        assert getattr(result, name) is None or np.isnan(getattr(result, name)), name
    assert result.states.codes.tolist() == [UNKNOWN] * len(sessions)
    assert result.states.names == STATES
    assert len(result.cfnai_ma3_history) == len(sessions)


@given(seed=st.integers(0, 1000), cut=st.integers(1, 520))
@settings(max_examples=40, deadline=None)
def test_cutting_the_inputs_gives_what_the_whole_said_that_day(seed, cut):
    rng, days = np.random.default_rng(seed), weekdays("2024-01-01", 520)
    macro = macro_of(
        random_rows("CFNAI", months("2023-06", 28), rng.normal(scale=0.3, size=28), rng),
        random_rows("ICSA", SATURDAYS - 140, 200 + rng.normal(scale=10, size=60), rng),
        random_rows("PAYEMS", months("2023-06", 28), 1000 + np.cumsum(rng.normal(scale=40, size=28)), rng),
        random_rows("UNRATE", months("2023-06", 28), rng.normal(size=28), rng),
    )
    whole, part = growth(macro, days), growth(macro.until(days[cut - 1].item()), days[:cut])
    assert part.cfnai_ma3_history.tobytes() == whole.cfnai_ma3_history[:cut].tobytes()
    assert part.states.codes.tolist() == whole.states.codes[:cut].tolist()
    assert shown(part) == shown(growth(macro, days[:cut]))


def test_poisoned_future_changes_nothing():
    past = (activity(1.0), claims(206.0), payrolls(25))
    later = [frame.with_columns(known_at=pl.lit(date(2024, 7, 27)), value=pl.lit(1e9)) for frame in past]
    assert shown(growth(macro_of(*past), DAY)) == shown(growth(macro_of(*past, *later), DAY))


@pytest.mark.realdata
def test_real_growth_slowed_in_october_2008(shared_data):
    """Lags: activity 8 weeks, payrolls the first Friday of the next month at the latest on its 7th, claims 5 days."""
    frame = pl.read_parquet(shared_data / "macro.parquet").rename({"date": "reference_date"})
    lag = pl.col("series").replace_strict({"CFNAI": 56, "PAYEMS": 37, "ICSA": 5}, default=40, return_dtype=pl.Int64)
    macro = Macro(frame.with_columns(known_at=pl.col("reference_date") + pl.duration(days=1) * lag))
    sessions = weekdays("2000-01-03", 6500)
    result = growth(macro, sessions[sessions <= np.datetime64("2008-10-10")])
    assert result.state == "SLOWING"
    assert result.votes == {"cfnai": -1, "claims": -1, "payrolls": -1}
