"""From the text of a condition to its words: numbers, texts, names and signs, each with its place.

Plain ASCII outside quotes, one regular expression that never looks back: hostile text costs no more than its length.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

from openapex.errors import BadExpression

MAX_LENGTH = 2_000
MAX_WORDS = 300
MAX_NAME = 64
MAX_NUMBER = 1e15

WordKind: TypeAlias = Literal["number", "text", "name", "sign", "end"]

_RESERVED = frozenset({"and", "or", "not", "in", "is", "between", "null", "unknown", "known"})
_ALIASES = {"&&": "and", "||": "or", "!": "not", "=": "=="}
_INSTEAD = {"&": "and", "|": "or", "~": "not", "%": "the number alone (5 is 5 %)", "^": "no powers", "[": "( )"}
_WORD = re.compile(
    r"""(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<sign><=|>=|==|!=|&&|\|\||[-+*/<>=!(),])""",
    re.VERBOSE | re.ASCII,
)
_WINDOW = 72


@dataclass(frozen=True, slots=True)
class Word:
    """One word: what it is, its normal form (a text without its quotes), and where it stands in the source."""

    kind: WordKind
    text: str
    at: int
    end: int


def fault(source: str, at: int, end: int, problem: str) -> BadExpression:
    """Return the error that names a problem and points at it with carets.

    Parameters
    ----------
    source : str
        The whole condition; at most 72 characters around the place are shown.
    at, end : int
        The place, `end` excluded.
    problem : str
        In the form *name is value, must be rule*.
    """
    begin = max(0, min(at - _WINDOW // 2, len(source) - _WINDOW))
    shown = "".join(c if c.isprintable() else "·" for c in source[begin : begin + _WINDOW])
    n_carets = max(1, min(end, begin + _WINDOW) - at)
    carets = " " * (at - begin) + "^" * n_carets
    return BadExpression(f"{problem} (character {at + 1})\n  {shown}\n  {carets}", at + 1)


def words(source: str) -> list[Word]:
    """Return the words of a condition, the last of kind "end".

    Raises
    ------
    BadExpression
        If the text is too long, has too many words, or holds a character, number or quote that is none of the grammar.
    """
    if len(source) > MAX_LENGTH:
        raise BadExpression(f"condition has {len(source)} characters, must be at most {MAX_LENGTH}", MAX_LENGTH + 1)
    _refuse_invisible(source)
    found: list[Word] = []
    at = _skip(source, 0)
    while at < len(source):
        if len(found) == MAX_WORDS:
            raise fault(source, at, at + 1, f"condition has more than {MAX_WORDS} words, must be at most {MAX_WORDS}")
        found.append(_word(source, at))
        at = _skip(source, found[-1].end)
    return [*found, Word("end", "the end", len(source.rstrip(" ")), len(source.rstrip(" ")) + 1)]


def _skip(source: str, at: int) -> int:
    while at < len(source) and source[at] == " ":
        at += 1
    return at


def _refuse_invisible(source: str) -> None:
    """Refuse control, format, surrogate and unassigned characters: what cannot be seen cannot be judged."""
    for at, c in enumerate(source):
        if (not " " <= c <= "~") and (not c.isprintable() or unicodedata.category(c)[0] in "CZ"):
            raise fault(source, at, at + 1, f"character is U+{ord(c):04X}, must be visible or a plain space")


def _word(source: str, at: int) -> Word:
    match = _WORD.match(source, at)
    if match is None:
        raise fault(source, at, at + 1, _misfit(source[at]))
    kind, text, end = match.lastgroup, match[0], match.end()
    if kind == "number":
        return _number(source, at, end)
    if kind == "text":
        return Word("text", text[1:-1], at, end)
    if kind == "sign":
        return Word("sign", _ALIASES.get(text, text), at, end)
    if len(text) > MAX_NAME:
        raise fault(source, at, end, f"name has {len(text)} characters, must be at most {MAX_NAME}")
    is_reserved = text.lower() in _RESERVED
    return Word("sign", text.lower(), at, end) if is_reserved else Word("name", text, at, end)


def _misfit(character: str) -> str:
    if character in "'\"":
        return f"text has no closing {character}, must end with the quote it began with"
    instead = f": write {_INSTEAD[character]}" if character in _INSTEAD else ""
    return f"{character!r} is not part of a condition, must be a name, a number, 'text' or a sign{instead}"


def _number(source: str, at: int, end: int) -> Word:
    text = source[at:end]
    is_cut = end < len(source) and (source[end].isalnum() or source[end] in "_.")
    if is_cut or re.match(r"0\d", text):
        raise fault(source, at, end + is_cut, "number is malformed, must be decimal such as 42, 2.5 or 1e6")
    if abs(float(text)) > MAX_NUMBER:
        raise fault(source, at, end, f"number is too large, must be at most {MAX_NUMBER:g}")
    return Word("number", text, at, end)
