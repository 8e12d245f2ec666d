"""The weather as text: one line a topic, and on request the tables behind it."""

import math
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from openapex.cli.behind import breadth_table, definitions_table, leads_table, numbers_table, page_table
from openapex.cli.lines import (
    STATE_COLOURS,
    Fitting,
    legend,
    lines_table,
    number,
    plain_table,
    rank_or_unknown,
    warning_lines,
)
from openapex.context.macro import Known
from openapex.context.rate_beta import RateBeta
from openapex.context.rotation import Rotation
from openapex.context.weather import MARKET
from openapex.desk.context import ContextReport
from openapex.desk.rotation import RotationReport

MACRO_FORMS = {
    "%": "{:.2f} %", "claims a week": "{:,.0f} K", "thousand jobs": "{:,.0f} K", "issues": "{:,.0f}", "σ": "{:+.2f} σ",
}  # fmt: skip
QUADRANT_COLOURS = {"leading": "green", "weakening": "yellow", "lagging": "red", "improving": "cyan", None: "dim"}


def print_context(report: ContextReport, console: Console) -> None:
    """Write the whole weather to `console`."""
    parts: list[RenderableType] = [
        _headline(report),
        Text(),
        lines_table(report.lines, report.weather.session),
        legend(),
    ]
    for title, table in _tables(report):
        if table.row_count:
            parts += [Text(), Text(title, "bold"), Fitting(table)]
    console.print(Group(*parts, Text(), *_footer(report)))


def print_rotation(report: RotationReport, console: Console) -> None:
    """Write the rotation of some symbols to `console`."""
    text = Text()
    if report.simulated:
        text.append(" SIMULATED ", "bold white on red").append("  ")
    rows = "closed weeks" if report.weekly else "sessions"
    text.append(f"Rotation against {report.benchmark}, {rows}, ", "bold")
    text.append(f"{'the last on' if report.weekly else 'close of'} {report.rows_session:%a %Y-%m-%d}")
    console.print(Group(text, Text(), Fitting(rotation_table(report.rows))))
    if report.missing:
        console.print(Text(f"\n  ! no bars: {', '.join(report.missing)}", "yellow").append(f"  [{report.how}]", "dim"))


def _headline(report: ContextReport) -> Text:
    profile = report.weather.profile
    text = Text()
    if report.simulated:
        text.append(" SIMULATED ", "bold white on red").append("  ")
    text.append(f"{report.symbol}  ", "bold")
    if profile.name != "default":
        text.append(f"{profile.title}  ")
    text.append(
        f"close of {report.weather.session:%a %Y-%m-%d}   against {profile.benchmark} and {profile.rival}", "dim"
    )
    if report.data.stale:
        text.append("   STALE", "bold red")
    return text.append(f"\n{profile.summary}", "dim")


def _tables(report: ContextReport) -> Iterable[tuple[str, Table]]:
    weather = report.weather
    yield "Numbers behind the lines", numbers_table(weather)
    yield "Breadth by what is counted", breadth_table(weather)
    yield "Relative strength", _relative(report)
    is_other = weather.profile.benchmark != MARKET and bool(weather.profile.proxies)
    sectors = f", sectors against {MARKET}" if is_other else ""
    for span, words in (("daily", "daily (63 sessions)"), ("weekly", "weekly (26 closed weeks")):
        rows = weather.relative.rotation[span].values()
        week = f", the last on {_last(rows)})" if span == "weekly" else ""
        yield f"Rotation, {words}{week} against {weather.profile.benchmark}{sectors}", rotation_table(rows)
    yield "Rate sensitivity: % a percentage point of the 2-year, same day, 95 % interval", _sensitivities(report)
    yield "What the page says belongs together", page_table(weather)
    yield "Events of the page", _events(report)
    yield "What the events ask", definitions_table(weather)
    yield "Regime", _regimes(report)
    yield f"Mean return against {weather.profile.benchmark} in the 20 sessions after each regime", leads_table(weather)
    yield "Macro series", _macro(report)
    if report.sectors is not None:
        yield f"Sectors of {report.sectors.fund}, list of {report.sectors.list_date}", _sectors(report)


def _last(rows: Iterable[Rotation]) -> str:
    return str(max((row.session for row in rows if row.session), default="n/a"))


def _relative(report: ContextReport) -> Table:
    numbers = ("Ratio", "20 sessions", "Pctile", "z", "Slope", "1 y pctile")
    table = plain_table("Pair", "", *numbers, "", right=numbers, wraps=("",))
    proxies = report.weather.profile.proxies
    for name, pair in report.weather.relative.pairs.items():
        table.add_row(
            name, proxies.get(pair.symbol, ""), number(pair.ratio, ".1f"),
            number(pair.relative_20_pct, "+.1f", " pp"), rank_or_unknown(pair.relative_20_percentile),
            number(pair.z_score, "+.1f"), number(pair.slope_pct, "+.2f", " %"), rank_or_unknown(pair.ratio_percentile),
            "252-session high" if pair.is_high_252 else "252-session low" if pair.is_low_252 else "",
        )  # fmt: skip
    return table


def rotation_table(rows: Iterable[Rotation]) -> Table:
    """Return one row a symbol: quadrant, both coordinates, and the way it came."""
    numbers = ("RS-Ratio", "RS-Momentum")
    table = plain_table("Symbol", "Quadrant", *numbers, "Tail, oldest first", right=numbers)
    for row in rows:
        colour = QUADRANT_COLOURS[row.quadrant]
        tail = Text(" ")
        for point in row.tail:
            tail.append(f"{(point.quadrant or '?')[:2]} ", QUADRANT_COLOURS[point.quadrant])
        table.add_row(
            row.symbol, Text(row.quadrant or "unknown", colour),
            number(row.rs_ratio, ".2f"), number(row.rs_momentum, ".2f"), tail,
        )  # fmt: skip
    return table


def _sensitivities(report: ContextReport) -> Table:
    weather = report.weather
    table = plain_table("Symbol", "Rank", "less SPY", "R²", "n", "own", "R²", "n", right=("R²", "n"))
    if all(row.own is None and row.relative is None for row in weather.sensitivities):
        return table
    for row in weather.sensitivities:
        table.add_row(row.symbol, row.rank or "", *_beta(row.relative), *_beta(row.own))
    for name in weather.missing_symbols:
        if name in weather.profile.indices:
            table.add_row(name, Text("missing", "dim"))
    return table


def _beta(beta: RateBeta | None) -> tuple[str, str, str]:
    if beta is None:
        return "", "", ""
    return f"{beta.beta:+.2f} ({beta.low:+.2f} to {beta.high:+.2f})", f"{beta.r_squared:.2f}", f"{beta.n}"


def _events(report: ContextReport) -> Table:
    numbers = ("Share", "n", "of sessions")
    table = plain_table("Event", "Today", "Last", *numbers, right=numbers, wraps=("Event",))
    for event in report.weather.events.events.values():
        now = "unknown" if event.is_now is None else "yes" if event.is_now else "no"
        table.add_row(
            event.title, Text(now, "bold" if event.is_now else "dim"), str(event.last or ""),
            number(event.share_pct, ".1f", " %"), f"{event.n:,}", f"{event.n_sessions:,}",
        )  # fmt: skip
    return table


def _regimes(report: ContextReport) -> Table:
    regime = report.weather.regime
    numbers = ("Share", "Typical spell")
    table = plain_table("State", "", *numbers, "Then", right=numbers, wraps=("Then",))
    if not regime.n_known:
        return table
    for name, share in regime.share.items():
        after = {pair.split(" → ")[1]: n for pair, n in regime.transitions.items() if pair.startswith(f"{name} → ")}
        then = ", ".join(f"{to} {n}×" for to, n in sorted(after.items(), key=lambda one: -one[1])[:3])
        dwell = regime.median_dwell.get(name, math.nan)
        table.add_row(
            Text(name, STATE_COLOURS.get(name, "")), f"now, since {regime.since}" if name == regime.state else "",
            f"{share:.0f} %", number(dwell, ".0f", " sessions"), then,
        )  # fmt: skip
    return table


def _macro(report: ContextReport) -> Table:
    table = plain_table("Series", "", "Value", "About", "Known", "Notes", right=("Value",), wraps=("", "Notes"))
    for one in report.weather.known:
        notes = [word for word, is_so in (("STALE", one.is_stale), ("may be revised", not one.as_published)) if is_so]
        if one.n_carried and one.series.startswith(("DGS", "T10", "BAML", "VIX", "DFF")):
            notes.append(f"carried on {one.n_carried} of 252 sessions")
        days = (str(one.reference_date), str(one.known_at))
        table.add_row(one.series, one.title, macro_value(one), *days, ", ".join(notes))
    return table


def macro_value(one: Known) -> str:
    """Return a value in its unit: a count without decimals, a yes or no as such."""
    if one.unit == "0/1":
        return "yes" if one.value else "no"
    form = MACRO_FORMS.get(one.unit, "{:,.2f}")
    return form.format(one.value / 1000 if one.unit == "claims a week" else one.value)


def _sectors(report: ContextReport) -> Table:
    table = plain_table("Sector", "Weight", "Holdings", right=("Weight", "Holdings"))
    assert report.sectors is not None
    for sector in (*report.sectors.sectors, *([report.sectors.cash] if report.sectors.cash else [])):
        table.add_row(sector.name, f"{sector.weight_pct:.1f} %", f"{sector.n_holdings:,}")
    return table


def _footer(report: ContextReport) -> Iterable[Text]:
    note = report.data
    text = Text("Data    ", "dim")
    if report.simulated:
        text.append("SIMULATED ", "bold red")
    sources = dict.fromkeys((note.source, *report.macro_sources))
    text.append(f"{', '.join(sources)} {note.version}, {note.n_bars:,} bars {note.first} – {note.last}")
    if note.stale:
        text.append("  STALE", "bold red")
    yield text
    yield from warning_lines(note)
    by_advice: dict[str, list[str]] = {}
    for one in report.missing:
        ended = one.title.partition(" end on ")[2]
        by_advice.setdefault(one.how, []).append(f"{one.name} (ends {ended})" if ended else one.name)
    for how, names in by_advice.items():
        how = how.replace("SYMBOL", " ".join(name.partition(" ")[0] for name in names))
        yield Text(f"  ! not in this data: {', '.join(names)}", "yellow").append(f"  [{how}]", "dim")
