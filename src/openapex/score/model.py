"""A model says how eight opinions become one number: weights, thresholds, and how much must be known."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from openapex.errors import BadInput, UnknownName


@dataclass(frozen=True, slots=True)
class Model:
    """Weights and thresholds of a composite score.

    Parameters
    ----------
    name, title : str
        What ``--model`` says, and words for people.
    weights : mapping of signal name to float
        Shares that sum to 1.
    buy, sell : float
        BUY at or above `buy`, SELL below `sell`, HOLD between; 0 < sell < buy < 100.
    min_coverage : float
        Share of the weights that must be known for a verdict, 0 to 1.
    """

    name: str
    title: str
    weights: Mapping[str, float]
    buy: float
    sell: float
    min_coverage: float

    @classmethod
    def from_toml(cls, name: str, text: str) -> "Model":
        r"""Read a model from TOML text: ``title``, ``[weights]`` in any unit, ``[verdict]``.

        Raises
        ------
        BadInput
            If the text is not TOML, a key is missing or unknown, or a value breaks its rule.

        Examples
        --------
        >>> text = "title='t'\n[weights]\nrsi=3\nmacd=1\n[verdict]\nbuy=75\nsell=35\nmin_coverage=0.6"
        >>> dict(Model.from_toml("mine", text).weights)
        {'rsi': 0.75, 'macd': 0.25}
        """
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BadInput(f"model {name} is not TOML: {error}") from error
        _require_keys(name, data, {"title", "weights", "verdict"})
        weights, verdict = data["weights"], data["verdict"]
        _require_keys(f"{name} [verdict]", verdict, {"buy", "sell", "min_coverage"})
        total = sum(_number(name, key, value) for key, value in weights.items())
        if total <= 0:
            raise BadInput(f"weights of model {name} sum to {total}, must be above 0")
        buy, sell, least = (_number(name, key, verdict[key]) for key in ("buy", "sell", "min_coverage"))
        if not 0 < sell < buy < 100 or least > 1:
            raise BadInput(f"model {name} has sell {sell}, buy {buy}, min_coverage {least}, "
                           "must be 0 < sell < buy < 100 and min_coverage <= 1")  # fmt: skip
        shares = {key: value / total for key, value in weights.items() if value > 0}
        return cls(name, str(data["title"]), MappingProxyType(shares), buy, sell, least)


def _require_keys(name: str, found: Mapping[str, Any], keys: set[str]) -> None:
    if not isinstance(found, dict) or set(found) != keys:
        raise BadInput(f"model {name} has keys {sorted(found)}, must be exactly {sorted(keys)}")


def _number(model: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise BadInput(f"{key} of model {model} is {value!r}, must be a finite number of at least 0")
    return float(value)


def model_names() -> tuple[str, ...]:
    """Return the names of the models that come with the package, sorted."""
    folder = resources.files("openapex.score") / "models"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def model(name: str = "apex") -> Model:
    """Return a model that comes with the package.

    Raises
    ------
    UnknownName
        If there is none of that name, with the nearest one.
    """
    if name not in model_names():
        raise UnknownName("model", name, model_names())
    return Model.from_toml(name, (resources.files("openapex.score") / "models" / f"{name}.toml").read_text("utf-8"))
