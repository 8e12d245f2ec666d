"""Links the page claims: by hand on made cases, causal on cut inputs, and once more in pandas on real dates."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import talib
from tests.context import recomputed as plain
from tests.context import recomputed_regime as plain_regime
from tests.context.page import bars_of
from tests.context.published import KINDS, months, weekdays

import openapex as apex
from openapex.bars import Bars
from openapex.context.causal import States
from openapex.context.lines import context_lines
from openapex.context.links import after_link, conviction_link, correlation, cycle_link, leads_after, spike_link
from openapex.context.macro import Macro
from openapex.context.profile import profile
from openapex.context.weather import weather

RNG = np.random.default_rng(5)
DAYS = weekdays("2012-01-02", 1600)
EVENT = "spike_at_breakout"
NAMES = ("volume_spike", "rotation_day_up", "rotation_day_down", "policy_day", "spike_at_breakout")


def prices(seed: int, n: int = 1600) -> np.ndarray:
    return 100 * np.cumprod(1 + np.random.default_rng(seed).normal(scale=0.01, size=n))


def bars(close: np.ndarray, days: np.ndarray = DAYS) -> Bars:
    return bars_of(list(close), sessions=days[: len(close)].tolist())


@dataclass
class Events:
    history: dict[str, np.ndarray]
    known: dict[str, np.ndarray]

    def until(self, n: int) -> "Events":
        return Events({k: v[:n] for k, v in self.history.items()}, {k: v[:n] for k, v in self.known.items()})


def happened(n: int, unknown: tuple[str, ...] = (), **on: list[int] | np.ndarray) -> Events:
    """Return events on the rows given, known everywhere but for those named."""
    history = {name: np.isin(np.arange(n), on.get(name, [])) for name in NAMES}
    return Events(history, {name: np.full(n, name not in unknown) for name in NAMES})


class TestConviction:
    def test_is_one_where_the_lead_is_the_cuts_priced_in(self) -> None:
        """A benchmark that stands still; the 2-year falls under policy by what the symbol gains in 20 sessions."""
        mine = 100 + np.cumsum(np.tile([0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.1], 60)[:400])
        level = np.full(400, np.nan)
        level[:20] = 0.0
        for t in range(20, 400):
            level[t] = level[t - 20] - 100 * (mine[t] / mine[t - 20] - 1)
        made = conviction_link(bars(mine), bars(np.full(400, 50.0)), level)
        assert made.correlation == pytest.approx(1.0, abs=1e-12)
        assert (made.n, made.n_independent) == (380, 19)

    def test_cuts_priced_in_while_the_symbol_leads_are_printed_with_a_plus(self) -> None:
        """From yields and prices to the sentence: the 2-year falls below an unmoved policy rate when IWM leads SPY."""
        days, mine = DAYS[:600], prices(1, 600)
        rows = [("DGS2", day, 5.0 - np.log(price / 100)) for day, price in zip(days, mine, strict=True)]
        rows += [("DFF", day, 5.0) for day in days]
        columns = {"series": [r[0] for r in rows], "reference_date": [r[1].item() for r in rows]}
        columns |= {"known_at": columns["reference_date"], "value": [r[2] for r in rows]}
        market = {"IWM": bars(mine, days), "SPY": bars(np.full(600, 50.0), days)}
        frame = pl.DataFrame(columns, schema=KINDS)
        made = weather(market["IWM"], {"SPY": market["SPY"]}, Macro(frame), profile("IWM"), thorough=False)
        assert made.links.conviction.correlation > 0.9
        page = next(line for line in context_lines(made) if line.topic == "links")
        assert page.sentence.startswith("IWM/SPY ratio with rate-cut conviction +")
        assert page.value == made.links.conviction.correlation

    @pytest.mark.parametrize(("n", "is_known"), [(271, False), (272, True)])
    def test_needs_252_pairs(self, n: int, is_known: bool) -> None:
        made = conviction_link(bars(prices(1, n)), bars(prices(2, n)), np.cumsum(np.ones(n) * np.arange(n)))
        assert made.n == n - 20
        assert np.isfinite(made.correlation) == is_known

    def test_looks_back_756_pairs(self) -> None:
        level = np.cumsum(RNG.normal(size=1600))
        changed = np.where(np.arange(1600) < 1600 - 776, 99.0, level)
        first, second = (conviction_link(bars(prices(1)), bars(prices(2)), one) for one in (level, changed))
        assert first == second
        assert (first.n, first.n_independent) == (756, 37)

    def test_is_unknown_without_a_benchmark_or_a_policy_rate(self) -> None:
        assert np.isnan(conviction_link(bars(prices(1)), None, np.zeros(1600)).correlation)
        made = conviction_link(bars(prices(1)), bars(prices(2)), np.full(1600, np.nan))
        assert (made.n, np.isnan(made.correlation)) == (0, True)

    def test_cutting_the_future_changes_nothing(self) -> None:
        level = np.cumsum(RNG.normal(size=1600))
        cut = conviction_link(bars(prices(1)[:1000]), bars(prices(2)[:1000]), level[:1000])
        later = bars(np.append(prices(2)[:1000], np.full(600, 1e6)))
        assert cut == conviction_link(bars(prices(1)[:1000]), later, level[:1000])


class TestCycle:
    ACTIVITY = (months("2012-01", 80), np.sin(np.arange(80)))

    def rsi(self) -> np.ndarray:
        """Return an RSI that is 50 and ten times the activity of its month."""
        month = (DAYS.astype("datetime64[M]") - np.datetime64("2012-01")).astype(int)
        return 50 + 10 * np.sin(month)

    def test_is_one_where_rsi_is_the_cycle(self) -> None:
        made = cycle_link(bars(prices(1)), self.rsi(), bars(prices(2)), self.ACTIVITY)
        assert made.symbol == pytest.approx(1.0)
        assert abs(made.benchmark) < 0.5
        assert made.difference == made.symbol - made.benchmark

    def test_counts_months_that_are_over_from_the_second_on(self) -> None:
        """January 2012 may be cut, February 2018 is not over; RSI is missing on one day of June 2015."""
        assert DAYS[-1].item() == date(2018, 2, 16)
        made = cycle_link(bars(prices(1)), self.rsi(), None, self.ACTIVITY)
        gap = np.where(np.isin(DAYS, np.datetime64("2015-06-10")), np.nan, self.rsi())
        assert made.n == 72
        assert np.isnan(made.benchmark)
        assert cycle_link(bars(prices(1)), gap, None, self.ACTIVITY).n == 71

    @pytest.mark.parametrize(("n", "is_known"), [(60, False), (61, True)])
    def test_needs_60_months(self, n: int, is_known: bool) -> None:
        activity = (self.ACTIVITY[0][:n], self.ACTIVITY[1][:n])
        made = cycle_link(bars(prices(1)), self.rsi(), None, activity)
        assert made.n == n - 1
        assert np.isfinite(made.symbol) == is_known

    def test_both_are_over_the_same_months(self) -> None:
        young = bars(prices(2)[300:], DAYS[300:])
        made = cycle_link(bars(prices(1)), self.rsi(), young, self.ACTIVITY)
        assert made.n == 72 - 14  # its RSI begins on 2013-03-15: from April 2013 on

    def test_nothing_published_is_unknown(self) -> None:
        nothing = (months("2012-01", 0), np.empty(0))
        made = cycle_link(bars(prices(1)), self.rsi(), bars(prices(2)), nothing)
        assert (made.n, np.isnan(made.symbol), np.isnan(made.difference)) == (0, True, True)


class TestSpikes:
    def test_share_beside_and_base(self) -> None:
        """Rotation on every 50th session: 3 of 50 are within one. Of 12 spikes, 6 stand the session before one."""
        spikes = [*range(49, 349, 50), *range(375, 675, 50)]
        made = spike_link(happened(1002, volume_spike=spikes, rotation_day_up=np.arange(50, 1001, 50)))
        assert (made.share_pct, made.n, made.n_sessions, made.beside) == (50.0, 12, 1000, ("rotation", "policy"))
        assert made.base_pct == pytest.approx(100 * 60 / 1000, abs=0.11)

    def test_up_down_and_policy_days_all_count(self) -> None:
        spikes = list(range(100, 220, 10))
        of = {"rotation_day_up": [100], "rotation_day_down": [111], "policy_day": [119]}
        assert spike_link(happened(600, volume_spike=spikes, **of)).share_pct == pytest.approx(100 * 3 / 12)

    def test_policy_days_that_are_unknown_are_left_out_and_that_is_said(self) -> None:
        spikes = list(range(100, 220, 10))
        made = spike_link(happened(600, unknown=("policy_day",), volume_spike=spikes, rotation_day_up=[100]))
        assert (made.n, made.beside) == (12, ("rotation",))

    def test_sessions_with_an_unknown_neighbour_do_not_count(self) -> None:
        found = happened(600, volume_spike=list(range(100, 220, 10)))
        found.known["rotation_day_up"][[99, 112]] = False
        made = spike_link(found)
        assert (made.n, made.n_sessions) == (11, 598 - 6)

    @pytest.mark.parametrize(("n", "is_known"), [(9, False), (10, True)])
    def test_needs_ten_spikes(self, n: int, is_known: bool) -> None:
        made = spike_link(happened(600, volume_spike=list(range(100, 100 + n))))
        assert made.n == n
        assert np.isfinite(made.share_pct) == is_known

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_a_short_history_is_unknown(self, n: int) -> None:
        made = spike_link(happened(n))
        assert (made.n, np.isnan(made.share_pct)) == (0, True)

    def test_a_spike_of_today_waits_for_tomorrow(self) -> None:
        """Whether tomorrow is a rotation day is not known yet."""
        spikes = [*range(100, 200, 10), 599]
        assert spike_link(happened(600, volume_spike=spikes)).n == 10
        assert spike_link(happened(601, volume_spike=spikes)).n == 11


class TestBreakouts:
    def test_mean_of_what_followed(self) -> None:
        """A symbol that gains 1 % on the session after each breakout, against one that stands still."""
        at = np.arange(100, 540, 40)
        growth = np.where(np.isin(np.arange(600), at + 1), 1.01, 1.0)
        found = happened(600, spike_at_breakout=at)
        made = after_link(bars(100 * np.cumprod(growth)), bars(np.full(600, 50.0)), found, EVENT)
        assert (made.n, made.n_sessions) == (11, 580)
        assert made.mean_pct == pytest.approx(1.0)
        assert made.base_pct == pytest.approx(11 * 20 / 580)

    def test_only_those_whose_20_sessions_are_over(self) -> None:
        for last, n in ((579, 12), (580, 11)):
            found = happened(600, spike_at_breakout=[*range(100, 540, 40), last])
            assert after_link(bars(prices(1, 600)), bars(prices(2, 600)), found, EVENT).n == n

    def test_is_unknown_below_ten_and_without_a_benchmark(self) -> None:
        found = happened(600, spike_at_breakout=list(range(9)))
        assert np.isnan(after_link(bars(prices(1, 600)), bars(prices(2, 600)), found, EVENT).mean_pct)
        assert after_link(bars(prices(1, 600)), None, found, EVENT).n == 0


class TestRegimes:
    def states(self, n: int, *rows: tuple[slice, int]) -> States:
        codes = np.full(n, -1, dtype=np.int8)
        for part, code in rows:
            codes[part] = code
        return States(DAYS[:n], codes, ("CALM", "WILD", "NEVER"))

    def test_mean_of_what_followed_each_state(self) -> None:
        """A symbol that gains 1 % a session from the 300th on, against one that stands still."""
        growth = np.where(np.arange(600) > 300, 1.01, 1.0)
        states = self.states(600, (slice(100, 281), 0), (slice(300, 600), 1))
        made = leads_after(bars(100 * np.cumprod(growth)), bars(np.full(600, 50.0)), states)
        assert (made["CALM"].n, made["CALM"].n_independent, made["CALM"].mean_pct) == (181, 9, 0.0)
        assert (made["WILD"].n, made["WILD"].n_independent) == (280, 14), "the last 20 are not over"
        assert made["WILD"].mean_pct == pytest.approx(100 * (1.01**20 - 1))
        assert (made["NEVER"].n, np.isnan(made["NEVER"].mean_pct)) == (0, True)
        assert made["any"].n == 181 + 280
        assert made["any"].mean_pct == pytest.approx(280 / 461 * made["WILD"].mean_pct)

    @pytest.mark.parametrize(("n", "is_known"), [(19, False), (20, True)])
    def test_needs_20_sessions(self, n: int, is_known: bool) -> None:
        made = leads_after(bars(prices(1, 600)), bars(prices(2, 600)), self.states(600, (slice(100, 100 + n), 1)))
        assert (made["WILD"].n, np.isfinite(made["WILD"].mean_pct)) == (n, is_known)

    def test_is_unknown_without_a_benchmark(self) -> None:
        made = leads_after(bars(prices(1, 600)), None, self.states(600, (slice(0, 600), 1)))
        assert {(one.n, np.isnan(one.mean_pct)) for one in made.values()} == {(0, True)}

    def test_a_window_counts_on_the_session_that_ends_it(self) -> None:
        states = self.states(600, (slice(100, 150), 1))
        whole = leads_after(bars(prices(1, 600)), bars(prices(2, 600)), states)["WILD"]
        for n, counted in ((169, 49), (170, 50)):
            cut = States(DAYS[:n], states.codes[:n], states.names)
            made = leads_after(bars(prices(1, n)), bars(prices(2, 600)), cut)["WILD"]
            assert made.n == counted
            assert (made == whole) is (counted == 50)


@pytest.mark.parametrize(("x", "y"), [([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [0.1, 0.1]), ([], []), ([1.0], [1.0])])
def test_a_series_that_did_not_move_has_no_correlation(x: list[float], y: list[float]) -> None:
    assert np.isnan(correlation(np.array(x), np.array(y), least=1))


def test_the_line_tells_what_is_known_and_what_is_needed() -> None:
    demo = apex.context("IWM", source="demo").weather
    told = {line.topic: line for line in context_lines(demo)}
    assert [*told][-2:] == ["links", "events"]
    links = demo.links
    assert f"(n {links.conviction.n_independent})" in told["links"].sentence
    nothing = replace(
        links,
        conviction=replace(links.conviction, correlation=np.nan),
        cycle=replace(links.cycle, symbol=np.nan),
        spike=replace(links.spike, share_pct=np.nan),
        spike_breakout=replace(links.spike_breakout, mean_pct=np.nan),
    )
    unknown = next(one for one in context_lines(replace(demo, links=nothing)) if one.topic == "links")
    assert unknown.sentence.startswith("unknown: ")


# --- real history ---------------------------------------------------------------------------------------------------


def conviction_again(folder: Path, as_of: str) -> dict[str, float]:
    lead = plain.relative_20(folder, "IWM", "SPY", as_of)
    level = plain.policy(folder, as_of, lead.index)["conviction"]
    both = pd.DataFrame({"lead": lead, "more_cuts": (level.shift(20) - level).round(10)})[-756:].dropna()
    return {"correlation": both["lead"].corr(both["more_cuts"]), "n": len(both), "n_independent": len(both) // 20}


def cycle_again(folder: Path, as_of: str) -> dict[str, float]:
    activity = plain.growth_parts(folder, as_of)["cfnai_ma3"]
    parts = {"cycle": pd.Series(activity.value, activity.reference.to_period("M"))}
    for symbol in ("IWM", "SPY"):
        close = plain.bars(folder, symbol).loc[:as_of, "close"]
        rsi = pd.Series(talib.RSI(close.to_numpy(), 14), close.index)
        parts[symbol] = rsi.groupby(rsi.index.to_period("M")).apply(lambda one: one.mean(skipna=False))
    rows = pd.DataFrame(parts).dropna()
    rows = rows[rows.index < pd.Period(as_of, "M")][-120:]
    mine, theirs = rows["IWM"].corr(rows["cycle"]), rows["SPY"].corr(rows["cycle"])
    return {"symbol": mine, "benchmark": theirs, "difference": mine - theirs, "n": len(rows)}


def beside_again(folder: Path, as_of: str) -> dict[str, float]:
    days = plain.bars(folder, "IWM").loc[:as_of].index
    rows = pd.DataFrame(plain_regime._volume_events(folder, "IWM", as_of), days)
    rotation = pd.DataFrame(plain_regime._rotation_days(folder, "IWM", "SPY", as_of), days).max(axis=1, skipna=False)
    near = pd.concat([rotation.shift(k) for k in (-1, 0, 1)], axis=1).max(axis=1, skipna=False)
    spikes = pd.DataFrame({"near": near, "spike": rows["volume_spike"]}).dropna()
    return {
        "share_pct": 100 * spikes.loc[spikes["spike"] == 1, "near"].mean(), "base_pct": 100 * spikes["near"].mean(),
        "n": int(spikes["spike"].sum()), "n_sessions": len(spikes), "beside": ["rotation"],
    }  # fmt: skip


def after_again(folder: Path, as_of: str, event: str) -> dict[str, float | None]:
    rows = plain.bars(folder, "IWM").loc[:as_of]
    of = plain_regime._volume_events(folder, "IWM", as_of) | plain_regime._rsi_events(rows["close"].to_numpy())
    ahead = plain.relative_20(folder, "IWM", "SPY", as_of).shift(-20)
    after = pd.DataFrame({"ahead": ahead, "event": pd.Series(of[event], rows.index)}).dropna()
    events = after.loc[after["event"] == 1, "ahead"]
    mean = events.mean() if len(events) >= 10 else None
    return {"mean_pct": mean, "base_pct": after["ahead"].mean(), "n": len(events), "n_sessions": len(after)}


def regimes_again(folder: Path, as_of: str) -> dict[str, dict[str, float | None]]:
    ahead = plain.relative_20(folder, "IWM", "SPY", as_of).shift(-20)
    of = plain_regime.parts(folder, "IWM", as_of)
    words = [{k: v if isinstance(v, str) else None for k, v in row.items()} for row in of.to_dict("records")]
    state = pd.Series([plain_regime.regime_of(**row) for row in words], of.index, dtype=object)
    after = pd.DataFrame({"ahead": ahead, "state": state}).dropna()
    chosen = {name: after.loc[after["state"] == name, "ahead"] for name in NAMED_STATES} | {"any": after["ahead"]}
    return {
        name: {"mean_pct": one.mean() if len(one) >= 20 else None, "n": len(one), "n_independent": len(one) // 20}
        for name, one in chosen.items()
    }


NAMED_STATES = ("CRUNCH", "STRAINED", "TAILWIND", "HEADWIND", "SLOWDOWN", "NARROW", "NEUTRAL")


def atr_again(folder: Path, symbol: str, as_of: str) -> dict[str, object]:
    rows = plain.bars(folder, symbol).loc[:as_of]
    share = 100 * pd.Series(talib.ATR(rows["high"], rows["low"], rows["close"], 14), rows.index) / rows["close"]
    known = share.dropna()
    inside = known.between(1.5, 2.5)
    return {
        "session": str(rows.index[-1].date()), "atr_pct": share.iloc[-1], "atr_pct_band_share_pct": 100 * inside.mean(),
        "n_sessions": len(known),
    }  # fmt: skip


def close_to(expected: dict[str, Any]) -> dict[str, Any]:
    return {
        key: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
        for key, value in expected.items()
    }


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("as_of", ["2023-06-30", "2024-07-17", "2022-06-16", "2020-03-23", "2008-10-10"])
def test_recomputed_in_pandas(shared_data: Path, as_of: str) -> None:
    made = apex.context("IWM", data=shared_data, as_of=as_of).to_dict()
    for found, expected in (
        (made["rates"]["conviction_link"], conviction_again(shared_data, as_of)),
        (made["growth"]["cycle_link"], cycle_again(shared_data, as_of)),
        (made["events"]["spike_link"], beside_again(shared_data, as_of)),
        (made["events"]["spike_breakout_link"], after_again(shared_data, as_of, "spike_at_breakout")),
        (made["events"]["dip_link"], after_again(shared_data, as_of, "rsi_dip_entered")),
        *((made["relative"]["atr"][name], atr_again(shared_data, name, as_of)) for name in ("IWM", "QQQ")),
    ):
        assert found == close_to(expected)
    expected_states = regimes_again(shared_data, as_of)
    assert made["regime"]["lead_after"] == {name: close_to(one) for name, one in expected_states.items()}
