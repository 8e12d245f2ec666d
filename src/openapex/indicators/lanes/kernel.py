"""The loop over the bars of symbols, written around steps: loads, states, stores."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from llvmlite import ir

from openapex.indicators.lanes.jobs import HEAD, OFF, SPOILED, Job, NotLowered, arguments_of, fields_of, n_ranks
from openapex.indicators.lanes.lowering import Lowering
from openapex.indicators.lanes.plan import Plan, Slot, Trial, filled, numbered, refined
from openapex.indicators.lanes.values import BIT, INTEGER, REAL, Lanes, Value, is_same, leaves_of

MOST_TRIALS = 12
"""Trials after which states must have settled; six signals need four."""


def kernel_module(jobs: Sequence[Job], width: int) -> tuple[str, int]:
    """Return the LLVM code of the function ``run``, and how many numbers its rings hold.

    Raises
    ------
    NotLowered
        If a step uses what cannot be written as machine code.
    """
    plan = planned(jobs, width)
    writer = Writer(jobs, plan, width, arguments_of(jobs))
    writer.write()
    return str(writer.module), plan.ring_size * width


def planned(jobs: Sequence[Job], width: int, *, shares: bool = True) -> Plan:
    """Return the plan of all states: bodies are written for a trial until nothing is found wide, or equal, any more."""
    plan = Plan()
    numbers = count()
    for job in jobs:
        start = job.indicator.start(*job.arguments)
        plan.shapes.append(numbered(start, numbers))
        plan.slots += [Slot(leaf, isinstance(leaf, float)) for leaf in leaves_of(start)]
    for _ in range(MOST_TRIALS):
        if not refined(plan, Writer(jobs, plan, width, arguments_of(jobs)).trial(), shares=shares):
            place = 0
            for slot in plan.rings():
                slot.place, place = place, place + len(slot.start)
            return plan
    raise NotLowered("states of steps do not settle to one kind of numbers")


class Writer:
    """Writes one kernel."""

    def __init__(self, jobs: Sequence[Job], plan: Plan, width: int, arguments: Sequence[str]) -> None:
        self._jobs, self._plan, self._width = jobs, plan, width
        self.module = ir.Module(name="openapex")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [INTEGER.as_pointer()]), name="run")
        self._lanes = Lanes(width)
        self._builder = self._lanes.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self._function = function
        self._given = {name: self._argument(i) for i, name in enumerate(arguments)}
        self._real = {
            name: self._builder.inttoptr(address, REAL.as_pointer())
            for name, address in self._given.items()
            if name not in HEAD or name == "rings"
        }
        self._whole = {
            name: self._builder.inttoptr(self._given[name], INTEGER.as_pointer())
            for name in ("symbols", "offsets", "verdicts")
        }
        self._gaps: list[tuple[Any, Any]] = []

    def _argument(self, at: int) -> Any:
        return self._builder.load(self._builder.gep(self._function.args[0], [INTEGER(at)]))

    # --- one bar ---

    def trial(self) -> "Trial":
        """Write one bar into a function that nobody runs."""
        self._bail = self._function.append_basic_block("bail")
        self._firsts = [INTEGER(0)] * self._width
        held: list[Any] = []
        for slot in self._plan.slots:
            if slot.same_as is not None:
                held.append(held[slot.same_as])
            elif isinstance(slot.start, list):
                pointer = self._builder.alloca(self._lanes.type_of("float", True))
                held.append(Value(pointer, "ring"))
            else:
                kind = "int" if isinstance(slot.start, int) else "float"
                code = self._builder.load(self._builder.alloca(self._lanes.type_of(kind, slot.is_wide)))  # type: ignore[arg-type]
                held.append(self._lanes.value(code, kind, slot.is_wide))  # type: ignore[arg-type]
        after, _, lowering = self._bar(held, [INTEGER(0)] * self._width)
        slot_of = {id(value.code): i for i, value in reversed(list(enumerate(held)))}
        return Trial(held, after, lowering.calls, slot_of)

    def _bar(self, held: Sequence[Any], rows: Sequence[Any]) -> tuple[list[Any], list[Sequence[Any]], Lowering]:
        """Write one bar of every job: return the states after it, and the outputs of each job."""
        lowering = Lowering(self._lanes, self._shared)
        columns: dict[str, Any] = {}
        for name in fields_of(self._jobs):
            scalars = [self._builder.load(self._builder.gep(self._real[name], [row])) for row in rows]
            columns[name] = self._lanes.value(self._lanes.gathered(scalars), "float", True)
        after: list[Any] = [None] * len(self._plan.slots)
        outputs: list[Sequence[Any]] = []
        for job, shape in zip(self._jobs, self._plan.shapes, strict=True):
            state = filled(shape, held)
            inputs = [columns[name] for name in job.indicator.inputs]
            made, value = lowering.call(job.indicator.step, [state, *inputs, *job.arguments])  # type: ignore[arg-type]
            for slot, leaf in zip(leaves_of(shape), leaves_of(made), strict=True):
                after[slot] = leaf
            values = value if len(job.indicator.outputs) > 1 else (value,)
            outputs.append(values)
            columns[job.indicator.name] = values[0]
        return after, outputs, lowering

    def _shared(self, truth: Value) -> Value:
        """Write the way out for symbols whose gaps differ; return the truth that all of them share."""
        bits = ir.IntType(self._width)
        mask = self._builder.bitcast(truth.code, bits)
        start = self._builder.block
        some, on = self._function.append_basic_block("gap"), self._function.append_basic_block("shared")
        self._builder.cbranch(self._builder.icmp_unsigned("==", mask, bits(0)), on, some)
        self._builder.position_at_end(some)
        self._builder.cbranch(self._builder.icmp_unsigned("==", mask, bits(2**self._width - 1)), on, self._bail)
        self._gaps.append((mask, some))
        self._builder.position_at_end(on)
        shared = self._builder.phi(BIT)
        shared.add_incoming(BIT(0), start)
        shared.add_incoming(BIT(1), some)
        return self._lanes.value(shared, "bool", False)

    # --- all bars of a few symbols ---

    def write(self) -> None:
        """Write the whole function."""
        b, n = self._builder, self._given["n_symbols"]
        blocks = {name: self._function.append_basic_block(name) for name in ("group", "next", "bail", "end")}
        self._bail = blocks["bail"]
        start = b.block
        b.cbranch(b.icmp_signed(">", n, INTEGER(0)), blocks["group"], blocks["end"])
        b.position_at_end(blocks["group"])
        at = b.phi(INTEGER)
        at.add_incoming(INTEGER(0), start)
        self._group(at)
        for lane in range(self._width):
            self._say(at, lane, INTEGER(0))
        b.branch(blocks["next"])
        self._give_up(at, blocks["next"])
        b.position_at_end(blocks["next"])
        following = b.add(at, INTEGER(self._width))
        at.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, n), blocks["group"], blocks["end"])
        b.position_at_end(blocks["end"])
        b.ret_void()

    def _give_up(self, at: Any, following: Any) -> None:
        """Write what is said of symbols whose gaps differ: who had one, and whose run ended by it."""
        b = self._builder
        b.position_at_end(self._bail)
        if not self._gaps:
            b.unreachable()
            return
        bits = ir.IntType(self._width)
        mask = b.phi(bits)
        for found, block in self._gaps:
            mask.add_incoming(found, block)
        for lane in range(self._width):
            is_own = b.icmp_unsigned("!=", b.and_(mask, bits(1 << lane)), bits(0))
            self._say(at, lane, b.select(is_own, INTEGER(OFF), INTEGER(SPOILED)))
        b.branch(following)

    def _say(self, at: Any, lane: int, verdict: Any) -> None:
        self._builder.store(verdict, self._builder.gep(self._whole["verdicts"], [self._lane_at(at, lane)]))

    def _lane_at(self, at: Any, lane: int) -> Any:
        """Return which symbol a lane holds: beyond the end the last one once more, with the same results."""
        b, last = self._builder, self._builder.sub(self._given["n_symbols"], INTEGER(1))
        own = b.add(at, INTEGER(lane))
        return b.select(b.icmp_signed("<", own, last), own, last)

    def _lane_rows(self, at: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the symbol of each lane, its first row and how many it has."""
        b = self._builder
        symbols = [b.load(b.gep(self._whole["symbols"], [self._lane_at(at, lane)])) for lane in range(self._width)]
        firsts = [b.load(b.gep(self._whole["offsets"], [symbol])) for symbol in symbols]
        ends = [b.load(b.gep(self._whole["offsets"], [b.add(symbol, INTEGER(1))])) for symbol in symbols]
        return symbols, firsts, [b.sub(end, first) for end, first in zip(ends, firsts, strict=True)]

    def _group(self, at: Any) -> None:
        b = self._builder
        symbols, firsts, lengths = self._lane_rows(at)
        shortest = longest = lengths[0]
        for length in lengths[1:]:
            shortest = b.select(b.icmp_signed("<", length, shortest), length, shortest)
            longest = b.select(b.icmp_signed(">", length, longest), length, longest)
        cut = b.sub(shortest, self._given["keep"])
        cut = b.select(b.icmp_signed(">", cut, INTEGER(0)), cut, INTEGER(0))
        self._emptied_rings()
        held = [self._begun(slot) for slot in self._plan.slots]

        def plain(t: Any, outputs: Sequence[Sequence[Any]]) -> None:
            for lane, first in enumerate(firsts):
                self._keep_history(outputs, lane, b.add(first, t))
            self._keep_own(outputs, t, None)

        def at_the_end(t: Any, outputs: Sequence[Sequence[Any]]) -> None:
            for lane in range(self._width):
                self._keep_tail(outputs, lane, t, symbols[lane], firsts[lane], lengths[lane])
            self._keep_own(outputs, t, lengths)

        held = self._bars(held, INTEGER(0), cut, lambda t: [b.add(first, t) for first in firsts], plain)

        self._bars(held, cut, longest, lambda t: self._own_rows(firsts, lengths, t), at_the_end)
        for k, name in enumerate(name for name in self._real if name.startswith("rank ")):
            self._rank(name, k, symbols, lengths, longest)

    def _own_rows(self, firsts: Sequence[Any], lengths: Sequence[Any], t: Any) -> list[Any]:
        """Return the row of each lane on bar `t`, its last one once its bars are over."""
        b, rows = self._builder, []
        for first, length in zip(firsts, lengths, strict=True):
            last = b.sub(length, INTEGER(1))
            rows.append(b.add(first, b.select(b.icmp_signed("<", t, last), t, last)))
        return rows

    def _bars(self, held: Sequence[Any], begin: Any, end: Any, rows: Any, stored: Any) -> list[Any]:
        """Write a loop over bars; return the states after it."""
        b, carried = self._builder, self._plan.numbers()
        before = b.block
        head, after = self._function.append_basic_block("bar"), self._function.append_basic_block("bars")
        b.cbranch(b.icmp_signed("<", begin, end), head, after)
        b.position_at_end(head)
        t = b.phi(INTEGER)
        t.add_incoming(begin, before)
        phis: dict[int, Any] = {}
        own = list(held)
        for i in carried:
            phis[i] = b.phi(held[i].code.type)
            phis[i].add_incoming(held[i].code, before)
            own[i] = Value(phis[i], held[i].kind, held[i].is_wide)
        for i, slot in enumerate(self._plan.slots):
            if slot.same_as is not None:
                own[i] = own[slot.same_as]
        made, outputs, _ = self._bar(own, rows(t))
        self._verify(own, made)
        stored(t, outputs)
        leaves = {i: self._lanes.code(made[i], held[i].kind, held[i].is_wide) for i in carried}
        following = b.add(t, INTEGER(1))
        last = b.block
        b.cbranch(b.icmp_signed("<", following, end), head, after)
        t.add_incoming(following, last)
        for i in carried:
            phis[i].add_incoming(leaves[i], last)
        b.position_at_end(after)
        result = list(held)
        for i in carried:
            phi = b.phi(held[i].code.type)
            phi.add_incoming(held[i].code, before)
            phi.add_incoming(leaves[i], last)
            result[i] = Value(phi, held[i].kind, held[i].is_wide)
        for i, slot in enumerate(self._plan.slots):
            if slot.same_as is not None:
                result[i] = result[slot.same_as]
        return result

    def _verify(self, before: Sequence[Any], after: Sequence[Any]) -> None:
        """Refuse a ring that moved, or two states that were taken for one and are not."""
        for i, slot in enumerate(self._plan.slots):
            if isinstance(slot.start, list) and not is_same(before[i], after[i]):
                raise NotLowered("a step returns another ring than it was given")
            if slot.same_as is not None and not is_same(after[i], after[slot.same_as]):
                raise NotLowered("two states that began alike went apart")

    def _begun(self, slot: Slot) -> Any:
        if slot.same_as is not None:
            return self._begun(self._plan.slots[slot.same_as])
        if isinstance(slot.start, list):
            place = INTEGER(slot.place * self._width)
            pointer = self._builder.gep(self._real["rings"], [place])
            wide = self._lanes.type_of("float", True).as_pointer()
            return Value(self._builder.bitcast(pointer, wide), "ring")
        kind = "int" if isinstance(slot.start, int) else "float"
        is_wide = slot.is_wide and self._width > 1
        return Value(self._lanes.constant(slot.start, kind, is_wide), kind, is_wide)  # type: ignore[arg-type]

    def _emptied_rings(self) -> None:
        size = self._plan.ring_size * self._width
        if not size:
            return
        b, before = self._builder, self._builder.block
        head, after = self._function.append_basic_block("empty"), self._function.append_basic_block("emptied")
        b.branch(head)
        b.position_at_end(head)
        at = b.phi(INTEGER)
        at.add_incoming(INTEGER(0), before)
        b.store(REAL(float("nan")), b.gep(self._real["rings"], [at]))
        following = b.add(at, INTEGER(1))
        at.add_incoming(following, head)
        b.cbranch(b.icmp_signed("<", following, INTEGER(size)), head, after)
        b.position_at_end(after)

    def _keep_history(self, outputs: Sequence[Sequence[Any]], lane: int, row: Any) -> None:
        for i, job in enumerate(self._jobs):
            for j in job.histories:
                place = self._builder.gep(self._real[f"history {i} {j}"], [row])
                self._builder.store(self._lanes.of_lane(outputs[i][j], lane), place)

    def _keep_own(self, outputs: Sequence[Sequence[Any]], t: Any, lengths: Sequence[Any] | None) -> None:
        """Write what is ranked later to memory of the thread, NaN in lanes whose bars are over."""
        lanes, k = self._lanes, 0
        for job, values in zip(self._jobs, outputs, strict=True):
            for j in job.ranks:
                code = lanes.code(values[j], "float", True)
                if lengths is not None:
                    own = [self._builder.icmp_signed("<", t, length) for length in lengths]
                    code = self._builder.select(lanes.gathered(own), code, lanes.constant(float("nan"), "float", True))
                self._builder.store(code, self._own_place(k, t))
                k += 1

    def _own_place(self, k: int, t: Any) -> Any:
        """Return where the thread keeps the `k`-th ranked output of a bar: behind the rings, bar after bar."""
        b, width = self._builder, self._width
        row = b.add(b.mul(t, INTEGER(n_ranks(self._jobs))), INTEGER(k))
        place = b.add(b.mul(row, INTEGER(width)), INTEGER(self._plan.ring_size * width))
        wide = self._lanes.type_of("float", True).as_pointer()
        return b.bitcast(b.gep(self._real["rings"], [place]), wide)

    def _rank(self, name: str, k: int, symbols: Sequence[Any], lengths: Sequence[Any], longest: Any) -> None:
        """Write the place of each lane's last value among its own: lower ones, ties half, in percent of the known."""
        b, lanes, before = self._builder, self._lanes, self._builder.block
        lasts = []
        for lane, length in enumerate(lengths):
            whole = Value(b.load(self._own_place(k, b.sub(length, INTEGER(1)))), "float", self._width > 1)
            lasts.append(lanes.of_lane(whole, lane))
        last, nothing = lanes.gathered(lasts), lanes.constant(0.0, "float", True)
        head, after = self._function.append_basic_block("rank"), self._function.append_basic_block("ranked")
        b.branch(head)
        b.position_at_end(head)
        t, counts = b.phi(INTEGER), [b.phi(nothing.type) for _ in range(3)]
        value = b.load(self._own_place(k, t))
        found = [b.fcmp_ordered(sign, value, other) for sign, other in (("<", last), ("==", last), ("==", value))]
        grown = [b.fadd(n, b.uitofp(is_so, n.type)) for n, is_so in zip(counts, found, strict=True)]
        following = b.add(t, INTEGER(1))
        b.cbranch(b.icmp_signed("<", following, longest), head, after)
        for phi, start, end in [
            (t, INTEGER(0), following),
            *((n, nothing, m) for n, m in zip(counts, grown, strict=True)),
        ]:
            phi.add_incoming(start, before)
            phi.add_incoming(end, head)
        b.position_at_end(after)
        half, percent = lanes.constant(0.5, "float", True), lanes.constant(100.0, "float", True)
        place = b.fdiv(b.fmul(percent, b.fadd(grown[0], b.fmul(half, grown[1]))), grown[2])
        is_known = b.fcmp_ordered("==", last, last)
        place = b.select(is_known, place, lanes.constant(float("nan"), "float", True))
        for lane, symbol in enumerate(symbols):
            own = lanes.of_lane(Value(place, "float", self._width > 1), lane)
            b.store(own, b.gep(self._real[name], [symbol]))

    def _keep_tail(
        self, outputs: Sequence[Sequence[Any]], lane: int, t: Any, symbol: Any, first: Any, length: Any
    ) -> None:
        """Write the stores of one lane: none once its bars are over, all outputs on its last ones."""
        b, keep = self._builder, self._given["keep"]
        names = ("stored", "tail", "lane")
        stored, tail, done = (self._function.append_basic_block(name) for name in names)
        b.cbranch(b.icmp_signed("<", t, length), stored, done)
        b.position_at_end(stored)
        self._keep_history(outputs, lane, b.add(first, t))
        place = b.add(b.sub(t, length), keep)
        b.cbranch(b.icmp_signed(">=", place, INTEGER(0)), tail, done)
        b.position_at_end(tail)
        row = b.add(b.mul(symbol, keep), place)
        for i, values in enumerate(outputs):
            if not self._jobs[i].has_tail:
                continue
            begin = b.mul(row, INTEGER(len(values)))
            for j, value in enumerate(values):
                own = b.gep(self._real[f"tail {i}"], [b.add(begin, INTEGER(j))])
                b.store(self._lanes.of_lane(value, lane), own)
        b.branch(done)
        b.position_at_end(done)
