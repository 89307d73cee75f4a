import json

import pytest
from typer.testing import CliRunner

from components.model_analysis.__main__ import app
from tests.command_lines import run_command
from tests.components.model_analysis.small_models import comment


def test_scoring_prints_what_a_person_wants_to_know(tmp_path, model_dir, photo) -> None:
    for name, data in {"cat/1.jpg": photo("cat"), "bird/2.jpg": photo("bird"), "cat/3.jpg": b"x"}.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    arguments = ["--model-dir", model_dir, "--source", tmp_path / "photos", "--output", tmp_path / "out"]
    result = CliRunner().invoke(app, ["score", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "scored 2 examples" in result.stdout
    assert "not readable: 1" in result.stdout
    assert "1 with a label that the model does not know" in result.stdout
    assert "accuracy 1.0000 on 1 labelled examples" in result.stdout
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["num_unknown_label"] == 1


def test_scoring_unlabelled_photos_says_how_to_give_labels(tmp_path, model_dir, photo) -> None:
    (tmp_path / "x.jpg").write_bytes(photo("cat"))
    arguments = ["--model-dir", model_dir, "--source", tmp_path / "x.jpg", "--output", tmp_path / "out"]
    result = CliRunner().invoke(app, ["score", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "no label is known" in result.stdout


def test_a_table_is_scored_as_its_problem_file_says(tmp_path, trip_model_dir) -> None:
    (tmp_path / "trips.csv").write_text("miles;hour;paid;tips\n9;1;card;3\n2;1;cash;0\n2;1;cash;3\n")
    (tmp_path / "problem.yaml").write_text("label: {expression: tips > 2}")
    arguments = ["--model-dir", trip_model_dir, "--source", tmp_path / "trips.csv", "--output", tmp_path / "out"]
    result = CliRunner().invoke(app, ["score", *map(str, arguments), "--problem", str(tmp_path / "problem.yaml")])
    assert result.exit_code == 0, result.output
    assert "scored 3 examples" in result.stdout
    assert "accuracy 0.6667 on 3 labelled examples" in result.stdout


def test_columns_of_texts_and_labels_can_be_named(tmp_path, text_model_dir) -> None:
    rows = "".join(f"{comment(label, seed)},{label}\n" for seed, label in enumerate(["good", "bad"] * 3))
    (tmp_path / "some.csv").write_text(f"ment,judgement\n{rows}")
    arguments = ["--model-dir", text_model_dir, "--source", tmp_path / "some.csv", "--output", tmp_path / "out"]
    named = ["--text-column", "ment", "--label-column", "judgement"]
    result = CliRunner().invoke(app, ["score", *map(str, arguments), *named])
    assert result.exit_code == 0, result.output
    assert "accuracy 1.0000 on 6 labelled examples" in result.stdout


@pytest.mark.parametrize(("minimum", "status"), [("0.9", 0), (None, 0), ("1.0", 1)])
def test_evaluating_exits_as_the_gate_decides(tmp_path, model_dir, make_table, minimum, status) -> None:
    rows = [("test", kind, kind) for kind in ("cat", "dog") * 10] + [("test", "cat", "dog")]
    arguments = ["--examples", make_table(rows), "--model-dir", model_dir, "--output", tmp_path / "out"]
    arguments += [] if minimum is None else ["--target-minimum", minimum]
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    assert result.exit_code == status, result.output
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["passed"] is (status == 0)


def test_bad_input_is_one_sentence_and_status_two(tmp_path, model_dir) -> None:
    result = run_command(
        app, "score", "--model-dir", model_dir, "--source", tmp_path / "absent", "--output", tmp_path / "out"
    )
    assert result.returncode == 2
    assert result.stderr.strip().splitlines() == [
        f"error: the data to score must be a file or a folder, but there is nothing at {tmp_path / 'absent'}"
    ]


def test_an_unknown_target_metric_is_one_sentence_and_status_two(tmp_path, model_dir, make_table) -> None:
    table = make_table([("test", "cat", "cat")])
    result = run_command(
        app,
        "evaluate",
        "--examples",
        table,
        "--model-dir",
        model_dir,
        "--output",
        tmp_path,
        "--target-metric",
        "beauty",
    )
    assert result.returncode == 2
    assert "target.metric must be one of" in result.stderr
    assert "Traceback" not in result.stderr


def test_comparing_without_a_champion_says_that_there_is_no_baseline(tmp_path, model_dir, make_table) -> None:
    table = make_table([("test", kind, kind) for kind in ("cat", "dog") * 3])
    arguments = ["--examples", table, "--model-dir", model_dir, "--output", tmp_path / "out"]
    (tmp_path / "problem.yaml").write_text("target: {metric: macro_f1, margin: 0.02}")
    problem = ["--problem", str(tmp_path / "problem.yaml")]
    assert CliRunner().invoke(app, ["evaluate", *map(str, arguments), *problem]).exit_code == 0
    arguments = [
        "--examples",
        table,
        "--predictions",
        tmp_path / "out" / "predictions",
        "--output",
        tmp_path / "compared",
    ]
    arguments += ["--model-name", "pets", "--model-root", tmp_path / "models", "--strict"]
    result = CliRunner().invoke(app, ["compare", *map(str, arguments), *problem])
    assert result.exit_code == 0, result.output
    assert "no baseline: pets has no champion yet" in result.stdout
    comparison = json.loads((tmp_path / "compared" / "comparison.json").read_text())
    assert (comparison["target"]["metric"], comparison["target"]["margin"]) == ("macro_f1", 0.02)
    assert comparison["target"]["strict"] is True


def test_language_bias_prints_the_verdict_and_exits_by_it(tmp_path, text_model_dir) -> None:
    (tmp_path / "settings.yaml").write_text("languages: [ko]\nmaterial_gap: 0.9\n")
    arguments = ["--model-dir", text_model_dir, "--output", tmp_path / "out", "--settings", tmp_path / "settings.yaml"]
    result = CliRunner().invoke(app, ["language-bias", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "both significant and large enough to matter" in result.stdout
    assert (tmp_path / "out" / "report.html").is_file()


def test_labels_are_ranked_and_corrected_ones_merged(tmp_path, model_dir, make_table) -> None:
    rows = [("test", kind, kind) for kind in ("cat", "dog") * 10] + [("test", "cat", "dog")]
    examples, out = make_table(rows), tmp_path / "out"
    evaluated = ["--examples", examples, "--model-dir", model_dir, "--output", out]
    assert CliRunner().invoke(app, ["evaluate", *map(str, evaluated)]).exit_code == 0
    ranked = [*evaluated, "--predictions", out / "predictions"]
    result = CliRunner().invoke(app, ["rank-label-errors", *map(str, ranked)])
    assert result.exit_code == 0, result.output
    assert "suspected: 1 of 21 labels" in result.stdout
    assert "how many are wrong: fill in" in result.stdout
    (tmp_path / "filled.csv").write_text("example_id,corrected_label\nexample-20,dog\n")
    merged = ["--examples", examples, "--corrections", tmp_path / "filled.csv", "--output", tmp_path / "new"]
    result = CliRunner().invoke(app, ["merge-labels", *map(str, merged), "--predictions", str(out / "predictions")])
    assert result.exit_code == 0, result.output
    assert "changed 1, removed 0, confirmed 0" in result.stdout
    assert "accuracy on 21 test examples: 0.9524 before, 1.0000 after" in result.stdout
