"""Texts and tables from end to end, through real networks that are fitted in a few steps, or set by hand."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import torch

from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.model_analysis.jobs.score_examples import score_examples
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.tabular.features import fit_tabular_features
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import parse_problem
from components.shared.contracts.target_spec import TargetSpec
from components.shared.contracts.verdict import read_verdict
from tests.components.model_analysis.small_models import comment, fitted_bundle, trips, write_example_table

GOODS = ["good", "bad"] * 10
TIPPED = ["true", "false"] * 10


@pytest.fixture
def evaluate(tmp_path):
    def run(examples_path, model_path, *, target=None):
        return evaluate_model(
            examples_path=examples_path,
            model_path=model_path,
            target=target or TargetSpec(),
            predictions_path=tmp_path / "out" / "predictions",
            evaluation_path=tmp_path / "out" / "evaluation.json",
            report_path=tmp_path / "out" / "report.html",
            verdict_path=tmp_path / "out" / "verdict.json",
            metrics_path=tmp_path / "out" / "metrics.json",
            classification_metrics_path=tmp_path / "out" / "classification_metrics.json",
            device="cpu",
        )

    return run


@pytest.fixture
def score(tmp_path):
    def run(source, model_path, **hints):
        return score_examples(
            source=str(source),
            model_path=model_path,
            output_path=tmp_path / "scores",
            hints=TableHints(**hints),
            device="cpu",
        )

    return run


@pytest.fixture
def comments(tmp_path):
    """An example table of comments; the last one's label is wrong."""
    texts = [comment(label, 1000 + seed) for seed, label in enumerate(GOODS)]
    columns = {"text": pa.array(texts), "shop": pa.array(["a", "b"] * 10)}
    labels = [*GOODS[:-1], "good"]
    return write_example_table(
        tmp_path / "comments", labels, columns, modality="text", class_names=("bad", "good"), roles={"shop": "slice"}
    )


@pytest.fixture
def trip_table(tmp_path):
    """An example table of trips; the way of paying is one to slice by too, the driver is personal."""
    columns = {**trips(TIPPED, 7), "driver": pa.array(["Kim Min-su"] * 20)}
    roles = {"miles": "feature", "hour": "feature", "paid": "slice", "driver": "pii"}
    return write_example_table(
        tmp_path / "trips", TIPPED, columns, modality="tabular", class_names=("false", "true"), roles=roles
    )


def _predictions(folder, columns):
    return PredictionsTable(folder / "predictions").read(columns).to_pylist()


def test_a_model_of_texts_is_evaluated_and_its_mistake_is_shown(evaluate, comments, text_model_dir, tmp_path) -> None:
    result = evaluate(comments, text_model_dir, target=TargetSpec(metric="roc_auc", minimum=0.9))
    assert result.passed
    assert result.metrics["accuracy"] == 0.95
    assert 0.9 < result.metrics["roc_auc"] <= 1.0
    assert result.confusion == [[9, 0], [1, 10]]
    assert read_verdict(tmp_path / "out" / "verdict.json").passed
    rows = _predictions(tmp_path / "out", ["example_id", "label", "predicted", "embedding", "shop"])
    assert rows[-1]["label"] == "good"
    assert rows[-1]["predicted"] == "bad"
    assert [row["shop"] for row in rows] == ["a", "b"] * 10
    assert len(rows[0]["embedding"]) > 2
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    worst = html[html.index("Worst mistakes") : html.index("Least sure")]
    assert comment("bad", 1019) in worst
    assert "example-19" in worst


def test_probabilities_of_texts_are_those_of_the_predictor(evaluate, comments, text_model_dir, tmp_path) -> None:
    evaluate(comments, text_model_dir)
    predictor = load_predictor(text_model_dir, device="cpu")
    texts = pa.array([comment(label, 1000 + seed) for seed, label in enumerate(GOODS)])
    expected = predictor.predict(predictor.prepare({"text": texts}))
    found = PredictionsTable(tmp_path / "out" / "predictions").probabilities()
    np.testing.assert_allclose(found, expected.probabilities_BK, atol=1e-5)


def test_a_model_of_tables_is_evaluated_with_the_columns_that_matter(
    evaluate, trip_table, trip_model_dir, tmp_path
) -> None:
    result = evaluate(trip_table, trip_model_dir, target=TargetSpec(minimum=0.9))
    assert result.passed
    assert result.metrics["roc_auc"] == 1.0
    rows = _predictions(tmp_path / "out", ["label", "predicted", "paid"])
    assert [row["predicted"] for row in rows] == TIPPED
    assert [row["paid"] for row in rows] == ["card", "cash"] * 10
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    columns = html[html.index("<h2>Columns</h2>") : html.index("Worst mistakes")]
    assert columns.index("miles") < columns.index("hour")
    assert "The model made no mistake on the test split." in html
    assert "Kim" not in html


def test_values_of_personal_columns_are_never_shown(evaluate, trip_model_dir, tmp_path) -> None:
    wrong = ["false" if label == "true" else "true" for label in TIPPED]
    roles = {"miles": "feature", "hour": "feature", "paid": "pii"}
    table = write_example_table(
        tmp_path / "wrong", wrong, trips(TIPPED, 7), modality="tabular", class_names=("false", "true"), roles=roles
    )
    assert not evaluate(table, trip_model_dir).passed
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    worst = html[html.index("Worst mistakes") :]
    assert "miles" in worst
    assert "<td>card</td>" not in worst
    assert "paid" not in worst


def test_a_table_of_very_many_columns_shows_the_first_of_them(evaluate, tmp_path) -> None:
    labels = ["true", "false"] * 10
    columns = {f"column_{number:03d}": pa.array(range(number, number + 20)) for number in range(201)}
    features = fit_tabular_features([columns], {name: column.type for name, column in columns.items()})
    model = fitted_bundle(
        tmp_path / "wide", BackboneConfig(name="mlp"), features, columns, labels, ("false", "true"), num_steps=0
    )
    table = write_example_table(
        tmp_path / "rows", labels, columns, modality="tabular", class_names=("false", "true"),
        roles=dict.fromkeys(columns, "feature"),
    )  # fmt: skip
    evaluate(table, model)
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<h2>Columns</h2>" not in html
    assert "column_005" in html
    assert "column_006" not in html


def test_a_head_set_by_hand_gives_known_figures(evaluate, tmp_path) -> None:
    columns = trips(["true"] * 4, 1)
    features = fit_tabular_features([columns], {name: column.type for name, column in columns.items()})
    backbone = BackboneConfig(name="mlp")
    network = build_classifier(backbone, features, num_classes=2, load_pretrained=False)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.log(torch.tensor([0.75, 0.25])))
    config = BundleConfig(
        task="tabular_classification",
        class_names=("false", "true"),
        backbone=backbone.to_dict(),
        preprocessing=features.to_dict(),
    )
    write_bundle(tmp_path / "model", config, weights_of(network))
    labels = ["false", "true", "false", "false"]
    roles = dict.fromkeys(columns, "feature")
    table = write_example_table(
        tmp_path / "four", labels, columns, modality="tabular", class_names=("false", "true"), roles=roles
    )
    result = evaluate(table, tmp_path / "model")
    assert result.confusion == [[3, 0], [1, 0]]
    assert result.metrics["accuracy"] == 0.75
    assert result.metrics["roc_auc"] == 0.5
    assert result.metrics["log_loss"] == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)
    assert result.metrics["brier_score"] == pytest.approx((3 * 0.25**2 + 0.75**2) / 4)


def test_a_table_of_another_modality_than_the_model_is_refused(evaluate, comments, trip_model_dir) -> None:
    with pytest.raises(ValueError, match="must hold tabular examples, as the model takes, got the modality text"):
        evaluate(comments, trip_model_dir)


def test_a_table_without_a_column_that_the_model_reads_is_refused(evaluate, trip_model_dir, tmp_path) -> None:
    columns = trips(TIPPED)
    del columns["hour"]
    roles = dict.fromkeys(columns, "feature")
    table = write_example_table(
        tmp_path / "short", TIPPED, columns, modality="tabular", class_names=("false", "true"), roles=roles
    )
    with pytest.raises(ValueError, match=r"must have the column 'hour', which the model reads; it has .*miles"):
        evaluate(table, trip_model_dir)


def test_a_column_of_another_type_is_an_error_that_names_it(evaluate, trip_model_dir, tmp_path) -> None:
    columns = {**trips(TIPPED), "miles": pa.array(["far"] * 20)}
    roles = dict.fromkeys(columns, "feature")
    table = write_example_table(
        tmp_path / "words", TIPPED, columns, modality="tabular", class_names=("false", "true"), roles=roles
    )
    with pytest.raises(ValueError, match=r"the example example-0 cannot be scored: .*miles"):
        evaluate(table, trip_model_dir)


@pytest.mark.parametrize("name", ["trips.csv", "trips.tsv", "trips.parquet"])
def test_a_table_of_trips_is_scored_from_any_file(score, trip_model_dir, tmp_path, name) -> None:
    table = pa.table({**trips(TIPPED, 7), "target": TIPPED, "other": ["x"] * 20})
    if name.endswith(".parquet"):
        pq.write_table(table, tmp_path / name)
    else:
        delimiter = "\t" if name.endswith(".tsv") else ","
        pa_csv.write_csv(table, tmp_path / name, pa_csv.WriteOptions(delimiter=delimiter))
    result = score(tmp_path / name, trip_model_dir)
    assert (result.num_examples, result.num_labelled) == (20, 20)
    assert result.metrics["accuracy"] == result.metrics["roc_auc"] == 1.0
    assert json.loads((tmp_path / "scores" / "metrics.json").read_text())["confusion"]["matrix"] == [[10, 0], [0, 10]]
    predictor = load_predictor(trip_model_dir, device="cpu")
    expected = predictor.predict(predictor.prepare(trips(TIPPED, 7))).probabilities_BK
    found = PredictionsTable(tmp_path / "scores" / "predictions").probabilities()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_problem_files_expression_gives_the_labels_of_trips(score, trip_model_dir, tmp_path) -> None:
    tips = [3.0 if label == "true" else 0.5 for label in TIPPED]
    pa_csv.write_csv(pa.table({**trips(TIPPED, 7), "tips": tips, "fare": [10.0] * 20}), tmp_path / "trips.csv")
    problem = parse_problem("label: {expression: tips > 0.2 * fare}")
    result = score(tmp_path / "trips.csv", trip_model_dir, problem=problem)
    assert (result.num_labelled, result.metrics["accuracy"]) == (20, 1.0)


def test_missing_values_and_unknown_categories_are_scored(score, trip_model_dir, tmp_path) -> None:
    (tmp_path / "odd.csv").write_text("paid,miles,hour\ncard,9,1\nvoucher,9.5,\n,,\ncash,2,NaN\n")
    assert score(tmp_path / "odd.csv", trip_model_dir).num_examples == 4


def test_whole_numbers_may_be_written_with_a_point(score, trip_model_dir, tmp_path) -> None:
    (tmp_path / "whole.csv").write_text("paid,miles,hour\ncard,9,7\ncash,2,7\n")
    (tmp_path / "point.csv").write_text("paid,miles,hour\ncard,9.0,7.0\ncash,2,7\n")
    found = []
    for name in ("whole.csv", "point.csv"):
        score(tmp_path / name, trip_model_dir)
        found.append(PredictionsTable(tmp_path / "scores" / "predictions").probabilities())
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_numbers_of_any_stored_type_are_scored(score, trip_model_dir, tmp_path) -> None:
    paid = pa.array(["card", "cash", None]).dictionary_encode()
    whole = {"paid": paid, "miles": pa.array([9, 2**60, None]), "hour": pa.array([True, False, None])}
    pq.write_table(pa.table(whole), tmp_path / "odd.parquet")
    assert score(tmp_path / "odd.parquet", trip_model_dir).num_examples == 3


def test_a_word_where_a_number_belongs_names_row_and_column(score, trip_model_dir, tmp_path) -> None:
    (tmp_path / "bad.csv").write_text("id,paid,miles,hour\na,card,9,1\nb,card,9,1\nc,card,far,1\nd,card,far,1\n")
    with pytest.raises(ValueError, match=r"column 'miles' of .*bad\.csv must hold numbers, .* but that of c is none"):
        score(tmp_path / "bad.csv", trip_model_dir)


def test_a_table_file_without_a_feature_is_refused(score, trip_model_dir, tmp_path) -> None:
    (tmp_path / "short.csv").write_text("miles,hour\n1,2\n")
    with pytest.raises(ValueError, match="must have the column 'paid', which the model reads; it has miles, hour"):
        score(tmp_path / "short.csv", trip_model_dir)


def test_comments_are_scored_under_any_name_of_their_column(score, text_model_dir, tmp_path) -> None:
    rows = "".join(f"{comment(label, 500 + seed)}\t{label.upper()}\n" for seed, label in enumerate(GOODS))
    (tmp_path / "named.tsv").write_text(f"document\tlabel\n{rows}", encoding="cp949")
    (tmp_path / "other.tsv").write_text(f"ment\tlabel\n{rows}")
    assert score(tmp_path / "named.tsv", text_model_dir).metrics["accuracy"] == 1.0
    with pytest.raises(ValueError, match=r"a column of texts called text, .*--text-column; it has ment, label"):
        score(tmp_path / "other.tsv", text_model_dir)
    assert score(tmp_path / "other.tsv", text_model_dir, payload="ment").metrics["accuracy"] == 1.0


def test_blank_comments_are_set_aside(score, text_model_dir, tmp_path) -> None:
    (tmp_path / "some.csv").write_text(f"id,text\n1,{comment('good', 1)}\n2,\n3,  \n4,{comment('bad', 2)}\n")
    result = score(tmp_path / "some.csv", text_model_dir)
    assert (result.num_examples, result.num_unreadable) == (2, 2)
    assert [row["example_id"] for row in _predictions(tmp_path / "scores", ["example_id"])] == ["1", "4"]
    unreadable = json.loads((tmp_path / "scores" / "unreadable.json").read_text())
    assert unreadable == [{"example_id": name, "reason": "it has no text"} for name in ("2", "3")]


def test_quotes_that_mean_nothing_are_read_as_the_problem_file_says(score, text_model_dir, tmp_path) -> None:
    (tmp_path / "some.tsv").write_text(f'text\tlabel\n"{comment("good", 1)}\tgood\n{comment("bad", 2)}\tbad\n')
    problem = parse_problem("table: {quoting: false}")
    assert score(tmp_path / "some.tsv", text_model_dir, problem=problem).num_labelled == 2


def test_a_folder_of_photos_is_nothing_for_a_model_of_texts(score, text_model_dir, tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match=r"for the model takes text examples, but .* is a folder of other files"):
        score(tmp_path / "photos", text_model_dir)
