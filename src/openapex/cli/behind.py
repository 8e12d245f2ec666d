"""The numbers behind the lines, as tables: rates, credit, growth, the lead of small caps, breadth, the events asked."""

import math
from collections.abc import Iterator
from datetime import date

from rich.table import Table
from rich.text import Text

from openapex.cli.lines import STATE_COLOURS, number, plain_table, rank_or_unknown
from openapex.context.links import ANY
from openapex.context.weather import Weather

Row = tuple[str, str, float, float, Text | str]
"""Words, value in its form, σ, percentile, and the state or what stands in its place; NaN shows nothing."""
NOTHING = math.nan


def numbers_table(weather: Weather) -> Table:
    """Return what each topic measures, with its place in its history, and since when its state stands."""
    right = ("Value", "σ", "Pctile")
    table = plain_table("Topic", "Number", *right, "State", right=right, wraps=("Number", "State"))
    for topic, rows in (
        ("Rates", _rates(weather)), ("Credit", _credit(weather)), ("Growth", _growth(weather)),
        ("Breadth", _breadth(weather)),
    ):  # fmt: skip
        for at, (words, value, sigmas, rank, state) in enumerate(rows):
            table.add_row(
                topic if at == 0 else "", words, value, "" if math.isnan(sigmas) else f"{sigmas:+.1f}",
                "" if math.isnan(rank) else rank_or_unknown(rank), state,
            )  # fmt: skip
    return table


def _rates(weather: Weather) -> Iterator[Row]:
    rates = weather.rates
    change = number(rates.two_year_change_20_pct, "+.2f", " pp")
    state = _standing(weather, rates.state, rates.state_since, rates.last_confirmed)
    sigmas, rank = rates.two_year_change_20_sigmas, rates.two_year_change_20_percentile
    yield "2-year, change in 20 publications", change, sigmas, rank, state
    conviction = number(rates.conviction_pct, "+.2f", " pp")
    expects = f"{rates.expects} expected" if rates.expects else ""
    yield "2-year minus policy rate", conviction, NOTHING, rates.conviction_percentile, expects
    moved = number(rates.policy_change_91d_pct, "+.2f", " pp")
    yield (
        f"policy rate ({rates.policy_series or 'none'}), change in 91 days",
        moved,
        NOTHING,
        NOTHING,
        rates.stance or "",
    )


def _credit(weather: Weather) -> Iterator[Row]:
    credit = weather.credit
    state = _standing(weather, credit.state, credit.state_since, credit.last_confirmed)
    yield "high-yield spread", number(credit.spread_pct, ".2f", " %"), NOTHING, credit.spread_percentile, state
    change = number(credit.spread_change_20_pct, "+.2f", " pp")
    yield "its change in 20 publications", change, credit.spread_change_20_sigmas, NOTHING, ""
    yield "VIX", number(credit.vix, ".1f"), NOTHING, credit.vix_percentile, ""
    yield "HYG less IEF, 20 sessions", number(credit.hyg_ief_20_pct, "+.1f", " pp"), NOTHING, NOTHING, ""


def _growth(weather: Weather) -> Iterator[Row]:
    growth = weather.growth
    votes = "n/a" if growth.balance is None else f"{growth.balance:+d} of {growth.n_votes}"
    state = _standing(weather, growth.state, growth.state_since, weather.session)
    yield "votes, ups less downs", votes, NOTHING, NOTHING, state


def _breadth(weather: Weather) -> Iterator[Row]:
    breadth = weather.breadth
    state = _standing(weather, breadth.state, breadth.state_since, breadth.last_confirmed or weather.session)
    lead, rank = number(breadth.relative_20_pct, "+.1f", " pp"), breadth.relative_20_percentile
    yield "IWM less QQQ, 20 sessions", lead, breadth.relative_20_sigmas, rank, state
    yield "lead that confirms a state", number(breadth.threshold_pct, ".1f", " pp"), 1.0, NOTHING, ""
    yield "last change of leadership", str(breadth.last_leadership_change or "none"), NOTHING, NOTHING, ""


def _standing(weather: Weather, state: str | None, since: date | None, confirmed: date | None) -> Text | str:
    """Return a state with its first session, and the last that confirmed it where that is not today's."""
    if state is None:
        return Text("unknown", "dim")
    text = Text(state, STATE_COLOURS.get(state, "")).append(f" since {since}", "dim")
    return text if confirmed in (None, weather.session) else text.append(f", last confirmed {confirmed}", "dim")


def breadth_table(weather: Weather) -> Table:
    """Return one row a set of stocks or issues: shares above their means, advances, new extremes; "" is not counted."""
    right = ("n", "> 50-day", "> 200-day", "Up", "Down", "Balance", "New highs", "New lows")
    table = plain_table("Of", *right, right=right)
    for one in weather.breadth.counts:
        whole = (one.n_stocks, one.advancers, one.decliners, one.new_highs, one.new_lows)
        n, up, down, highs, lows = ("" if count is None else f"{count:,}" for count in whole)
        shares = (one.share_above_50_pct, one.share_above_200_pct)
        above_50, above_200 = ("" if math.isnan(share) else f"{share:.0f} %" for share in shares)
        balance = "" if math.isnan(one.advance_decline_pct) else f"{one.advance_decline_pct:+.0f} %"
        table.add_row(one.universe, n, above_50, above_200, up, down, balance, highs, lows)
    return table


def page_table(weather: Weather) -> Table:
    """Return what the page claims, as far as it was so in the past: the number, what to hold it against, and n."""
    right = ("Number", "n")
    table = plain_table("In the past", "Number", "Beside", "n", right=right, wraps=("In the past", "Beside"))
    for row in (*_links(weather), *_sizes(weather)):
        table.add_row(*row)
    return table


def _links(weather: Weather) -> Iterator[tuple[str, str, str, str]]:
    links, benchmark = weather.links, weather.profile.benchmark
    conviction, cycle, spike = links.conviction, links.cycle, links.spike
    words = f"{weather.symbol}/{benchmark} ratio with rate-cut conviction, correlation"
    yield words, number(conviction.correlation, "+.2f"), f"{conviction.n:,} overlap", f"{conviction.n_independent:,}"
    beside = f"{benchmark} {number(cycle.benchmark, '+.2f')}"
    yield "RSI with CFNAI, correlation by month", number(cycle.symbol, "+.2f"), beside, f"{cycle.n:,}"
    words = f"volume spikes beside a {' or '.join(spike.beside) or 'rotation or policy'} day"
    yield words, number(spike.share_pct, ".0f", " %"), f"any {number(spike.base_pct, '.0f', ' %')}", f"{spike.n:,}"
    for what, after in (("spikes at breakouts", links.spike_breakout), ("RSI dips", links.dip)):
        words, mean = f"20 sessions after {what}, against {benchmark}", number(after.mean_pct, "+.1f", " pp")
        yield words, mean, f"any {number(after.base_pct, '+.1f', ' pp')}", f"{after.n:,}"


def _sizes(weather: Weather) -> Iterator[tuple[str, str, str, str]]:
    for name, size in weather.relative.atr.items():
        inside = f"in 1.5–2.5 % on {number(size.atr_pct_band_share_pct, '.0f', ' %')} of days"
        yield (
            f"ATR of {name} in percent of its price",
            number(size.atr_pct, ".2f", " %"),
            inside,
            f"{size.n_sessions:,}",
        )


def leads_table(weather: Weather) -> Table:
    """Return what followed the sessions in each regime; nothing where none is known."""
    right = ("Mean", "n", "without overlap")
    table = plain_table("State", *right, right=right)
    for name, after in weather.links.regimes.items() if weather.links.regimes[ANY].n else ():
        colour = Text(name, STATE_COLOURS.get(name, ""))
        table.add_row(colour, number(after.mean_pct, "+.2f", " pp"), f"{after.n:,}", f"{after.n_independent:,}")
    return table


def definitions_table(weather: Weather) -> Table:
    """Return what each event asks, and what drives a dip today."""
    table = plain_table("Event", "Definition", wraps=("Event", "Definition"))
    for event in weather.events.events.values():
        table.add_row(f"{event.title} ", event.definition)  # a space that stays where the table is too wide
    table.add_row("Driver of a dip ", weather.events.driver_reason)
    return table
