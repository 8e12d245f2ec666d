"""What `Live` answers: the scores of symbols on one bar each, and what stands behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from openapex.bars import BoolArray, FloatArray, SessionArray
from openapex.errors import UnknownName
from openapex.score.composite import Verdict
from openapex.signals import PRICE_SIGNALS
from openapex.signals.signal import PriceSignal, SignalName

INDICATORS = tuple(signal.indicator for signal in PRICE_SIGNALS.values())
"""What every bar advances."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveScores:
    """Scores of symbols, each on its own last bar.

    Parameters
    ----------
    symbols : tuple of str, length n_symbols
        Sorted.
    sessions : array of datetime64[D], shape (n_symbols,)
        The bar each score stands on.
    score : array of float, shape (n_symbols,)
        Composite 0–100; NaN where nothing is known.
    coverage : array of float, shape (n_symbols,)
        Share of the model's weights that was known, 0–1.
    verdict : tuple of {"BUY", "HOLD", "SELL"} or None, length n_symbols
        None under the model's least coverage.
    signals : mapping of signal name to array of float, shape (n_symbols,)
        All eight opinions, 0–100; NaN is "no data".
    outputs : array of float, shape (n_symbols, n_outputs)
        Every output of every price signal; read them with `values` and `events`.
    """

    symbols: tuple[str, ...]
    sessions: SessionArray
    score: FloatArray
    coverage: FloatArray
    verdict: tuple[Verdict | None, ...]
    signals: Mapping[SignalName, FloatArray]
    outputs: FloatArray

    def __len__(self) -> int:
        return len(self.symbols)

    def values(self, signal: SignalName) -> dict[str, FloatArray]:
        """Return the numbers behind a price signal, each of shape (n_symbols,), as its `history` names them.

        Raises
        ------
        UnknownName
            If it is no price signal.
        """
        events = (*price_signal(signal).event_names, "score")
        return {name: column for name, column in self._columns(signal).items() if name not in events}

    def events(self, signal: SignalName) -> dict[str, BoolArray]:
        """Return which events a price signal saw on the bar, each of shape (n_symbols,).

        Raises
        ------
        UnknownName
            If it is no price signal.
        """
        columns = self._columns(signal)
        return {name: columns[name] == 1.0 for name in price_signal(signal).event_names}

    def reason(self, symbol: str, signal: SignalName) -> str:
        """Return a price signal's reason for one symbol in one sentence, as `analyze` gives it.

        Raises
        ------
        UnknownName
            If the symbol is not among these, or it is no price signal.
        """
        if symbol not in self.symbols:
            raise UnknownName("symbol", symbol, self.symbols)
        at, found = self.symbols.index(symbol), price_signal(signal)
        if np.isnan(self.signals[signal][at]):
            return found.missing
        return found.reason({name: float(column[at]) for name, column in self.values(signal).items()})

    def frame(self) -> pl.DataFrame:
        """Return one row a symbol: symbol, session, score, verdict, coverage, the eight ``…_score``, events.

        Unknown numbers are null; `events` lists the names of this bar's events.
        """
        scores = {f"{name}_score": column for name, column in self.signals.items()}
        numbers = {"score": self.score, "coverage": self.coverage} | scores
        columns = {name: pl.Series(column, dtype=pl.Float64).fill_nan(None) for name, column in numbers.items()}
        head = {"symbol": pl.Series(self.symbols, dtype=pl.String), "session": pl.Series(self.sessions, dtype=pl.Date)}
        verdicts = pl.Series(self.verdict, dtype=pl.String)
        events = pl.Series(self._event_names(), dtype=pl.List(pl.String))
        head |= {"score": columns.pop("score"), "verdict": verdicts}
        return pl.DataFrame(head | columns | {"events": events})

    def _event_names(self) -> list[list[str]]:
        flags = {name: flag for signal in PRICE_SIGNALS for name, flag in self.events(signal).items()}
        return [[name for name, flag in flags.items() if flag[i]] for i in range(len(self))]

    def _columns(self, signal: SignalName) -> dict[str, FloatArray]:
        first = sum(len(one.outputs) for one in INDICATORS[: list(PRICE_SIGNALS).index(price_signal(signal).name)])
        names = PRICE_SIGNALS[signal].indicator.outputs
        return {name: self.outputs[:, first + i] for i, name in enumerate(names)}


def price_signal(name: SignalName) -> PriceSignal:
    """Return a price signal by name, or say which there are."""
    if name not in PRICE_SIGNALS:
        raise UnknownName("price signal", name, PRICE_SIGNALS)
    return PRICE_SIGNALS[name]
