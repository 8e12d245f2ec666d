"""Statistics that know only the past: what a value means against its own history up to its own day.

Every function here obeys ``f(x[:k]) == f(x)[:k]`` exactly.  NaN is unknown: it is left out of every history.
"""

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from openapex.bars import BoolArray, FloatArray, IntArray, SessionArray
from openapex.indicators.percent_rank import percent_rank, percent_ranks

CodeArray: TypeAlias = npt.NDArray[np.int8]

NAN = float("nan")
WINDOW = 756
"""Values in the trailing history behind a σ: three years of sessions."""
LEAST = 252
"""Known values below which a σ or a percentile is unknown."""
HOLD = 20
"""Values for which a state outlives its last confirmation."""
ROUNDING = 1e-12
"""Share of the mean square so far below which a variance is rounding of the running sums: the values were all equal."""
UNKNOWN = -1


def trailing_mean_and_std(
    x: FloatArray, window: int = WINDOW, least: int = LEAST, *, ddof: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of the last `window` values, today's included.

    Parameters
    ----------
    x : array of float, shape (n,)
        NaN is left out.
    window : int
        Rows looked back on, today's included.
    least : int
        Known values needed; NaN below.

    Returns
    -------
    tuple of array of float, shape (n,)
        Mean and standard deviation with `ddof`.

    Notes
    -----
    Running sums of deviations from the first known value: exact in order, so a longer series changes no earlier bit,
    and good to about 1e-12 for values of one magnitude, as returns, yields and spreads are.
    """
    known = ~np.isnan(x)
    shift = x[int(known.argmax())] if known.any() else 0.0
    deviation = np.where(known, x - shift, 0.0)
    n = last_part(np.add.accumulate(known.astype(np.float64)), window)
    total = last_part(np.add.accumulate(deviation), window)
    all_squares = np.add.accumulate(deviation * deviation)
    squares = last_part(all_squares, window)
    enough = n >= max(least, ddof + 1)
    count = np.where(enough, n, NAN)
    variance = (squares - total * total / count) / (count - ddof)
    is_rounding = variance <= ROUNDING * all_squares / count
    return total / count + shift, np.where(is_rounding, 0.0, np.sqrt(np.maximum(variance, 0.0)))


def last_part(running: FloatArray, window: int) -> FloatArray:
    """Return the part of a running sum that belongs to the last `window` rows."""
    out = running.copy()
    out[window:] -= running[:-window]
    return out


def in_sigmas(x: FloatArray, window: int = WINDOW, least: int = LEAST) -> FloatArray:
    """Return each value over the standard deviation of the trailing `window`: distance from zero, not from a mean."""
    _, deviation = trailing_mean_and_std(x, window, least)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation > 0, x / deviation, NAN)


def percentile(history: FloatArray, least: int = LEAST) -> float:
    """Return the share of known values up to and including the last that is lower than it, ties half, in percent.

    NaN if the last value is unknown or fewer than `least` are known.

    Examples
    --------
    >>> percentile(np.array([1.0, 2.0, 3.0, 2.5]), least=1)
    62.5
    """
    if not len(history) or np.isnan(history[-1]):
        return NAN
    known = history[~np.isnan(history)]
    if len(known) < least:
        return NAN
    return percent_rank(known)


def percentiles(x: FloatArray, least: int = LEAST) -> FloatArray:
    """Return `percentile` of every value in its own history so far."""
    rows = np.flatnonzero(~np.isnan(x))
    rank = percent_ranks(x[rows])
    rank[: least - 1] = NAN
    out = np.full(len(x), NAN)
    out[rows] = rank
    return out


def held(z: FloatArray, enter: float = 1.0, hold: int = HOLD) -> CodeArray:
    """Return a state with memory: 0 below, 1 between, 2 above; `UNKNOWN` where `z` is NaN.

    Above is confirmed by ``z >= enter``, below by ``z <= -enter``.  A confirmed state stays until the other side is
    confirmed, or until `hold` values in a row have confirmed nothing; then, and at the start, it is between.  NaN
    forgets.

    Examples
    --------
    >>> held(np.array([0.5, 1.2, 0.1, 0.9, -0.2, -1.0, 0.3, NAN, 0.3]), hold=3).tolist()
    [1, 2, 2, 2, 1, 0, 0, -1, 1]
    """
    out, state, age = [], 1, 0
    for value in z.tolist():
        if value != value:
            state, age = 1, 0
            out.append(UNKNOWN)
            continue
        if value >= enter:
            state, age = 2, 0
        elif value <= -enter:
            state, age = 0, 0
        else:
            age += 1
            if age >= hold:
                state = 1
        out.append(state)
    return np.array(out, dtype=np.int8)


def difference(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``a - b`` of published decimals as the decimal it is, so that equal differences are ties.

    Examples
    --------
    >>> 5.33 - 5.23, difference(np.array([5.33]), np.array([5.23])).tolist()
    (0.09999999999999964, [0.1])
    """
    return np.round(a - b, 10)


def sides(x: FloatArray, limit: float) -> CodeArray:
    """Return 0 where ``x <= -limit``, 2 where ``x >= limit``, 1 between; `UNKNOWN` where `x` is NaN.

    Compared at nine decimals: published figures are decimal, and 5.33 − 5.23 is a little less than 0.1 in floats.

    Examples
    --------
    >>> sides(np.array([-0.2, 5.23 - 5.33, 0.09, 5.33 - 5.23, NAN]), 0.1).tolist()
    [0, 0, 1, 2, -1]
    """
    rounded = np.round(x, 9)
    codes = 1 + (rounded >= limit).astype(np.int8) - (rounded <= -limit).astype(np.int8)
    return np.where(np.isnan(x), UNKNOWN, codes).astype(np.int8)


def last_day(days: SessionArray) -> date | None:
    """Return the last of some days, None if there is none."""
    return days[-1].item() if len(days) else None


def last_of(x: FloatArray) -> float:
    """Return the last value, NaN if there is none."""
    return float(x[-1]) if len(x) else NAN


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """A named state on every session, known at its close.

    Parameters
    ----------
    sessions : array of datetime64[D], shape (n,)
        Strictly increasing.
    codes : array of int8, shape (n,)
        Row of `names`; `UNKNOWN` (-1) where nothing can be said.
    names : tuple of str
        What the codes mean.
    """

    sessions: SessionArray
    codes: CodeArray
    names: tuple[str, ...]

    @property
    def last(self) -> str | None:
        """Name of the state on the last session, None when unknown."""
        return self.names[self.codes[-1]] if len(self.codes) and self.codes[-1] >= 0 else None

    @property
    def since(self) -> date | None:
        """First session of the last session's state, without interruption; None when unknown."""
        if self.last is None:
            return None
        other = np.flatnonzero(self.codes != self.codes[-1])
        first = int(other[-1]) + 1 if len(other) else 0
        return self.sessions[first].item()  # type: ignore[no-any-return]

    @property
    def n_sessions(self) -> int:
        """Sessions the last session's state has stood, today included; 0 when unknown."""
        if self.last is None:
            return 0
        other = np.flatnonzero(self.codes != self.codes[-1])
        return len(self.codes) - (int(other[-1]) + 1 if len(other) else 0)

    def is_(self, name: str) -> BoolArray:
        """Return where the state is `name`."""
        is_so: BoolArray = self.codes == self.names.index(name)
        return is_so

    def on(self, sessions: SessionArray, max_age_days: int = 7) -> "States":
        """Return the states as they stand on other sessions: the last at or before each, unless too old."""
        rows = rows_known(self.sessions, sessions)
        codes = np.where(rows >= 0, self.codes[np.maximum(rows, 0)] if len(self.codes) else UNKNOWN, UNKNOWN)
        if len(self.codes):
            age = (sessions - self.sessions[np.maximum(rows, 0)]).astype(np.int64)
            codes = np.where(age <= max_age_days, codes, UNKNOWN)
        return States(sessions, codes.astype(np.int8), self.names)


def rows_known(known: SessionArray, sessions: SessionArray) -> IntArray:
    """Return for each session the last row of `known` at or before it, -1 where there is none."""
    return np.searchsorted(known, sessions, side="right").astype(np.int64) - 1
