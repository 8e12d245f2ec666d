"""Credit: the crunch state step by step, every unknown, and the past as it was."""

from dataclasses import fields

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.published import macro_of, published, random_rows, weekdays

from openapex.bars import BAR_SCHEMA, Bars
from openapex.context.causal import NAN, UNKNOWN
from openapex.context.credit import STATES, Credit, credit, crunches
from openapex.context.macro import Macro

SPREAD = "BAMLH0A0HYM2"
DAYS = weekdays("2020-01-01", 900)
PUBLIC = [one.name for one in fields(Credit) if not one.metadata.get("internal")]


def shown(result: Credit) -> dict[str, str]:
    return {name: repr(getattr(result, name)) for name in PUBLIC}


def bars_of(symbol: str, sessions: np.ndarray, adj_close: np.ndarray) -> Bars:
    frame = pl.DataFrame({"symbol": symbol, "session": sessions, "adj_close": adj_close, "provisional": False})
    prices = {name: pl.lit(10.0) for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_frame(frame.with_columns(**prices).select(BAR_SCHEMA.names()))


def names(rank: list[float], change: list[float]) -> list[str]:
    codes = crunches(np.array(rank), np.array(change)).tolist()
    return ["unknown" if code == UNKNOWN else STATES[code] for code in codes]


class TestState:
    @pytest.mark.parametrize(
        ("rank", "change", "state"),
        [
            (90.0, 1.0, "CRUNCH"),
            (89.99, 1.0, "STRAINED"),
            (90.0, 0.99, "STRAINED"),
            (80.0, 0.0, "STRAINED"),
            (79.99, 0.99, "CALM"),
            (10.0, 1.0, "STRAINED"),
            (79.99, -5.0, "CALM"),
            (99.0, -1.0, "STRAINED"),
            (NAN, 1.0, "unknown"),
            (90.0, NAN, "unknown"),
        ],
    )
    def test_begins_as_written(self, rank, change, state):
        assert names([rank], [change]) == [state]

    @pytest.mark.parametrize(
        ("rank", "change", "state"),
        [
            (10.0, 0.01, "CRUNCH"),
            (95.0, 0.0, "STRAINED"),
            (70.0, 0.0, "STRAINED"),
            (69.99, 0.0, "CALM"),
            (95.0, -3.0, "STRAINED"),
            (50.0, -0.01, "CALM"),
        ],
    )
    def test_crunch_stands_until_the_rise_is_gone(self, rank, change, state):
        assert names([95.0, rank], [2.0, change]) == ["CRUNCH", state]

    @pytest.mark.parametrize(
        ("rank", "change", "state"),
        [
            (70.0, 0.0, "STRAINED"),
            (69.99, 0.5, "STRAINED"),
            (69.99, 0.49, "CALM"),
            (90.0, 1.0, "CRUNCH"),
        ],
    )
    def test_strained_stands_until_rank_and_rise_are_low(self, rank, change, state):
        assert names([80.0, rank], [0.0, change]) == ["STRAINED", state]

    def test_after_a_crunch_strain_stands_on(self):
        rank, change = [95, 85, 75, 70, 69.0, 75.0], [1.5, 0.2, 0.0, -1.0, -1.0, 0.4]
        assert names(rank, change) == ["CRUNCH", "CRUNCH", "STRAINED", "STRAINED", "CALM", "CALM"]

    def test_unknown_forgets(self):
        assert names([95.0, NAN, 75.0], [2.0, 2.0, 0.2]) == ["CRUNCH", "unknown", "CALM"]

    def test_of_nothing_is_nothing(self):
        assert names([], []) == []


def spreads(n: int, seed: int = 5) -> np.ndarray:
    return np.round(4 + np.abs(np.cumsum(np.random.default_rng(seed).normal(scale=0.1, size=n))), 2)


class TestCredit:
    def test_percentile_and_state_need_504_spreads(self):
        values = spreads(504)
        for n, is_known in ((503, False), (504, True)):
            result = credit(macro_of(published(SPREAD, DAYS[:n], values[:n])), DAYS[: n + 1], None)
            assert (result.state is not None) is is_known
            assert (not np.isnan(result.spread_percentile)) is is_known
            assert result.spread_pct == values[n - 1]
        rank = 100 * ((values < values[-1]).sum() + 0.5 * (values == values[-1]).sum()) / 504
        assert result.spread_percentile == pytest.approx(rank)

    def test_change_is_against_20_publications_before_and_in_sigmas_of_all_changes(self):
        values = spreads(600)
        result = credit(macro_of(published(SPREAD, DAYS[:600], values)), DAYS[:601], None)
        change = values[20:] - values[:-20]
        assert result.spread_change_20_pct == pytest.approx(change[-1])
        assert result.spread_change_20_sigmas == pytest.approx(change[-1] / change.std(ddof=1), abs=1e-9)

    def test_a_jump_to_new_heights_is_a_crunch_from_the_day_it_is_known(self):
        values = np.append(spreads(600), [20.0, 20.0])
        result = credit(macro_of(published(SPREAD, DAYS[:602], values)), DAYS[:603], None)
        assert (result.state, result.state_since) == ("CRUNCH", DAYS[601].item())
        assert (result.reference_date, result.known_at) == (DAYS[601].item(), (DAYS[601] + 1).item())

    def test_a_state_says_when_what_begins_it_last_stood(self):
        """A leap, then a slow rise: the crunch lasts as long as there is a rise, but only the leap confirms it."""
        values = np.append(spreads(600), 20.0 + 0.02 * np.arange(60))
        for n, confirmed in ((610, 609), (640, 619)):
            result = credit(macro_of(published(SPREAD, DAYS[:n], values[:n])), DAYS[: n + 1], None)
            assert (result.state, result.last_confirmed) == ("CRUNCH", DAYS[confirmed + 1].item())

    @pytest.mark.parametrize(("high", "state"), [(4.1, "CRUNCH"), (4.09, "STRAINED")])
    def test_a_rise_of_exactly_one_point_is_one(self, high, state):
        """4.1 - 3.1 is 0.9999999999999996 in floats."""
        assert 4.1 - 3.1 < 1
        values = np.append(np.full(600, 3.1), high)
        assert credit(macro_of(published(SPREAD, DAYS[:601], values)), DAYS[:602], None).state == state

    def test_history_since_is_the_first_spread_known(self):
        frame = published(SPREAD, DAYS[:10], spreads(10))
        older = published(SPREAD, DAYS[:1] - 30, [4.0]).with_columns(known_at=pl.lit(DAYS[8].item()))
        macro = macro_of(frame, older)
        assert credit(macro, DAYS[:8], None).history_since == DAYS[0].item()
        assert credit(macro, DAYS[:9], None).history_since == (DAYS[0] - 30).item()
        assert credit(macro, DAYS[:1], None).history_since is None

    def test_vix_has_its_percentile_from_252_values_on(self):
        values = np.round(15 + spreads(300), 1)
        for n in (251, 252, 300):
            result = credit(macro_of(published("VIXCLS", DAYS[:n], values[:n])), DAYS[: n + 1], None)
            below, ties = (values[:n] < values[n - 1]).sum(), (values[:n] == values[n - 1]).sum()
            expected = 100 * (below + 0.5 * ties) / n if n >= 252 else NAN
            assert result.vix == values[n - 1]
            assert result.vix_percentile == pytest.approx(expected, nan_ok=True)

    def test_old_values_are_unknown(self):
        macro = macro_of(published(SPREAD, DAYS[:600], spreads(600)), published("VIXCLS", DAYS[:600], spreads(600)))
        result = credit(macro, DAYS[:610], None)
        for name in PUBLIC:
            value = getattr(result, name)
            assert name == "history_since" or value is None or np.isnan(value), name
        assert result.history_since == DAYS[0].item()

    def test_high_yield_against_treasuries_is_their_20_session_relative_return(self):
        hyg, ief = np.linspace(100, 130, 31), np.linspace(100, 70, 31)
        pair = (bars_of("HYG", DAYS[:31], hyg), bars_of("IEF", DAYS[:31], ief))
        result = credit(Macro.nothing(), DAYS[:31], pair)
        assert result.hyg_ief_20_pct == pytest.approx(100 * (130 / 110 - 70 / 90))
        assert credit(Macro.nothing(), DAYS[:26], pair).hyg_ief_20_pct == pytest.approx(100 * (125 / 105 - 75 / 95))

    def test_high_yield_is_unknown_where_one_did_not_trade_or_is_too_young(self):
        pair = (bars_of("HYG", DAYS[:31], np.full(31, 10.0)), bars_of("IEF", DAYS[:30], np.full(30, 10.0)))
        assert np.isnan(credit(Macro.nothing(), DAYS[:31], pair).hyg_ief_20_pct)
        assert credit(Macro.nothing(), DAYS[:30], pair).hyg_ief_20_pct == 0.0
        assert np.isnan(credit(Macro.nothing(), DAYS[:20], pair).hyg_ief_20_pct)
        assert np.isnan(credit(Macro.nothing(), DAYS[:31], None).hyg_ief_20_pct)

    @pytest.mark.parametrize("sessions", [DAYS[:0], DAYS[:300]])
    def test_without_macro_data_everything_is_unknown(self, sessions):
        result = credit(Macro.nothing(), sessions, None)
        for name in PUBLIC:
            assert getattr(result, name) is None or np.isnan(getattr(result, name)), name
        assert (result.states.codes == UNKNOWN).all()
        assert len(result.sigmas) == len(result.states.codes) == len(sessions)


@given(seed=st.integers(0, 1000), cut=st.integers(1, 900))
@settings(max_examples=30, deadline=None)
def test_cutting_the_inputs_gives_what_the_whole_said_that_day(seed, cut):
    rng = np.random.default_rng(seed)
    macro = macro_of(
        random_rows(SPREAD, DAYS[:880], 4 + np.cumsum(rng.normal(scale=0.15, size=880)), rng),
        random_rows("VIXCLS", DAYS[:890], rng.normal(size=890), rng),
    )
    prices = np.exp(np.cumsum(rng.normal(scale=0.01, size=(2, 900)), axis=1))
    pair = tuple(bars_of(name, DAYS, price) for name, price in zip(("HYG", "IEF"), prices, strict=True))
    day = DAYS[cut - 1].item()
    whole = credit(macro, DAYS, pair)
    part = credit(macro.until(day), DAYS[:cut], (pair[0].until(day), pair[1].until(day)))
    assert part.sigmas.tobytes() == whole.sigmas[:cut].tobytes()
    assert part.states.codes.tolist() == whole.states.codes[:cut].tolist()
    assert shown(part) == shown(credit(macro, DAYS[:cut], pair))


def test_poisoned_future_changes_nothing():
    past = published(SPREAD, DAYS[:600], spreads(600))
    later = past.with_columns(known_at=pl.lit(DAYS[700].item()), value=pl.lit(1e9))
    assert shown(credit(macro_of(past), DAYS[:601], None)) == shown(credit(macro_of(past, later), DAYS[:601], None))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2008-10-10", "CRUNCH"),
        ("2020-03-23", "CRUNCH"),
        ("2022-06-16", "CALM"),
        ("2023-06-30", "CALM"),
        ("2024-07-17", "CALM"),
    ],
)
def test_real_credit_reads_as_remembered(shared_data, day, state):
    frame = pl.read_parquet(shared_data / "macro.parquet").rename({"date": "reference_date"})
    macro = Macro(frame.with_columns(known_at=pl.col("reference_date") + pl.duration(days=1)))
    sessions = weekdays("2000-01-03", 6500)
    result = credit(macro, sessions[sessions <= np.datetime64(day)], None)
    assert result.state == state
    assert result.history_since.isoformat() == "1996-12-31"
