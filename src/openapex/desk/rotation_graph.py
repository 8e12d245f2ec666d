"""The rotation graph: symbols as tails that move through four quadrants, drawn as SVG."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from openapex.context.rotation import TAIL

if TYPE_CHECKING:
    from openapex.context.rotation import TailPoint
    from openapex.desk.rotation import RotationReport

SIZE, LEFT, TOP, RIGHT = 520, 64, 44, 64
LEAST_SPAN = 0.5
QUADRANTS = {
    "leading": ("#e8f5e9", 1, 0), "weakening": ("#fff8e1", 1, 1),
    "lagging": ("#fdecea", 0, 1), "improving": ("#e3f2fd", 0, 0),
}  # fmt: skip
COLOURS = ("#1b7837", "#b2182b", "#2166ac", "#e08214", "#762a83", "#01665e", "#8c510a", "#c51b7d", "#4d4d4d", "#35978f")


def rotation_svg(report: "RotationReport") -> str:
    """Return the graph of a report: RS-Ratio to the right, RS-Momentum up, the newest point as a dot with its name."""
    known = {row.symbol: [point for point in row.tail if _is_known(point)] for row in report.rows}
    points = [point for tail in known.values() for point in tail]
    span = max([LEAST_SPAN, *(max(abs(p.rs_ratio - 100), abs(p.rs_momentum - 100)) for p in points)]) * 1.1
    body = "".join((*_frame(report, span), *_tails(known, span), *_note(known)))
    width, height = LEFT + SIZE + RIGHT, TOP + SIZE + 48
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui,sans-serif" font-size="13">{body}</svg>'
    )


def _is_known(point: "TailPoint") -> bool:
    return math.isfinite(point.rs_ratio) and math.isfinite(point.rs_momentum)


def _frame(report: "RotationReport", span: float) -> Iterator[str]:
    half = SIZE / 2
    for name, (colour, column, row) in QUADRANTS.items():
        x, y = LEFT + column * half, TOP + row * half
        yield f'<rect x="{x}" y="{y}" width="{half}" height="{half}" fill="{colour}"/>'
        end = column * (half - 16)  # in the outer corner, where tails seldom are
        side = "end" if column else "start"
        at = y + (half - 8 if row else 18)
        yield f'<text x="{x + 8 + end}" y="{at}" text-anchor="{side}" fill="#666">{name}</text>'
    rows = "closed weeks" if report.weekly else "sessions"
    word = "SIMULATED " if report.simulated else ""
    span_words = "weeks" if report.weekly else "sessions"
    title = f"{word}Rotation against {report.benchmark}, {rows}, {report.rows_session.isoformat()}"
    yield f"<title>{escape(title)}</title>"
    yield f'<text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>'
    yield f'<text x="{LEFT}" y="36" fill="#444">large dot is newest; tail of {TAIL} {span_words}</text>'
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        value = f"{100 + share * span:.1f}"
        at = half * (1 + share)
        yield f'<text x="{LEFT + at}" y="{TOP + SIZE + 18}" text-anchor="middle" fill="#444">{value}</text>'
        yield f'<text x="{LEFT - 6}" y="{TOP + SIZE - at + 4}" text-anchor="end" fill="#444">{value}</text>'
    yield f'<text x="{LEFT + half}" y="{TOP + SIZE + 38}" text-anchor="middle">RS-Ratio</text>'
    x, y = 14, TOP + half
    yield f'<text x="{x}" y="{y}" text-anchor="middle" transform="rotate(-90 {x} {y})">RS-Momentum</text>'


def _tails(known: "dict[str, list[TailPoint]]", span: float) -> Iterator[str]:
    for i, (symbol, tail) in enumerate(known.items()):
        colour = COLOURS[i % len(COLOURS)]
        if not tail:
            continue
        places = [_place(point, span) for point in tail]
        yield f'<polyline points="{_points(places)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in places[:-1])
        x, y = places[-1]
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'
        yield f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}" font-weight="bold">{escape(symbol)}</text>'


def _note(known: "dict[str, list[TailPoint]]") -> Iterator[str]:
    """Name the symbols that have too few common rows for a place."""
    names = ", ".join(symbol for symbol, tail in known.items() if not tail)
    if names:
        yield f'<text x="{LEFT + 8}" y="{TOP + SIZE - 28}" fill="#666">no place yet: {escape(names)}</text>'


def _place(point: "TailPoint", span: float) -> tuple[float, float]:
    half = SIZE / 2
    return LEFT + half * (1 + (point.rs_ratio - 100) / span), TOP + half * (1 - (point.rs_momentum - 100) / span)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
