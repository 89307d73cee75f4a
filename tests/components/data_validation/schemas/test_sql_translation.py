import pytest

from components.data_validation.schemas.sql_translation import sql_refusal


@pytest.mark.parametrize(
    ("sql", "expression"),
    [
        ("feature.num_stats.max < 1000 AND feature.name = 'x'", "num_stats.max < 1000 and name == 'x'"),
        ("FEATURE.num_stats.MAX <> 3 Or NOT feature.type='INT'", "num_stats.max != 3 or not type=='INT'"),
        ("feature.num_stats.min >= 0\n  AND feature.num_stats.max <= 9\n", "num_stats.min >= 0 and num_stats.max <= 9"),
        ("feature.type NOT IN ('INT', 'a AND b')", "type not in ['INT', 'a AND b']"),
        ("feature.num_stats.max BETWEEN 1 AND 9", "1 <= num_stats.max <= 9"),
        ("(feature.num_stats.max NOT BETWEEN 1 AND 9)", "(not 1 <= num_stats.max <= 9)"),
        ("feature.num_stats.max != 3", "num_stats.max != 3"),
        (
            "feature.type = 'INT' AND feature.num_stats.max BETWEEN -1 AND 9 OR feature.num_stats.min > 3",
            "type == 'INT' and -1 <= num_stats.max <= 9 or num_stats.min > 3",
        ),
    ],
)
def test_simple_sql_is_translated_to_be_pasted(sql, expression):
    assert sql_refusal(sql) == f"write 'expression: {expression}' instead of 'sql: {' '.join(sql.split())}'"


@pytest.mark.parametrize(
    "sql",
    [
        "feature.string_stats IS NULL",
        "CAST(feature.num_stats.num_zeros AS DOUBLE) < 3",
        "ABS(feature.num_stats.max) < 3",
        "feature.num_stats.max < 3 # small\nAND feature.num_stats.min > 0",
        "feature.num_stats.max < 3 -- 5",
        "feature.num_stats.maximum < 3",
        "feature.num_stats.min + feature.num_stats.max BETWEEN 1 AND 9",
        "feature.num_stats.max * 2 BETWEEN 1 AND 9",
        "-feature.num_stats.max BETWEEN -9 AND -1",
        "feature.num_stats.max BETWEEN 1 AND 9 + 1",
        "feature.name = 'a in (b)'",
        "feature.name = 'x between 1 and 2'",
        "feature.name = 'a  b'",
        r"feature.name = '\?'",
        "feature.num_stats.max < 3 AND " * 200 + "feature.num_stats.max < 3",
        "",
    ],
)
def test_other_sql_is_refused_with_the_rules(sql):
    said = sql_refusal(sql)
    assert "write 'expression' instead of 'sql': drop feature." in said
    assert "IS NULL" in said
    assert said.endswith(f"got {sql!r}")
