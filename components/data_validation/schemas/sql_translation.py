"""What a check that was written in GoogleSQL, for TFDV 1.16, says in the expression language of today."""

import re

from components.data_validation.schemas.statistics_expression import StatisticsExpression

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<sign><>|[<>!=]=|=)|(?P<word>[A-Za-z_][\w.]*)"""
)
_COMMENTS = ("--", "#")
_SIGNS = {"=": "==", "<>": "!="}
_BETWEEN = re.compile(r"([\w.]+)\s+(not\s+)?between\s+(\S+)\s+and\s+([^\s)]+)")
_IN = re.compile(r"\bin\s*\(([^()]*)\)")


def sql_refusal(sql: str) -> str:
    """One sentence that says what to write instead of `sql`: the translation where there is one, else the rules."""
    translated = _translated(sql)
    if translated is None:
        return (
            f"write 'expression' instead of 'sql': drop feature., and write ==, !=, and, or, not for =, <>, AND, OR, "
            f"NOT, a chain such as 0 <= num_stats.max <= 9 for BETWEEN, type == 'INT' for IS NULL (a statistic that "
            f"is missing gives no answer anyway), and no functions; got {sql!r}"
        )
    return f"write 'expression: {translated}' instead of 'sql: {' '.join(sql.split())}'"


def _translated(sql: str) -> str | None:
    """The expression that says the same; None where this simple translation gives none."""
    if any(sign in sql for sign in _COMMENTS):
        return None
    words = _TOKEN.sub(_translated_token, " ".join(sql.split()))
    chained = _BETWEEN.sub(lambda match: f"{match[2] or ''}{match[3]} <= {match[1]} <= {match[4]}", words)
    expression = _IN.sub(r"in [\1]", chained)
    try:
        StatisticsExpression(expression)
    except ValueError:
        return None
    return expression


def _translated_token(match: re.Match[str]) -> str:
    """Names and keywords are of any case in GoogleSQL; quoted texts stay."""
    if match["text"]:
        return match["text"]
    return _SIGNS.get(match[0], match[0].lower().removeprefix("feature."))
