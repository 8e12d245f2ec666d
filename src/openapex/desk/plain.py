"""Results as plain JSON types: the keys are the names of the fields, unknown numbers are None, dates ISO text."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return a frozen result as dicts, lists, text, numbers, booleans and None.

    A field whose metadata says ``internal`` (a whole history) is left out.

    Examples
    --------
    >>> plain({"a": float("nan"), "b": (1.5, date(2024, 1, 2)), "c": None})
    {'a': None, 'b': [1.5, '2024-01-02'], 'c': None}
    """
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        shown = [field.name for field in fields(value) if not field.metadata.get("internal")]
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value]
