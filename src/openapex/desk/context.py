"""What surrounds a ticker: relative strength, rates, credit, growth, breadth, regime and events, on one session."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from openapex.context.holdings import Sectors, newest_list_day, sector_weights
from openapex.context.lines import Line, context_lines
from openapex.context.macro import BREADTH_SERIES, SERIES, Known
from openapex.context.profile import profile, profile_names
from openapex.context.weather import REPLACED, Weather
from openapex.desk.analysis import MACRO_TABLE, DataNote, Warn, macro_advice
from openapex.desk.days import day
from openapex.desk.fingerprint import fingerprint
from openapex.desk.gathering import Columns, gathered
from openapex.desk.material import Gathered
from openapex.desk.plain import plain
from openapex.desk.prepared import companions, data_note, prepared
from openapex.desk.surroundings import RECENT, macro_known, stored_universe, surroundings
from openapex.errors import BadInput
from openapex.sources.holdings import fund_words, read_holdings


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was not there, what it leaves unknown, and how to get it."""

    name: str
    title: str
    how: str


@dataclass(frozen=True, slots=True)
class ContextReport:
    """The weather around one ticker, with the data behind it.

    Parameters
    ----------
    symbol : str
        As asked.
    as_of : date
        Knowledge cut-off; the last bar's session when none was asked.
    simulated : bool
        True when the data is the simulated market.
    weather : Weather
        Every number, by topic.
    sectors : Sectors or None
        Sector weights of the fund, from a list of holdings dated by `as_of`; None when there is none.
    lines : tuple of Line
        One line a topic, as `analyze` shows it.
    missing : tuple of Missing
        What was not there and how to get it.
    data : DataNote
        Source, version, span and warnings of the symbol's bars; the version covers everything used.
    macro_sources : tuple of str
        Where the macro series came from.
    """

    symbol: str
    as_of: date
    simulated: bool
    weather: Weather
    sectors: Sectors | None
    lines: tuple[Line, ...]
    missing: tuple[Missing, ...]
    data: DataNote
    macro_sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types with the keys of docs/context.md; unknown numbers are None, dates ISO text."""
        w = self.weather
        beta = {"beta": plain(w.beta), "sensitivities": plain(w.sensitivities)}
        return {
            "symbol": self.symbol,
            "as_of": self.as_of.isoformat(),
            "session": w.session.isoformat(),
            "simulated": self.simulated,
            "profile": plain(w.profile) | {"sectors": plain(self.sectors)},
            "relative": plain(w.relative),
            "rates": plain(w.rates) | beta | {"conviction_link": plain(w.links.conviction)},
            "credit": plain(w.credit),
            "growth": plain(w.growth) | {"cycle_link": plain(w.links.cycle)},
            "breadth": plain(w.breadth),
            "regime": plain(w.regime) | {"lead_after": plain(w.links.regimes)},
            "events": plain(w.events.events)
            | {"driver": w.events.driver, "driver_reason": w.events.driver_reason}
            | {"spike_link": plain(w.links.spike), "spike_breakout_link": plain(w.links.spike_breakout)}
            | {"dip_link": plain(w.links.dip)},
            "lines": plain(self.lines),
            "data": plain(self.data)
            | {
                "macro_sources": list(self.macro_sources),
                "macro": {one.series: _known(one) for one in w.known},
                "missing": plain(self.missing),
            },
        }

    def _repr_html_(self) -> str:
        from openapex.desk.html import context_as_html

        return context_as_html(self)


def _known(one: Known) -> dict[str, Any]:
    shown: dict[str, Any] = plain(one)
    del shown["series"]
    return shown


def context(
    symbol: "str | Columns",
    *,
    data: "str | Path | Columns | None" = None,
    source: str | None = None,
    as_of: "date | str | None" = None,
    holdings: "str | Path | None" = None,
    offline: bool = False,
    provisional: bool = False,
    now: datetime | None = None,
) -> ContextReport:
    """Return what surrounds one ticker: why it moves, and in which weather.

    Parameters
    ----------
    symbol : str, or a Polars or pandas frame
        Whose weather.
    data : path or frame, optional
        A CSV or Parquet file, or a folder of tables: bars, macro series, market breadth, a fund's holdings.
    source : {"files", "yahoo", "demo"}, optional
        Where to look; by default the store, refreshed from Yahoo when stale.
    as_of : date or ISO text, optional
        Knowledge cut-off: bars up to it, macro values published by it.
    holdings : path, optional
        The fund's list of holdings (iShares CSV), for its sectors.
    offline : bool, default False
        Never ask the network.
    provisional : bool, default False
        Use a last bar that has not settled.
    now : datetime with time zone, optional
        The present moment, for tests; by default the clock.

    Raises
    ------
    NoData
        If nothing is known of the symbol.
    BadInput
        If an argument breaks its rule or the data cannot be understood.

    Notes
    -----
    Known at the close of the last bar.  Without macro data it still works: `missing` names what is not there.

    Examples
    --------
    >>> report = context("IWM", source="demo", as_of="2024-12-31")
    >>> report.simulated, report.weather.session.isoformat(), [line.topic for line in report.lines][:3]
    (True, '2024-12-31', ['relative', 'rates', 'credit'])
    """
    now, cut = now or datetime.now(UTC), day(as_of)
    found = gathered(symbol, data, source, as_of=cut, offline=offline, now=now, reach="far")
    ready = prepared(found.asked, cut, provisional=provisional, now=now)
    name, bars = found.asked.symbol, ready.bars
    others = companions(found.others, ready.session, now, recent=RECENT)
    macro = macro_known(found.macro, ready.session, cut)
    version = found.asked.version
    universe = stored_universe(ready.session, now, version) if version is not None else None
    weather = surroundings(name, bars, others, macro, universe=universe)
    listed = _listed(holdings, data, name, cut or ready.session)
    sectors = sector_weights(listed, name, cut or ready.session) if listed is not None else None
    note = data_note(ready)
    if listed is not None and listed.height and sectors is None:
        note = replace(note, warnings=(*note.warnings, _too_late(listed, cut or ready.session)))
    return ContextReport(
        symbol=name,
        as_of=cut or ready.session,
        simulated=found.asked.simulated,
        weather=weather,
        sectors=sectors,
        lines=context_lines(weather),
        missing=_missing(weather, found),
        data=replace(note, version=found.asked.version or fingerprint(bars, others, macro.frame, listed)),
        macro_sources=found.macro_sources,
    )


def _listed(
    holdings: "str | Path | None", data: "str | Path | Columns | None", fund: str, session: date
) -> pl.DataFrame | None:
    """Return the named list of holdings, or the fund's newest known by that session in a folder of tables."""
    if holdings is not None:
        file = Path(holdings).expanduser()
        if not file.is_file():
            raise BadInput(f"holdings is {str(holdings)!r}, must be an existing CSV of the fund's holdings")
        _refuse_other_fund(file, fund)
        return read_holdings(file, fund)
    if not isinstance(data, str | Path) or not Path(data).expanduser().is_dir():
        return None
    from openapex.sources.files import FilesSource

    return FilesSource(data).holdings(fund, end=newest_list_day(session))


def _refuse_other_fund(file: Path, fund: str) -> None:
    """Refuse a list whose name, or whose first line, is that of another fund we know."""
    words, known = fund_words(file), {name: profile(name) for name in profile_names()}
    funds = {one for about in known.values() for one in (about.symbol, *about.companions)} - {"default"}
    others = sorted(words & funds)
    if fund.upper() not in words and others:
        raise BadInput(f"holdings {file.name} are of {others[0]}, must be of {fund}")
    with file.open("rb") as lines:
        first = lines.readline(200).decode("utf-8", "replace").strip('\ufeff\r\n",')
    of = next((name for name, about in known.items() if name != "default" and about.title == first), fund.upper())
    if of != fund.upper():
        raise BadInput(f"holdings {file.name} are of {of} ({first}), must be of {fund}")


def _too_late(listed: pl.DataFrame, day: date) -> Warn:
    return Warn("holdings", None, f"list of holdings of {listed['as_of'].min()!s} was not known on {day}: not used")


def _missing(weather: Weather, found: Gathered) -> tuple[Missing, ...]:
    is_store, proxies = found.asked.version is not None, weather.profile.proxies
    by_symbol = "apex fetch SYMBOL" if is_store else "add their bars to the data"
    by_series = macro_advice(is_stored=is_store)
    symbols = []
    for name in weather.missing_symbols:
        title, held = proxies.get(name, ""), found.others.get(name)
        last = held.bars.filter(pl.col("session") <= weather.session)["session"].max() if held else None
        title = f"{title}; its bars end on {last!s}".removeprefix("; ") if last else title
        symbols.append(Missing(name, title, by_symbol))
    by_table = "apex import TABLE of date, series, value" if is_store else MACRO_TABLE
    series = {name: SERIES[name].title for name in weather.missing_series}
    series |= {
        one.series: f"{one.title}; its values end on {one.reference_date}"
        for one in weather.known
        if one.is_stale and (one.series not in REPLACED or one.series in weather.missing_series)
    }
    return (
        *symbols,
        *(Missing(name, title, by_table if name in BREADTH_SERIES else by_series) for name, title in series.items()),
    )
