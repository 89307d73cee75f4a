"""A condition over a column's TFMD statistics in a small part of GoogleSQL, never `eval`.

TFDV 1.16 runs such expressions itself and TFDV 1.21 no longer does: here they mean the same under both. The part is:
fields of `FeatureNameStatistics` (`feature.num_stats.common_stats.num_missing`; an enum is its name), numbers, quoted
texts, `TRUE`, `FALSE`, `NULL`, `+ - * /`, comparisons, `[NOT] BETWEEN`, `[NOT] IN`, `IS [NOT]` with `NULL`, `TRUE` or
`FALSE`, `AND`, `OR`, `NOT`, parentheses, `CAST` to a number, `IF` and the functions of
`components.data_validation.schemas.sql_terms`.
"""

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.schemas import sql_terms, sql_values
from components.data_validation.schemas.sql_terms import Term
from components.data_validation.schemas.sql_tokens import sql_tokens, SqlError, Token

_MAX_CHARACTERS = 2000
_CONSTANTS: dict[str, tuple[sql_terms.TermType, bool | None]] = {
    "TRUE": ("truth value", True),
    "FALSE": ("truth value", False),
    "NULL": ("NULL", None),
}


class StatisticsSql:
    """A parsed expression that is true or false of a column's statistics.

    Parameters
    ----------
    expression
        The SQL; keywords and names may be of either case.

    Raises
    ------
    ValueError
        If it is not of this language, names a field that the statistics do not have, mixes types, or gives no truth
        value; the message says which part, and at which character.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        if len(expression) > _MAX_CHARACTERS:
            raise ValueError(f"an SQL expression must have at most {_MAX_CHARACTERS} characters, got {len(expression)}")
        try:
            self._condition = _Parser(sql_tokens(expression)).condition()
        except SqlError as error:
            raise self._error(str(error)) from error
        except RecursionError as error:
            raise self._error("it is nested too deeply") from error

    def evaluate(self, feature: statistics_pb2.FeatureNameStatistics) -> bool | None:
        """Whether it is true of a column.

        Parameters
        ----------
        feature
            The column's statistics.

        Returns
        -------
        bool or None
            None where it is NULL (the column is of a kind that lacks a statistic that decides), and where it divides
            by zero or casts a number that is not finite, which stops GoogleSQL.
        """
        try:
            return self._condition.value(feature)
        except ArithmeticError:
            return None
        except RecursionError as error:
            raise self._error("it is nested too deeply") from error

    def _error(self, what: str) -> ValueError:
        return ValueError(
            f"an SQL expression over a column's statistics must give true or false, got {self.expression!r}: {what}"
        )


class _Parser:
    """A recursive descent: a method for each level of precedence, loosest first."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._place = 0

    def condition(self) -> Term:
        """The whole expression."""
        term = self._any()
        if self._next.kind != "end":
            raise SqlError(f"{self._next} is not understood here", self._next.position)
        if term.type not in ("truth value", "NULL"):
            raise SqlError(f"it gives a {term.type}", term.position)
        return term

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _passed(self) -> Token:
        """The next token, which is passed; the end stays."""
        token = self._next
        self._place += token.kind != "end"
        return token

    def _taken(self, *keywords: str) -> Token | None:
        """The next token where it is one of these, which is passed."""
        return self._passed() if self._next.keyword in keywords else None

    def _expect(self, *keywords: str) -> Token:
        token = self._taken(*keywords)
        if token is None:
            raise SqlError(f"{' or '.join(keywords)} is expected, got {self._next}", self._next.position)
        return token

    def _any(self) -> Term:
        term = self._all()
        while token := self._taken("OR"):
            term = sql_terms.joined(token, term, self._all())
        return term

    def _all(self) -> Term:
        term = self._negation()
        while token := self._taken("AND"):
            term = sql_terms.joined(token, term, self._negation())
        return term

    def _negation(self) -> Term:
        if token := self._taken("NOT"):
            return sql_terms.negated(token, self._negation())
        return self._comparison()

    def _comparison(self) -> Term:
        left = self._sum()
        if token := self._taken(*sql_values.COMPARISONS):
            return sql_terms.compared(token, left, self._sum())
        if token := self._taken("IS"):
            is_negated = self._taken("NOT") is not None
            _, sought = _CONSTANTS[self._expect(*_CONSTANTS).keyword]
            return sql_terms.tested(token, left, sought, is_negated=is_negated)
        if token := self._taken("NOT"):
            return sql_terms.negated(token, self._membership(self._expect("BETWEEN", "IN"), left))
        if token := self._taken("BETWEEN", "IN"):
            return self._membership(token, left)
        return left

    def _membership(self, token: Token, left: Term) -> Term:
        if token.keyword == "IN":
            return sql_terms.applied(token, sql_values.is_among, (left, *self._arguments()), gives="truth value")
        low = self._sum()
        self._expect("AND")
        return sql_terms.applied(token, sql_values.is_between, (left, low, self._sum()), gives="truth value")

    def _sum(self) -> Term:
        term = self._product()
        while token := self._taken("+", "-"):
            term = sql_terms.calculated(token, term, self._product())
        return term

    def _product(self) -> Term:
        term = self._signed()
        while token := self._taken("*", "/"):
            term = sql_terms.calculated(token, term, self._signed())
        return term

    def _signed(self) -> Term:
        if token := self._taken("-", "+"):
            return sql_terms.calculated(token, sql_terms.constant("number", 0, token.position), self._signed())
        return self._atom()

    def _atom(self) -> Term:
        token = self._passed()
        if token.kind == "number":
            value = int(token.text) if token.text.isdigit() else float(token.text)
            return sql_terms.constant("number", value, token.position)
        if token.kind == "text":
            return sql_terms.constant("text", token.text, token.position)
        if token.keyword in _CONSTANTS:
            return sql_terms.constant(*_CONSTANTS[token.keyword], token.position)
        if token.keyword == "(":
            term = self._any()
            self._expect(")")
            return term
        return self._named(token)

    def _named(self, token: Token) -> Term:
        if token.keyword == "FEATURE":
            return self._path(token)
        if token.keyword == "CAST":
            return self._cast(token)
        if token.keyword in {*sql_terms.FUNCTIONS, "IF"}:
            return sql_terms.called(token, self._arguments())
        raise SqlError(f"a value, feature.FIELD or a function is expected, got {token}", token.position)

    def _path(self, token: Token) -> Term:
        term = sql_terms.column_root(token.position)
        while self._taken("."):
            term = sql_terms.field(term, self._passed())
        return term

    def _cast(self, token: Token) -> Term:
        self._expect("(")
        term = self._any()
        self._expect("AS")
        compute = sql_terms.CASTS[self._expect(*sql_terms.CASTS).keyword]
        self._expect(")")
        takes: sql_terms.TermType = "truth value" if term.type == "truth value" else "number"
        return sql_terms.applied(token, compute, (term,), takes=takes, gives="number")

    def _arguments(self) -> tuple[Term, ...]:
        self._expect("(")
        terms = [self._any()]
        while self._taken(","):
            terms.append(self._any())
        self._expect(")")
        return tuple(terms)
