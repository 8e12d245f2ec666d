"""The weather as sentences: one line a topic, each built from its numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from openapex.context.causal import NAN
from openapex.context.relative import Relative
from openapex.context.weather import Weather

SHORT_DAYS = 3653
"""A history of spreads under ten years is told: its percentile may know no crisis."""


@dataclass(frozen=True, slots=True)
class Line:
    """One topic in one line.

    Parameters
    ----------
    topic : str
        One of `openapex.context.profile.TOPICS`, or "events".
    title : str
        What the screen calls it.
    value : float
        Its main number in `unit`; NaN is unknown.
    unit : str
        "pp" percentage points, "%", "votes", "sessions".
    percentile : float
        Of the main number in its own history, 0–100; NaN is unknown or not defined.
    state : str or None
        Its state; None is unknown.
    known_at : date or None
        Day the newest number in it became known.
    sentence : str
        Built from the numbers.
    """

    topic: str
    title: str
    value: float
    unit: str
    percentile: float
    state: str | None
    known_at: date | None
    sentence: str


def context_lines(weather: Weather) -> tuple[Line, ...]:
    """Return the lines in the order of the symbol's profile, events last."""
    return tuple(_MAKERS[topic](weather) for topic in (*weather.profile.topics, "events"))


def _relative(weather: Weather) -> Line:
    profile = weather.profile
    pair = weather.relative.pairs.get(f"{profile.symbol}/{profile.benchmark}")
    title = f"vs {profile.benchmark}"
    if pair is None or math.isnan(pair.relative_20_pct):
        few = f"fewer than 21 sessions in common with {profile.benchmark}"
        return _unknown("relative", title, "pp", few if pair else f"{profile.benchmark} is missing or too old")
    lead = pair.relative_20_pct
    state = "AHEAD" if lead > 0 else "BEHIND" if lead < 0 else "LEVEL"
    text = f"{_pp(lead)} against {profile.benchmark} in 20 sessions"
    rival = weather.relative.pairs.get(f"{profile.symbol}/{profile.rival}")
    if rival is not None and not math.isnan(rival.relative_20_pct):
        text += f", {_pp(rival.relative_20_pct)} against {profile.rival}"
    way = "rising" if pair.slope_pct > 0 else "falling"
    text += f"; ratio {way} {abs(pair.slope_pct):.2f} % a session{_extreme(pair)}"
    return Line("relative", title, lead, "pp", pair.relative_20_percentile, state, pair.session, text)


def _extreme(pair: Relative) -> str:
    if pair.is_high_252:
        return ", a 252-session high"
    return ", a 252-session low" if pair.is_low_252 else ""


def _rates(weather: Weather) -> Line:
    rates = weather.rates
    if math.isnan(rates.two_year_change_20_pct):
        return _unknown("rates", "Rates", "pp", "the 2-year yield (DGS2) is missing or too old")
    text = f"2-year {rates.two_year_pct:.2f} %, {_pp(rates.two_year_change_20_pct, 2)} in 20 sessions"
    if math.isnan(rates.conviction_pct):
        text += "; policy rate unknown"
    else:
        side = "under" if rates.conviction_pct < 0 else "over"
        text += f", {abs(rates.conviction_pct):.2f} pp {side} policy{_of_month(weather)}: {_EXPECTED[rates.expects]}"
        text += f"; Fed {rates.stance}" if rates.stance else ""
    beta = weather.beta.relative
    if beta is not None:
        text += (
            f"; {weather.symbol} less {weather.profile.benchmark} {beta.beta:+.1f} % per pp of it "
            f"({beta.low:+.1f} to {beta.high:+.1f}, n {beta.n})"
        )
    rank, change = rates.two_year_change_20_percentile, rates.two_year_change_20_pct
    return Line("rates", "Rates", change, "pp", rank, rates.state, rates.known_at, text)


def _of_month(weather: Weather) -> str:
    """Return which month a monthly policy rate is about: a cut within the month is not in it yet."""
    month = next((one.reference_date for one in weather.known if one.series == "FEDFUNDS"), None)
    return f" ({month:%b} mean)" if month and weather.rates.policy_series == "FEDFUNDS" else ""


_EXPECTED = {"cuts": "cuts expected", "hikes": "hikes expected", "no change": "no change expected", None: "?"}


def _credit(weather: Weather) -> Line:
    credit = weather.credit
    if math.isnan(credit.spread_pct):
        return _unknown("credit", "Credit", "%", "the high-yield spread (BAMLH0A0HYM2) is missing or too old")
    parts = [f"high-yield spread {credit.spread_pct:.2f} %, {_pp(credit.spread_change_20_pct, 2)} in 20 sessions"]
    if credit.history_since is not None and (weather.session - credit.history_since).days < SHORT_DAYS:
        parts.append(f"its history begins in {credit.history_since:%Y}")
    if not math.isnan(credit.vix):
        parts.append(f"VIX {credit.vix:.1f}")
    if not math.isnan(credit.hyg_ief_20_pct):
        parts.append(f"HYG {_pp(credit.hyg_ief_20_pct)} against IEF")
    rank, text = credit.spread_percentile, "; ".join(parts)
    return Line("credit", "Credit", credit.spread_pct, "%", rank, credit.state, credit.known_at, text)


def _growth(weather: Weather) -> Line:
    growth = weather.growth
    words: Mapping[int, str] = {1: "up", -1: "down", 0: "flat"}
    told = (
        ("cfnai", f"CFNAI 3-month {_signed(growth.cfnai_ma3)} ({_signed(growth.cfnai_ma3_change)})"),
        ("claims", f"claims {growth.claims_4w / 1000:,.0f} K ({_signed(growth.claims_change_13w_pct, 1)} %)"),
        ("payrolls", f"payrolls {_signed(growth.payrolls_3m, 0)} K ({_signed(growth.payrolls_change_3m, 0)} K)"),
    )
    parts = [f"{text} {words[vote]}" for name, text in told if (vote := growth.votes[name]) is not None]
    if not parts:
        return _unknown("growth", "Growth", "votes", "CFNAI, ICSA and PAYEMS are missing or too old")
    text = f"{', '.join(parts)}, each against 3 months before"
    balance = NAN if growth.balance is None else float(growth.balance)
    return Line("growth", "Growth", balance, "votes", NAN, growth.state, growth.known_at, text)


def _breadth(weather: Weather) -> Line:
    breadth = weather.breadth
    if math.isnan(breadth.relative_20_pct):
        return _unknown("breadth", "Breadth", "pp", "IWM and QQQ are needed, with 21 common sessions")
    lead = breadth.relative_20_pct
    text = f"IWM {'leads' if lead >= 0 else 'trails'} QQQ by {abs(lead):.1f} pp in 20 sessions"
    text += ", dramatic" if breadth.is_dramatic else ""
    if breadth.state in ("BROAD", "NARROW"):
        text += f"; {breadth.state} since {breadth.state_since}"
        if breadth.last_confirmed not in (None, breadth.session):
            text += f", last confirmed {breadth.last_confirmed} ({breadth.threshold_pct:.1f} pp would)"
    if not math.isnan(breadth.share_above_200_pct):
        text += f"; {breadth.share_above_200_pct:.0f} % of {breadth.universe} above their 200-day mean"
    return Line("breadth", "Breadth", lead, "pp", NAN, breadth.state, breadth.session, text)


def _regime(weather: Weather) -> Line:
    regime = weather.regime
    if regime.state is None:
        unknown = [name for name, state in regime.parts.items() if state is None]
        return _unknown("regime", "Regime", "sessions", f"it needs {' and '.join(unknown)}")
    parts = ", ".join(f"{name} {state or 'unknown'}" for name, state in regime.parts.items())
    usual = regime.median_dwell.get(regime.state, NAN)
    text = f"for {_sessions(regime.n_sessions)}{'' if math.isnan(usual) else f' (typically {usual:.0f})'}: {parts}"
    text += f"; on {regime.share[regime.state]:.0f} % of sessions"
    return Line("regime", "Regime", float(regime.n_sessions), "sessions", NAN, regime.state, weather.session, text)


def _events(weather: Weather) -> Line:
    events = weather.events.events
    now = [event for event in events.values() if event.is_now]
    text = ", ".join(f"{event.title} (on {event.share_pct:.1f} % of sessions)" for event in now) or "none today"
    if any(event.name.startswith("rsi_dip") for event in now) and weather.events.driver:
        text += f"; driven by {weather.events.driver}"
    return Line("events", "Events", float(len(now)), "events", NAN, None, weather.session, text)


def _unknown(topic: str, title: str, unit: str, why: str) -> Line:
    return Line(topic, title, NAN, unit, NAN, None, None, f"unknown: {why}")


def _pp(value: float, decimals: int = 1) -> str:
    return f"{value:+.{decimals}f} pp"


def _signed(value: float, decimals: int = 2) -> str:
    return f"{value:+,.{decimals}f}"


def _sessions(n: float) -> str:
    return f"{n:,.0f} session{'' if round(n) == 1 else 's'}"


_MAKERS: Mapping[str, Callable[[Weather], Line]] = {
    "relative": _relative, "rates": _rates, "credit": _credit, "growth": _growth, "breadth": _breadth,
    "regime": _regime, "events": _events,
}  # fmt: skip
