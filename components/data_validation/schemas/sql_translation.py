"""What a check that was written in GoogleSQL, for TFDV 1.16, says in the expression language of today."""

import re

from components.data_validation.schemas.statistics_expression import StatisticsExpression
from components.shared.tables.expression_language import MAX_CHARACTERS

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<sign><>|[<>!=]=|=)|(?P<word>[A-Za-z_][\w.]*)"""
)
_COMMENTS = ("--", "#")
_SIGNS = {"=": "==", "<>": "!="}
# Only where it stands alone: an operand of arithmetic would be cut in two.
_BETWEEN = re.compile(
    r"(?P<before>(?:^|\(|\b(?:and|or|not)\b)\s*)(?P<name>[a-z_][\w.]*)\s+(?P<negated>not\s+)?between\s+"
    r"(?P<low>-?[\w.]+)\s+and\s+(?P<high>-?[\w.]+)(?=\s*(?:$|\)|\b(?:and|or)\b))"
)
# Quoted texts that the other patterns, or Python, would read differently.
_RISKY_TEXT = re.compile(r"\\|`|  |\bbetween\b|\bin\s*\(|\n", re.IGNORECASE)
_IN = re.compile(r"\bin\s*\(([^()]*)\)")


def sql_refusal(sql: str) -> str:
    """One sentence that says what to write instead of `sql`: the translation where there is one, else the rules."""
    translated = _translated(sql)
    if translated is None:
        return (
            f"write 'expression' instead of 'sql': drop feature., and write ==, !=, and, or, not for =, <>, AND, OR, "
            f"NOT, a chain such as 0 <= num_stats.max <= 9 for BETWEEN, type != 'STRING' for num_stats IS NULL (a "
            f"statistic that is missing gives no answer anyway), and no functions; got {sql!r}"
        )
    return f"write 'expression: {translated}' instead of 'sql: {' '.join(sql.split())}'"


def _translated(sql: str) -> str | None:
    """The expression that says the same; None where this simple translation gives none."""
    texts = [match["text"] for match in _TOKEN.finditer(sql) if match["text"]] if len(sql) <= MAX_CHARACTERS else []
    if len(sql) > MAX_CHARACTERS or any(sign in sql for sign in _COMMENTS) or any(map(_RISKY_TEXT.search, texts)):
        return None
    words = _TOKEN.sub(_translated_token, " ".join(sql.split()))
    expression = _IN.sub(r"in [\1]", _BETWEEN.sub(_chain, words))
    try:
        StatisticsExpression(expression)
    except ValueError:
        return None
    return expression


def _chain(match: re.Match[str]) -> str:
    return f"{match['before']}{match['negated'] or ''}{match['low']} <= {match['name']} <= {match['high']}"


def _translated_token(match: re.Match[str]) -> str:
    """Names and keywords are of any case in GoogleSQL; quoted texts stay."""
    if match["text"]:
        return match["text"]
    return _SIGNS.get(match[0], match[0].lower().removeprefix("feature."))
