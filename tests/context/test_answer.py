"""Answers of three values."""

import numpy as np

from openapex.context.answer import Answer


def test_and_or_not_follow_the_three_valued_tables() -> None:
    values = (True, False, None)
    pairs = [(a, b) for a in values for b in values]

    def answer(column: list[bool | None]) -> Answer:
        return Answer(np.array([v is True for v in column]), np.array([v is not None for v in column]))

    def read(found: Answer) -> list[bool | None]:
        return [bool(so) if knows else None for so, knows in zip(found.is_so, found.known, strict=True)]

    left, right = answer([a for a, _ in pairs]), answer([b for _, b in pairs])
    assert read(left & right) == [True, False, None, False, False, False, None, False, None]
    assert read(left | right) == [True, True, True, True, False, None, True, None, None]
    assert read(~answer(list(values))) == [False, True, None]
    assert read(answer(list(values)).before()) == [None, True, False]
