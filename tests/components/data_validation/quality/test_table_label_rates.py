"""The label rates of example tables on disk: sensitive columns, texts, personal data, groups."""

import numpy as np
import pyarrow as pa

from components.data_validation.jobs.validate_examples import validate_examples
from components.data_validation.quality.table_label_rates import table_label_rates
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.verdict import read_verdict

NUM_ROWS = 600
SPLITS = ["train"] * 400 + ["validation"] * 100 + ["test"] * 100


def leaning(num_rows: int = NUM_ROWS) -> tuple[list[str], list[str]]:
    """Sex and label of as many people: 30 % of women are hired and 60 % of men."""
    sex = ["f", "m"] * (num_rows // 2)
    hired = [place % 20 < (6 if kind == "f" else 12) for place, kind in enumerate(sex)]
    return sex, ["yes" if one else "no" for one in hired]


def test_validation_warns_of_labels_that_lean_and_passes(write_table, tmp_path) -> None:
    sex, labels = leaning()
    examples = write_table(
        SPLITS, labels, {"sex": sex, "x": np.random.default_rng(0).normal(size=NUM_ROWS)}, roles={"sex": "sensitive"}
    )
    out = tmp_path / "out"
    result = validate_examples(
        examples_path=examples,
        statistics_path=out / "statistics",
        schema_path=out / "schema.pbtxt",
        anomalies_path=out / "anomalies",
        report_path=out / "report.html",
        verdict_path=out / "verdict.json",
    )
    assert result.passed
    [finding] = [one for one in read_verdict(out / "verdict.json").findings if one.name == "LABEL_RATE_DIFFERENCE"]
    assert (finding.severity, finding.kind) == ("warning", "data_skew")
    assert "'yes' is 0.3 of 300 (sex = f) and 0.6 of 300 (sex = m)" in finding.message
    assert "Labels by group of people" in (out / "report.html").read_text("utf-8")


def test_values_of_personal_data_are_not_shown(write_table) -> None:
    sex, labels = leaning()
    table = ExampleTable(write_table(SPLITS, labels, {"sex": sex}, roles={"sex": ("pii", "sensitive")}))
    [compared] = table_label_rates(table).comparisons
    assert [group.name for group in compared.groups] == ["sex: group 1 (personal data)", "sex: group 2 (personal data)"]


def test_rows_of_one_group_count_as_few(write_table) -> None:
    sex, labels = leaning()
    shops = [f"s{row // 30}" for row in range(NUM_ROWS)]
    leaning_shops = ["yes" if row // 30 % 3 == 0 else label for row, label in enumerate(labels)]
    columns = {"sex": sex, "shop": shops}
    alone = write_table(SPLITS, leaning_shops, columns, roles={"sex": "sensitive"}, name="alone")
    grouped = write_table(SPLITS, leaning_shops, columns, roles={"sex": "sensitive", "shop": "group"}, name="grouped")
    widths = []
    for path in (alone, grouped):
        [compared] = table_label_rates(ExampleTable(path)).comparisons
        widths.append(compared.groups[0].high - compared.groups[0].low)
    assert widths[1] > 1.2 * widths[0]


def test_without_sensitive_columns_and_texts_nothing_is_read(write_table) -> None:
    sex, labels = leaning()
    assert table_label_rates(ExampleTable(write_table(SPLITS, labels, {"sex": sex}))).comparisons == ()


def test_unlabelled_texts_are_left_out(tmp_path) -> None:
    texts = ["무슬림이 왔다", "비가 왔다", "여성도 왔다"] * 100
    labels = ["rude" if "무슬림" in text else "fine" for text in texts]
    labels[1::3] = [None if row % 2 else "fine" for row in range(100)]
    info = ExampleTableInfo(modality="text", class_names=("fine", "rude"), column_roles={})
    with ExampleTableWriter(tmp_path / "texts", info, extra_columns={}) as writer:
        columns = {
            "example_id": pa.array([f"text-{row}" for row in range(300)]),
            "split": pa.array(["train"] * 300),
            "label": pa.array(labels, pa.string()),
            "text": pa.array(texts),
        }
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    first, second = table_label_rates(ExampleTable(tmp_path / "texts")).comparisons
    assert (first.term, [group.num_examples for group in first.groups]) == ("무슬림", [100, 150])
    assert first.found.difference == 1.0
    assert second.term == "여성"
