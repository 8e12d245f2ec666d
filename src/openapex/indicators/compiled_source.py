"""The source text of kernels: Python that Numba compiles, written from the inputs and outputs of indicators.

Every kernel is a function named ``KERNEL`` with a parallel loop over the symbols; the names ``start0``, ``step0``, …,
``borrowed``, ``kept``, ``prange``, ``empty`` and ``compiled_part`` are given to it by `openapex.indicators.compiled`.
"""

from collections.abc import Collection, Sequence

from openapex.indicators.step import Indicator


def every_bar_source(indicators: Sequence[Indicator]) -> str:
    """Return the text of a kernel that writes every output on every bar."""
    fields = sorted({name for indicator in indicators for name in indicator.inputs})
    arguments = ["offsets", *fields]
    body, values = [], []
    for i, indicator in enumerate(indicators):
        params = _params(i, indicator)
        outs = [f"v{i}_{j}" for j in range(len(indicator.outputs))]
        arguments += params
        values += outs
        body += [f"        {out} = all_{out}[first:end]" for out in outs]
        body += _begun(i, params, "        ")
        body += ["        for t in range(end - first):", f"            {_advanced(i, indicator, params)}"]
        body += [f"            {out}[t] = {_output(i, indicator, j)}" for j, out in enumerate(outs)]
        body += [f"        kept(owner{i})"]
    return "\n".join([*_head([*arguments, *(f"all_{name}" for name in values)], fields), *body]) + "\n"


def tail_source(indicators: Sequence[Indicator], with_history: Collection[str]) -> str:
    """Return the text of a kernel that writes first outputs on every bar and all outputs on the last ones.

    An indicator may take the first output of an earlier one, by its name, as an input.  Each is a function of its own:
    compiled together they are no faster, and the compiler takes longer.
    """
    names = [indicator.name for indicator in indicators]
    inputs = {name for indicator in indicators for name in indicator.inputs}
    fields = sorted(inputs - set(names))
    arguments, parts, body = ["offsets", "keep", *fields], [], []
    for i, indicator in enumerate(indicators):
        params = _params(i, indicator)
        arguments += [*params, *([f"all_{indicator.name}"] if indicator.name in with_history else []), f"tail{i}"]
        has_series = indicator.name in with_history or indicator.name in inputs
        given = [f"{name}_" for name in indicator.inputs] + params
        if has_series:
            given += [f"{indicator.name}_"]
            where = f"all_{indicator.name}[first:end]" if indicator.name in with_history else "empty(end - first)"
            body += [f"        {indicator.name}_ = {where}"]
        body += [f"        part{i}(end - first, keep, {', '.join([*given, f'tail{i}[symbol]'])})"]
        parts += _part(i, indicator, given, has_series=has_series)
    return "\n".join([*parts, *_head(arguments, fields), *body]) + "\n"


def _part(i: int, indicator: Indicator, given: Sequence[str], *, has_series: bool) -> list[str]:
    """Return the lines of one indicator over one symbol: two loops, so that the long one computes nothing unused."""
    advance = f"            {_advanced(i, indicator, _params(i, indicator))}"
    series = [f"            {given[-1]}[t] = {_output(i, indicator, 0)}"] if has_series else []
    last = [
        f"            tail[t - n_bars + keep, {j}] = {_output(i, indicator, j)}" for j in range(len(indicator.outputs))
    ]
    lines = [
        *_begun(i, _params(i, indicator), "        "),
        "        cut = max(n_bars - keep, 0)",
        "        for t in range(cut):",
        *[advance, *series],
        "        for t in range(cut, n_bars):",
        *[advance, *series, *last],
        f"        kept(owner{i})",
    ]
    return [
        "@compiled_part",
        f"def part{i}(n_bars, keep, {', '.join(given)}, tail):",
        *(line.removeprefix("    ") for line in lines),
    ]


def _head(arguments: Sequence[str], fields: Sequence[str]) -> list[str]:
    return [
        f"def KERNEL({', '.join(arguments)}):",
        "    for symbol in prange(offsets.shape[0] - 1):",
        "        first = offsets[symbol]",
        "        end = offsets[symbol + 1]",
        *(f"        {name}_ = {name}[first:end]" for name in fields),
    ]


def _params(i: int, indicator: Indicator) -> list[str]:
    return [f"p{i}_{j}" for j in range(len(indicator.params))]


def _begun(i: int, params: Sequence[str], indent: str) -> list[str]:
    return [f"{indent}owner{i} = start{i}({', '.join(params)})", f"{indent}state{i} = borrowed(owner{i})"]


def _advanced(i: int, indicator: Indicator, params: Sequence[str]) -> str:
    row = [f"{name}_[t]" for name in indicator.inputs]
    return f"state{i}, value{i} = step{i}({', '.join([f'state{i}', *row, *params])})"


def _output(i: int, indicator: Indicator, j: int) -> str:
    return f"value{i}[{j}]" if len(indicator.outputs) > 1 else f"value{i}"
