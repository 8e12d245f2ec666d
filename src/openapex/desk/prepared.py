"""Material made ready: cut at what was known, adjusted, examined; the same way for the score and for the context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

import numpy as np
import polars as pl

from openapex.adjust import adjusted
from openapex.bars import Bars
from openapex.desk.analysis import DataNote, Warn
from openapex.desk.fingerprint import fingerprint
from openapex.desk.material import Material
from openapex.errors import NoData
from openapex.quality import RULES, Examined, examined
from openapex.quality.usable import usable
from openapex.sessions import calendar_of, close_times, is_session, known_span
from openapex.sources.columns import no_adjusted_close
from openapex.sources.source import HEADLINE_SCHEMA

RECENT_BARS = 400
"""Bars of a companion of which only the last year matters: more than a beta or the quality rules look back on."""

MAX_AGE_DAYS = 7
"""Days for which a companion's last bar stands beside the symbol's."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One symbol's bars as they may be used, and what was found on the way."""

    material: Material
    bars: Bars
    looked: Examined
    action_warnings: tuple[str, ...]

    @property
    def session(self) -> date:
        """The bar everything stands on."""
        return self.bars.sessions[-1].item()  # type: ignore[no-any-return]


def prepared(material: Material, as_of: date | None, *, provisional: bool, now: datetime) -> Prepared:
    """Return the usable bars of a symbol at `as_of`.

    Raises
    ------
    NoData
        If none is left.
    """
    looked, action_warnings = _examined(material, as_of, now)
    bars = _usable(looked.kept, provisional)
    if not len(bars):
        raise NoData(_empty_reason(material, as_of))
    return Prepared(material, bars, looked, action_warnings)


def companions(
    others: Mapping[str, Material], session: date, now: datetime, *, recent: Sequence[str] = ()
) -> dict[str, Bars]:
    """Return the usable bars of other symbols up to `session`; of those in `recent` the last `RECENT_BARS`.

    A symbol without a usable bar in the last `MAX_AGE_DAYS` days is left out: its last value is not today's.
    """

    def one(name: str) -> Bars:
        material = others[name]
        if name in recent:
            rows = material.bars.filter(pl.col("session") <= session).sort("session").tail(RECENT_BARS)
            material = replace(material, bars=rows)
        bars, actions = (frame.filter(pl.col("session") <= session) for frame in (material.bars, material.actions))
        levels, _ = adjusted(bars, actions, material.basis)
        kept = usable(levels, actions, calendar=calendar_of(material.symbol), now=now, as_of=session)
        return _usable(kept, provisional=False)

    made = {name: one(name) for name in others}
    oldest = np.datetime64(session, "D") - MAX_AGE_DAYS
    return {name: bars for name, bars in made.items() if len(bars) and bars.sessions[-1] >= oldest}


def _examined(material: Material, as_of: date | None, now: datetime) -> tuple[Examined, tuple[str, ...]]:
    bars, actions = material.bars, material.actions
    if as_of is not None:
        bars, actions = (frame.filter(pl.col("session") <= as_of) for frame in (bars, actions))
    if material.simulated and as_of is None:  # the simulated market has ended: its last day is its present
        as_of = bars["session"].max()  # type: ignore[assignment]
    levels, warnings = adjusted(bars, actions, material.basis)
    return examined(levels, actions, calendar=calendar_of(material.symbol), now=now, as_of=as_of), warnings


def _usable(kept: pl.DataFrame, provisional: bool) -> Bars:
    frame = kept if provisional else kept.filter(~pl.col("provisional"))
    if _lacks_adjusted_close(frame):
        frame = frame.with_columns(adj_close="close")
    return Bars.from_frame(frame)


def _lacks_adjusted_close(frame: pl.DataFrame) -> bool:
    return frame.height > 0 and frame["adj_close"].null_count() == frame.height


def _empty_reason(material: Material, as_of: date | None) -> str:
    first = material.bars["session"].min()
    when = f" at or before {as_of}" if as_of else ""
    since = f"; its first bar is {first!s}" if first is not None else ""
    return f"{material.symbol} has no usable bar{when} in {material.source}{since}"


def known_by(
    material: Material, session: date, as_of: date | None, now: datetime
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Cut news and facts at the knowledge date; what came after the last close but before it counts on the last bar."""
    if material.headlines.is_empty() and material.facts.is_empty():
        return None, None
    close = _close(session, material.symbol) or datetime.combine(session, time(), UTC)
    moment = now
    if as_of is not None:
        moment = _close(as_of, material.symbol) or datetime.combine(as_of, time.max, UTC)
    headlines = material.headlines.filter(pl.col("published_at") <= moment).with_columns(
        pl.min_horizontal("published_at", pl.lit(close, dtype=HEADLINE_SCHEMA["published_at"]))
    )
    facts = material.facts.filter(pl.col("known_at") <= moment.date()).with_columns(
        pl.min_horizontal("known_at", pl.lit(session))
    )
    return headlines, facts


def _close(day: date, symbol: str) -> datetime | None:
    """Return the close of a session, None where no known calendar has that day as one (crypto, far years)."""
    calendar = calendar_of(symbol)
    if calendar is None:
        return None
    first, last = known_span(calendar)
    if not first <= day <= last or not is_session(day, calendar):
        return None
    moment: datetime = close_times(np.array([day], dtype="datetime64[D]"), calendar)[0].item()
    return moment.replace(tzinfo=UTC)


def data_note(ready: Prepared) -> DataNote:
    """Return where the numbers come from, with every finding."""
    material, bars, looked = ready.material, ready.bars, ready.looked
    warnings = [_warn(text) for text in material.warnings if text != no_adjusted_close(material.bars)]
    warnings += [Warn("action", None, text) for text in ready.action_warnings]
    if _lacks_adjusted_close(looked.kept):
        warnings.append(Warn("no_adjusted_close", None, "no adjusted close: returns leave out dividends"))
    warnings += [Warn(found.rule, found.session, found.message) for found in looked.findings]
    return DataNote(
        source=material.source,
        version=material.version or fingerprint(bars),
        first=bars.sessions[0].item(),
        last=bars.sessions[-1].item(),
        n_bars=len(bars),
        n_quarantined=looked.quarantined.height,
        provisional=bool(bars.provisional[-1]),
        stale=any(found.rule == "stale" for found in looked.findings),
        warnings=tuple(warnings),
    )


def _warn(text: str) -> Warn:
    """Return a source's sentence under its rule, where it begins with one."""
    rule, _, sentence = text.partition(": ")
    return Warn(rule, None, sentence) if rule in RULES else Warn("source", None, text)
