"""Tables whose label is a number: inferred and said, quarantined where it is none, split without classes."""

import numpy as np
import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict


def houses(path, labels=None, *, name="price"):
    rng = np.random.default_rng(0)
    labels = [f"{value:.2f}" for value in rng.gamma(3.0, 100.0, 300)] if labels is None else labels
    lines = [f"{label},{rng.integers(20, 200)},{rng.choice(['yes', 'no'])}" for label in labels]
    path.write_text("\n".join([f"{name},area,garden", *lines]) + "\n")
    return path


def inferred(folder):
    return (folder / "report.html").read_text()


def test_a_label_of_numbers_becomes_a_target_of_regression(ingest, tmp_path):
    result, folder = ingest(houses(tmp_path / "houses.csv"), "label: {column: price}")
    table = ExampleTable(folder / "examples")
    assert result.passed
    assert (table.info.task, table.info.class_names) == ("regression", ())
    assert table.counts() == result.counts
    assert {split: list(labels) for split, labels in result.counts.items()} == {
        split: ["labelled"] for split in ("train", "validation", "test")
    }
    labels = table.read(["label"]).column(0).to_pylist()
    written = [float(line.split(",")[0]) for line in (tmp_path / "houses.csv").read_text().splitlines()[1:]]
    assert sorted(labels) == sorted(written)
    assert "The task is regression: the label has" in inferred(folder)
    assert "The label&#39;s distribution" in inferred(folder)
    verdict = read_verdict(folder / "verdict.json")
    assert verdict.reason == "300 examples with numbers for labels, none set aside"
    told = next(finding.message for finding in verdict.findings if finding.name == "label_numbers")
    assert told.startswith(f"300 labels are numbers: mean {np.mean(labels):.5g}, standard deviation ")


def test_a_label_that_is_no_number_is_set_aside_with_its_row(ingest, tmp_path):
    labels = [f"{value:.1f}" for value in np.linspace(1.0, 90.0, 100)]
    labels[4], labels[7], labels[9] = "12 kg", "inf", ""
    result, folder = ingest(houses(tmp_path / "houses.csv", labels), "label: {column: price}")
    assert (result.num_examples, result.num_quarantined) == (98, 2)
    assert sum(counts.get("", 0) for counts in result.counts.values()) == 1
    messages = [finding.message for finding in read_verdict(folder / "verdict.json").findings]
    assert "houses.csv, row 6: its label is not a finite number" in messages
    assert "houses.csv, row 9: its label is not a finite number" in messages
    assert "12 kg" not in inferred(folder)


@pytest.mark.parametrize(
    ("problem", "task"),
    [
        ("label: {column: price}\ntask: regression", "regression"),
        ("label: {column: price}\ntarget: {metric: mae, maximum: 3}", "regression"),
        ("label: {column: price}\ntask: classification", "classification"),
        ("label: {column: price}", "classification"),
        ("label: {column: price, classes: ['1', '2', '3']}", "classification"),
    ],
)
def test_the_problem_file_decides(ingest, tmp_path, problem, task):
    source = houses(tmp_path / "houses.csv", [str(number % 3 + 1) for number in range(90)])
    _, folder = ingest(source, problem)
    assert ExampleTable(folder / "examples").info.task == task


def test_whole_numbers_that_repeat_are_taken_for_classes_and_it_is_said(ingest, tmp_path):
    _, folder = ingest(houses(tmp_path / "h.csv", [str(n % 30) for n in range(300)]), "label: {column: price}")
    assert len(ExampleTable(folder / "examples").info.class_names) == 30
    assert "30 different numbers in 300 rows are taken for classes (task: regression predicts them" in inferred(folder)


def test_an_expression_may_give_the_number(ingest, tmp_path):
    labels = [f"{value:.2f}" for value in np.linspace(1.0, 90.0, 100)]
    _, folder = ingest(houses(tmp_path / "houses.csv", labels), "label: {expression: price / area}")
    table = ExampleTable(folder / "examples")
    assert table.info.task == "regression"
    assert table.info.columns_of("feature") == ("garden",)
    assert "the label&#39;s expression gives a number" in inferred(folder)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("task: regression\nlabel: {expression: price > 3}", "must give a number where the task is regression"),
        ("task: regression\nlabel: {column: price, classes: ['1', '2']}", r"label\.classes must be absent"),
        ("task: classification\ntarget: {metric: mae}", r"target\.metric must be one of accuracy, .* is a class"),
        ("modality: text\ntarget: {metric: r2}", "task must be classification for text examples"),
        ("task: ranking", "task must be one of classification, regression, got 'ranking'"),
        ("task: regression\nmodality: text", "task must be classification for text examples, which take classes"),
        ("text: garden\nlabel: {column: price}", "must be a class where examples are text, but it is a number"),
        ("task: regression\nlabel: {column: garden}", "since its label is not a finite number|must hold rows that can"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(ingest, tmp_path, problem, message):
    with pytest.raises(ValueError, match=message):
        ingest(houses(tmp_path / "houses.csv"), problem)


def test_one_number_teaches_nothing(ingest, tmp_path):
    source = houses(tmp_path / "houses.csv", ["3.5"] * 30)
    with pytest.raises(ValueError, match="must be numbers that differ, but 1 different ones occur"):
        ingest(source, "task: regression\nlabel: {column: price}")


def test_images_take_classes(ingest, photo_folder):
    with pytest.raises(ValueError, match=r"says task regression, but .* holds images, which take classes"):
        ingest(photo_folder, "task: regression")


def test_a_personal_number_is_no_label(ingest, tmp_path):
    with pytest.raises(ValueError, match="the label 'price' must not be under `pii`"):
        ingest(houses(tmp_path / "houses.csv"), "label: {column: price}\npii: [price]")
