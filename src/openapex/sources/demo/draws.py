"""Random draws with the same bits on every machine.

Only integers come from the generator (Philox raw words, whose stream NumPy guarantees), and only additions,
multiplications, divisions and square roots follow, one element at a time: IEEE 754 rounds those the same everywhere,
which it does not promise for exp, log, sin, matrix products or reordered sums.
"""

import hashlib
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from openapex.bars import FloatArray, IntArray

_SCALES = (0.62, 0.66, 0.70, 0.74, 0.78, 0.81, 0.85, 0.89, 0.93, 0.97, 1.02, 1.08, 1.15, 1.27, 1.50, 2.30)
_LOW = np.uint64(0xFFFF)


def _unit_scales() -> FloatArray:
    """Return `_SCALES` divided by their root mean square, so that scaling leaves a variance of one."""
    total = 0.0
    for scale in _SCALES:
        total += scale * scale
    rms = sqrt(total / len(_SCALES))
    return np.array([scale / rms for scale in _SCALES])


_UNIT_SCALES = _unit_scales()


@dataclass(frozen=True, slots=True)
class Draws:
    """Independent streams of random numbers, one per key, all determined by one seed.

    A stream depends on its key alone, never on what was drawn before, and a longer draw starts with the shorter one.

    Parameters
    ----------
    seed : int
        Names the market; another seed is another history.

    Examples
    --------
    >>> Draws(1).integers("coin", 6, below=2).tolist() == Draws(1).integers("coin", 9, below=2)[:6].tolist()
    True
    """

    seed: int

    def words(self, key: str, n: int) -> npt.NDArray[np.uint64]:
        """Return `n` random 64-bit words."""
        digest = hashlib.blake2b(f"openapex-demo/{self.seed}/{key}".encode(), digest_size=16).digest()
        return np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(n)

    def uniforms(self, key: str, n: int) -> FloatArray:
        """Return `n` numbers in [0, 1), multiples of 2⁻⁵³."""
        return (self.words(key, n) >> np.uint64(11)).astype(np.float64) / 9007199254740992.0

    def integers(self, key: str, n: int, below: int) -> IntArray:
        """Return `n` integers from 0 to ``below - 1``."""
        return (self.words(key, n) % np.uint64(below)).astype(np.int64)

    def normals(self, key: str, n: int) -> FloatArray:
        """Return `n` nearly normal numbers: the sum of twelve 16-bit uniforms, centred (Irwin–Hall, within ±6)."""
        words = self.words(key, 3 * n).reshape(n, 3)
        folded = (words & _LOW) + (words >> np.uint64(16) & _LOW) + (words >> np.uint64(32) & _LOW)
        folded += words >> np.uint64(48)
        sums = folded[:, 0] + folded[:, 1] + folded[:, 2]
        centred: FloatArray = (sums.astype(np.float64) - 393210.0) / 65536.0
        return centred

    def fat_tailed(self, key: str, n: int) -> FloatArray:
        """Return `n` numbers of mean 0, variance 1 and kurtosis 5.6: normals of sixteen mixed widths."""
        return self.normals(key, n) * _UNIT_SCALES[self.integers(f"{key}/width", n, below=len(_SCALES))]
