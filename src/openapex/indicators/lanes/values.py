"""Numbers of a few symbols side by side, as LLVM code: what ``+``, ``<`` or ``a if b else c`` become.

A value is a plain Python number (known when the code is written), a `Value`, or a tuple of values.  A `Value` is
*wide* where each lane (symbol) has its own, and uniform where all lanes agree: counters and places in rings, since
symbols advance bar by bar together.  With one lane nothing is wide.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from llvmlite import ir

from openapex.indicators.lanes.jobs import NotLowered

Kind: TypeAlias = Literal["float", "int", "bool", "ring"]
REAL, INTEGER, BIT = ir.DoubleType(), ir.IntType(64), ir.IntType(1)
_SCALARS: dict[Kind, Any] = {"float": REAL, "int": INTEGER, "bool": BIT}
_FOLDED: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne, "&": operator.and_, "|": operator.or_,
}  # fmt: skip
_ON_REALS = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
_ON_INTEGERS = {"+": "add", "-": "sub", "*": "mul"}


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A number, truth value or ring that machine code computes."""

    code: Any
    kind: Kind
    is_wide: bool = False


def kind_of(value: Any) -> Kind:
    """Return the kind of a value or Python number."""
    if isinstance(value, Value):
        return value.kind
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "int" if isinstance(value, int) else "float"
    raise NotLowered(f"{value!r} is no number")


class Lanes:
    """Writes operations on values of `width` lanes where its `builder` stands."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.builder: Any = None

    @property
    def is_single(self) -> bool:
        """Whether there is one lane only."""
        return self.width == 1

    def type_of(self, kind: Kind, is_wide: bool) -> Any:
        """Return the LLVM type of a number or truth value."""
        scalar = _SCALARS[kind]
        return ir.VectorType(scalar, self.width) if is_wide and not self.is_single else scalar

    def value(self, code: Any, kind: Kind, is_wide: bool) -> Value:
        """Return code as a value; with one lane nothing is wide."""
        return Value(code, kind, is_wide and not self.is_single)

    def constant(self, number: Any, kind: Kind, is_wide: bool) -> Any:
        """Return the code of a number known now."""
        plain = float(number) if kind == "float" else int(number)
        scalar = ir.Constant(_SCALARS[kind], plain)
        return ir.Constant(self.type_of(kind, True), [scalar] * self.width) if is_wide and self.width > 1 else scalar

    def code(self, value: Any, kind: Kind, is_wide: bool) -> Any:
        """Return the code of a value as a kind, in every lane if `is_wide`."""
        if not isinstance(value, Value):
            return self.constant(value, kind, is_wide)
        code = value.code
        if value.kind != kind:
            code = self._converted(code, value.kind, kind, value.is_wide)
        return self.spread(code) if is_wide and not value.is_wide and not self.is_single else code

    def spread(self, scalar: Any) -> Any:
        """Return a vector with one number in every lane."""
        vector = ir.VectorType(scalar.type, self.width)
        first = self.builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [ir.Constant(ir.IntType(32), 0)] * self.width)
        return self.builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)

    def gathered(self, scalars: list[Any]) -> Any:
        """Return one number a lane as a vector."""
        if self.is_single:
            return scalars[0]
        vector = ir.Constant(ir.VectorType(scalars[0].type, self.width), ir.Undefined)
        for lane, scalar in enumerate(scalars):
            vector = self.builder.insert_element(vector, scalar, ir.Constant(ir.IntType(32), lane))
        return vector

    def of_lane(self, value: Any, lane: int) -> Any:
        """Return one lane of a real value."""
        code = self.code(value, "float", True)
        return code if self.is_single else self.builder.extract_element(code, ir.Constant(ir.IntType(32), lane))

    def _converted(self, code: Any, have: Kind, want: Kind, is_wide: bool) -> Any:
        target = self.type_of(want, is_wide)
        if want == "float":
            if have == "int":
                return self.builder.sitofp(code, target)
            return self.builder.uitofp(code, target)
        if have == "bool" and want == "int":
            return self.builder.zext(code, target)
        raise NotLowered(f"a {have} stands where a {want} must")

    def binary(self, sign: str, a: Any, b: Any) -> Any:
        """Return ``a sign b``."""
        if not isinstance(a, Value) and not isinstance(b, Value):
            return _FOLDED[sign](a, b)
        kinds = {kind_of(a), kind_of(b)}
        is_wide = any(isinstance(x, Value) and x.is_wide for x in (a, b))
        if sign in "&|":
            if kinds != {"bool"}:
                raise NotLowered(f"{sign} stands between {sorted(kinds)}, must be between truth values")
            x, y = self.code(a, "bool", is_wide), self.code(b, "bool", is_wide)
            return self.value(self.builder.and_(x, y) if sign == "&" else self.builder.or_(x, y), "bool", is_wide)
        if sign in ("<", "<=", ">", ">=", "==", "!="):
            return self._compared(sign, a, b, kinds, is_wide)
        if "float" in kinds or sign == "/":
            names, kind = _ON_REALS, "float"
        else:
            names, kind = _ON_INTEGERS, "int"
        if sign not in names:
            raise NotLowered(f"{sign} stands between {' and '.join(sorted(kinds))}")
        code = getattr(self.builder, names[sign])(self.code(a, kind, is_wide), self.code(b, kind, is_wide))  # type: ignore[arg-type]
        return self.value(code, kind, is_wide)  # type: ignore[arg-type]

    def _compared(self, sign: str, a: Any, b: Any, kinds: set[Kind], is_wide: bool) -> Value:
        if kinds == {"bool"}:
            if sign not in ("==", "!="):
                raise NotLowered(f"{sign} stands between truth values")
            differ = self.builder.xor(self.code(a, "bool", is_wide), self.code(b, "bool", is_wide))
            made = self.value(differ, "bool", is_wide)
            return made if sign == "!=" else self.negated(made)
        kind: Kind = "float" if "float" in kinds else "int"
        x, y = self.code(a, kind, is_wide), self.code(b, kind, is_wide)
        if kind == "int":
            return self.value(self.builder.icmp_signed(sign, x, y), "bool", is_wide)
        ordered = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return self.value(ordered(sign, x, y), "bool", is_wide)

    def negated(self, truth: Any) -> Any:
        """Return ``not truth``."""
        if not isinstance(truth, Value):
            return not truth
        if truth.kind != "bool":
            raise NotLowered("not stands before a number, must be before a truth value")
        return self.value(self.builder.not_(truth.code), "bool", truth.is_wide)

    def minus(self, value: Any) -> Any:
        """Return ``-value``."""
        if not isinstance(value, Value):
            return -value
        if value.kind == "float":
            return self.value(self.builder.fneg(value.code), "float", value.is_wide)
        return self.binary("-", 0, value)

    def chosen(self, truth: Any, a: Any, b: Any) -> Any:
        """Return ``a if truth else b``, leaf by leaf for tuples; both are computed."""
        if not isinstance(truth, Value):
            return a if truth else b
        if isinstance(a, tuple) or isinstance(b, tuple):
            if not isinstance(a, tuple) or not isinstance(b, tuple) or len(a) != len(b):
                raise NotLowered("two tuples of different shape are chosen between")
            return tuple(self.chosen(truth, x, y) for x, y in zip(a, b, strict=True))
        if a is b or is_same(a, b):
            return a
        kind = joint_kind(a, b)
        is_wide = truth.is_wide or any(isinstance(x, Value) and x.is_wide for x in (a, b))
        condition = self.spread(truth.code) if is_wide and not truth.is_wide and not self.is_single else truth.code
        return self.value(
            self.builder.select(condition, self.code(a, kind, is_wide), self.code(b, kind, is_wide)), kind, is_wide
        )

    def called(self, intrinsic: str, value: Any) -> Any:
        """Return an LLVM intrinsic of a real, e.g. ``llvm.sqrt``."""
        is_wide = isinstance(value, Value) and value.is_wide
        kind, module = self.type_of("float", is_wide), self.builder.module
        name = f"{intrinsic}.{'f64' if kind is REAL else f'v{self.width}f64'}"
        function = module.globals.get(name) or ir.Function(module, ir.FunctionType(kind, [kind]), name)
        return self.value(self.builder.call(function, [self.code(value, "float", is_wide)]), "float", is_wide)


def is_same(a: Any, b: Any) -> bool:
    """Tell whether two values are known to be one: the same code, or equal Python numbers of one type."""
    if isinstance(a, Value) and isinstance(b, Value):
        return a.code is b.code
    if isinstance(a, Value) or isinstance(b, Value):
        return False
    return type(a) is type(b) and repr(a) == repr(b)  # 0.0 is not -0.0, NaN is NaN


def joint_kind(a: Any, b: Any) -> Kind:
    """Return the kind that holds both."""
    kinds = {kind_of(a), kind_of(b)}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {"int", "float"}:
        return "float"
    raise NotLowered(f"a name is {' or '.join(sorted(kinds))}, must be of one kind")


def is_wide(value: Any) -> bool:
    """Tell whether each lane has its own."""
    return isinstance(value, Value) and value.is_wide


def leaves_of(value: Any) -> Iterator[Any]:
    """Yield the numbers of a state, one after the other."""
    if isinstance(value, tuple):
        for part in value:
            yield from leaves_of(part)
    else:
        yield value
