"""The main job: from a ticker (or a frame) to one explained score."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from openapex.adjust import adjusted
from openapex.bars import FIELDS, Bars
from openapex.context.key_stats import key_stats
from openapex.desk.analysis import Analysis, DataNote, ScoredSignal, Warn
from openapex.desk.material import BENCHMARKS, Material, gather
from openapex.errors import BadInput, InsufficientHistory, NoData, UnknownSymbol
from openapex.quality import RULES, Examined, examined
from openapex.score.composite import composite, standing, verdict
from openapex.score.model import Model
from openapex.score.model import model as scoring_model
from openapex.sessions import calendar_of, close_times, is_session, known_span
from openapex.signals import SIGNALS
from openapex.signals.sentiment import HeadlineScorer, SentimentSignal
from openapex.signals.signal import PriceSignal, Signal, SignalInputs, SignalName
from openapex.sources.columns import no_adjusted_close, recognised
from openapex.sources.source import ACTION_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, empty

BENCHMARK_BARS = 400
Columns = Any  # a Polars or pandas frame


def analyze(
    symbol: "str | Columns",
    *,
    data: "str | Path | Columns | None" = None,
    source: str | None = None,
    as_of: "date | str | None" = None,
    model: str = "apex",
    offline: bool = False,
    provisional: bool = False,
    headline_scorer: HeadlineScorer | None = None,
    now: datetime | None = None,
) -> Analysis:
    """Analyze one ticker: eight signals, one score, key statistics, and the data's own troubles.

    Parameters
    ----------
    symbol : str, or a Polars or pandas frame
        What to analyze.  A frame stands for its one symbol (column ``symbol`` or ``ticker``, or none).
    data : path or frame, optional
        A CSV or Parquet file, a folder of one file per symbol, or a frame that holds `symbol`.
    source : {"files", "yahoo", "demo"}, optional
        Where to look; by default the store, refreshed from Yahoo when stale.
    as_of : date or ISO text, optional
        Knowledge cut-off: nothing later is used, anywhere.
    model : str, default "apex"
        Scoring model.
    offline : bool, default False
        Never ask the network.
    provisional : bool, default False
        Use a last bar that has not settled; by default it is left out and named.
    headline_scorer : HeadlineScorer, optional
        Reads the headlines instead of the phrase rules, e.g. `openapex.desk.finbert.finbert_scorer()`.
    now : datetime with time zone, optional
        The present moment, for tests; by default the clock.

    Returns
    -------
    Analysis
        A frozen result with ``.to_dict()`` and a notebook view.

    Raises
    ------
    NoData
        If nothing is known of the symbol (also `UnknownSymbol`, `InsufficientHistory`), saying what to do.
    BadInput
        If an argument breaks its rule or the data cannot be understood.

    Notes
    -----
    Known at the close of the last bar; news and facts published after it but by `as_of` count on the last bar.

    Examples
    --------
    >>> report = analyze("IWM", source="demo", as_of="2024-12-31")
    >>> report.simulated, report.session.isoformat(), len(report.signals)
    (True, '2024-12-31', 8)
    """
    now = now or datetime.now(UTC)
    cut = day(as_of)
    chosen = scoring_model(model)
    if not isinstance(symbol, str) or not (data is None or isinstance(data, str | Path)):
        if source is not None:
            raise BadInput(f"source is {source!r}, must be absent when a frame is given")
        material, others = _from_frame(symbol, data)
    else:
        material, others = _gathered(symbol, source, data, cut, offline, now)
    signals = SIGNALS if headline_scorer is None else {**SIGNALS, "sentiment": SentimentSignal(headline_scorer)}
    return appraise(material, others, chosen, signals, as_of=cut, provisional=provisional, now=now)


def _gathered(
    symbol: str, source: str | None, data: "str | Path | None", as_of: date | None, offline: bool, now: datetime
) -> tuple[Material, Mapping[str, Material]]:
    """Gather a symbol in capitals, or else as it was written: a file may spell it so."""
    if not symbol.strip():
        raise BadInput("symbol is empty, must be a ticker such as IWM")
    if data is not None and not str(data):
        raise BadInput("data is '', must be a path to a file or folder")
    path = Path(data) if data is not None else None
    try:
        return gather(symbol.upper(), source=source, data=path, as_of=as_of, offline=offline, now=now)
    except NoData:
        if symbol == symbol.upper():
            raise
        return gather(symbol, source=source, data=path, as_of=as_of, offline=True, now=now)


def appraise(
    material: Material,
    others: Mapping[str, Material],
    chosen: Model,
    signals: Mapping[SignalName, Signal] = SIGNALS,
    *,
    as_of: date | None,
    provisional: bool,
    now: datetime,
) -> Analysis:
    """Turn one symbol's material into its analysis; `others` may hold the benchmarks."""
    looked, action_warnings = _examined(material, as_of, now)
    bars = _usable(looked.kept, provisional)
    if not len(bars):
        raise NoData(_empty_reason(material, as_of))
    session: date = bars.sessions[-1].item()
    inputs = SignalInputs(bars, *_known(material, session, as_of, now))
    histories = {name: signal.history(inputs) for name, signal in signals.items()}
    if all(np.isnan(history.score[-1]) for history in histories.values()):
        raise InsufficientHistory(material.symbol, len(bars), _least_bars())
    made = composite({name: history.score for name, history in histories.items()}, chosen)
    parts = tuple(
        ScoredSignal(
            signal.opinion(inputs, histories[name]),
            signal.title,
            float(made.weights[name][-1]) if name in made.weights else 0.0,
            float(made.contributions[name][-1]) if name in made.contributions else 0.0,
        )
        for name, signal in signals.items()
    )
    score, coverage = float(made.score[-1]), float(made.coverage[-1])
    benchmarks = {name: _benchmark(others[name], session, now) for name in BENCHMARKS if name in others}
    return Analysis(
        symbol=material.symbol,
        as_of=as_of or session,
        session=session,
        simulated=material.simulated,
        model=chosen.name,
        score=score,
        verdict=verdict(score, coverage, chosen),
        coverage=coverage,
        standing=standing(made, chosen),
        signals=parts,
        key_stats=MappingProxyType(key_stats(bars, benchmarks, inputs.facts)),
        data=_note(material, bars, looked, action_warnings),
    )


def _least_bars() -> int:
    price_signals = (signal for signal in SIGNALS.values() if isinstance(signal, PriceSignal))
    return 1 + min(signal.indicator.warm_up() for signal in price_signals)


def day(value: "date | str | None", name: str = "as_of") -> date | None:
    """Return a date from a date or ISO text; None stays None."""
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadInput(f"{name} is {value!r}, must be a date like 2024-12-31") from None


def _from_frame(symbol: "str | Columns", data: "Columns | None") -> tuple[Material, Mapping[str, Material]]:
    given = symbol if data is None else data
    frame = given if isinstance(given, pl.DataFrame) else _from_pandas(given)
    name = symbol if isinstance(symbol, str) else None
    table, basis = recognised(frame, "the frame")
    if "symbol" not in table.columns:
        table = table.with_columns(pl.lit(name or "FRAME").alias("symbol"))
    held: Sequence[str] = table["symbol"].unique().sort().to_list()
    if name is None and len(held) != 1:
        raise BadInput(f"frame holds {len(held)} symbols, must be one: call analyze(symbol, data=frame)")
    name = name or held[0]
    if name not in held:
        raise UnknownSymbol(f"symbol is {name!r}, must be one of those in the frame: {', '.join(held[:12])}")
    made = {
        one: Material(
            one, "frame", False, basis, table.filter(pl.col("symbol") == one),
            empty(ACTION_SCHEMA), empty(HEADLINE_SCHEMA), empty(FACT_SCHEMA),
        )
        for one in {name, *(b for b in BENCHMARKS if b in held)}
    }  # fmt: skip
    return made[name], made


def _from_pandas(frame: "Columns") -> pl.DataFrame:
    if not hasattr(frame, "reset_index"):
        raise BadInput(f"data is a {type(frame).__name__}, must be a Polars frame, a pandas frame or a path")
    if frame.columns.nlevels == 2:
        frame = _flattened(frame)
    if frame.index.dtype.kind == "M" or any(name is not None for name in frame.index.names):
        has_date = "date" in {str(name).lower() for name in frame.columns}
        frame = frame.rename_axis(frame.index.name or "date").reset_index(drop=has_date)
    return pl.from_pandas(frame)


def _flattened(frame: "Columns") -> "Columns":
    """Return one long table from yfinance's two header levels, field and ticker, in either order."""
    import pandas as pd

    levels = [{str(name).lower() for name in frame.columns.get_level_values(i)} for i in (0, 1)]
    ticker = 0 if "close" in levels[1] else 1
    names = frame.columns.get_level_values(ticker).unique()
    parts = {name: frame.xs(name, axis=1, level=ticker) for name in names}
    return pd.concat(parts, names=["symbol", "date"]).reset_index()


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


def _known(
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


def _benchmark(material: Material, session: date, now: datetime) -> Bars:
    """Return the benchmark's last `BENCHMARK_BARS` bars: more than beta and the memory of the quality rules need."""
    bars = material.bars.filter(pl.col("session") <= session).sort("session").tail(BENCHMARK_BARS)
    looked, _ = _examined(replace(material, bars=bars), session, now)
    return _usable(looked.kept, provisional=False)


def _note(material: Material, bars: Bars, looked: Examined, action_warnings: Sequence[str]) -> DataNote:
    warnings = [_warn(text) for text in material.warnings if text != no_adjusted_close(material.bars)]
    warnings += [Warn("action", None, text) for text in action_warnings]
    if _lacks_adjusted_close(looked.kept):
        warnings.append(Warn("no_adjusted_close", None, "no adjusted close: returns leave out dividends"))
    warnings += [Warn(found.rule, found.session, found.message) for found in looked.findings]
    return DataNote(
        source=material.source,
        version=material.version or _fingerprint(bars),
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


def _fingerprint(bars: Bars) -> str:
    digest = hashlib.sha256(bars.sessions.astype("datetime64[D]").astype(np.int64).tobytes())
    for name in FIELDS:
        digest.update(np.ascontiguousarray(getattr(bars, name), dtype="<f8").tobytes())
    return f"sha256:{digest.hexdigest()[:16]}"
