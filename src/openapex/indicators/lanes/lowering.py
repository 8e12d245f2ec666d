"""Plain Python steps written as LLVM code for several symbols at once: the same definition, another way to run it.

The text of a step is read as Python reads it, statement by statement.  What is known when the code is written (windows,
tables of knots) is computed then.  A condition that all lanes share is a branch; one that each lane answers for itself
computes both sides and chooses.  Only ``x * 0.0 != 0.0``, the test of a gap, is always a branch: symbols advance
together for as long as their gaps fall on the same bars; where they do not, their run ends and each is run alone.
"""

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from openapex.indicators.lanes.expressions import Expressions, Names
from openapex.indicators.lanes.jobs import NotLowered
from openapex.indicators.lanes.values import INTEGER, Lanes, Value, is_same, is_wide, joint_kind, kind_of, leaves_of

Call: TypeAlias = tuple[FunctionType, tuple[Any, ...], Any]
"""A step, what it was given and what it returned."""
UNROLLED = 16
"""A loop of at most this many turns is written out."""


@cache
def _tree(function: FunctionType) -> ast.FunctionDef:
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except OSError as error:
        raise NotLowered(f"the source of {function.__qualname__} is not installed") from error
    found = ast.parse(text).body[0]
    if not isinstance(found, ast.FunctionDef):
        raise NotLowered(f"{function.__qualname__} is no plain function")
    if not _is_source_of(function):
        raise NotLowered(f"{function.__qualname__}: its file has changed since it was imported")
    return found


def _is_source_of(function: FunctionType) -> bool:
    """Tell whether a function was compiled from its file as it stands: it may be written anew while a process runs."""
    own = function.__code__
    return (own.co_name, own.co_code, own.co_consts) in _codes(inspect.getsourcefile(function) or own.co_filename)


@cache
def _codes(file: str) -> list[tuple[str, bytes, tuple[Any, ...]]]:
    """Return name, code and constants of every function of a file."""
    todo, found = [compile("".join(linecache.getlines(file)), file, "exec")], []
    while todo:
        code = todo.pop()
        found.append((code.co_name, code.co_code, code.co_consts))
        todo += [part for part in code.co_consts if isinstance(part, CodeType)]
    return found


class Lowering:
    """Writes calls of steps as code.

    Parameters
    ----------
    lanes : Lanes
        Where and how wide.
    on_gap : callable
        ``on_gap(truth)``: writes what becomes of symbols whose gaps differ, and returns the truth that all share.
    """

    def __init__(self, lanes: Lanes, on_gap: Callable[[Value], Any]) -> None:
        self.lanes = lanes
        self.calls: list[Call] = []
        self._on_gap = on_gap
        self._made: dict[Any, tuple[tuple[Any, ...], Any, list[int]]] = {}
        self._n_stores: dict[int, int] = {}
        self._depth = 0
        self.n_masks = 0

    def call(self, function: FunctionType, arguments: Sequence[Any]) -> Any:
        """Return what a step returns; the same step of the same values is computed once."""
        mark = (function, _identity(tuple(arguments)))
        known = self._made.get(mark) if self._depth == 0 else None
        if known is not None and known[2] == self._stores_to(arguments):
            return known[1]
        result = self._inlined(function, arguments)
        if self._depth == 0:  # the arguments are held, because an identity must not be used anew
            self._made[mark] = (tuple(arguments), result, self._stores_to(arguments))
            self.calls.append((function, tuple(arguments), result))
        return result

    def stored(self, ring: Value) -> None:
        """Take note that a ring was written to: what was read from it before is old."""
        self._n_stores[id(ring.code)] = self._n_stores.get(id(ring.code), 0) + 1

    def _stores_to(self, arguments: Sequence[Any]) -> list[int]:
        """Return how often each ring among the arguments has been written to."""
        leaves = leaves_of(tuple(arguments))
        rings = (leaf for leaf in leaves if isinstance(leaf, Value) and leaf.kind == "ring")
        return [self._n_stores.get(id(ring.code), 0) for ring in rings]

    def _inlined(self, function: FunctionType, arguments: Sequence[Any]) -> Any:
        tree = _tree(function)
        names = [argument.arg for argument in tree.args.args]
        given: Names = dict(zip(names, arguments, strict=False))
        if tree.args.vararg:
            given[tree.args.vararg.arg] = tuple(arguments[len(names) :])
        elif len(names) != len(arguments):
            raise NotLowered(f"{function.__qualname__} got {len(arguments)} arguments, must be {len(names)}")
        try:
            return _Body(self, function).run(tree.body, given)
        except NotLowered as error:
            if function.__qualname__ in str(error):
                raise
            raise NotLowered(f"{function.__qualname__}: {error}") from error

    def inside(self, do: Callable[[], Any]) -> Any:
        """Do something under a condition, where nothing computed may be used outside."""
        self._depth += 1
        try:
            return do()
        finally:
            self._depth -= 1

    def shared_by_all(self, truth: Value) -> Any:
        """Return a gap's truth as one that all lanes share."""
        return self._on_gap(truth)


def _identity(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_identity(part) for part in value)
    return ("code", id(value.code)) if isinstance(value, Value) else (type(value).__name__, repr(value))


class _Body(Expressions):
    """The statements of one call of one function."""

    def __init__(self, lowering: Lowering, function: FunctionType) -> None:
        super().__init__(lowering, function)
        self._lowering = lowering

    def run(self, statements: Sequence[ast.stmt], names: Names) -> Any:
        """Return what the statements return."""
        for i, statement in enumerate(statements):
            if isinstance(statement, ast.Return):
                return self.of(statement.value, names)
            if isinstance(statement, ast.If) and _returns(statement):
                rest = statements[i + 1 :]
                return self._either(
                    statement.test,
                    names,
                    lambda own, rest=rest, body=statement.body: self.run([*body, *rest], own),  # type: ignore[misc]
                    lambda own, rest=rest, body=statement.orelse: self.run([*body, *rest], own),  # type: ignore[misc]
                )
            self._do(statement, names)
        raise self.refused("a path without return")

    def _do(self, statement: ast.stmt, names: Names) -> None:
        if isinstance(statement, ast.Assign):
            value = self.of(statement.value, names)
            for target in statement.targets:
                self._assign(target, value, names)
        elif isinstance(statement, ast.AugAssign):
            old = self.of(_loaded(statement.target), names)
            self._assign(statement.target, self.binary(statement.op, old, self.of(statement.value, names)), names)
        elif isinstance(statement, ast.If):
            self._branch(statement, names)
        elif isinstance(statement, ast.For):
            self._loop(statement, names)
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            raise self.refused(ast.unparse(statement))

    def _assign(self, target: ast.expr, value: Any, names: Names) -> None:
        if isinstance(target, ast.Name):
            names[target.id] = value
        elif isinstance(target, ast.Tuple) and isinstance(value, tuple) and len(target.elts) == len(value):
            for part, own in zip(target.elts, value, strict=True):
                self._assign(part, own, names)
        elif isinstance(target, ast.Subscript) and not self._lowering.n_masks:
            ring = self.of(target.value, names)
            place = self.place(ring, self.of(target.slice, names))
            self._lowering.stored(ring)
            self.lanes.builder.store(self.lanes.code(value, "float", True), place)
        else:
            raise self.refused(ast.unparse(target))

    def _branch(self, statement: ast.If, names: Names) -> None:
        """Run an ``if`` without return: every name that a side assigns is one or the other afterwards."""
        changed = sorted(_assigned(statement) & (names.keys() | _assigned_by_both(statement)))

        def side(body: Sequence[ast.stmt]) -> Callable[[Names], Any]:
            def do(own: Names) -> Any:
                for part in body:
                    self._do(part, own)
                return tuple(own[name] for name in changed)

            return do

        made = self._either(statement.test, names, side(statement.body), side(statement.orelse))
        names.update(zip(changed, made, strict=True))

    def _either(self, test: ast.expr, names: Names, then: Callable[[Names], Any], other: Callable[[Names], Any]) -> Any:
        """Return what one of two sides gives: known now, by a branch, or lane by lane."""
        truth = self.truth(test, names)
        if not isinstance(truth, Value):
            return (then if truth else other)(names)
        if truth.is_wide:
            inside = self._lowering.inside
            self._lowering.n_masks += 1
            sides = [inside(lambda do=do: do(dict(names))) for do in (then, other)]  # type: ignore[misc]
            self._lowering.n_masks -= 1
            return self.lanes.chosen(truth, *sides)
        lanes, function = self.lanes, self.lanes.builder.function
        blocks = [function.append_basic_block(name) for name in ("then", "else", "both")]
        lanes.builder.cbranch(truth.code, *blocks[:2])
        made, ends = [], []
        for block, do in zip(blocks, (then, other), strict=False):
            lanes.builder.position_at_end(block)
            made.append(self._lowering.inside(lambda do=do: do(dict(names))))  # type: ignore[misc]
            ends.append(lanes.builder.block)
        sides = [self._alike(a, b) for a, b in ((made[0], made[1]), (made[1], made[0]))]
        joined: list[list[Any]] = []
        for end, side in zip(ends, sides, strict=True):
            lanes.builder.position_at_end(end)
            joined.append([leaf if is_kept else lanes.code(leaf, kind, wide) for leaf, kind, wide, is_kept in side])
            lanes.builder.branch(blocks[2])
        lanes.builder.position_at_end(blocks[2])
        leaves = []
        for a, b, (_, kind, wide, is_kept) in zip(*joined, sides[0], strict=True):
            if is_kept:
                leaves.append(a)
                continue
            phi = lanes.builder.phi(a.type)
            phi.add_incoming(a, ends[0])
            phi.add_incoming(b, ends[1])
            leaves.append(lanes.value(phi, kind, wide))
        return _shaped(made[0], iter(leaves))

    def _alike(self, own: Any, other: Any) -> list[tuple[Any, Any, bool, bool]]:
        """Return the leaves of a side with the kind and width they must have, and whether both sides have the same."""
        if isinstance(own, tuple) != isinstance(other, tuple) or (isinstance(own, tuple) and len(own) != len(other)):
            raise self.refused("two sides of different shape")
        if isinstance(own, tuple):
            return [leaf for a, b in zip(own, other, strict=True) for leaf in self._alike(a, b)]
        if is_same(own, other):
            return [(own, kind_of(own), False, True)]
        kind = joint_kind(own, other)
        is_wide = kind == "float" or any(isinstance(x, Value) and x.is_wide for x in (own, other))
        return [(own, kind, is_wide, False)]

    def _loop(self, statement: ast.For, names: Names) -> None:
        turns = self._range(statement.iter, names)
        if not isinstance(statement.target, ast.Name) or statement.orelse or _returns(statement):
            raise self.refused(ast.unparse(statement))
        if len(turns) <= UNROLLED:
            for turn in turns:
                names[statement.target.id] = turn
                for part in statement.body:
                    self._do(part, names)
            return
        self._lowering.inside(lambda: self._looped(statement.target.id, turns, statement.body, names))  # type: ignore[attr-defined]

    def _looped(self, counter: str, turns: range, body: Sequence[ast.stmt], names: Names) -> None:
        """Write a loop: what it assigns and what stood before it is carried from turn to turn."""
        lanes = self.lanes
        carried = sorted({name for part in body for name in _assigned(part)} & names.keys())
        before = lanes.builder.block
        kinds = {name: kind_of(names[name]) for name in carried}
        wide = {name: kinds[name] == "float" or is_wide(names[name]) for name in carried}
        first = {name: lanes.code(names[name], kinds[name], wide[name]) for name in carried}
        head = lanes.builder.function.append_basic_block("turn")
        after = lanes.builder.function.append_basic_block("turned")
        lanes.builder.branch(head)
        lanes.builder.position_at_end(head)
        at = lanes.builder.phi(INTEGER)
        phis = {name: lanes.builder.phi(first[name].type) for name in carried}
        own = dict(names) | {counter: lanes.value(at, "int", False)}
        own |= {name: lanes.value(phi, kinds[name], wide[name]) for name, phi in phis.items()}
        for part in body:
            self._do(part, own)
        following = lanes.builder.add(at, INTEGER(turns.step))
        last = {name: lanes.code(own[name], kinds[name], wide[name]) for name in carried}
        end = lanes.builder.block
        lanes.builder.cbranch(lanes.builder.icmp_signed("!=", at, INTEGER(turns[-1])), head, after)
        at.add_incoming(INTEGER(turns.start), before)
        at.add_incoming(following, end)
        for name, phi in phis.items():
            phi.add_incoming(first[name], before)
            phi.add_incoming(last[name], end)
        lanes.builder.position_at_end(after)
        names.update({name: lanes.value(last[name], kinds[name], wide[name]) for name in carried})

    def _range(self, call: ast.expr, names: Names) -> range:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range":
            bounds = [self.of(bound, names) for bound in call.args]
            if all(isinstance(bound, int) for bound in bounds):
                return range(*bounds)
        raise self.refused(f"for … in {ast.unparse(call)}")


def _returns(statement: ast.stmt) -> bool:
    return any(isinstance(part, ast.Return) for part in ast.walk(statement))


def _assigned(statement: ast.stmt) -> set[str]:
    """Return the names that a statement assigns."""
    return {part.id for part in ast.walk(statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _assigned_by_both(statement: ast.If) -> set[str]:
    sides = [{name for part in body for name in _assigned(part)} for body in (statement.body, statement.orelse)]
    return sides[0] & sides[1]


def _loaded(target: ast.expr) -> ast.expr:
    if not isinstance(target, ast.Name):
        return target
    return ast.Name(target.id, ast.Load())


def _shaped(like: Any, leaves: Any) -> Any:
    return tuple(_shaped(part, leaves) for part in like) if isinstance(like, tuple) else next(leaves)
