"""An analysis as text that fits one screen: verdict first, eight rows with their reasons, key stats, data."""

import math
from collections.abc import Iterable, Mapping

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from openapex.cli.lines import is_macro_missing, legend, lines_table, warning_lines
from openapex.context.key_stats import KEY_STATS
from openapex.desk.analysis import Analysis, ScoredSignal, macro_advice, stat_label, stat_text

COLOURS = {"BUY": "bold green", "HOLD": "bold yellow", "SELL": "bold red", None: "bold"}
BAR_CELLS = 10
RETURN_SPANS = tuple((key, key.replace("ytd", "YTD")) for key in ["1w", "1m", "3m", "6m", "ytd", "1y", "3y", "5y"])


def print_report(analysis: Analysis, console: Console) -> None:
    """Write the report to `console`."""
    parts: list[RenderableType] = [_headline(analysis), Text(), _signals(analysis), Text()]
    if analysis.context:
        parts += [lines_table(analysis.context, analysis.session), legend(), *_advice(analysis), Text()]
    console.print(Group(*parts, _stats(analysis), Text()))
    console.print(Group(_data(analysis), *warning_lines(analysis.data)))


def _advice(analysis: Analysis) -> list[RenderableType]:
    """Return how to get the macro series, where they are missing."""
    if not is_macro_missing(analysis.context):
        return []
    how = macro_advice(is_stored=analysis.data.version.startswith("store@"))
    return [Text(f"  ! macro series are missing: {how}", "yellow")]


def _headline(analysis: Analysis) -> Text:
    text = Text()
    if analysis.simulated:
        text.append(" SIMULATED ", "bold white on red").append("  ")
    score = "n/a" if math.isnan(analysis.score) else f"{analysis.score:.1f}"
    text.append(f"{analysis.symbol}  ", "bold")
    text.append(f"{analysis.verdict or 'NO VERDICT'} {score}", COLOURS[analysis.verdict])
    text.append(" / 100", "dim")
    text.append(f"   close of {analysis.session:%a %Y-%m-%d}   coverage {analysis.coverage:.0%}")
    text.append(f"   model {analysis.model}", "dim")
    if analysis.data.stale:
        text.append("   STALE", "bold red")
    text.append("\n")
    return text.append(_standing(analysis), "dim")


def _standing(analysis: Analysis) -> str:
    place = analysis.standing
    if not place.n_sessions:
        return "No session of its history had enough signals for a verdict."
    if analysis.verdict is None:
        return "Too few signals are known for a verdict."
    return (
        f"Higher than {place.percentile:.0f} % of its own {place.n_sessions:,} sessions; "
        f"BUY stood on {place.buy.n_days:,} of them ({place.buy.share:.1%}), "
        f"SELL on {place.sell.n_days:,} ({place.sell.share:.1%})."
    )


def _signals(analysis: Analysis) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), expand=True, header_style="dim")
    table.add_column("Signal", no_wrap=True)
    table.add_column("Score", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("Weight", justify="right", no_wrap=True)
    table.add_column("Points", justify="right", no_wrap=True)
    table.add_column("Why", ratio=1)
    for part in analysis.signals:
        table.add_row(*_row(part))
    return table


def _row(part: ScoredSignal) -> tuple[Text, ...]:
    opinion = part.opinion
    if math.isnan(opinion.score):
        quiet = [Text(word, "dim") for word in (part.title, "·" * BAR_CELLS, "n/a", "–", "–", opinion.reason)]
        return tuple(quiet)
    colour = "green" if opinion.score >= 60 else "red" if opinion.score < 40 else "yellow"
    full = round(opinion.score / 100 * BAR_CELLS)
    gauge = Text("█" * full, colour).append("░" * (BAR_CELLS - full), "dim")
    points = Text(f"{part.contribution:+.1f}", "green" if part.contribution > 0 else "red")
    return Text(part.title), gauge, Text(f"{opinion.score:.0f}"), Text(f"{part.weight:.0%}"), points, _why(part)


def _why(part: ScoredSignal) -> Text:
    why = Text(part.opinion.reason)
    for event in part.opinion.events[:1]:
        why.append(f"  [{event.name.replace('_', ' ')} {event.session:%d %b}]", "cyan")
    return why


def _stats(analysis: Analysis) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, sentence in _stat_lines(analysis):
        table.add_row(label, sentence)
    return table


def _stat_lines(analysis: Analysis) -> Iterable[tuple[str, str]]:
    stats = analysis.key_stats

    def say(name: str) -> str:
        return stat_text(name, stats[name])

    yield (
        "Last",
        _joined(
            f"{say('last')} ({say('change_pct')})",
            f"52 weeks {say('low_52w')} – {say('high_52w')}, at {say('position_52w_pct')} of it",
            f"to SMA 50 {say('distance_sma_50_pct')}, SMA 200 {say('distance_sma_200_pct')}",
        ),
    )
    yield "Return", "  ".join(f"{label} {say(f'ret_{key}_pct')}" for key, label in RETURN_SPANS)
    yield "ATR", f"{say('atr')} = {say('atr_pct')} of price, {_band(analysis)}"
    yield (
        "Risk",
        _joined(
            f"volatility {say('realised_volatility_20_pct')} a year",
            f"drawdown {say('drawdown_pct')} (worst {say('max_drawdown_pct')})",
        ),
    )
    yield "Beta", _joined(*(_beta(stats, name) for name in ("spy", "qqq") if name.upper() != analysis.symbol))
    yield (
        "Volume",
        _joined(
            f"{say('relative_volume')} × the mean of the 20 bars before",
            f"20-bar average {say('average_volume_20')} shares, {say('average_dollar_volume_20')} turnover a day",
        ),
    )
    yield "Levels", _joined(*(_level(stats, name) for name in ("support", "resistance")))
    facts = [f"{stat_label(name)} {stat_text(name, value)}" for name, value in stats.items() if name not in KEY_STATS]
    if facts:
        yield "Facts", _joined(*facts)


def _level(stats: Mapping[str, float], name: str) -> str:
    if math.isnan(stats[name]):
        return f"no {name} among confirmed swings"
    return f"{name} {stats[name]:,.2f} ({100 * (stats[name] / stats['last'] - 1):+.1f} %)"


def _joined(*parts: str) -> str:
    return "   ".join(parts)


def _band(analysis: Analysis) -> str:
    stats = analysis.key_stats
    if math.isnan(stats["atr_pct"]):
        return "band unknown"
    inside = "inside" if stats["atr_pct_in_band"] else "outside"
    return (
        f"{inside} the page's 1.5–2.5 % band (inside on {stats['atr_pct_band_share_pct']:.0f} % of days), "
        f"above {stats['atr_pct_percentile']:.0f} % of its days"
    )


def _beta(stats: Mapping[str, float], name: str) -> str:
    beta, low, high = (stats[f"beta_{name}{end}"] for end in ("", "_low", "_high"))
    if math.isnan(beta):
        return f"{name.upper()} n/a (not in this data, or under 60 common sessions)"
    n, correlation = stats[f"n_sessions_{name}"], stats[f"correlation_{name}"]
    return f"{name.upper()} {beta:.2f} ({low:.2f}–{high:.2f}, n {n:.0f}), correlation {correlation:.2f}"


def _data(analysis: Analysis) -> Text:
    note = analysis.data
    text = Text("Data    ", "dim")
    if analysis.simulated:
        text.append("SIMULATED ", "bold red")
    sources = ", ".join(dict.fromkeys((note.source, *note.context_sources)))
    text.append(f"{sources} {note.version}, {note.n_bars:,} bars {note.first} – {note.last}")
    text.append(", last bar PROVISIONAL" if note.provisional else ", last bar settled")
    if note.stale:
        text.append("  STALE", "bold red")
    return text
