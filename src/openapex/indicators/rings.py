"""What the primitives of `openapex.indicators.step` are in compiled code.

A ring is an array while it is made and a bare pointer while a loop runs; knots are found without a branch.

Imported by `openapex.indicators.compiled` only, since it imports Numba.  Counting the references to the rings of every
state would take most of the time (measured: SMA 31 ns a bar instead of 3.5).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from openapex.indicators.step import knots_around, ring

Code: TypeAlias = Callable[[Any, Any, Any, Any], Any]


@overload(ring)
def _ring(window):  # type: ignore[no-untyped-def]  # Numba compares this signature with the lambda's
    return lambda window: np.full(window, np.nan)


@intrinsic
def borrowed(typing_context, state):  # type: ignore[no-untyped-def]
    """Return the state with pointers in place of its rings; valid while the state itself is `kept`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_owner(context, builder, state, arguments[0])

    return _bare(state)(state), code


@intrinsic
def kept(typing_context, state):  # type: ignore[no-untyped-def]
    """Use the state, so that its rings live at least until here."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_dummy_value()

    return types.none(state), code


def _bare(kind: Any) -> Any:
    """Return the type of a state with pointers in place of its rings."""
    if isinstance(kind, types.Array):
        return types.CPointer(kind.dtype)
    if isinstance(kind, types.BaseTuple):
        return types.Tuple.from_types([_bare(part) for part in kind])
    return types.unliteral(kind)


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return the code of a state with pointers in place of its rings."""
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    if isinstance(kind, types.BaseTuple):
        fields = cgutils.unpack_tuple(builder, value)
        parts = [_without_owner(context, builder, part, field) for part, field in zip(kind, fields, strict=True)]
        return context.make_tuple(builder, _bare(kind), parts)
    return value


@overload(knots_around)
def _knots_around(x, xs, ys):  # type: ignore[no-untyped-def]
    return lambda x, xs, ys: _looked_up(x, xs, ys)


@intrinsic
def _looked_up(typing_context, x, xs, ys):  # type: ignore[no-untyped-def]
    """Count the knots below `x` and look both neighbours up in tables on the stack."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, zero = ir.IntType(64), ir.Constant(ir.IntType(64), 0)
        value, *tuples = arguments
        at = zero
        for i in range(1, xs.count - 1):
            is_above = builder.fcmp_ordered(">", value, builder.extract_value(tuples[0], i))
            at = builder.add(at, builder.zext(is_above, integer))
        found = []
        for knots in tuples:
            table = cgutils.alloca_once(builder, ir.ArrayType(ir.DoubleType(), xs.count))
            for i in range(xs.count):
                place = builder.gep(table, [zero, ir.Constant(integer, i)])
                builder.store(builder.extract_value(knots, i), place)
            both = (at, builder.add(at, ir.Constant(integer, 1)))
            found += [builder.load(builder.gep(table, [zero, i])) for i in both]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.float64, 4)(types.float64, xs, ys), code
