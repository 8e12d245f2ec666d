"""An analysis as a self-contained piece of HTML, for notebooks."""

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openapex.context.lines import Line
    from openapex.desk.analysis import Analysis, ScoredSignal
    from openapex.desk.context import ContextReport

COLOURS = {"BUY": "#0a7d33", "HOLD": "#8a6d00", "SELL": "#b3261e", None: "#666"}
SHOWN_STATS = (
    "last", "change_pct", "ret_1m_pct", "ret_ytd_pct", "ret_1y_pct", "atr_pct", "realised_volatility_20_pct",
    "position_52w_pct", "relative_volume", "beta_spy", "distance_sma_50_pct", "distance_sma_200_pct", "support",
    "resistance",
)  # fmt: skip


def as_html(analysis: "Analysis") -> str:
    """Return the report as HTML without scripts or outside resources; every text is escaped."""
    from openapex.desk.analysis import shown_warnings, stat_label, stat_text, warning_text

    verdict = analysis.verdict or "NO VERDICT"
    score = "n/a" if math.isnan(analysis.score) else f"{analysis.score:.1f}"
    simulated = "<strong style='color:#b3261e'>SIMULATED</strong> " if analysis.simulated else ""
    stats = "".join(
        f"<span style='margin-right:1.2em'>{escape(stat_label(name))} "
        f"<b>{escape(stat_text(name, analysis.key_stats[name]))}</b></span>"
        for name in SHOWN_STATS
    )
    rows = "".join(_row(part) for part in analysis.signals)
    data, place = analysis.data, analysis.standing
    flags = [word for word, is_set in (("STALE", data.stale), ("PROVISIONAL", data.provisional)) if is_set]
    warnings = "".join(f"<li>{escape(warning_text(warning))}</li>" for warning in shown_warnings(data))
    history = (
        f"higher than {place.percentile:.0f} % of its own {place.n_sessions:,} sessions; BUY stood on "
        f"{place.buy.share:.1%} of them, SELL on {place.sell.share:.1%}"
        if analysis.verdict
        else "too few signals are known for a verdict"
    )
    return (
        f"<div style='font-family:system-ui,sans-serif;max-width:60em'><h3>{simulated}{escape(analysis.symbol)} "
        f"<span style='color:{COLOURS[analysis.verdict]}'>{verdict} {score}</span> "
        f"<small>{analysis.session.isoformat()}, coverage {analysis.coverage:.0%} <b>{' '.join(flags)}</b></small></h3>"
        f"<p>{history}</p>"
        f"<table><tr><th>Signal</th><th>Score</th><th></th><th>Weight</th><th>Points</th><th>Why</th></tr>{rows}"
        f"</table>{lines_html(analysis.context)}<p>{stats}</p>"
        f"<p><small>{simulated}{escape(data.source)} · {escape(data.version)} · {data.n_bars:,} "
        f"bars {data.first} to {data.last} · {len(data.warnings)} data warnings</small></p>"
        f"<ul>{warnings}</ul></div>"
    )


def lines_html(lines: "Sequence[Line]") -> str:
    """Return one row a topic of what surrounds the symbol; nothing for no lines."""
    rows = "".join(
        f"<tr><td>{escape(line.title)}</td><td><b>{escape(line.state or '')}</b></td>"
        f"<td style='text-align:right'>{'' if math.isnan(line.percentile) else f'{line.percentile:.0f}'}</td>"
        f"<td>{line.known_at or ''}</td>"
        f"<td style='text-align:left'>{escape(line.sentence)}</td></tr>"
        for line in lines
    )
    return (
        f"<table><tr><th>Context</th><th>State</th><th>Pctile</th><th>Known</th><th>Why</th></tr>{rows}</table>"
        if rows
        else ""
    )


def context_as_html(report: "ContextReport") -> str:
    """Return the weather as HTML without scripts or outside resources; every text is escaped."""
    weather, data = report.weather, report.data
    simulated = "<strong style='color:#b3261e'>SIMULATED</strong> " if report.simulated else ""
    missing = ", ".join(one.name for one in report.missing)
    absent = f"<p>not in this data: {escape(missing)}</p>" if missing else ""
    return (
        f"<div style='font-family:system-ui,sans-serif;max-width:60em'><h3>{simulated}{escape(report.symbol)} "
        f"<small>{escape(weather.profile.title)}, {weather.session.isoformat()}</small></h3>"
        f"<p>{escape(weather.profile.summary)}</p>{lines_html(report.lines)}{_pairs_html(report)}{absent}<p><small>{simulated}"
        f"{escape(data.source)} · {escape(data.version)} · {data.n_bars:,} bars {data.first} to {data.last}</small></p>"
        "</div>"
    )


def _pairs_html(report: "ContextReport") -> str:
    """Return one row a pair of relative strength; nothing without pairs."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{pair.relative_20_pct:+.1f} pp</td><td>{pair.relative_20_percentile:.0f}</td>"
        f"<td>{pair.slope_pct:+.2f} %</td></tr>".replace("+nan pp", "n/a")
        .replace("nan", "n/a")
        .replace("+n/a %", "n/a")
        for name, pair in report.weather.relative.pairs.items()
    )
    heads = "<th>Pair</th><th>20 sessions</th><th>Pctile</th><th>Slope a session</th>"
    return f"<table><tr>{heads}</tr>{rows}</table>" if rows else ""


def _row(part: "ScoredSignal") -> str:
    score = part.opinion.score
    if math.isnan(score):
        return f"<tr><td>{escape(part.title)}</td><td>n/a</td><td></td><td></td><td></td>{_why(part)}</tr>"
    bar = f"<meter min='0' max='100' value='{score:.1f}'></meter>"
    return (
        f"<tr><td>{escape(part.title)}</td><td style='text-align:right'>{score:.0f}</td><td>{bar}</td>"
        f"<td style='text-align:right'>{part.weight:.0%}</td>"
        f"<td style='text-align:right'>{part.contribution:+.1f}</td>{_why(part)}</tr>"
    )


def _why(part: "ScoredSignal") -> str:
    return f"<td style='text-align:left'>{escape(part.opinion.reason)}</td>"
