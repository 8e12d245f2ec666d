"""Rate beta: against statsmodels, against the Newey–West sum written out, and against itself on cut inputs."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.published import macro_of, published, weekdays

from openapex.bars import BAR_SCHEMA, Bars
from openapex.context.macro import Macro
from openapex.context.rate_beta import RateBeta, rate_beta, rolling_betas, sensitivities

DAYS = weekdays("2021-01-01", 301)
I = np.arange(300)  # noqa: E741
MOVES = ((7 * I * I + 3 * I) % 41 - 20) / 100
"""Changes of the yield, percentage points: whole numbers shuffled by a square, so that anyone can make them again."""
OTHER = ((13 * I * I + I) % 29 - 14) / 20
OWN = OTHER - 3 * MOVES + ((11 * I * I + 5 * I) % 37 - 18) / 10
"""Returns in percent."""

# statsmodels 0.15.0, numpy 2.4.6: OLS(y, add_constant(x)).fit(cov_type="HAC", cov_kwds={"maxlags": 4,
# "use_correction": False}) on the last 252 of the 300 pairs; params[1], bse[1], rsquared
GOLDEN = {
    "relative": (-3.3619692185124554, 0.5383043535718062, 0.10572984235599137),
    "own": (-3.5580818697499508, 0.5800039800137904, 0.09897006300869671),
}
# the same on pairs 1 to 126 of the relative returns
GOLDEN_126 = (-2.7025782367512137, 0.7295867410309814, 0.07389052881358704)


def bars_of(symbol: str, sessions: np.ndarray, returns_pct: np.ndarray) -> Bars:
    price = 50 * np.cumprod(np.append(1.0, 1 + returns_pct / 100))
    frame = pl.DataFrame({"symbol": symbol, "session": sessions, "adj_close": price, "provisional": False})
    prices = {name: pl.lit(10.0) for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_frame(frame.with_columns(**prices).select(BAR_SCHEMA.names()))


def macro_with(sessions: np.ndarray, moves: np.ndarray, lag_days: int = 0) -> Macro:
    return macro_of(published("DGS2", sessions, 4 + np.cumsum(np.append(0.0, moves)), lag_days))


A, SPY, MACRO = bars_of("A", DAYS, OWN), bars_of("SPY", DAYS, OTHER), macro_with(DAYS, MOVES)


def written_out(x: np.ndarray, y: np.ndarray, lag: int) -> tuple[float, float]:
    """Return slope and Newey–West error by the matrix sandwich, term by term."""
    n = len(x)
    design = [np.array([1.0, value]) for value in x]
    bread = np.linalg.inv(sum(np.outer(row, row) for row in design))
    coefficients = bread @ sum(row * value for row, value in zip(design, y, strict=True))
    error = [value - row @ coefficients for row, value in zip(design, y, strict=True)]
    meat = np.zeros((2, 2))
    for i in range(n):
        for j in range(n):
            if abs(i - j) <= lag:
                weight = 1 - abs(i - j) / (lag + 1)
                meat += weight * error[i] * error[j] * np.outer(design[i], design[j])
    return float(coefficients[1]), float((bread @ meat @ bread)[1, 1] ** 0.5)


@pytest.mark.parametrize("kind", GOLDEN)
def test_rate_beta_agrees_with_statsmodels(kind):
    slope, error, r_squared = GOLDEN[kind]
    result = rate_beta(A, SPY if kind == "relative" else None, MACRO)
    assert result.beta == pytest.approx(slope, abs=1e-9)
    assert result.low == pytest.approx(slope - 1.96 * error, abs=1e-9)
    assert result.high == pytest.approx(slope + 1.96 * error, abs=1e-9)
    assert result.r_squared == pytest.approx(r_squared, abs=1e-9)
    assert (result.n, result.lag) == (252, 4)
    assert (result.first, result.last) == (DAYS[49].item(), DAYS[300].item())


def test_rate_beta_needs_126_pairs():
    day = DAYS[126].item()
    result = rate_beta(A.until(day), SPY, MACRO)
    slope, error, r_squared = GOLDEN_126
    n, x, y = 126, MOVES[:126], (OWN - OTHER)[:126]
    assert result.n == n
    assert rate_beta(A.until(DAYS[125].item()), SPY, MACRO) is None
    assert (result.beta, (result.high - result.low) / 3.92) == pytest.approx(written_out(x, y, 4), abs=1e-9)
    # statsmodels saw pairs 2 to 127
    later = Bars.from_frame(A.frame()[1:128]), Bars.from_frame(SPY.frame()[1:128])
    moved = rate_beta(*later, MACRO)
    assert (moved.beta, moved.high - moved.beta, moved.r_squared) == pytest.approx(
        (slope, 1.96 * error, r_squared), abs=1e-9
    )


@pytest.mark.parametrize(("n", "lag"), [(126, 4), (252, 4)])
def test_lag_grows_with_the_number_of_pairs(n, lag):
    assert rate_beta(A.until(DAYS[n].item()), SPY, MACRO).lag == lag


def test_a_benchmark_without_yields_or_bars_is_none():
    nobody = Bars.from_frame(SPY.frame()[:0])
    assert rate_beta(A, SPY, Macro.nothing()) is None
    assert rate_beta(A, nobody, MACRO) is None
    assert rate_beta(nobody, None, MACRO) is None


def test_a_yield_that_did_not_move_has_no_beta():
    assert rate_beta(A, SPY, macro_with(DAYS, np.zeros(300))) is None


def test_a_price_that_did_not_move_is_explained_by_nothing():
    result = rate_beta(bars_of("A", DAYS, np.zeros(300)), None, MACRO)
    assert (result.beta, result.low, result.high) == (0.0, 0.0, 0.0)
    assert np.isnan(result.r_squared)


def test_pairs_span_dates_that_one_side_lacks():
    """No yield on three days, no bar on two others: the next pair spans the hole on both sides."""
    no_yield, no_bar = [60, 61, 200], [100, 150]
    kept = np.setdiff1d(np.arange(301), no_yield)
    levels = 4 + np.cumsum(np.append(0.0, MOVES))
    macro = macro_of(published("DGS2", DAYS[kept], levels[kept], 0))
    holed = Bars.from_frame(A.frame()[np.setdiff1d(np.arange(301), no_bar)])
    common = np.setdiff1d(np.arange(301), no_yield + no_bar)
    x = np.diff(levels[common])[-252:]
    y = (100 * np.diff(A.adj_close[common]) / A.adj_close[common][:-1])[-252:]
    result = rate_beta(holed, None, macro)
    assert (result.beta, (result.high - result.low) / 3.92) == pytest.approx(written_out(x, y, 4), abs=1e-9)
    assert result.n == 252


def test_an_unknown_price_is_no_common_date():
    frame = A.frame().with_columns(
        adj_close=pl.when(pl.col("session") == DAYS[150].item()).then(None).otherwise("adj_close")
    )
    without = A.frame().filter(pl.col("session") != DAYS[150].item())
    assert rate_beta(Bars.from_frame(frame), SPY, MACRO) == rate_beta(Bars.from_frame(without), SPY, MACRO)


def test_yields_count_from_their_publication():
    """Published a day later, the yield of the last session is not known at its close."""
    macro = macro_with(DAYS, MOVES, lag_days=1)
    result = rate_beta(A, SPY, macro)
    assert result.last == DAYS[299].item()
    assert repr(result) == repr(rate_beta(A, SPY, macro.until(DAYS[300].item())))


def test_yields_count_as_last_known():
    wrong = published("DGS2", DAYS[250:251], [99.0], 0)
    right = published("DGS2", DAYS, 4 + np.cumsum(np.append(0.0, MOVES)), 0)
    corrected = right[250:251].with_columns(known_at=pl.lit(DAYS[290].item()))
    others = right.filter(pl.col("reference_date") != DAYS[250].item())
    macro = macro_of(others, wrong, corrected)
    assert rate_beta(A, SPY, macro) == rate_beta(A, SPY, MACRO)
    assert rate_beta(A.until(DAYS[289].item()), SPY, macro).r_squared < 0.05


def test_percentile_places_the_beta_among_the_rolling_ones():
    days = weekdays("2019-01-01", 501)
    rng = np.random.default_rng(2)
    x, y = np.round(rng.normal(scale=0.06, size=500), 2), rng.normal(size=500)
    bars, macro = bars_of("A", days, y), macro_with(days, x)
    betas = [np.polyfit(x[max(0, i - 252) : i], y[max(0, i - 252) : i], 1)[0] for i in range(126, 501)]
    assert len(betas) == 375
    expected = 100 * (sum(one < betas[-1] for one in betas) + 0.5) / 375
    assert rate_beta(bars, None, macro).percentile == pytest.approx(expected)
    assert np.isnan(rate_beta(bars, None, macro, with_history=False).percentile)
    assert np.isnan(rate_beta(bars.until(days[376].item()), None, macro).percentile)  # 251 betas
    assert not np.isnan(rate_beta(bars.until(days[377].item()), None, macro).percentile)


@given(seed=st.integers(0, 1000), scale=st.floats(0.001, 10))
@settings(max_examples=25, deadline=None)
def test_rolling_betas_agree_with_direct_fits_in_a_long_history(seed, scale):
    rng = np.random.default_rng(seed)
    x, y = np.round(rng.normal(scale=0.06, size=7000), 2), scale * rng.standard_t(3, size=7000)
    betas = rolling_betas(x, y)
    for i in (125, 126, 251, 252, 253, 3000, 6998, 6999):
        a, b = x[max(0, i - 251) : i + 1], y[max(0, i - 251) : i + 1]
        centred = a - a.mean()
        assert betas[i] == pytest.approx((centred @ (b - b.mean())) / (centred @ centred), abs=1e-9)
    assert np.isnan(betas[:125]).all()
    assert not np.isnan(betas[125:]).any()


def test_rolling_betas_are_unknown_where_the_yield_stood_still():
    x = np.append(MOVES, np.full(400, 0.1))
    betas = rolling_betas(x, np.append(OWN, np.sin(np.arange(400))))
    assert not np.isnan(betas[125:550]).any()
    assert not np.isnan(betas[550])  # the window still holds one other move
    assert np.isnan(betas[551:]).all()


@given(seed=st.integers(0, 1000), cut=st.integers(1, 600), with_benchmark=st.booleans())
@settings(max_examples=40, deadline=None)
def test_cutting_the_inputs_gives_what_the_whole_said_that_day(seed, cut, with_benchmark):
    rng, days = np.random.default_rng(seed), weekdays("2021-01-01", 600)
    bars, other = (bars_of(name, days, rng.normal(size=599)) for name in ("A", "SPY"))
    macro, day = macro_with(days, np.round(rng.normal(scale=0.06, size=599), 2), lag_days=2), days[cut - 1].item()
    part = rate_beta(bars.until(day), other.until(day) if with_benchmark else None, macro.until(day))
    assert repr(part) == repr(rate_beta(bars.until(day), other if with_benchmark else None, macro))


def test_poisoned_future_changes_nothing():
    later = published("DGS2", DAYS, np.full(301, 1e9), 0).with_columns(known_at=pl.lit(date(2030, 1, 1)))
    assert rate_beta(A, SPY, Macro(pl.concat([MACRO.frame, later], how="diagonal"))) == rate_beta(A, SPY, MACRO)


class TestSensitivities:
    def test_stand_in_the_given_order_and_the_benchmark_has_only_its_own(self):
        found = sensitivities({"SPY": SPY, "A": A}, "SPY", MACRO)
        assert [one.symbol for one in found] == ["SPY", "A"]
        assert found[0].relative is None
        assert repr(found[0].own) == repr(rate_beta(SPY, None, MACRO, with_history=False))
        assert repr(found[1].relative) == repr(rate_beta(A, SPY, MACRO, with_history=False))
        assert repr(found[1].own) == repr(rate_beta(A, None, MACRO, with_history=False))

    def test_need_only_the_last_bars(self):
        last = {bars.symbols[0]: Bars.from_frame(bars.frame()[-260:]) for bars in (A, SPY)}
        assert repr(sensitivities(last, "SPY", MACRO)) == repr(sensitivities({"A": A, "SPY": SPY}, "SPY", MACRO))

    def test_without_the_benchmark_are_their_own_only(self):
        (found,) = sensitivities({"A": A}, "SPY", MACRO)
        assert found.relative is None
        assert isinstance(found.own, RateBeta)

    def test_stand_each_on_its_own_last_session(self):
        day = DAYS[290].item()
        stopped, going = sensitivities({"A": A.until(day), "SPY": SPY}, "SPY", MACRO)
        assert (stopped.own.last, going.own.last) == (day, DAYS[300].item())

    def test_of_nobody_are_none(self):
        assert sensitivities({}, "SPY", MACRO) == ()
        assert sensitivities({"A": A}, "SPY", Macro.nothing())[0].own is None


def test_ranks_go_from_the_most_sensitive_on_and_leave_the_benchmark_out():
    calm, wild = bars_of("CALM", DAYS, OTHER - 0.5 * MOVES), bars_of("WILD", DAYS, OTHER + 9 * MOVES)
    rows = sensitivities({"CALM": calm, "SPY": SPY, "WILD": wild, "A": A}, "SPY", MACRO)
    assert [(row.symbol, row.rank) for row in rows] == [
        ("CALM", "3 of 3"), ("SPY", None), ("WILD", "1 of 3"), ("A", "2 of 3"),
    ]  # fmt: skip


def test_ranks_are_among_those_that_are_known():
    young, wild = bars_of("YOUNG", DAYS[200:], OWN[200:]), bars_of("WILD", DAYS, OTHER + 9 * MOVES)
    rows = sensitivities({"A": A, "SPY": SPY, "YOUNG": young, "WILD": wild}, "SPY", MACRO)
    assert [row.rank for row in rows] == ["2 of 2", None, None, "1 of 2"]
    assert rows[2].relative is None


def test_one_alone_is_not_ranked():
    assert [row.rank for row in sensitivities({"A": A, "SPY": SPY}, "SPY", MACRO)] == [None, None]
