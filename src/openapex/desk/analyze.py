"""The main job: from a ticker (or a frame) to one explained score."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from openapex.bars import Bars
from openapex.context.key_stats import Levels, key_stats
from openapex.desk.analysis import Analysis, DataNote, ScoredSignal
from openapex.desk.days import day
from openapex.desk.fingerprint import fingerprint
from openapex.desk.gathering import Columns, Reach, gathered
from openapex.desk.material import BENCHMARKS, Gathered
from openapex.desk.prepared import Prepared, companions, data_note, known_by, prepared
from openapex.errors import InsufficientHistory
from openapex.score.composite import composite, standing, verdict
from openapex.score.model import Model
from openapex.score.model import model as scoring_model
from openapex.signals import SIGNALS, least_bars
from openapex.signals.sentiment import HeadlineScorer, SentimentSignal
from openapex.signals.signal import Signal, SignalHistory, SignalInputs, SignalName

if TYPE_CHECKING:
    from openapex.context.lines import Line


def analyze(
    symbol: "str | Columns",
    *,
    data: "str | Path | Columns | None" = None,
    source: str | None = None,
    as_of: "date | str | None" = None,
    model: str = "apex",
    offline: bool = False,
    provisional: bool = False,
    context: bool = True,
    headline_scorer: HeadlineScorer | None = None,
    now: datetime | None = None,
) -> Analysis:
    """Analyze one ticker: eight signals, one score, key statistics, and the data's own troubles.

    Parameters
    ----------
    symbol : str, or a Polars or pandas frame
        What to analyze.  A frame stands for its one symbol (column ``symbol`` or ``ticker``, or none).
    data : path or frame, optional
        A CSV or Parquet file, a folder of one file per symbol or of several tables (bars, macro series, holdings),
        or a frame that holds `symbol`.
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
    context : bool, default True
        Also say what surrounds the symbol, one line a topic; `openapex.context` tells all of it.
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
    reach: Reach = "near" if context else "benchmarks"
    found = gathered(symbol, data, source, as_of=cut, offline=offline, now=now, reach=reach)
    signals = SIGNALS if headline_scorer is None else {**SIGNALS, "sentiment": SentimentSignal(headline_scorer)}
    return appraise(found, chosen, signals, as_of=cut, provisional=provisional, context=context, now=now)


def appraise(
    found: Gathered,
    chosen: Model,
    signals: Mapping[SignalName, Signal] = SIGNALS,
    *,
    as_of: date | None,
    provisional: bool,
    now: datetime,
    context: bool = True,
) -> Analysis:
    """Turn what was gathered of one symbol into its analysis."""
    ready = prepared(found.asked, as_of, provisional=provisional, now=now)
    bars, session, symbol = ready.bars, ready.session, found.asked.symbol
    recent = () if context else tuple(found.others)
    with ThreadPoolExecutor(1) as aside:  # Polars' work there fits beside the signals' here: 20 ms of a second core
        around = aside.submit(companions, found.others, session, now, recent=recent)
        inputs = SignalInputs(bars, *known_by(found.asked, session, as_of, now))
        histories = {name: signal.history(inputs) for name, signal in signals.items()}
        if context:  # 60 ms of imports, while the companions are prepared: 15 ms less of 310 for a stock
            import openapex.context.lines
            import openapex.desk.surroundings  # noqa: F401  for `_around`
        others = around.result()
    if all(np.isnan(history.score[-1]) for history in histories.values()):
        raise InsufficientHistory(symbol, len(bars), least_bars())
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
    held = {**others, symbol: bars}
    lines, note = _around(found, ready, others, histories, as_of) if context else ((), data_note(ready))
    return Analysis(
        symbol=symbol,
        as_of=as_of or session,
        session=session,
        simulated=found.asked.simulated,
        model=chosen.name,
        score=score,
        verdict=verdict(score, coverage, chosen),
        coverage=coverage,
        standing=standing(made, chosen),
        signals=parts,
        key_stats=MappingProxyType(
            key_stats(
                bars,
                {name: held[name] for name in BENCHMARKS if name in held},
                inputs.facts,
                Levels(*(histories["fibonacci"].values[name] for name in ("atr", "high_pivot", "low_pivot"))),
            )
        ),
        context=lines,
        data=note,
    )


def _around(
    found: Gathered,
    ready: Prepared,
    others: Mapping[str, Bars],
    histories: Mapping[SignalName, SignalHistory],
    as_of: date | None,
) -> "tuple[tuple[Line, ...], DataNote]":
    """Return the context's lines, and the data behind analysis and context."""
    from openapex.context.lines import context_lines  # a score alone does without the room
    from openapex.context.weather import Computed
    from openapex.desk.surroundings import macro_known, surroundings

    macro = macro_known(found.macro, ready.session, as_of)
    computed = Computed(histories["rsi"].values["rsi"], histories["volume"].values["relative_volume"])
    weather = surroundings(found.asked.symbol, ready.bars, others, macro, computed=computed, thorough=False)
    version = found.asked.version or fingerprint(ready.bars, others, macro.frame)
    return context_lines(weather), replace(data_note(ready), version=version, context_sources=found.macro_sources)
