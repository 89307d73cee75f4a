from datetime import datetime, timedelta, UTC

import numpy as np
import pyarrow as pa
import pytest

from components.data_ingestion.jobs.add_labels import add_late_labels
from components.data_ingestion.jobs.collect_examples import collect_examples, CollectionOutputs
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.label_versions.placement import content_of_rows
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.log_writer import ServingLogWriter

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TEXTS = [f"text number {number}" for number in range(40)]


@pytest.fixture
def table(tmp_path):
    """The first 20 texts, labelled: 12 to train on, 4 and 4 held out."""
    info = ExampleTableInfo(modality="text", class_names=("bad", "good"), column_roles={"shop": "slice"})
    rows = {
        "example_id": pa.array([f"e{number}" for number in range(20)]),
        "split": pa.array(["train"] * 12 + ["validation"] * 4 + ["test"] * 4),
        "label": pa.array(["good", "bad"] * 10),
        "text": pa.array(TEXTS[:20]),
        "shop": pa.array(["a"] * 20),
    }
    contents = content_of_rows(pa.RecordBatch.from_pydict(rows), info)[0]
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns={"shop": pa.string()}) as writer:
        writer.write(pa.RecordBatch.from_pydict({**rows, "content_id": pa.array(contents, pa.uint64())}))
    return tmp_path / "examples"


def log_of(path, texts, **further) -> str:
    count = len(texts)
    columns = {
        "request_id": pa.array([f"r{number}" for number in range(count)]),
        "row": pa.array([0] * count, pa.int32()),
        "event_time": pa.array([NOON + timedelta(minutes=number) for number in range(count)]),
        "model_name": pa.array(["films"] * count),
        "model_revision": pa.array(["v1"] * count),
        "predicted": pa.array(["good"] * count),
        "shop": pa.array(["b"] * count),
        "text": pa.array(texts, pa.string()),
        **further,
    }
    columns = {name: values for name, values in columns.items() if values is not None}
    info = ExampleTableInfo(modality="text", class_names=(), column_roles={"shop": "slice"})
    ServingLogWriter(str(path), info).append(pa.RecordBatch.from_pydict(columns))
    return str(path)


def collected(tmp_path, log, table, **options):
    outputs = CollectionOutputs(
        examples=tmp_path / "out" / "examples",
        pool=tmp_path / "out" / "pool",
        metrics=tmp_path / "out" / "metrics.json",
    )
    result = collect_examples(serving_log=log, examples=table, outputs=outputs, **options)
    return result, ExampleTable(outputs.examples), ExampleTable(outputs.pool)


def labelled(tmp_path, log, labels):
    file = tmp_path / "labels.csv"
    file.write_text(
        "request_id,label\n" + "".join(f"{key},{label}\n" for key, label in labels.items()), encoding="utf-8"
    )
    add_late_labels(str(file), log, tmp_path / "problems.csv")


def test_what_was_served_becomes_a_pool_each_content_once(tmp_path, table):
    log = log_of(tmp_path / "log", [*TEXTS[18:24], TEXTS[20], None])
    result, version, pool = collected(tmp_path, log, table)
    assert (result.num_served, result.num_without_payload, result.num_known, result.num_repeated) == (8, 1, 2, 1)
    assert sorted(pool.read(["text"]).column(0).to_pylist()) == sorted(TEXTS[20:24])
    assert pool.info.is_pool
    assert set(pool.read(["shop"]).column(0).to_pylist()) == {"b"}
    assert set(pool.read(["served_by"]).column(0).to_pylist()) == {"v1"}
    assert version.read().equals(ExampleTable(table).read())


def test_labelled_rows_join_a_new_version_and_what_is_known_keeps_its_split(tmp_path, table):
    log = log_of(tmp_path / "log", TEXTS[16:40])
    labelled(tmp_path, log, {f"r{number}": "good" for number in range(14)})
    result, version, pool = collected(tmp_path, log, table)
    assert (result.num_known, result.num_labelled, result.num_pool) == (4, 10, 10)
    assert result.num_unusable_labels == 4  # of what the table has
    assert version.read().num_rows == 30
    before = dict(zip(*ExampleTable(table).read(["example_id", "split"]).to_pydict().values(), strict=True))
    after = dict(zip(*version.read(["example_id", "split"]).to_pydict().values(), strict=True))
    assert {name: after[name] for name in before} == before
    assert not set(TEXTS[16:30]) & set(pool.read(["text"]).column(0).to_pylist())
    [change] = version.info.lineage
    assert change.served["released"] == {"v1": 20}
    assert change.served["served_weight"] == 20.0
    assert change.counts["num_added"] == 10


def test_a_window_alone_is_collected(tmp_path, table):
    log = log_of(tmp_path / "log", TEXTS[20:40])
    result, _, pool = collected(tmp_path, log, table, window_start="2026-05-01T12:05Z", window_end="2026-05-01T12:10Z")
    assert (result.num_served, result.num_pool) == (5, 5)
    assert sorted(pool.read(["text"]).column(0).to_pylist()) == sorted(TEXTS[25:30])


def test_a_sample_carries_its_weight_and_what_was_picked_is_only_trained_on(tmp_path, table):
    draws = ["uncertain", "drifted"] * 10
    weights = pa.array([1.0] * 20)
    log = log_of(tmp_path / "log", TEXTS[20:40], payload_draw=pa.array(draws), payload_weight=weights)
    labelled(tmp_path, log, {f"r{number}": "bad" for number in range(20)})
    _, version, _ = collected(tmp_path, log, table)
    joined = [row["split"] for row in version.read().to_pylist() if row["example_id"].startswith("served-")]
    assert joined == ["train"] * 20
    other = log_of(tmp_path / "other", TEXTS[20:40], payload_weight=pa.array(np.full(20, 50.0)))
    _, _, pool = collected(tmp_path / "second", other, table)
    assert set(pool.read(["served_weight"]).column(0).to_pylist()) == {50.0}


def test_labels_that_contradict_one_another_of_one_content_are_none(tmp_path, table):
    log = log_of(tmp_path / "log", [TEXTS[30], TEXTS[30], TEXTS[31]])
    labelled(tmp_path, log, {"r0": "good", "r1": "bad", "r2": "good"})
    result, _, pool = collected(tmp_path, log, table)
    assert (result.num_labelled, result.num_unusable_labels) == (1, 2)
    assert pool.read(["text"]).column(0).to_pylist() == [TEXTS[30]]


def test_a_label_that_is_no_class_leaves_its_row_in_the_pool(tmp_path, table):
    log = log_of(tmp_path / "log", TEXTS[30:32])
    labelled(tmp_path, log, {"r0": "superb", "r1": "GOOD"})
    result, version, pool = collected(tmp_path, log, table)
    assert (result.num_labelled, result.num_pool, result.num_unusable_labels) == (1, 1, 1)
    assert version.read().to_pylist()[-1]["label"] == "good"
    assert pool.read(["text"]).column(0).to_pylist() == [TEXTS[30]]


def test_a_log_without_payloads_is_refused_and_says_what_to_do(tmp_path, table):
    log = log_of(tmp_path / "log", TEXTS[20:30], text=None, text_length=None)
    with pytest.raises(ContractError, match=r"must keep 'text' of what was asked.* --log-payload sampled or full"):
        collected(tmp_path, log, table)
    assert not (tmp_path / "out").exists()
