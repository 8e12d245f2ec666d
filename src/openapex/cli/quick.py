"""A command whose plain words are taken as they are.

typer 0.29 turns every argument into its type through pydantic, whose import alone is a tenth of the time of `analyze`.
Words that stay words, and paths, need no such help; every other type still goes through typer.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from typer._coercion import RuntimeParam
from typer.core import TyperCommand, TyperGroup

VERBATIM = {str: str, str | None: str, Path: Path, Path | None: Path, bool: bool}


class Verbatim(RuntimeParam):
    """Coercion of a single word by calling its type."""

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        return VERBATIM[self.annotation](value)


class QuickCommand(TyperCommand):
    """A typer command that leaves text, paths and flags to Python."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left of `args` once options and arguments are taken."""
        _quicken(self.get_params(ctx))
        return super().parse_args(ctx, args)


class QuickGroup(TyperGroup):
    """A group of commands that does the same for its own options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left of `args` once options and arguments are taken."""
        _quicken(self.get_params(ctx))
        return super().parse_args(ctx, args)


def _quicken(params: Iterable[Any]) -> None:
    for param in params:
        known = param.type_descriptor
        if known.annotation in VERBATIM and param.nargs == 1:
            param._runtime_param = Verbatim(known.parameter_info, known.annotation)
