"""`Live`: one new bar a symbol in, new scores out, equal to the batch at every bar.

The state of every symbol and signal is kept and the signals' own steps are called once per new bar, so a bar costs the
same after ten years as after one.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import numpy as np

from openapex.bars import Bars, FloatArray, IntArray
from openapex.errors import BadInput, UnknownName
from openapex.indicators.compiled import MissingCompiler, Progress
from openapex.score.composite import composite, verdict
from openapex.score.live_bars import NewBars, bars_of
from openapex.score.live_scores import INDICATORS, LiveScores
from openapex.score.live_states import PlainStates, States, days_of
from openapex.score.model import Model
from openapex.score.model import model as scoring_model
from openapex.signals import PRICE_SIGNALS, SIGNALS

MANY_BARS = 20_000
"""Bars from which a history is worth the compiler: about two seconds of interpreted steps."""


class Live:
    """The scores of a universe, kept up to date bar by bar.

    Parameters
    ----------
    bars : Bars, optional
        The history to start from, of one or many symbols; None starts with no symbol at all.
    model : str or Model, default "apex"
        Scoring model.
    compiled : bool, optional
        Whether the steps run compiled; results are equal bit for bit.  None: if `bars` has at least
        `MANY_BARS` rows and llvmlite can be imported.
    on_compile : callable, optional
        Told what is about to be compiled, once per machine (two seconds; then it is loaded from disk).

    Raises
    ------
    BadInput
        If the bars break a rule of `update`.
    MissingCompiler
        If `compiled` is True and llvmlite cannot be imported.

    Notes
    -----
    Fed bar by bar, `Live` equals the batch (each signal's `history`, then `composite`) on the bars so far, bit for bit,
    at every bar: a NaN price is a gap there and here.  Sentiment and fundamentals do not follow from bars: give their
    scores with each call, or they are missing and their weight is spread.  One thread at a time may use a `Live`.

    Examples
    --------
    >>> from openapex import Bars
    >>> from openapex.sources.demo import DemoSource
    >>> bars = Bars.from_frame(next(iter(DemoSource().fetch(["IWM"]))).bars)
    >>> live = Live(bars, model="technical")
    >>> scores = live.update({"IWM": ("2030-01-02", 226.0, 229.0, 225.0, 228.0, 31e6)})
    >>> scores.symbols, scores.coverage.round(2), bool(0.0 <= scores.score[0] <= 100.0)
    (('IWM',), array([1.]), True)
    """

    def __init__(
        self,
        bars: Bars | None = None,
        model: str | Model = "apex",
        *,
        compiled: bool | None = None,
        on_compile: Progress | None = None,
    ) -> None:
        self._model = scoring_model(model) if isinstance(model, str) else model
        self._states = _states(compiled, 0 if bars is None else len(bars), on_compile)
        self._rows: dict[str, int] = {}
        if bars is not None:
            self.update(bars)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Live of {len(self)} symbols, model {self._model.name}, {'' if self.compiled else 'not '}compiled>"

    def __getstate__(self) -> dict[str, Any]:
        model = {field.name: getattr(self._model, field.name) for field in fields(Model)}
        held = {"_states": self._states.array(), "_model": model | {"weights": dict(self._model.weights)}}
        return self.__dict__ | held | {"compiled": self.compiled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        model, array, compiled = state["_model"], state["_states"], state.pop("compiled")
        self.__dict__.update(state)
        self._model = Model(**model | {"weights": MappingProxyType(model["weights"])})
        self._states = _states(None, MANY_BARS if compiled else 0, None)
        self._states.restore(array)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols held, sorted."""
        return tuple(sorted(self._rows))

    @property
    def model(self) -> Model:
        """The scoring model."""
        return self._model

    @property
    def compiled(self) -> bool:
        """Whether the steps run compiled."""
        return not isinstance(self._states, PlainStates)

    def update(
        self,
        new: NewBars,
        *,
        sentiment: Mapping[str, float] | None = None,
        fundamentals: Mapping[str, float] | None = None,
    ) -> LiveScores:
        """Take the next bar of some symbols, return their scores on it.

        Parameters
        ----------
        new : mapping of symbol to sequence, Bars, or frame
            ``{"IWM": (session, open, high, low, close, volume)}``, split-adjusted, None or NaN where unknown; or the
            same as `Bars` or as a frame with the columns symbol, session, high, low, close, volume and, if it marks
            any, provisional (others are not looked at).  Both may hold several bars a symbol, to catch up.
        sentiment, fundamentals : mapping of symbol to float, optional
            Scores 0–100 known at this bar, NaN unknown; they count in this answer only.

        Returns
        -------
        LiveScores
            Of the symbols given, on their last bar.  A symbol not held before starts here: its scores are NaN until
            it is warm.

        Raises
        ------
        BadInput
            If a session is not after the symbol's last one, a bar is provisional (see `peek`) or unreadable, or a score
            lies outside 0–100.  Nothing is changed then, for no symbol.
        """
        bars = bars_of(new)
        if bars.provisional.any():
            row = int(np.argmax(bars.provisional))
            symbol = bars.symbols[int(np.searchsorted(bars.offsets, row, side="right")) - 1]
            which = f"bar of {symbol} on {bars.sessions[row]}"
            raise BadInput(f"{which} is provisional, must be settled to be kept; peek() at it instead")
        given = self._allowed(bars, sentiment, fundamentals)
        n_rows = len(self._states)
        fresh = [name for name in bars.symbols if name not in self._rows]
        named = {name: n_rows + i for i, name in enumerate(fresh)}
        rows = np.array([self._rows.get(name) or named[name] for name in bars.symbols], dtype=np.int64)
        if fresh:
            self._states.grow(n_rows + len(fresh))
        self._states.advance(rows, bars)
        self._rows |= named
        return self._scored(bars.symbols, self._states, rows, given)

    def peek(
        self,
        new: NewBars,
        *,
        sentiment: Mapping[str, float] | None = None,
        fundamentals: Mapping[str, float] | None = None,
    ) -> LiveScores:
        """Return the scores as if these bars were taken, and take nothing: for a bar that has not settled.

        Parameters, Returns, Raises
            As `update`; provisional bars are welcome.
        """
        bars = bars_of(new)
        given = self._allowed(bars, sentiment, fundamentals)
        states = self._states.branch(self._rows_of(bars.symbols))
        rows = np.arange(1, len(bars.symbols) + 1)
        states.advance(rows, bars)
        return self._scored(bars.symbols, states, rows, given)

    def scores(
        self,
        *,
        sentiment: Mapping[str, float] | None = None,
        fundamentals: Mapping[str, float] | None = None,
    ) -> LiveScores:
        """Return the scores of every symbol held, each on the last bar it took."""
        symbols = self.symbols
        given = self._given(symbols, sentiment, fundamentals)
        return self._scored(symbols, self._states, self._rows_of(symbols), given)

    def copy(self) -> "Live":
        """Return a `Live` that goes its own way from here."""
        other = object.__new__(Live)
        other.__dict__.update(self.__dict__, _states=self._states.copy(), _rows=dict(self._rows))
        return other

    __copy__ = copy

    def _rows_of(self, symbols: Sequence[str]) -> IntArray:
        """Return where symbols are held; 0, a symbol before any bar, for those that are not."""
        return np.array([self._rows.get(name, 0) for name in symbols], dtype=np.int64)

    def _allowed(
        self, bars: Bars, sentiment: Mapping[str, float] | None, fundamentals: Mapping[str, float] | None
    ) -> dict[str, FloatArray]:
        """Return the opinions given, once nothing is left that could be refused."""
        last = self._states.days(self._rows_of(bars.symbols))
        firsts = bars.offsets[:-1]
        old = days_of(bars)[firsts] <= last
        if old.any():
            i = int(np.argmax(old))
            session, after = bars.sessions[firsts[i]], np.datetime64(int(last[i]), "D")
            raise BadInput(f"session of {bars.symbols[i]} is {session}, must be after its last one, {after}")
        return self._given(bars.symbols, sentiment, fundamentals)

    def _given(
        self,
        symbols: Sequence[str],
        sentiment: Mapping[str, float] | None,
        fundamentals: Mapping[str, float] | None,
    ) -> dict[str, FloatArray]:
        """Return the scores that do not follow from bars, NaN where they were not given."""
        known = self._rows.keys() | set(symbols)
        return {
            "sentiment": _opinions("sentiment", sentiment or {}, symbols, known),
            "fundamentals": _opinions("fundamentals", fundamentals or {}, symbols, known),
        }

    def _scored(
        self, symbols: tuple[str, ...], states: States, rows: IntArray, given: Mapping[str, FloatArray]
    ) -> LiveScores:
        outputs = states.outputs(rows)
        sessions = states.days(rows).astype("datetime64[D]")
        signals, at = dict(given), 0
        for name, signal in PRICE_SIGNALS.items():
            signals[name] = outputs[:, at]
            at += len(signal.indicator.outputs)
        made = composite(signals, self._model)
        pairs = zip(made.score.tolist(), made.coverage.tolist(), strict=True)
        verdicts = tuple(verdict(score, coverage, self._model) for score, coverage in pairs)
        ordered = {name: signals[name] for name in SIGNALS}
        return LiveScores(symbols, sessions, made.score, made.coverage, verdicts, ordered, outputs)


def _states(compiled: bool | None, n_bars: int, on_compile: Progress | None) -> States:
    if compiled or (compiled is None and n_bars >= MANY_BARS):
        from openapex.score.live_compiled import PackedStates

        try:
            return PackedStates(INDICATORS, on_compile)
        except MissingCompiler:
            if compiled:
                raise
    return PlainStates(INDICATORS)


def _opinions(name: str, given: Mapping[str, float], symbols: Sequence[str], known: Set[str]) -> FloatArray:
    """Return the scores given for symbols as an array, NaN where there is none."""
    if not given:
        return np.full(len(symbols), np.nan)
    for symbol in given.keys() - known:
        raise UnknownName(f"symbol of {name}", symbol, known)
    for symbol, score in given.items():
        if not isinstance(score, int | float | np.number) or score < 0 or score > 100:
            raise BadInput(f"{name} of {symbol} is {score!r}, must be 0 to 100 or NaN")
    return np.array([given.get(symbol, np.nan) for symbol in symbols], dtype=np.float64)
