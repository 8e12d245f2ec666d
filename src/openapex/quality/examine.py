"""The quality room: every bar passes it before it becomes a number."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, FIELDS, BoolArray, FloatArray, IntArray
from openapex.errors import UnreadableData
from openapex.quality.breaks import HOLD, Breaks, breaks, held_rows
from openapex.quality.finding import Effect, Finding
from openapex.quality.gaps import holes, is_provisional, stale
from openapex.quality.habit import Habit, habit, log_moves, tiny_volumes
from openapex.quality.rows import refused, row_message
from openapex.quality.spikes import spikes
from openapex.sessions import SessionArray, session_of

MOST_LISTED = 10
"""A rule broken more often by one symbol is told in one finding."""

QUARANTINE_SCHEMA = pl.Schema([*BAR_SCHEMA.items(), ("rule", pl.String)])


@dataclass(frozen=True, slots=True)
class Examined:
    """What may be used, what may not, and why.

    Parameters
    ----------
    kept : DataFrame in `BAR_SCHEMA`
        Sorted by (symbol, session), unique; bad volume or adjusted close is null.
    quarantined : DataFrame in `QUARANTINE_SCHEMA`
        The refused rows as they came, each with its rule.
    findings : tuple of Finding
        In order of symbol, session, rule.
    """

    kept: pl.DataFrame
    quarantined: pl.DataFrame
    findings: tuple[Finding, ...]


def examined(
    bars: pl.DataFrame,
    actions: pl.DataFrame | None = None,
    *,
    calendar: str | None,
    now: datetime,
    as_of: date | None = None,
) -> Examined:
    """Judge bars of one or many symbols that trade on one calendar.

    Parameters
    ----------
    bars : DataFrame in `BAR_SCHEMA`
        Split-adjusted, in any order.
    actions : DataFrame in ``ACTION_SCHEMA``, optional
        Announced splits; None or empty when none are known.
    calendar : str or None
        A key of ``sessions.ZONES``; None claims nothing about sessions.
    now : datetime with time zone
        The present: later days are refused, a last session that has not settled is provisional.
    as_of : date, optional
        Knowledge cut-off: later rows are not looked at.

    Returns
    -------
    Examined
        Kept rows, quarantined rows and findings.

    Raises
    ------
    UnreadableData
        If a column is missing, or symbol or session is null.
    BadInput
        If `now` has no time zone.

    Notes
    -----
    What happens to a bar is decided by bars up to it, so cutting later rows changes no kept value; only a break of
    scale restarts history and so removes the bars before it.  A noted spike may need the next bar, and changes nothing.
    One symbol of 8,000 bars takes about 6 ms.
    """
    frame = _ordered(bars, as_of)
    today = session_of(now, calendar or "XNYS")
    rules = refused(frame, calendar, today)
    refused_rows = frame.with_columns(rule=rules).filter(pl.col("rule").is_not_null())
    good = frame.filter(rules.is_null())
    findings = [
        Finding(row["rule"], row["symbol"], row["session"], row_message(row["rule"], row), "quarantined")
        for row in refused_rows.iter_rows(named=True)
    ]
    findings += _unsorted(bars)
    kept, quarantined = [], [refused_rows.select(QUARANTINE_SCHEMA.names())]
    for rows in good.partition_by("symbol", maintain_order=True):
        clean, broken, more = _one(rows, actions, calendar)
        clean, last = _last_bar(clean, calendar, now, as_of)
        kept.append(clean)
        quarantined.append(broken)
        findings += [*more, *last]
    return Examined(
        kept=pl.concat([pl.DataFrame(schema=BAR_SCHEMA), *kept]),
        quarantined=pl.concat([pl.DataFrame(schema=QUARANTINE_SCHEMA), *quarantined]).sort("symbol", "session"),
        findings=condensed(findings),
    )


def _ordered(bars: pl.DataFrame, as_of: date | None) -> pl.DataFrame:
    missing = [name for name in BAR_SCHEMA if name not in bars.columns]
    if missing:
        raise UnreadableData(f"bars frame has columns {bars.columns}, must also have {missing}")
    frame = bars.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items())
    if frame["session"].null_count() or frame["symbol"].null_count():
        raise UnreadableData("symbol or session is null in some rows, must be known in every row")
    if as_of is not None:
        frame = frame.filter(pl.col("session") <= as_of)
    return frame.with_columns(pl.col(FIELDS).fill_nan(None)).sort("symbol", "session", maintain_order=True)


def _unsorted(bars: pl.DataFrame) -> Iterator[Finding]:
    if bars["session"].is_sorted() and bars["symbol"].n_unique() == 1:
        return
    back = pl.col("session") < pl.col("session").shift(1).over("symbol")
    for symbol, session, n_bars in (
        bars.filter(back)
        .group_by("symbol")
        .agg(pl.col("session").first(), pl.len().alias("n"))
        .sort("symbol")
        .iter_rows()
    ):
        message = f"{n_bars} rows stand after a later session, first {session}; the rows were sorted"
        yield Finding("unsorted", symbol, session, message, "noted", n_bars=n_bars)


def _one(
    rows: pl.DataFrame, actions: pl.DataFrame | None, calendar: str | None
) -> tuple[pl.DataFrame, pl.DataFrame, list[Finding]]:
    """Judge the good rows of one symbol against each other."""
    symbol: str = rows["symbol"][0]
    rows, findings = _values(rows)
    columns, usual, moves = _shape(rows)
    found = breaks(columns, usual, moves, _splits(symbol, actions, rows["session"]))
    broken = pl.DataFrame(schema=QUARANTINE_SCHEMA)
    if found.ratio:
        rule = _broken(found, rows.height)
        findings += _break_findings(symbol, rows, found, columns["close"])
        broken = rows.with_columns(rule=rule).filter(rule.is_not_null()).select(QUARANTINE_SCHEMA.names())
        rows = rows.filter(rule.is_null())
        columns, usual, moves = _shape(rows)
    rows, more = _volumes(symbol, rows, columns, usual)
    days = rows["session"].to_numpy().astype("datetime64[D]")
    findings += [*more, *_spikes(symbol, days, columns, usual, moves), *holes(symbol, days, calendar)]
    return rows, broken, findings


def _shape(rows: pl.DataFrame) -> tuple[Mapping[str, FloatArray], Habit, FloatArray]:
    columns: dict[str, FloatArray] = {name: rows[name].to_numpy() for name in FIELDS}
    columns["volume"] = np.where(columns["volume"] > 0, columns["volume"], np.nan)
    usual = habit(columns["high"], columns["low"], columns["close"], columns["volume"])
    return columns, usual, log_moves(columns["close"])


def _values(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """Null volumes and adjusted closes that no bar can have."""
    symbol, days = rows["symbol"][0], rows["session"]
    volume, adjusted = (rows[name].to_numpy() for name in ("volume", "adj_close"))
    checks: tuple[tuple[str, str, BoolArray, Effect], ...] = (
        ("negative_volume", "volume", volume < 0, "volume_unknown"),
        ("not_finite", "volume", np.isposinf(volume), "volume_unknown"),
        ("bad_adj_close", "adj_close", (adjusted <= 0) | np.isinf(adjusted), "adj_close_unknown"),
    )
    findings = []
    for rule, name, is_bad, effect in checks:
        for i in _rows(is_bad):
            message = f"{name} on {days[i]} is {rows[name][i]:g}; unknown"
            findings.append(Finding(rule, symbol, days[i], message, effect))
    bad_volume, bad_adjusted = pl.Series(checks[0][2] | checks[1][2]), pl.Series(checks[2][2])
    if findings:
        rows = rows.with_columns(
            volume=pl.when(~bad_volume).then(pl.col("volume")),
            adj_close=pl.when(~bad_adjusted).then(pl.col("adj_close")),
        )
    if rows["open"].null_count():
        for session in rows.filter(pl.col("open").is_null())["session"]:
            message = f"{session} has a close only; signals that need open, high or low say no data"
            findings.append(Finding("close_only", symbol, session, message, "noted"))
    return rows, findings


def _volumes(
    symbol: str, rows: pl.DataFrame, columns: Mapping[str, FloatArray], usual: Habit
) -> tuple[pl.DataFrame, list[Finding]]:
    """Null volumes that contradict the price or the symbol's habit; decided from the bars before."""
    close, known = columns["close"], rows["volume"].to_numpy()
    moved = np.concatenate([[False], close[1:] != close[:-1]]) | (columns["high"] > columns["low"])
    is_silent = (known == 0) & moved
    is_tiny = tiny_volumes(columns["volume"], usual.volume)
    days = rows["session"]
    findings = [
        Finding(
            "zero_volume_price_move", symbol, days[i], f"{days[i]} moved with zero volume; unknown", "volume_unknown"
        )
        for i in np.flatnonzero(is_silent).tolist()
    ]
    for i in np.flatnonzero(is_tiny).tolist():
        message = f"volume on {days[i]} is {known[i]:,.0f}, usual before it {usual.volume[i]:,.0f}; unknown"
        findings.append(Finding("volume_out_of_proportion", symbol, days[i], message, "volume_unknown"))
    if not findings:
        return rows, []
    unknown = pl.Series(is_silent | is_tiny)
    return rows.with_columns(volume=pl.when(~unknown).then(pl.col("volume"))), findings


def _splits(symbol: str, actions: pl.DataFrame | None, sessions: pl.Series) -> dict[int, float]:
    """Return announced splits by the row they took effect on."""
    if actions is None or actions.is_empty() or symbol not in actions["symbol"]:
        return {}
    mine = actions.filter((pl.col("symbol") == symbol) & (pl.col("kind") == "split"))
    days = sessions.to_numpy()
    rows = np.searchsorted(days, mine["session"].to_numpy())
    return {int(row): value for row, value in zip(rows, mine["value"], strict=True) if 0 < row < len(days)}


def _broken(found: Breaks, n_bars: int) -> pl.Series:
    rule: list[str | None] = [None] * n_bars
    if found.restart:
        name = "split_not_applied" if found.restart in found.announced else "split_like_jump"
        rule[: found.restart] = [name] * found.restart
    for row in held_rows(found).tolist():
        rule[row] = "split_like_jump"
    return pl.Series("rule", rule, dtype=pl.String)


def _break_findings(symbol: str, rows: pl.DataFrame, found: Breaks, close: FloatArray) -> Iterator[Finding]:
    """Tell each break once, with the repair it suggests."""
    days = rows["session"]
    starts = [row for row in sorted(found.ratio) if row - 1 not in found.ratio or row in found.announced]
    for row in starts:
        ratio = found.ratio[row]
        shown = f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:g}"
        step = f"close went from {close[row - 1]:g} to {close[row]:g} (x {shown})"
        if row in found.announced:
            message = f"{step} with the announced split on {days[row]}: multiply earlier prices by {shown}"
            yield Finding("split_not_applied", symbol, days[row], message, "quarantined", n_bars=row)
        else:
            n_held = next(n for n in range(1, HOLD + 2) if row + n not in found.ratio)
            message = (
                f"{step} on a quiet day, {n_held} bars held back: if a split or unit explains it, multiply earlier "
                f"prices by {shown} or add the split to the actions"
            )
            yield Finding("split_like_jump", symbol, days[row], message, "quarantined", n_bars=n_held)


def _spikes(
    symbol: str, days: SessionArray, columns: Mapping[str, FloatArray], usual: Habit, moves: FloatArray
) -> Iterator[Finding]:
    found = spikes(columns["high"], columns["low"], columns["close"], moves, usual)
    for name in ("high", "low", "close"):
        for i in _rows(getattr(found, name)):
            value, close = columns[name][i], columns["close"][i]
            beside = (
                f"the close is {close:g}" if name != "close" else f"before it {columns['close'][i - 1]:g}, and back"
            )
            message = f"{name} on {days[i]} is {value:g}, {beside}"
            yield Finding("reverting_spike", symbol, days[i].item(), message, "noted")
    for i in _rows(found.jump):
        message = f"close on {days[i]} is {columns['close'][i]:g}, {100 * np.expm1(moves[i]):+.0f} % in one session"
        yield Finding("unexplained_jump", symbol, days[i].item(), message, "noted")


def _rows(flags: BoolArray) -> list[int]:
    rows: IntArray = np.flatnonzero(flags)
    return [int(row) for row in rows]


def _last_bar(
    rows: pl.DataFrame, calendar: str | None, now: datetime, as_of: date | None
) -> tuple[pl.DataFrame, list[Finding]]:
    """Mark a last bar that has not settled, and tell a series that ends too early."""
    if rows.is_empty():
        return rows, []
    symbol, last = rows["symbol"][-1], rows["session"][-1]
    findings = []
    if rows["provisional"][-1] or is_provisional(last, calendar, now):
        is_last = pl.int_range(pl.len()) == pl.len() - 1
        rows = rows.with_columns(provisional=pl.col("provisional").fill_null(False) | is_last)
        message = f"the bar of {last} had not settled; it is left out unless asked for"
        findings.append(Finding("provisional_last_bar", symbol, last, message, "noted"))
    late = stale(symbol, last, calendar, now, as_of)
    return rows, findings + ([late] if late else [])


def condensed(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings in order; more than `MOST_LISTED` of one rule for one symbol become one, on the latest bar."""
    told = sorted(findings, key=lambda f: (f.symbol, f.rule, f.session))
    made = []
    for _, group in groupby(told, key=lambda f: (f.symbol, f.rule, f.effect)):
        same = list(group)
        if len(same) <= MOST_LISTED:
            made += same
            continue
        last, n_bars = same[-1], sum(finding.n_bars for finding in same)
        message = f"{n_bars} bars since {same[0].session}, the latest: {last.message}"
        made.append(Finding(last.rule, last.symbol, last.session, message, last.effect, n_bars=n_bars))
    return tuple(sorted(made, key=lambda f: (f.symbol, f.session, f.rule)))
