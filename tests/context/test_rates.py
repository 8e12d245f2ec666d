"""Rates: every rule by hand, every unknown, and the past as it was."""

from dataclasses import fields
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.published import macro_of, months, published, random_rows, weekdays

from openapex.context.macro import Macro
from openapex.context.rates import EXPECTATIONS, STANCES, STATES, Rates, rates

DAYS = weekdays("2020-01-01", 700)
HISTORIES = ("sigmas", "conviction")
PUBLIC = [one.name for one in fields(Rates) if not one.metadata.get("internal")]


def shown(result: Rates) -> dict[str, object]:
    return {name: repr(getattr(result, name)) for name in PUBLIC}


def yields(n: int = 400, seed: int = 3) -> np.ndarray:
    """Return yields with two decimals, as published."""
    return np.round(4 + np.cumsum(np.random.default_rng(seed).normal(scale=0.06, size=n)), 2)


def flat_but_for_one(n: int) -> np.ndarray:
    """Return yields of 4 but for one early spike, so that a change of 1 is a few sigmas and none is 0."""
    values = np.full(n, 4.0)
    values[30] = 7.0
    return values


def changes_20(values: np.ndarray) -> np.ndarray:
    """Return the changes in whole hundredths, so that ties are ties."""
    hundredths = np.rint(100 * values).astype(int)
    return (hundredths[20:] - hundredths[:-20]) / 100


class TestTwoYear:
    def test_change_is_against_20_publications_before(self):
        two = np.append(np.arange(30) / 100, 1.0)
        result = rates(macro_of(published("DGS2", DAYS[:31], two)), DAYS[1:32])
        assert result.two_year_pct == 1.0
        assert result.two_year_change_20_pct == pytest.approx(1.0 - 0.10)
        assert (result.reference_date, result.known_at) == (DAYS[30].item(), (DAYS[30] + 1).item())

    def test_publications_count_not_days(self):
        """A week without values makes the change reach back a week further."""
        kept = np.delete(np.arange(31), [15, 16, 17, 18, 19, 20])
        result = rates(macro_of(published("DGS2", DAYS[kept], kept / 10)), DAYS[31:32])
        assert result.two_year_change_20_pct == pytest.approx(3.0 - 0.4)

    def test_sigmas_and_percentile_are_over_the_series_of_changes(self):
        values = yields()
        result = rates(macro_of(published("DGS2", DAYS[:400], values)), DAYS[:401])
        change = changes_20(values)
        assert result.two_year_change_20_sigmas == pytest.approx(change[-1] / change.std(ddof=1), abs=1e-9)
        rank = 100 * ((change < change[-1]).sum() + 0.5 * (change == change[-1]).sum()) / len(change)
        assert result.two_year_change_20_percentile == pytest.approx(rank)

    def test_sigmas_need_252_changes(self):
        values = yields()
        for n, is_known in ((271, False), (272, True)):
            result = rates(macro_of(published("DGS2", DAYS[:n], values[:n])), DAYS[: n + 1])
            assert (not np.isnan(result.two_year_change_20_sigmas)) is is_known
            assert (not np.isnan(result.two_year_change_20_percentile)) is is_known
            assert (result.state is not None) is is_known

    @pytest.mark.parametrize(("jump", "state"), [(0.0, "STEADY"), (2.0, "RISING"), (-2.0, "FALLING")])
    def test_state_is_confirmed_by_one_sigma(self, jump, state):
        values = flat_but_for_one(300)
        values[299] += jump
        result = rates(macro_of(published("DGS2", DAYS[:300], values)), DAYS[:301])
        assert (abs(result.two_year_change_20_sigmas) >= 1) is (state != "STEADY")
        assert result.state == state
        if jump:
            assert result.state_since == DAYS[300].item()

    def test_state_is_held_for_19_publications_without_confirmation(self):
        noise = 0.01 * np.tile([1.0, 0.0, -1.0, 0.0, 1.0], 80)
        values = 4 + noise
        values[300] = 5.0  # one spike: +1 on its own day, -1 twenty publications later
        macro = macro_of(published("DGS2", DAYS[:400], values))
        states = rates(macro, DAYS[:401]).states
        names = [STATES[code] for code in states.codes[301:345]]
        assert names == ["RISING"] * 20 + ["FALLING"] * 20 + ["STEADY"] * 4

    @pytest.mark.parametrize(
        ("n", "state", "confirmed"),
        [(300, "STEADY", None), (310, "RISING", 309), (339, "RISING", 319), (360, "STEADY", None)],
    )
    def test_a_held_state_says_when_it_was_last_confirmed(self, n, state, confirmed):
        """A step up after a flat year: the change is 1 for 20 publications, then 0."""
        values = flat_but_for_one(400)
        values[300:] += 1.0
        result = rates(macro_of(published("DGS2", DAYS[:n], values[:n])), DAYS[: n + 1])
        day = None if confirmed is None else DAYS[confirmed + 1].item()
        assert (result.state, result.last_confirmed) == (state, day)

    def test_state_falls_back_to_steady_at_the_20th(self):
        """A step up after a flat year: the change is 1 for 20 publications, then 0."""
        values = flat_but_for_one(400)
        values[300:] += 1.0
        states = rates(macro_of(published("DGS2", DAYS[:400], values)), DAYS[:401]).states
        assert [STATES[code] for code in states.codes[300:342]] == ["STEADY"] + ["RISING"] * 39 + ["STEADY"] * 2

    def test_a_yield_older_than_ten_days_is_unknown_with_all_made_of_it(self):
        macro = macro_of(published("DGS2", DAYS[:400], yields()), published("DFF", DAYS[:420], [4.0] * 420))
        fresh, stale = rates(macro, DAYS[:407]), rates(macro, DAYS[:410])
        assert fresh.state is not None
        for name in PUBLIC:
            if name not in {"policy_pct", "policy_series", "policy_change_91d_pct", "stance"}:
                assert getattr(stale, name) is None or np.isnan(getattr(stale, name)), name
        assert (stale.policy_pct, stale.stance) == (4.0, "on hold")

    def test_a_revision_changes_nothing_before_it_was_published(self):
        base = published("DGS2", DAYS[:400], yields())
        revision = base[390:391].with_columns(known_at=pl.lit(DAYS[395].item()), value=pl.lit(9.0))
        plain, revised = (rates(macro_of(*f), DAYS[:401]) for f in ((base,), (base, revision)))
        for name in HISTORIES:
            assert getattr(plain, name)[:395].tobytes() == getattr(revised, name)[:395].tobytes()
        assert shown(rates(macro_of(base), DAYS[:395])) == shown(rates(macro_of(base, revision), DAYS[:395]))

    def test_a_revised_newest_value_is_shown_but_adds_no_change_to_the_history(self):
        base = published("DGS2", DAYS[:400], yields())
        revision = base[399:].with_columns(known_at=pl.lit(DAYS[401].item()), value=pl.col("value") + 1)
        before, after = (rates(macro_of(base, revision), DAYS[:n]) for n in (401, 402))
        assert after.two_year_pct == before.two_year_pct + 1
        assert after.two_year_change_20_pct == pytest.approx(before.two_year_change_20_pct + 1)
        assert after.two_year_change_20_percentile == before.two_year_change_20_percentile
        assert after.known_at == DAYS[401].item()


class TestPolicy:
    def result(self, then: float, now: float, two: float = 5.0) -> Rates:
        day = np.datetime64("2024-05-15")
        policy = published("DFF", np.array([day - 92, day - 1]), [then, now])
        return rates(macro_of(policy, published("DGS2", np.array([day - 1]), [two])), np.array([day]))

    @pytest.mark.parametrize(
        ("then", "now", "stance"),
        [(5.33, 5.23, "cutting"), (5.33, 5.24, "on hold"), (5.23, 5.32, "on hold"), (5.23, 5.33, "hiking")],
    )
    def test_stance_is_a_move_of_ten_hundredths_in_91_days(self, then, now, stance):
        result = self.result(then, now)
        assert result.stance == stance
        assert result.policy_change_91d_pct == pytest.approx(now - then)

    @pytest.mark.parametrize(
        ("two", "expects"), [(5.08, "cuts"), (5.09, "no change"), (5.57, "no change"), (5.58, "hikes")]
    )
    def test_expectation_is_the_two_year_a_quarter_off_the_policy_rate(self, two, expects):
        result = self.result(5.33, 5.33, two)
        assert result.expects == expects
        assert result.conviction_pct == pytest.approx(two - 5.33)

    def test_earlier_rate_is_the_one_standing_91_days_before(self):
        day = np.datetime64("2024-05-15")
        references = day - np.array([94, 93, 92, 91, 1])  # each known the day after
        macro = macro_of(published("DFF", references, [1.0, 2.0, 3.0, 4.0, 5.0]))
        assert rates(macro, np.array([day])).policy_change_91d_pct == 2.0

    def test_daily_rate_goes_before_the_monthly(self):
        macro = macro_of(
            published("FEDFUNDS", months("2023-12", 5), [5.0, 5.0, 5.0, 5.0, 5.5], lag_days=31),
            published("DFF", np.array(["2024-05-01"], dtype="datetime64[D]"), [5.33]),
        )
        days = np.array(["2024-05-01", "2024-05-02", "2024-05-13"], dtype="datetime64[D]")
        assert [rates(macro, days[:n]).policy_pct for n in (1, 2, 3)] == [5.0, 5.33, 5.5]
        result = rates(macro, days)
        assert (result.policy_series, result.policy_change_91d_pct) == ("FEDFUNDS", 0.5)
        assert result.stance == "hiking"

    def test_the_middle_of_the_target_stands_where_the_effective_rate_does_not(self):
        """DFF, then the target (its upper limit minus 0.125), then the monthly mean: each until it is too old."""
        target = published("DFEDTARU", np.array(["2024-02-05", "2024-05-08"], dtype="datetime64[D]"), [5.25, 5.5])
        macro = macro_of(
            published("FEDFUNDS", months("2023-12", 5), [5.0, 5.0, 5.0, 5.0, 5.2], lag_days=31),
            published("DFF", np.array(["2024-05-01"], dtype="datetime64[D]"), [5.33]),
            target,
        )
        days = np.array(["2024-05-10", "2024-05-13", "2024-05-18", "2024-05-20"], dtype="datetime64[D]")
        found = [rates(macro, days[:n]) for n in (1, 2, 3, 4)]
        assert [one.policy_series for one in found] == ["DFF", "DFEDTARU", "DFEDTARU", "FEDFUNDS"]
        assert [one.policy_pct for one in found] == [5.33, 5.375, 5.375, 5.2]
        assert found[1].policy_change_91d_pct == 0.25  # 5.25 stood on 2024-02-12
        assert found[1].stance == "hiking"

    def test_before_the_range_the_target_is_one_rate(self):
        single = published("DFEDTAR", np.array(["2008-09-09", "2008-12-10"], dtype="datetime64[D]"), [2.0, 1.0])
        upper = published("DFEDTARU", np.array(["2008-12-16"], dtype="datetime64[D]"), [0.25], lag_days=0)
        days = np.array(["2008-12-15", "2008-12-16"], dtype="datetime64[D]")
        found = [rates(macro_of(single, upper), days[:n]) for n in (1, 2)]
        assert [(one.policy_series, one.policy_pct) for one in found] == [("DFEDTAR", 1.0), ("DFEDTARU", 0.125)]
        assert [one.policy_change_91d_pct for one in found] == [-1.0, -1.875]
        assert np.isnan(rates(macro_of(single), days).policy_pct), "from 2008-12-16 the single target is none"

    def test_change_never_mixes_two_series(self):
        """DFF begins a day ago: no change is known of it, though FEDFUNDS has one."""
        macro = macro_of(
            published("FEDFUNDS", months("2023-12", 5), [5.0] * 5, lag_days=31),
            published("DFF", np.array(["2024-05-01"], dtype="datetime64[D]"), [5.33]),
        )
        result = rates(macro, np.array(["2024-05-02"], dtype="datetime64[D]"))
        assert (result.policy_series, result.policy_pct, result.stance) == ("DFF", 5.33, None)
        assert np.isnan(result.policy_change_91d_pct)

    def test_conviction_percentile_is_over_the_sessions_and_needs_252(self):
        two = yields(300)
        macro = macro_of(published("DGS2", DAYS[:300], two), published("DFF", DAYS[:300], [4.0] * 300))
        known = np.rint(100 * two - 400).astype(int)
        for n, first in ((252, 0), (253, 0), (301, 0), (301, 49), (301, 50)):
            values = known[max(first - 1, 0) : n - 1]
            expected = 100 * ((values < values[-1]).sum() + 0.5 * (values == values[-1]).sum()) / len(values)
            result = rates(macro, DAYS[first:n])
            is_enough = len(values) >= 252
            assert result.conviction_percentile == pytest.approx(expected if is_enough else np.nan, nan_ok=True)


def test_ten_year_and_curve_are_the_newest_known():
    macro = macro_of(published("DGS10", DAYS[:3], [4.0, 4.1, 4.2]), published("T10Y2Y", DAYS[:3], [0.1, 0.2, 0.3]))
    result = rates(macro, DAYS[:3])
    assert (result.ten_year_pct, result.curve_pct) == (4.1, 0.2)


@pytest.mark.parametrize("sessions", [DAYS[:0], DAYS[:300]])
def test_without_macro_data_everything_is_unknown(sessions):
    result = rates(Macro.nothing(), sessions)
    for name in PUBLIC:
        assert getattr(result, name) is None or np.isnan(getattr(result, name)), name
    for name in HISTORIES:
        assert np.isnan(getattr(result, name)).all()
        assert len(getattr(result, name)) == len(sessions)


def test_names_are_those_of_the_documentation():
    assert (STATES, STANCES) == (("FALLING", "STEADY", "RISING"), ("cutting", "on hold", "hiking"))
    assert EXPECTATIONS == ("cuts", "no change", "hikes")


def test_histories_stay_out_of_the_words():
    assert "states" not in repr(rates(Macro.nothing(), DAYS[:3]))


@given(seed=st.integers(0, 1000), cut=st.integers(1, 650))
@settings(max_examples=30, deadline=None)
def test_cutting_the_inputs_gives_what_the_whole_said_that_day(seed, cut):
    rng = np.random.default_rng(seed)
    macro = macro_of(
        random_rows("DGS2", DAYS[:640], 4 + np.cumsum(rng.normal(scale=0.06, size=640)), rng),
        random_rows("DGS10", DAYS[:640], rng.normal(size=640), rng),
        random_rows("DFF", DAYS[300:500], rng.normal(size=200), rng),
        random_rows("DFEDTARU", DAYS[450:600], rng.normal(size=150), rng),
        random_rows("FEDFUNDS", months("2019-06", 30), rng.normal(size=30), rng),
    )
    whole, part = rates(macro, DAYS), rates(macro.until(DAYS[cut - 1].item()), DAYS[:cut])
    for name in HISTORIES:
        assert getattr(part, name).tobytes() == getattr(whole, name)[:cut].tobytes(), name
    for name in ("states", "stances", "expectations"):
        assert getattr(part, name).codes.tolist() == getattr(whole, name).codes[:cut].tolist(), name
    assert shown(part) == shown(rates(macro, DAYS[:cut]))


def test_poisoned_future_changes_nothing():
    past = (published("DGS2", DAYS[:400], yields()), published("DFF", DAYS[:400], yields(seed=4)))
    later = [frame.with_columns(known_at=pl.lit(date(2022, 1, 1)), value=pl.lit(1e9)) for frame in past]
    assert DAYS[400].item() < date(2022, 1, 1)
    assert shown(rates(macro_of(*past), DAYS[:401])) == shown(rates(macro_of(*past, *later), DAYS[:401]))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("day", "state", "stance"), [("2022-06-16", "RISING", "hiking"), ("2008-10-10", "FALLING", "cutting")]
)
def test_real_rates_read_as_remembered(shared_data, day, state, stance):
    frame = pl.read_parquet(shared_data / "macro.parquet").rename({"date": "reference_date"})
    lag = pl.when(pl.col("series") == "FEDFUNDS").then(32).otherwise(1)
    macro = Macro(frame.with_columns(known_at=pl.col("reference_date") + pl.duration(days=1) * lag))
    sessions = weekdays("2000-01-03", 6500)
    result = rates(macro, sessions[sessions <= np.datetime64(day)])
    assert result.stance == stance
    assert result.state == state
