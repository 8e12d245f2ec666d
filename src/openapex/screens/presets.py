"""Ready-made screens: what each selects, its order and its columns; the facts are in ``presets.toml``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from openapex.errors import BadInput, UnknownName
from openapex.screens.columns import COLUMNS
from openapex.screens.expression import Expression, parsed


@dataclass(frozen=True, slots=True)
class Preset:
    """A screen with a name.

    Parameters
    ----------
    name, title : str
        What ``--preset`` says, and words on screen.
    sentence : str
        What is selected, and what that is not.
    where : Expression
        The condition.
    sort : str
        Column by which hits are sorted.
    columns : tuple of str
        Columns shown.
    descending : bool
        Whether the highest come first.
    """

    name: str
    title: str
    sentence: str
    where: Expression
    sort: str
    columns: tuple[str, ...]
    descending: bool


_KEYS = {field.name for field in fields(Preset)} - {"name"}


def presets_of(text: str) -> Mapping[str, Preset]:
    r"""Return the presets that a TOML text defines, one table each.

    Raises
    ------
    BadInput
        If the text is not TOML, a name or value breaks its rule, or a key is missing or unknown.
    BadExpression
        If a condition cannot be read.
    UnknownName
        If a column, verdict or event does not exist.

    Examples
    --------
    >>> text = "[mine]\ntitle='t'\nsentence='s'\nwhere='rsi<20'\nsort='rsi'\ndescending=false\ncolumns=['rsi']"
    >>> presets_of(text)["mine"].columns
    ('rsi',)
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"presets are not TOML: {error}") from error
    return MappingProxyType({name: _preset(name, table) for name, table in tables.items()})


def _preset(name: str, table: Any) -> Preset:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise BadInput(f"name of preset is {name!r}, must be lower-case words joined by -")
    if not isinstance(table, dict) or set(table) != _KEYS:
        found = sorted(table) if isinstance(table, dict) else table
        raise BadInput(f"preset {name} has {found}, must have exactly {sorted(_KEYS)}")
    title, sentence, where = (_text(name, key, table[key]) for key in ("title", "sentence", "where"))
    if not isinstance(table["descending"], bool):
        raise BadInput(f"descending of preset {name} is {table['descending']!r}, must be true or false")
    if not isinstance(table["columns"], list) or not table["columns"]:
        raise BadInput(f"columns of preset {name} is {table['columns']!r}, must be a list of at least one column")
    columns = tuple(_column(name, column) for column in table["columns"])
    if len(set(columns)) < len(columns):
        raise BadInput(f"columns of preset {name} is {list(columns)}, must name each column once")
    sort = _column(name, table["sort"])
    if COLUMNS[sort].kind == "list of text":
        raise BadInput(f"sort of preset {name} is {sort!r}, must be a column that has an order")
    return Preset(name, title, sentence, parsed(where), sort, columns, table["descending"])


def _text(name: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise BadInput(f"{key} of preset {name} is {value!r}, must be one line of text")
    return value


def _column(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in COLUMNS:
        raise UnknownName(f"column of preset {name}", str(value), COLUMNS)
    return value


PRESETS: Final[Mapping[str, Preset]] = presets_of(files("openapex.screens").joinpath("presets.toml").read_text("utf-8"))
"""The presets that come with the package, in display order."""


def preset(name: str) -> Preset:
    """Return a preset that comes with the package.

    Raises
    ------
    UnknownName
        If there is none of that name, with the nearest one.
    """
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return PRESETS[name]
