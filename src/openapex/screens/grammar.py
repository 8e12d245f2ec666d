"""The grammar of a condition, read by recursive descent; nothing is ever evaluated as code.

::

    condition  = all { ("or" | "||") all } ;
    all        = negation { ("and" | "&&") negation } ;
    negation   = ("not" | "!") negation | comparison ;
    comparison = sum [ order sum { order sum }
                     | ["not"] "in" ( "(" sum { "," sum } ")" | NAME )
                     | ["not"] "between" sum "and" sum
                     | "is" ["not"] ( "null" | "unknown" | "known" ) ] ;
    order      = "<" | "<=" | ">" | ">=" | "==" | "=" | "!=" ;
    sum        = product { ("+" | "-") product } ;
    product    = factor { ("*" | "/") factor } ;
    factor     = "-" factor | value ;
    value      = NUMBER | TEXT | NAME | "(" condition ")"
               | ("abs" | "min" | "max") "(" sum { "," sum } ")" ;
"""

from collections.abc import Mapping

from openapex.errors import UnknownName
from openapex.screens.columns import Column
from openapex.screens.terms import (
    FUNCTIONS,
    Term,
    called,
    chosen,
    compared,
    computed,
    constant,
    contained,
    inverted,
    joined,
    known,
    named,
    negated,
)
from openapex.screens.words import Word, fault, words

MAX_NESTING = 50
_ORDERS = ("<", "<=", ">", ">=", "==", "!=")


class Reader:
    """Reads one condition; `names` are the columns met so far, in order."""

    def __init__(self, source: str, columns: Mapping[str, Column]) -> None:
        self.source, self.columns = source, columns
        self.names: dict[str, None] = {}
        self._words = words(source)
        self._next = 0
        self._depth = 0

    def condition(self) -> Term:
        """Return the whole condition.

        Raises
        ------
        BadExpression
            If the words do not follow the grammar or types do not fit.
        UnknownName
            If a column, function or value has no such name.
        """
        term = self._any()
        if self._word.kind != "end":
            raise self._unexpected("and, or, or the end")
        term.must_be("flag", "(as in rsi < 42)")
        return term

    @property
    def _word(self) -> Word:
        return self._words[self._next]

    def _unexpected(self, wanted: str) -> Exception:
        word = self._word
        found = word.text if word.kind == "end" else repr(self.source[word.at : word.end][:40])
        return fault(self.source, word.at, word.end, f"next is {found}, must be {wanted}")

    def _taken(self, *signs: str) -> str:
        """Step over the next word and return it if it is one of these signs, else return ""."""
        word = self._word
        if word.kind != "sign" or word.text not in signs:
            return ""
        self._next += 1
        return word.text

    def _take(self, sign: str) -> int:
        """Step over a sign that must come, return where it ends."""
        if not self._taken(sign):
            raise self._unexpected(sign)
        return self._words[self._next - 1].end

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            word = self._words[self._next - 1]
            problem = f"nesting is deeper than {MAX_NESTING}, must be at most {MAX_NESTING}"
            raise fault(self.source, word.at, word.end, problem)

    def _any(self) -> Term:
        terms = [self._all()]
        while self._taken("or"):
            terms.append(self._all())
        return joined("or", terms)

    def _all(self) -> Term:
        terms = [self._negation()]
        while self._taken("and"):
            terms.append(self._negation())
        return joined("and", terms)

    def _negation(self) -> Term:
        if not self._taken("not"):
            return self._comparison()
        self._descend()
        term = inverted(self._negation())
        self._depth -= 1
        return term

    def _comparison(self) -> Term:
        left = self._sum()
        if self._taken("is"):
            return self._nullness(left)
        is_inverted = bool(self._taken("not"))
        if self._taken("in"):
            found = self._membership(left)
        elif self._taken("between"):
            found = self._between(left)
        elif is_inverted:
            raise self._unexpected("in or between")
        else:
            return self._chain(left)
        return inverted(found) if is_inverted else found

    def _chain(self, left: Term) -> Term:
        terms = []
        while sign := self._taken(*_ORDERS):
            right = self._sum()
            terms.append(compared(left, sign, right))
            left = right
        return joined("and", terms) if terms else left

    def _between(self, term: Term) -> Term:
        low = self._sum()
        self._take("and")
        return joined("and", [compared(term, ">=", low), compared(term, "<=", self._sum())])

    def _membership(self, item: Term) -> Term:
        if self._taken("("):
            return chosen(item, self._list())
        if self._word.kind != "name":
            raise self._unexpected("choices in parentheses or a column of lists, such as events")
        return contained(item, self._value())

    def _nullness(self, term: Term) -> Term:
        is_inverted = bool(self._taken("not"))
        state = self._taken("null", "unknown", "known")
        if not state:
            raise self._unexpected("null, unknown or known")
        return known(term, (state == "known") != is_inverted)

    def _list(self) -> list[Term]:
        """Return what stands between the parenthesis just taken and its closing one."""
        self._descend()
        terms = [self._sum()]
        while self._taken(","):
            terms.append(self._sum())
        self._take(")")
        self._depth -= 1
        return terms

    def _sum(self) -> Term:
        term = self._product()
        while sign := self._taken("+", "-"):
            term = computed(term, sign, self._product())
        return term

    def _product(self) -> Term:
        term = self._factor()
        while sign := self._taken("*", "/"):
            term = computed(term, sign, self._factor())
        return term

    def _factor(self) -> Term:
        if not self._taken("-"):
            return self._value()
        self._descend()
        term = negated(self._factor())
        self._depth -= 1
        return term

    def _value(self) -> Term:
        word = self._word
        if self._taken("("):
            self._descend()
            term = self._any()
            self._take(")")
            self._depth -= 1
            return term
        if word.kind not in ("number", "text", "name"):
            raise self._unexpected("a name, a number, 'text' or (")
        self._next += 1
        if word.kind != "name":
            return constant(word, self.source)
        return self._call(word) if self._taken("(") else self._column(word)

    def _column(self, word: Word) -> Term:
        if word.text not in self.columns:
            raise UnknownName("column", word.text, self.columns)
        self.names[word.text] = None
        return named(word, self.source, self.columns[word.text])

    def _call(self, word: Word) -> Term:
        name = word.text.lower()
        if name not in FUNCTIONS:
            raise UnknownName("function", word.text, FUNCTIONS)
        arguments = self._list()
        if (len(arguments) == 1) != (name == "abs"):
            wanted = "1" if name == "abs" else "2 or more"
            problem = f"{name} has {len(arguments)} arguments, must have {wanted}"
            raise fault(self.source, word.at, self._words[self._next - 1].end, problem)
        return called(name, arguments)
