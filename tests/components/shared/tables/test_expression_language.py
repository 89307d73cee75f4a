import ast

import pytest

from components.shared.tables.expression_language import Condition, Language

LANGUAGE = Language(subject="rule", operand="field", example="size < 3", has_fields=True)


class Written:
    """Writes a condition with every pair of operands in parentheses."""

    def operand(self, name: str) -> str:
        return f"<{name}>"

    def constant(self, value: float | str) -> str:
        return repr(value)

    def apply(self, operator: type[ast.AST], operands: tuple[str, ...], source: ast.AST) -> str:
        return f"{operator.__name__}({', '.join(operands)})"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("a.b.c < -3", "Lt(<a.b.c>, -3)"),
        ("`a b`.c == 'x'", "Eq(<a b.c>, 'x')"),
        ("1 < a <= 3", "And(Lt(1, <a>), LtE(<a>, 3))"),
        ("a in (1, -2)", "Or(Eq(<a>, 1), Eq(<a>, -2))"),
        ("not a not in ['x']", "Not(Not(Eq(<a>, 'x')))"),
        ("a > 1 or b > 2 and -c < 3", "Or(Gt(<a>, 1), And(Gt(<b>, 2), Lt(USub(<c>), 3)))"),
        ("a > 1\n  and b > 2\n", "And(Gt(<a>, 1), Gt(<b>, 2))"),
        ("a > 1 \\\nand b > 2 # twice\r\nor c > 3", "Or(And(Gt(<a>, 1), Gt(<b>, 2)), Gt(<c>, 3))"),
        ("(a > 1) or (b > 2)", "Or(Gt(<a>, 1), Gt(<b>, 2))"),
        ("a == 'x`b`y' and `c` == \"it's\"", "And(Eq(<a>, 'x`b`y'), Eq(<c>, \"it's\"))"),
        ("`a` > 1 and quoted_name_0 > 2", "And(Gt(<a>, 1), Gt(<quoted_name_0>, 2))"),
        ("x.`d e` > 1", "Gt(<x.d e>, 1)"),
        ("나이 > 3 and `\u00b5g` < 2", "And(Gt(<나이>, 3), Lt(<\u00b5g>, 2))"),
    ],
)
def test_a_condition_is_folded_part_by_part(text, folded):
    assert Condition(text, LANGUAGE).fold(Written()) == folded


def test_names_are_listed_once():
    assert Condition("a.b > a.c + a.b and `d e` == 1", LANGUAGE).names == ("a.b", "d e", "a.c")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" * 2001, "rule must have at most 2000 characters, got 2001"),
        ("-" * 1900 + "a > 1", "cannot be read|at most 150 levels deep"),
        ("(" * 900 + "a" + ")" * 900 + " > 1", "cannot be read"),
        ("not " * 400 + "a > 1", "cannot be read|at most 150 levels deep"),
        ("a" + " + 1" * 400 + " > 1", "it must be nested at most 150 levels deep"),
        ("a" + ".b" * 400 + " > 1", "it must be nested at most 150 levels deep"),
        ("a == [" + "[x for x in " * 60 + "b" + "]" * 61, "cannot be read|150 levels|is not understood"),
        ("a > " + "9" * 5000, "rule must have at most 2000 characters, got 5004"),
        ("a > " + "9" * 1900, "a whole number must have at most 30 digits, got 1900"),
        ("a in [" + "9" * 31 + "]", "a whole number must have at most 30 digits, got 31"),
        ("a > 1) or (b > 2", "cannot be read"),
        ("a == 'x\ny'", "cannot be read"),
        ("a == '\\d'", "cannot be read .*invalid escape sequence"),
        ("a == '\\ud800'", "must hold no half of a character"),
        ("\u00b5g > 1", "must stand in backticks"),
        ("a > 1; b > 2", "cannot be read"),
        ("a().b > 1", "'a\\(\\).b' is not understood"),
        ("a == b'x'", "is not understood"),
        ("a > 1j", "is not understood"),
        ("f'{a}' == 'x'", "is not understood"),
    ],
)
def test_what_is_too_long_too_deep_or_not_of_the_language_is_refused(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        Condition(text, LANGUAGE)
    assert str(caught.value).startswith("rule ")


def test_a_sum_of_a_hundred_columns_is_a_condition():
    text = " + ".join(f"q{number}" for number in range(100)) + " >= 30"
    assert len(Condition(text, LANGUAGE).names) == 100


def test_names_are_dotted_only_where_the_language_has_fields():
    plain = Language(subject="rule", operand="field", example="size < 3")
    with pytest.raises(ValueError, match=r"'a\.b' is not understood"):
        Condition("a.b > 1", plain)
