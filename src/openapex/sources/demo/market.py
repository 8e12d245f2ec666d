"""The latent market behind every simulated symbol: regimes, volatility, rates, credit and return factors.

One value per session, computed once per market and shared by all symbols.  Recursions are plain Python loops over the
sessions (a few milliseconds each); everything else is element-wise.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from math import sqrt

import numpy as np

from openapex.bars import FloatArray, IntArray, SessionArray
from openapex.sessions import sessions_between
from openapex.sources.demo import economy
from openapex.sources.demo.draws import Draws
from openapex.sources.demo.universe import FACTORS, Factor

FIRST, LAST = date(2000, 1, 3), date(2025, 12, 31)
"""First and last session of the simulated history."""

CALM, BEAR, RECOVERY = 0, 1, 2
"""The three regimes."""

PER_YEAR = 252.0
_LEAVE = ((0.0, 1 / 800, 0.0), (0.0, 0.0, 1 / 170), (1 / 220, 1 / 1500, 0.0))
"""Daily probability to go from a regime (row) to another (column): years of calm, months of crisis and recovery."""

_DRIFT = (0.14, -0.37, 0.24)
_VOLATILITY = (0.145, 0.32, 0.21)
"""Yearly drift and volatility of the market by regime."""

_FAIR_GROWTH, _PULL = 0.07 / PER_YEAR, 0.15 / PER_YEAR
"""Daily growth of the market's fair value, and the drift for being at half of it."""


@dataclass(frozen=True)
class Market:
    """The latent factors, lazily computed and kept.

    Parameters
    ----------
    draws : Draws
        Where chance comes from.
    last : date, default `LAST`
        Last session; an earlier one gives the beginning of the same history.
    """

    draws: Draws
    last: date = LAST
    _factors: dict[str, FloatArray] = field(default_factory=dict)

    @cached_property
    def sessions(self) -> SessionArray:
        """Exchange days of the history, shape (n_sessions,)."""
        return np.asarray(sessions_between(FIRST, self.last), dtype="datetime64[D]")

    @property
    def n(self) -> int:
        """Number of sessions."""
        return len(self.sessions)

    @cached_property
    def regime(self) -> IntArray:
        """Regime of each session: a persistent Markov chain that starts calm."""
        state, path = CALM, []
        for u in self.draws.uniforms("regime", self.n).tolist():
            first, second = (state + 1) % 3, (state + 2) % 3
            to_first = _LEAVE[state][first]
            if u < to_first:
                state = first
            elif u < to_first + _LEAVE[state][second]:
                state = second
            path.append(state)
        return np.array(path, dtype=np.int64)

    @cached_property
    def sigma(self) -> FloatArray:
        """Daily volatility of the market, known before the session: regime level times an asymmetric GARCH(1,1)."""
        targets = np.array(_VOLATILITY)[self.regime] / sqrt(PER_YEAR)
        level, h, path = float(targets[0]), 1.0, []
        for target, e in zip(targets.tolist(), self._shock.tolist(), strict=True):
            level += 0.05 * (target - level)
            path.append(level * sqrt(h))
            h = min(0.02 + (0.16 if e < 0.0 else 0.06) * h * e * e + 0.87 * h, 9.0)
        return np.array(path)

    @cached_property
    def _shock(self) -> FloatArray:
        return self.draws.fat_tailed("market", self.n)

    @cached_property
    def turbulence(self) -> FloatArray:
        """Volatility of everything else, relative to its usual level: half constant, half that of the market."""
        return 0.5 + 0.5 * (self.sigma * (sqrt(PER_YEAR) / 0.16))

    @cached_property
    def economy(self) -> economy.Economy:
        """Growth, inflation, policy rate, yields and credit spread."""
        return economy.economy(self.draws, self.regime, self.factor("market"), self.turbulence)

    def factor(self, name: str) -> FloatArray:
        """Return the daily return of a factor, shape (n_sessions,)."""
        if name not in self._factors:
            self._factors[name] = self._market_return() if name == "market" else self._factor_return(FACTORS[name])
        return self._factors[name]

    def _market_return(self) -> FloatArray:
        """Return regime drift and shock, drawn slowly towards a fair value, so that no bear market ends in ruin."""
        usual = np.array(_DRIFT)[self.regime] / PER_YEAR + self.sigma * self._shock
        ratio, path = 1.0, []
        for r in usual.tolist():
            move = max(r + _PULL * min(max(ratio - 1.0, -0.5), 2.0), -0.12)
            ratio *= (1.0 + _FAIR_GROWTH) / (1.0 + move)
            path.append(move)
        return np.array(path)

    def _factor_return(self, factor: Factor) -> FloatArray:
        own = self.turbulence * (factor.volatility / sqrt(PER_YEAR))
        drift = np.array(factor.drift)[self.regime] / PER_YEAR
        rates = factor.short_rate * self.economy.shock_2y + factor.long_rate * self.economy.shock_10y
        return drift + own * self.draws.fat_tailed(f"factor/{factor.name}", self.n) + rates / 100.0
