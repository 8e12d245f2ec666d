"""The weather as sentences: one line a topic, each built from its numbers."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from openapex.context.breadth import Breadth
from openapex.context.causal import NAN
from openapex.context.events import PageEvent
from openapex.context.links import AfterLink
from openapex.context.relative import Relative
from openapex.context.weather import Weather

SHORT_DAYS = 3653
"""A history of spreads under ten years is told: its percentile may know no crisis."""
LEVEL_PP = 0.05
"""A lead that is shown as 0.0 is none."""
RARE = 5.0
"""A percentile this near to 0 or 100 is told in words."""


@dataclass(frozen=True, slots=True)
class Line:
    """One topic in one line.

    Parameters
    ----------
    topic : str
        One of `openapex.context.profile.TOPICS`, "links" or "events".
    title : str
        What the screen calls it.
    value : float
        Its main number in `unit`; NaN is unknown.
    unit : str
        "pp" percentage points, "%", "votes", "sessions", "correlation", "events".
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
    return tuple(_MAKERS[topic](weather) for topic in (*weather.profile.topics, "links", "events"))


def _relative(weather: Weather) -> Line:
    profile = weather.profile
    pair = weather.relative.pairs.get(f"{profile.symbol}/{profile.benchmark}")
    title = f"vs {profile.benchmark}"
    if pair is None or math.isnan(pair.relative_20_pct):
        few = f"fewer than 21 sessions in common with {profile.benchmark}"
        return _unknown("relative", title, "pp", few if pair else f"{profile.benchmark} is missing or too old")
    lead = pair.relative_20_pct
    state = "LEVEL" if abs(lead) < LEVEL_PP else "AHEAD" if lead > 0 else "BEHIND"
    text = f"{_pp(lead)} against {profile.benchmark} in 20 sessions"
    rival = weather.relative.pairs.get(f"{profile.symbol}/{profile.rival}")
    if rival is not None and not math.isnan(rival.relative_20_pct):
        text += f", {_pp(rival.relative_20_pct)} against {profile.rival}"
    text += f"; {_trend(pair)}ratio {pair.slope_pct:+.2f} % a session{_extreme(pair)}"
    return Line("relative", title, lead, "pp", pair.relative_20_percentile, state, pair.session, text)


def _trend(pair: Relative) -> str:
    """Return a word of warning where the lead and the slope, as they are shown, have other signs."""
    lead, slope = round(pair.relative_20_pct, 1), round(pair.slope_pct, 2)
    return f"but its trend {'falls' if slope < 0 else 'rises'}: " if lead * slope < 0 else ""


def _extreme(pair: Relative) -> str:
    if pair.is_high_252:
        return ", a 252-session high"
    return ", a 252-session low" if pair.is_low_252 else ""


def _rates(weather: Weather) -> Line:
    rates = weather.rates
    if math.isnan(rates.two_year_change_20_pct):
        return _unknown("rates", "Rates", "pp", "the 2-year yield (DGS2) is missing or too old")
    text = f"2-year {rates.two_year_pct:.2f} %, {_pp(rates.two_year_change_20_pct, 2)} in 20 publications"
    if math.isnan(rates.conviction_pct):
        text += "; policy rate unknown"
    else:
        side = "under" if rates.conviction_pct < 0 else "over"
        text += f", {abs(rates.conviction_pct):.2f} pp {side} policy: {_EXPECTED[rates.expects]}"
        text += f"; Fed {rates.stance}{_of_month(weather)}" if rates.stance else ""
    beta = weather.beta.relative
    if beta is not None:
        text += (
            f"; {weather.symbol} less {weather.profile.benchmark} {beta.beta:+.1f} % per pp of it "
            f"({beta.low:+.1f} to {beta.high:+.1f}, n {beta.n}{_rarity(beta.percentile)})"
        )
    rank, change = rates.two_year_change_20_percentile, rates.two_year_change_20_pct
    return Line("rates", "Rates", change, "pp", rank, rates.state, rates.known_at, text)


def _rarity(rank: float) -> str:
    """Return in words how far out a number stands in its own history, nothing where it is not or that is unknown."""
    if rank <= RARE:
        return f", lower than on {min(100.0 - rank, 99.9):.3g} % of days"
    return f", higher than on {min(rank, 99.9):.3g} % of days" if rank >= 100.0 - RARE else ""


def _of_month(weather: Weather) -> str:
    """Return which month a monthly policy rate is about: a cut within the month is not in it yet."""
    month = next((one.reference_date for one in weather.known if one.series == "FEDFUNDS"), None)
    return f" ({month:%b} mean)" if month and weather.rates.policy_series == "FEDFUNDS" else ""


_EXPECTED = {"cuts": "cuts expected", "hikes": "hikes expected", "no change": "no change expected", None: "?"}


def _credit(weather: Weather) -> Line:
    credit = weather.credit
    if math.isnan(credit.spread_pct):
        return _unknown("credit", "Credit", "%", "the high-yield spread (BAMLH0A0HYM2) is missing or too old")
    parts = [f"high-yield spread {credit.spread_pct:.2f} %, {_pp(credit.spread_change_20_pct, 2)} in 20 publications"]
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
    words: Mapping[int, str] = {1: "better", -1: "worse", 0: "flat"}
    told = (
        ("cfnai", f"CFNAI 3-month {_signed(growth.cfnai_ma3)} ({_signed(growth.cfnai_ma3_change)})"),
        ("claims", f"claims {growth.claims_4w / 1000:,.0f} K ({_signed(growth.claims_change_13w_pct, 1)} %)"),
        (
            "payrolls",
            f"payrolls 3-month mean {_signed(growth.payrolls_3m, 0)} K ({_signed(growth.payrolls_change_3m, 0)} K)",
        ),
    )
    parts = [f"{text}: {words[vote]}" for name, text in told if (vote := growth.votes[name]) is not None]
    if not parts:
        return _unknown("growth", "Growth", "votes", "CFNAI, ICSA and PAYEMS are missing or too old")
    text = f"{', '.join(parts)}; each against 3 months before"
    balance = NAN if growth.balance is None else float(growth.balance)
    return Line("growth", "Growth", balance, "votes", NAN, growth.state, growth.known_at, text)


def _breadth(weather: Weather) -> Line:
    breadth = weather.breadth
    if math.isnan(breadth.relative_20_pct):
        return _unknown("breadth", "Breadth", "pp", "IWM and QQQ are needed, with 21 common sessions")
    lead = breadth.relative_20_pct
    text = f"IWM {'leads' if lead >= 0 else 'trails'} QQQ by {abs(lead):.1f} pp in 20 sessions"
    text += ", dramatic" if breadth.is_dramatic else ""
    text += _standing(breadth)
    if breadth.told is not None:
        text += f"; {breadth.told.share_above_200_pct:.0f} % of {breadth.told.universe} above their 200-day mean"
    rank = breadth.relative_20_percentile
    return Line("breadth", "Breadth", lead, "pp", rank, breadth.state, breadth.session, text)


def _standing(breadth: Breadth) -> str:
    """Return since when the state stands, and where nothing confirms it today, what would end it."""
    if breadth.state not in ("BROAD", "NARROW"):
        return ""
    if breadth.last_confirmed in (None, breadth.session):
        return f"; {breadth.state} since {breadth.state_since}"
    is_ahead = breadth.relative_20_pct >= 0
    would = "confirm" if is_ahead == (breadth.state == "BROAD") else "end"
    return (
        f", less than the {breadth.threshold_pct:.1f} pp that would {would} {breadth.state} "
        f"(since {breadth.state_since}, last confirmed {breadth.last_confirmed})"
    )


def _regime(weather: Weather) -> Line:
    regime = weather.regime
    if regime.state is None:
        unknown = [name for name, state in regime.parts.items() if state is None]
        return _unknown("regime", "Regime", "sessions", f"it needs {' and '.join(unknown)}")
    parts = ", ".join(f"{name} {state or 'unknown'}" for name, state in regime.parts.items())
    usual = regime.median_dwell.get(regime.state, NAN)
    typical = "" if math.isnan(usual) else f"typically {usual:.0f}; "
    share = f"{regime.share[regime.state]:.0f} % of {_sessions(regime.n_known)}"
    text = f"for {_sessions(regime.n_sessions)} ({typical}{share}): {parts}"
    return Line("regime", "Regime", float(regime.n_sessions), "sessions", NAN, regime.state, weather.session, text)


def _links(weather: Weather) -> Line:
    """Return what the page says belongs together, each part that is known."""
    conviction, cycle, benchmark = weather.links.conviction, weather.links.cycle, weather.profile.benchmark
    spike, breakout = weather.links.spike, weather.links.spike_breakout
    days = f"{' or '.join(spike.beside)} day"
    other = "" if math.isnan(cycle.benchmark) else f", {benchmark} {_signed(cycle.benchmark)}"
    told = (
        (
            conviction.correlation,
            f"{weather.symbol}/{benchmark} ratio with rate-cut conviction {_signed(conviction.correlation)} "
            f"(n {conviction.n_independent})",
        ),
        (cycle.symbol, f"RSI with CFNAI {_signed(cycle.symbol)}{other} (n {cycle.n})"),
        (
            spike.share_pct,
            f"{spike.share_pct:.0f} % of spikes beside a {days} (any day {spike.base_pct:.0f} %, n {spike.n})",
        ),
        (breakout.mean_pct, f"20 sessions after breakout spikes {_after(breakout)}"),
    )
    parts = [text for value, text in told if not math.isnan(value)]
    if not parts:
        return _unknown(
            "links", "Page", "correlation", "it needs the benchmark, a policy rate, CFNAI and a longer history"
        )
    text, value = "; ".join(parts), conviction.correlation
    return Line("links", "Page", value, "correlation", NAN, None, weather.session, text)


def _after(link: AfterLink) -> str:
    return f"{_pp(link.mean_pct)} (any {_signed(link.base_pct, 1)}, n {link.n})"


def _events(weather: Weather) -> Line:
    events = weather.events.events
    now = {name: event for name, event in events.items() if event.is_now}
    told = list(_told(now))
    text = ", ".join(told) or "none today"
    driver, dips = weather.events.driver, weather.links.dip
    if "rsi_dip" in now and driver:
        text += f"; driver {driver}" if driver == "undecided" else f"; driven by {driver}"
    if "rsi_dip" in now and not math.isnan(dips.mean_pct):
        text += f"; 20 sessions after such dips {_after(dips)}"
    return Line("events", "Events", float(len(told)), "events", NAN, None, weather.session, text)


def _told(now: Mapping[str, PageEvent]) -> Iterator[str]:
    """Return each event of today with its number, those that say the same once."""
    for name, event in now.items():
        if _TOLD_BY.get(name) in now:
            continue
        title = event.title
        if name == "rsi_dip":
            title += f" {event.values['rsi']:.1f}{', entered today' if 'rsi_dip_entered' in now else ''}"
        elif name == "volume_spike":
            title = f"volume {event.values['relative_volume']:.1f}× its 20-day mean"
        yield f"{title} (on {event.share_pct:.1f} % of sessions)"


_TOLD_BY = {"rsi_dip_entered": "rsi_dip", "volume_spike_in_band": "volume_spike"}


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
    "regime": _regime, "links": _links, "events": _events,
}  # fmt: skip
