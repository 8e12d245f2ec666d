"""Yes, no or unknown on every session.

Unknown is kept apart from no, and spreads only where it decides: "on hold while cuts are expected" is no when the Fed
hikes, whether or not expectations are known.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from openapex.bars import BoolArray, FloatArray

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Yes, no or unknown on every session, combined by the rules of three values (Kleene).

    Parameters
    ----------
    is_so : array of bool, shape (n,)
        Where it is so; never where it is unknown.
    known : array of bool, shape (n,)
        Where yes or no can be said.

    Examples
    --------
    >>> rain = Answer.of(np.array([True, False, True]), np.array([1.0, 1.0, float("nan")]))
    >>> both = rain & rain.before()
    >>> both.is_so.tolist(), both.known.tolist()
    ([False, False, False], [False, True, True])
    """

    is_so: BoolArray
    known: BoolArray

    @classmethod
    def of(cls, is_so: BoolArray, *needed: FloatArray) -> "Answer":
        """Return an answer that is known where none of `needed` is NaN."""
        known = np.ones(len(is_so), dtype=np.bool_)
        for values in needed:
            known &= ~np.isnan(values)
        return cls(is_so & known, known)

    @property
    def is_not(self) -> BoolArray:
        """Where it is known not to be so."""
        return self.known & ~self.is_so

    def __and__(self, other: "Answer") -> "Answer":
        is_so = self.is_so & other.is_so
        return Answer(is_so, is_so | self.is_not | other.is_not)

    def __or__(self, other: "Answer") -> "Answer":
        is_so = self.is_so | other.is_so
        return Answer(is_so, is_so | (self.is_not & other.is_not))

    def __invert__(self) -> "Answer":
        return Answer(self.is_not, self.known)

    def given(self, *needed: FloatArray) -> "Answer":
        """Return the answer, unknown where one of `needed` is NaN, even if it could be inferred."""
        found = Answer.of(self.is_so, *needed)
        return Answer(found.is_so, found.known & self.known)

    def before(self) -> "Answer":
        """Return the answer on the session before; unknown on the first."""
        return Answer(shifted(self.is_so, False), shifted(self.known, False))

    def first_after(self, quiet: int) -> "Answer":
        """Return where it is so after `quiet` or more known sessions on which it was not; unknown ones are skipped.

        Unknown where it is so for the first time, but fewer than `quiet` sessions before were known.
        """
        rows = np.flatnonzero(self.known)
        is_so, at = self.is_so[rows], np.arange(len(rows))
        earlier = shifted(np.maximum.accumulate(np.where(is_so, at, -1)), -1)
        first = is_so & (at - 1 - earlier >= quiet)
        too_early = is_so & (earlier < 0) & (at < quiet)
        out = Answer(np.zeros_like(self.is_so), np.zeros_like(self.known))
        out.is_so[rows], out.known[rows] = first, ~too_early
        return out


def shifted(x: npt.NDArray[Scalar], first: float) -> npt.NDArray[Scalar]:
    """Return every value one row later, `first` in the first row."""
    out = np.empty_like(x)
    out[:1], out[1:] = first, x[:-1]
    return out
