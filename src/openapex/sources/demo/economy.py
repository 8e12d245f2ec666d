"""The simulated economy: growth, inflation, a central bank, two yields and a credit spread, one value per session."""

from dataclasses import dataclass

import numpy as np

from openapex.bars import FloatArray, IntArray
from openapex.sources.demo.draws import Draws

_GROWTH = (0.35, -1.9, 0.9)
_SPREAD = (3.6, 8.5, 5.2)
"""Growth (standard deviations from trend) and high-yield spread (percent) that calm, bear and recovery pull to."""

_MEETING = 31
"""Sessions between two meetings of the central bank, about eight a year."""


@dataclass(frozen=True, slots=True, eq=False)
class Economy:
    """Daily state of the economy, each of shape (n_sessions,); rates in percent.

    `shock_2y` and `shock_10y` are the parts of the yields' daily changes that came as a surprise and not from the
    stock market: they move the rate-sensitive return factors.
    """

    growth: FloatArray
    inflation: FloatArray
    policy: FloatArray
    yield_2y: FloatArray
    yield_10y: FloatArray
    spread: FloatArray
    shock_2y: FloatArray
    shock_10y: FloatArray


def economy(draws: Draws, regime: IntArray, market: FloatArray, turbulence: FloatArray) -> Economy:
    """Return the economy that goes with a regime path, the market's returns and its relative volatility."""
    growth, inflation = _growth_and_inflation(draws, regime)
    policy, expected = _policy(growth, inflation)
    yields = _yields(draws, expected, inflation, market, turbulence)
    columns = (growth, inflation, policy, yields[0], yields[1], _spread(draws, regime, market), yields[2], yields[3])
    return Economy(*(np.array(column) for column in columns))


def _growth_and_inflation(draws: Draws, regime: IntArray) -> tuple[list[float], list[float]]:
    n = len(regime)
    g, pi = 0.3, 2.4
    growth, inflation = [], []
    pulls = np.array(_GROWTH)[regime].tolist()
    for pull, z, x in zip(
        pulls, draws.normals("growth", n).tolist(), draws.normals("inflation", n).tolist(), strict=True
    ):
        g += 0.012 * (pull - g) + 0.02 * z
        pi += 0.002 * (2.3 + 0.5 * g - pi) + 0.04 * x
        growth.append(g)
        inflation.append(pi)
    return growth, inflation


def _policy(growth: list[float], inflation: list[float]) -> tuple[list[float], list[float]]:
    """Return the policy rate and the rate the market expects: a Taylor rule, followed in steps, faster down than up."""
    rate = 5.5
    policy, expected = [], []
    for day, (g, pi) in enumerate(zip(growth, inflation, strict=True)):
        want = max(0.125, 0.6 + 1.4 * (pi - 2.0) + 2.0 + 1.7 * g)
        if day % _MEETING == _MEETING - 1:
            rate = max(0.125, rate + _step(want - rate))
        policy.append(rate)
        expected.append(rate + 0.6 * (want - rate))
    return policy, expected


def _step(gap: float) -> float:
    if gap > 0.3:
        return 0.5 if gap > 2.0 else 0.25
    if gap < -0.3:
        return -0.5 if gap < -0.9 else -0.25
    return 0.0


def _yields(
    draws: Draws, expected: list[float], inflation: list[float], market: FloatArray, turbulence: FloatArray
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return the 2-year and 10-year yield and their surprises; both also fall when stocks do (flight to safety)."""
    n = len(expected)
    short, long = expected[0], 0.5 * (expected[0] + inflation[0] + 2.6)
    yields_2y, yields_10y, shocks_2y, shocks_10y = [], [], [], []
    columns = (
        expected,
        inflation,
        market.tolist(),
        (turbulence * draws.fat_tailed("yield_2y", n)).tolist(),
        (turbulence * draws.fat_tailed("yield_10y", n)).tolist(),
    )
    for want, pi, r, z2, z10 in zip(*columns, strict=True):
        room = min(1.0, 0.3 + 0.35 * short)
        shock_2y = 0.046 * room * z2
        shock_10y = 0.6 * shock_2y + 0.042 * z10
        short = max(0.08, short + 0.02 * (want - short) + shock_2y + 1.2 * room * r)
        long = max(0.45, long + 0.005 * (0.4 * short + 0.6 * (pi + 1.8) - long) + shock_10y + 1.6 * r)
        yields_2y.append(short)
        yields_10y.append(long)
        shocks_2y.append(shock_2y)
        shocks_10y.append(shock_10y)
    return yields_2y, yields_10y, shocks_2y, shocks_10y


def _spread(draws: Draws, regime: IntArray, market: FloatArray) -> list[float]:
    """Return the high-yield spread: pulled to its regime's level, wider when stocks fall."""
    spread, path = _SPREAD[0], []
    pulls = np.array(_SPREAD)[regime].tolist()
    for pull, r, z in zip(pulls, market.tolist(), draws.fat_tailed("spread", len(pulls)).tolist(), strict=True):
        spread = max(2.2, spread + 0.008 * (pull - spread) + spread * (0.014 * z - 1.8 * r))
        path.append(spread)
    return path
