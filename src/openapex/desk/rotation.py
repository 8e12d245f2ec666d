"""Relative rotation: where several tickers stand against a benchmark, and which way they turn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openapex.context.rotation import Rotation
from openapex.context.rotation import rotation as rotated
from openapex.desk.days import day
from openapex.desk.gathering import Columns, gathered_each
from openapex.desk.material import Gathered
from openapex.desk.plain import plain
from openapex.desk.prepared import companions, prepared
from openapex.errors import BadInput, NoData
from openapex.sessions import calendar_of


@dataclass(frozen=True, slots=True)
class RotationReport:
    """Symbols against a benchmark on one session, strongest first; `missing` names those without data."""

    benchmark: str
    as_of: date
    session: date
    weekly: bool
    simulated: bool
    rows: tuple[Rotation, ...]
    missing: tuple[str, ...]
    how: str = field(default="", metadata={"internal": True})
    """How to get what is missing."""

    @property
    def rows_session(self) -> date:
        """The session the rows stand on: of closed weeks the last one of the newest."""
        return max((row.session for row in self.rows if row.session), default=self.session)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        shown: dict[str, Any] = plain(self)
        return shown

    def svg(self) -> str:
        """Return the rotation graph as a self-contained SVG picture."""
        from openapex.desk.rotation_graph import rotation_svg

        return rotation_svg(self)

    def _repr_html_(self) -> str:
        return self.svg()


def rotation(
    symbols: Sequence[str],
    *,
    benchmark: str = "SPY",
    weekly: bool = False,
    data: "str | Path | Columns | None" = None,
    source: str | None = None,
    as_of: "date | str | None" = None,
    offline: bool = False,
    now: datetime | None = None,
) -> RotationReport:
    """Return the relative rotation of some tickers against a benchmark.

    Parameters
    ----------
    symbols : sequence of str
        Tickers, at least one.
    benchmark : str, default "SPY"
        What they are measured against.
    weekly : bool, default False
        Rows are closed weeks instead of sessions.
    data, source, as_of, offline, now
        As in `openapex.analyze`.

    Raises
    ------
    NoData
        If the benchmark or all of the symbols have no bars.
    BadInput
        If no symbol but the benchmark is named, or an argument breaks its rule.

    Examples
    --------
    >>> report = rotation(["IWM", "QQQ"], source="demo", as_of="2024-12-31")
    >>> sorted(row.symbol for row in report.rows), report.rows[0].quadrant is not None
    (['IWM', 'QQQ'], True)
    """
    now, cut = now or datetime.now(UTC), day(as_of)
    if isinstance(symbols, str):
        raise BadInput(f"symbols is {symbols!r}, must be a list of tickers such as [{symbols!r}]")
    if hasattr(symbols, "columns"):
        raise BadInput(f"symbols is a {type(symbols).__name__}, must be a list of tickers; a frame is given as data")
    if isinstance(data, str | Path) and not str(data):
        raise BadInput("data is '', must be a path to a file or folder")
    asked = [name for name in dict.fromkeys(symbols) if name.upper() != benchmark.upper()]
    if not asked:
        raise BadInput(f"symbols is {list(symbols)}, must name at least one besides the benchmark {benchmark}")
    spelled = list(dict.fromkeys([*(name.upper() for name in asked), *asked]))  # a file may spell them as written
    found = gathered_each(benchmark.upper(), spelled, data, source, as_of=cut, offline=offline, now=now)
    names = list(dict.fromkeys(name.upper() if name.upper() in found.others else name for name in asked))
    names = [name if name in found.others else name.upper() for name in names]
    against = prepared(found.asked, cut, provisional=False, now=now)
    others = {name: found.others[name] for name in names if name in found.others}
    held = companions(others, against.session, now)
    if not held:
        raise NoData(f"none of {', '.join(names)} has bars in {found.asked.source}; {_how(found, names)}")
    rows = [rotated(bars, against.bars, weekly=weekly, calendar=calendar_of(name)) for name, bars in held.items()]
    return RotationReport(
        benchmark=found.asked.symbol,
        as_of=cut or against.session,
        session=against.session,
        weekly=weekly,
        simulated=found.asked.simulated,
        rows=tuple(sorted(rows, key=_strength, reverse=True)),
        missing=(absent := tuple(name for name in names if name not in held)),
        how=_how(found, absent),
    )


def _how(found: Gathered, names: Sequence[str]) -> str:
    """Return how to get bars of symbols: the store can be filled, a file or frame must hold them."""
    if found.asked.version is not None:
        return f"try: apex fetch {' '.join(names)}"
    return "the simulated market has no others" if found.asked.simulated else "add their bars to the data"


def _strength(row: Rotation) -> float:
    return row.rs_ratio if row.rs_ratio == row.rs_ratio else float("-inf")
