"""Expressions of a step as values: what stands right of ``=``, in a condition or in a call."""

import ast
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Protocol, TypeAlias

from llvmlite import ir

from openapex.indicators.lanes.jobs import NotLowered
from openapex.indicators.lanes.values import Lanes, Value, is_wide, kind_of
from openapex.indicators.step import line_at

Names: TypeAlias = dict[str, Any]
_SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.BitAnd: "&",
    ast.BitOr: "|", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip


class Calls(Protocol):
    """Who writes calls of steps."""

    lanes: Lanes

    def call(self, function: FunctionType, arguments: Sequence[Any]) -> Any:
        """Return what a step returns."""
        ...

    def shared_by_all(self, truth: Value) -> Any:
        """Return a gap's truth as one that all lanes share."""
        ...


class Expressions:
    """What expressions of one function stand for."""

    def __init__(self, calls: Calls, function: FunctionType) -> None:
        self.lanes = calls.lanes
        self._calls = calls
        self._function = function
        self._globals: Mapping[str, Any] = function.__globals__ | dict(inspect.getclosurevars(function).nonlocals)

    def of(self, expression: ast.expr | None, names: Names) -> Any:
        """Return the value of an expression."""
        read = _EXPRESSIONS.get(type(expression))
        if read is None:
            raise self.refused(ast.unparse(expression) if expression else "return without a value")
        return read(self, expression, names)

    def _tuple(self, expression: ast.Tuple, names: Names) -> tuple[Any, ...]:
        return tuple(self._each(expression.elts, names))

    def _operated(self, expression: ast.BinOp, names: Names) -> Any:
        return self.binary(expression.op, self.of(expression.left, names), self.of(expression.right, names))

    def _each(self, parts: Sequence[ast.expr], names: Names) -> list[Any]:
        found: list[Any] = []
        for part in parts:
            if isinstance(part, ast.Starred):
                found += self.of(part.value, names)
            else:
                found.append(self.of(part, names))
        return found

    def _named(self, expression: ast.Name, names: Names) -> Any:
        if expression.id in names:
            return names[expression.id]
        if expression.id in self._globals and expression.id not in self._function.__code__.co_varnames:
            return self._globals[expression.id]
        raise self.refused(f"the name {expression.id}, which may stand for nothing here,")

    def binary(self, sign: ast.operator | ast.cmpop, a: Any, b: Any) -> Any:
        """Return what an operator makes of two values."""
        if type(sign) not in _SIGNS:
            raise self.refused(type(sign).__name__)
        return self.lanes.binary(_SIGNS[type(sign)], a, b)

    def _unary(self, expression: ast.UnaryOp, names: Names) -> Any:
        value = self.of(expression.operand, names)
        if isinstance(expression.op, ast.USub):
            return self.lanes.minus(value)
        if isinstance(expression.op, ast.Not):
            return self.lanes.negated(value)
        raise self.refused(ast.unparse(expression))

    def _logical(self, expression: ast.Compare | ast.BoolOp, names: Names) -> Any:
        """Return a chain of comparisons, or ``and`` and ``or``; all parts are computed, none has an effect."""
        if isinstance(expression, ast.BoolOp):
            parts = [self.of(part, names) for part in expression.values]
            sign = "&" if isinstance(expression.op, ast.And) else "|"
            if any(kind_of(part) != "bool" for part in parts):
                raise self.refused(f"{ast.unparse(expression)}, which joins numbers,")
        else:
            terms = [self.of(part, names) for part in (expression.left, *expression.comparators)]
            signs = zip(expression.ops, terms, terms[1:], strict=False)
            parts, sign = [self.binary(op, a, b) for op, a, b in signs], "&"
        made = parts[0]
        for part in parts[1:]:
            made = self.lanes.binary(sign, made, part)
        return made

    def truth(self, test: ast.expr, names: Names) -> Any:
        """Return what a condition is: known now, shared by all lanes, or wide; a gap's is always shared."""
        truth = self.of(test, names)
        if not isinstance(truth, Value):
            return bool(truth)
        if truth.kind != "bool":
            raise self.refused(f"if {ast.unparse(test)}, which is no truth value,")
        return self._calls.shared_by_all(truth) if truth.is_wide and _is_gap(test) else truth

    def _chosen(self, expression: ast.IfExp, names: Names) -> Any:
        truth = self.truth(expression.test, names)
        if not isinstance(truth, Value):
            return self.of(expression.body if truth else expression.orelse, names)
        return self.lanes.chosen(truth, self.of(expression.body, names), self.of(expression.orelse, names))

    def _item(self, expression: ast.Subscript, names: Names) -> Any:
        held, at = self.of(expression.value, names), self.of(expression.slice, names)
        if isinstance(held, tuple) and isinstance(at, int):
            return held[at]
        return self.lanes.value(self.lanes.builder.load(self.place(held, at)), "float", True)

    def place(self, held: Any, at: Any) -> Any:
        """Return the pointer to a place of a ring."""
        if not (isinstance(held, Value) and held.kind == "ring") or kind_of(at) != "int" or is_wide(at):
            raise self.refused("a place that is not of a ring, or not the same for all symbols,")
        return self.lanes.builder.gep(held.code, [self.lanes.code(at, "int", False)])

    def _called(self, expression: ast.Call, names: Names) -> Any:
        if expression.keywords:
            raise self.refused(ast.unparse(expression))
        arguments = self._each(expression.args, names)
        function = self._function_of(expression.func)
        if getattr(function, "__apex_step__", False):
            return self._calls.call(function, arguments)
        if function not in _BUILT_IN:
            raise self.refused(ast.unparse(expression.func))
        return _BUILT_IN[function](self.lanes, *arguments)

    def _function_of(self, expression: ast.expr) -> Any:
        if isinstance(expression, ast.Name):
            return self._globals.get(expression.id) or getattr(__import__("builtins"), expression.id, None)
        if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
            return getattr(self._globals.get(expression.value.id), expression.attr, None)
        return None

    def refused(self, what: str) -> NotLowered:
        """Return the error that says what of the step cannot be written."""
        return NotLowered(f"{self._function.__qualname__}: {what} cannot be written as machine code")


_EXPRESSIONS: Mapping[type, Callable[[Expressions, Any, Names], Any]] = {
    ast.Constant: lambda body, expression, names: expression.value,
    ast.Name: Expressions._named,
    ast.Tuple: Expressions._tuple,
    ast.BinOp: Expressions._operated,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._logical,
    ast.BoolOp: Expressions._logical,
    ast.IfExp: Expressions._chosen,
    ast.Subscript: Expressions._item,
    ast.Call: Expressions._called,
}


def _extreme(sign: str) -> Callable[..., Any]:
    def extreme(lanes: Lanes, *values: Any) -> Any:
        """Keep the first and take a later one where it is beyond, as Python does."""
        best = values[0]
        for value in values[1:]:
            best = lanes.chosen(lanes.binary(sign, value, best), value, best)
        return best

    return extreme


def _line_at(lanes: Lanes, x: Any, xs: tuple[float, ...], ys: tuple[float, ...]) -> Any:
    slopes = [(ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]) for i in range(len(xs) - 1)]
    found: Any = (ys[0] - xs[0] * slopes[0], slopes[0])
    for i, slope in enumerate(slopes[1:], start=1):
        found = lanes.chosen(lanes.binary(">", x, xs[i]), (ys[i] - xs[i] * slope, slope), found)
    return found


def _absolute(lanes: Lanes, x: Any) -> Any:
    if not isinstance(x, Value):
        return abs(x)
    if x.kind == "float":
        return lanes.called("llvm.fabs", x)
    return lanes.chosen(lanes.binary("<", x, 0), lanes.minus(x), x)


def _log(lanes: Lanes, x: Any) -> Any:
    """Call the logarithm of the C library, as Python does, lane by lane."""
    real = lanes.type_of("float", False)
    module = lanes.builder.module
    function = module.globals.get("log") or ir.Function(module, ir.FunctionType(real, [real]), "log")
    scalars = [lanes.builder.call(function, [lanes.of_lane(x, lane)]) for lane in range(lanes.width)]
    return lanes.value(lanes.gathered(scalars), "float", True)


_BUILT_IN: Mapping[Any, Callable[..., Any]] = {
    abs: lambda lanes, x: _absolute(lanes, x),
    float: lambda lanes, x: lanes.value(lanes.code(x, "float", is_wide(x)), "float", is_wide(x)),
    len: lambda lanes, x: len(x),
    math.log: _log,
    math.sqrt: lambda lanes, x: lanes.called("llvm.sqrt", x),
    max: _extreme(">"),
    min: _extreme("<"),
    line_at: _line_at,
}


def _is_gap(test: ast.expr) -> bool:
    """Tell whether a condition is ``… * 0.0 != 0.0``: true of NaN and infinity alone."""
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.NotEq)
        and isinstance(test.left, ast.BinOp)
        and isinstance(test.left.op, ast.Mult)
        and all(isinstance(x, ast.Constant) and x.value == 0.0 for x in (test.left.right, test.comparators[0]))
    )
