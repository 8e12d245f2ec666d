"""All of a symbol's weather on one session: relative strength, rates, credit, growth, breadth, regime, events."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from openapex.bars import Bars, FloatArray, SessionArray
from openapex.context.atr_band import AtrBand, atr_band
from openapex.context.breadth import Breadth, breadth
from openapex.context.credit import Credit, credit
from openapex.context.events import PageEvents, page_events
from openapex.context.growth import Growth, activity_by_month, growth
from openapex.context.links import Links, after_link, conviction_link, cycle_link, leads_after, spike_link
from openapex.context.macro import SERIES, Known, Macro
from openapex.context.profile import CREDIT_PAIR, LARGE, SMALL, Profile, missing_companions
from openapex.context.rate_beta import RateBeta, Sensitivity, rate_beta, sensitivities
from openapex.context.rates import Rates, rates, target_series
from openapex.context.regime import Regime, regime
from openapex.context.relative import Relative, relative_strength
from openapex.context.rotation import Rotation, rotation
from openapex.context.universe import Universe
from openapex.indicators.rsi import RSI
from openapex.indicators.step import interpreted
from openapex.sessions import calendar_of

MARKET = "SPY"
"""Sector funds and rate sensitivities are measured against it on every page, its own too."""


@dataclass(frozen=True, slots=True)
class RelativeStrength:
    """Pairs by name ("IWM/SPY"), rotation against the benchmark by symbol, and the ATR of the symbol and its rival."""

    pairs: Mapping[str, Relative]
    rotation: Mapping[str, Mapping[str, Rotation]]
    atr: Mapping[str, AtrBand]


@dataclass(frozen=True, slots=True)
class RateSensitivity:
    """The symbol's rate beta, of its return less the benchmark's and of its own."""

    relative: RateBeta | None
    own: RateBeta | None


@dataclass(frozen=True, slots=True)
class Weather:
    """What surrounds one symbol, known at the close of `session`.

    `known` lists the newest value of every macro series used, `missing` the symbols and series that were not there.
    """

    symbol: str
    session: date
    profile: Profile
    relative: RelativeStrength
    rates: Rates
    beta: RateSensitivity
    sensitivities: tuple[Sensitivity, ...]
    credit: Credit
    growth: Growth
    breadth: Breadth
    regime: Regime
    events: PageEvents
    links: Links
    known: tuple[Known, ...]
    missing_symbols: tuple[str, ...]
    missing_series: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """Indicators of the symbol's bars that somebody has computed already; None computes them anew."""

    rsi: FloatArray | None = field(default=None, compare=False)
    relative_volume: FloatArray | None = field(default=None, compare=False)


REPLACED = frozenset({"DFEDTAR", "DFEDTARU", "FEDFUNDS", "DFF", "S5TH", "MMTH", "ADV", "DECL", "MAHN", "MALN"})
"""Series for which another stands in, or that only count in pairs; named where something is unknown without them."""


def weather(
    bars: Bars,
    others: Mapping[str, Bars],
    macro: Macro,
    profile: Profile,
    *,
    universe: Universe | None = None,
    computed: Computed | None = None,
    thorough: bool = True,
) -> Weather:
    """Return the weather around one symbol on its last session.

    Parameters
    ----------
    bars : Bars
        The symbol's own, at least one bar, cut at the session.
    others : mapping of symbol to Bars
        Its companions (`Profile.companions`), cut at the session; absent ones are named in `missing_symbols`.
    macro : Macro
        What was known by then.
    profile : Profile
        What to compare the symbol with.
    universe : Universe, optional
        Shares counted over stocks; otherwise the breadth series stand in.
    computed : Computed, optional
        RSI and relative volume of `bars`.
    thorough : bool, default True
        False leaves out rotation, ATR and the table of sensitivities, as one line a topic needs no more.

    Notes
    -----
    Everything is known at the close of the last bar; cutting the inputs there changes nothing.
    """
    symbol, sessions = profile.symbol, bars.sessions
    held = {**others, symbol: bars}
    rate_weather = rates(macro, sessions)
    pair = (held[CREDIT_PAIR[0]], held[CREDIT_PAIR[1]]) if set(CREDIT_PAIR) <= set(held) else None
    credit_weather, growth_weather = credit(macro, sessions, pair), growth(macro, sessions)
    lead = breadth(held.get(SMALL), held.get(LARGE), macro, sessions, universe)
    benchmark = held.get(profile.benchmark)
    around = (rate_weather, credit_weather, growth_weather, lead)
    made = computed or Computed()
    rsi = interpreted(RSI, [bars.close])[0] if made.rsi is None else made.rsi
    happened = _events(bars, benchmark, macro, replace(made, rsi=rsi), around)
    winds = regime(rate_weather.states, credit_weather.states, lead.states, growth_weather.states)
    return Weather(
        symbol=symbol,
        session=sessions[-1].item(),
        profile=profile,
        relative=_relative(held, profile, thorough),
        rates=rate_weather,
        beta=RateSensitivity(
            rate_beta(bars, benchmark, macro) if benchmark else None, rate_beta(bars, None, macro, with_history=False)
        ),
        sensitivities=_sensitivities(held, profile, macro) if thorough else (),
        credit=credit_weather,
        growth=growth_weather,
        breadth=lead,
        regime=winds,
        events=happened,
        links=Links(
            conviction=conviction_link(bars, benchmark, rate_weather.conviction),
            cycle=cycle_link(bars, rsi, benchmark, activity_by_month(macro)),
            spike=spike_link(happened),
            spike_breakout=after_link(bars, benchmark, happened, "spike_at_breakout"),
            dip=after_link(bars, benchmark, happened, "rsi_dip_entered"),
            regimes=leads_after(bars, benchmark, winds.states),
        ),
        known=macro.known(SERIES, sessions),
        missing_symbols=missing_companions(profile, others),
        missing_series=_missing_series(macro, sessions, lead, rate_weather, happened),
    )


def _relative(held: Mapping[str, Bars], profile: Profile, thorough: bool) -> RelativeStrength:
    symbol, benchmark, rival = profile.symbol, profile.benchmark, profile.rival
    wanted = [
        (symbol, benchmark),
        (symbol, rival),
        (benchmark, rival),
        *((name, MARKET) for name in profile.proxies),
    ]
    pairs = {f"{a}/{b}": relative_strength(held[a], held[b]) for a, b in wanted if a in held and b in held}
    turning: dict[str, dict[str, Rotation]] = {"daily": {}, "weekly": {}}
    against = dict.fromkeys((symbol, rival), benchmark) | dict.fromkeys(profile.proxies, MARKET)
    for name, other in against.items() if thorough else ():
        if name in held and other in held:
            for span, is_weekly in (("daily", False), ("weekly", True)):
                turned = rotation(held[name], held[other], weekly=is_weekly, calendar=calendar_of(symbol))
                turning[span][name] = turned
    sizes = {name: atr_band(held[name]) for name in (symbol, rival) if thorough and name in held}
    return RelativeStrength(pairs, turning, sizes)


def _sensitivities(held: Mapping[str, Bars], profile: Profile, macro: Macro) -> tuple[Sensitivity, ...]:
    names = dict.fromkeys((profile.symbol, *profile.indices))
    return sensitivities({name: held[name] for name in names if name in held}, MARKET, macro)


def _events(
    bars: Bars,
    benchmark: Bars | None,
    macro: Macro,
    computed: Computed,
    around: tuple[Rates, Credit, Growth, Breadth],
) -> PageEvents:
    rate_weather, credit_weather, growth_weather, lead = around
    return page_events(
        bars, benchmark, rates=rate_weather, credit=credit_weather, growth=growth_weather, breadth=lead, macro=macro,
        rsi=computed.rsi, relative_volume=computed.relative_volume,
    )  # fmt: skip


def _missing_series(
    macro: Macro, sessions: SessionArray, lead: Breadth, rate_weather: Rates, happened: PageEvents
) -> tuple[str, ...]:
    """Return the series that are not there, and of those that stand in for each other the best where it is unknown."""
    target = target_series(macro, sessions)
    unknown = {
        target: happened["policy_day"].is_now is None and macro.standing(target, sessions) is None,
        "DFF": math.isnan(rate_weather.policy_pct),
        "S5TH": math.isnan(lead.share_above_200_pct),
    }
    for pair, value in ((("ADV", "DECL"), lead.advancers), (("MAHN", "MALN"), lead.new_highs)):
        ended = [name for name in pair if macro.standing(name, sessions) is None] or pair
        unknown |= {name: value is None and name in ended for name in pair}
    return tuple(name for name in SERIES if unknown.get(name, name not in REPLACED and name not in macro))
