"""Bands: published piecewise-linear maps from a ratio to 0–100, in groups; the facts are in ``bands.toml``."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from openapex.bars import FloatArray

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Band:
    """One ratio and what its values are worth.

    `xs` rise strictly and `ys` are 0–100; below `min_value` the ratio means nothing and is unknown.
    """

    field: str
    label: str
    unit: str
    digits: int
    min_value: float
    xs: tuple[float, ...]
    ys: tuple[float, ...]

    def score(self, values: FloatArray) -> FloatArray:
        """Return 0–100 per value, linear between the points and flat outside; NaN where unknown or meaningless."""
        usable = np.isfinite(values) & (values >= self.min_value)
        return np.where(usable, np.interp(values, self.xs, self.ys), NAN)

    def words(self, value: float) -> str:
        """Return the label and the value as a reader expects them, e.g. ``ROE 14.2 %``."""
        return f"{self.label} {value:.{self.digits}f}{' %' if self.unit == '%' else ''}"


@dataclass(frozen=True, slots=True)
class Group:
    """Bands that answer one question; the group's score is the plain mean of its known bands."""

    name: str
    title: str
    weight: float
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """All groups for one kind of instrument, and how much must be known before there is a score."""

    title: str
    min_bands: int
    min_coverage: float
    groups: tuple[Group, ...]

    def bands(self) -> Iterator[Band]:
        """Yield every band, group by group."""
        for group in self.groups:
            yield from group.bands


@dataclass(frozen=True, slots=True)
class PanelScore:
    """What a panel says on every bar; each array has shape (n_bars,).

    `n_bands` counts the bands known, `coverage` is the share of group weight with at least one band known.
    """

    score: FloatArray
    groups: Mapping[str, FloatArray]
    n_bands: FloatArray
    coverage: FloatArray


def panel_score(panel: Panel, numbers: Mapping[str, FloatArray], n_bars: int) -> PanelScore:
    """Return the weighted mean of the known groups, each the mean of its known bands.

    Parameters
    ----------
    panel : Panel
        Bands, groups and minimum coverage.
    numbers : mapping of field to array of float, shape (n_bars,)
        NaN is unknown; an absent field is unknown throughout.
    n_bars : int
        Rows of the answer.

    Returns
    -------
    PanelScore
        The score is NaN where fewer than `min_bands` bands or `min_coverage` of the group weight are known.
    """
    total, weight, n_bands = np.zeros(n_bars), np.zeros(n_bars), np.zeros(n_bars)
    groups: dict[str, FloatArray] = {}
    for group in panel.groups:
        points = [band.score(numbers[band.field]) for band in group.bands if band.field in numbers]
        n_known = sum((np.isfinite(p).astype(float) for p in points), np.zeros(n_bars))
        has_any = n_known > 0
        summed = sum((np.nan_to_num(p) for p in points), np.zeros(n_bars))
        mean = np.where(has_any, summed / np.maximum(n_known, 1), NAN)
        groups[group.name] = mean
        total += np.where(has_any, group.weight * mean, 0.0)
        weight += np.where(has_any, group.weight, 0.0)
        n_bands += n_known
    coverage = weight / sum(group.weight for group in panel.groups)
    enough = (n_bands >= panel.min_bands) & (coverage >= panel.min_coverage - 1e-9)
    score = np.where(enough, total / np.where(weight > 0, weight, 1.0), NAN)
    return PanelScore(score=score, groups=groups, n_bands=n_bands, coverage=coverage)


@cache
def panels() -> Mapping[str, Panel]:
    """Return the published panels ``stock`` and ``fund``."""
    text = files("openapex.signals").joinpath("bands.toml").read_text(encoding="utf-8")
    return {name: _panel(raw) for name, raw in tomllib.loads(text).items()}


def _panel(raw: Mapping[str, Any]) -> Panel:
    groups = tuple(
        Group(name, group["title"], float(group["weight"]), tuple(_band(band) for band in group["bands"]))
        for name, group in raw["groups"].items()
    )
    return Panel(raw["title"], int(raw["min_bands"]), float(raw["min_coverage"]), groups)


def _band(raw: Mapping[str, Any]) -> Band:
    xs, ys = zip(*raw["points"], strict=True)
    return Band(
        field=raw["field"],
        label=raw["label"],
        unit=raw.get("unit", ""),
        digits=int(raw.get("digits", 1)),
        min_value=float(raw.get("min_value", -np.inf)),
        xs=tuple(float(x) for x in xs),
        ys=tuple(float(y) for y in ys),
    )
