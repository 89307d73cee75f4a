"""From a source with personal data to a published model, job by job: no file but payload and features holds a value."""

from pathlib import Path

import pytest

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.feature_engineering.jobs import build_feature_store
from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.model_analysis.jobs.score_examples import score_examples
from components.serving.jobs import Candidate, publish_model
from components.shared.contracts.bundle import read_config
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.tables.personal_key import keyed_hash
from components.training.jobs.train_model import train_model, TrainingInputs
from components.training.training_run import TrainingOutputs
from tests.decoded_search import DecodedSearch
from tests.planted_personal_data import (
    EMAILS,
    exempt,
    feature_table,
    PHONES,
    photo_folder,
    SEARCH,
    TABLE_PROBLEM,
    TEXT_PROBLEM,
    text_table,
)

MODALITIES = {
    "text": (text_table, TEXT_PROBLEM, "subwords"),
    "tabular": (feature_table, TABLE_PROBLEM, "auto"),
    "image": (photo_folder, "{modality: image}", "small_cnn"),
}


def trained(source: Path, problem: str, folder: Path, backbone: str) -> Path:
    """Run the jobs from the source to a published model below `folder`."""
    folder.mkdir()
    outputs = IngestionOutputs(
        examples=folder / "examples", report=folder / "ingestion.html", verdict=folder / "ingestion.json"
    )
    assert ingest_examples(source=str(source), problem=problem, outputs=outputs).passed
    build_feature_store(
        examples_path=folder / "examples",
        backbone=backbone,
        features_path=folder / "features",
        report_path=folder / "features.html",
    )
    training = TrainingOutputs(
        model=folder / "model", report=folder / "training.html", metrics=folder / "m.json", logs=folder / "logs"
    )
    train_model(
        TrainingInputs(features=folder / "features"),
        training,
        recipe="smoke",
        training="",
        seed=0,
        checkpoint_dir=str(folder / "checkpoints"),
        device="cpu",
    )
    evaluate_model(
        examples_path=folder / "examples",
        model_path=folder / "model",
        target='{"minimum": 0.0}',
        predictions_path=folder / "predictions",
        evaluation_path=folder / "evaluation.json",
        report_path=folder / "evaluation.html",
        verdict_path=folder / "analysis.json",
        metrics_path=folder / "metrics.json",
        classification_metrics_path=folder / "classification.json",
        device="cpu",
    )
    candidate = Candidate(
        model=folder / "model", evaluation=folder / "evaluation.json", verdict=folder / "analysis.json"
    )
    publish_model(
        candidate,
        model_name="customers",
        model_root=str(folder / "models"),
        inference_service_path=folder / "service.yaml",
    )
    score_examples(source=str(source), model_path=folder / "model", output_path=folder / "scored", device="cpu")
    return folder


@pytest.fixture(scope="module", params=MODALITIES)
def run(request, tmp_path_factory):
    """The modality, and the folder of its run."""
    make, problem, backbone = MODALITIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, trained(make(folder), problem, folder / "run", backbone)


def test_nothing_personal_is_in_any_other_file(run):
    assert SEARCH.folder(run[1], exempt=exempt) == []


def test_the_payload_does_hold_it_so_the_search_had_something_to_find(run):
    modality, folder = run
    found = {hit.value for hit in SEARCH.folder(folder / "examples")}
    assert found if modality != "image" else not found


def test_the_same_value_has_the_same_hash_in_every_table(tmp_path):
    folder = trained(text_table(tmp_path), TEXT_PROBLEM, tmp_path / "run", "char_ngrams")
    examples = ExampleTable(folder / "examples").read(["example_id", "phone", "agent", "note"])
    assert set(examples.column("phone").to_pylist()) == {keyed_hash(phone) for phone in PHONES}
    assert set(examples.column("agent").to_pylist()) == {"<e-mail>"}
    assert {"none", "<phone>", "<card>", "<resident number>"} < set(examples.column("note").to_pylist())
    ids = set(examples.column("example_id").to_pylist())
    assert {keyed_hash(f"{number}/{EMAILS[number % 4]}") for number in range(240)} == ids
    assert set(PredictionsTable(folder / "predictions").read(["example_id"]).column(0).to_pylist()) <= ids


def test_columns_of_numbers_that_are_telephones_are_hashed_and_said(tmp_path):
    outputs = IngestionOutputs(
        examples=tmp_path / "examples", report=tmp_path / "report.html", verdict=tmp_path / "verdict.json"
    )
    ingest_examples(source=str(feature_table(tmp_path)), problem=TABLE_PROBLEM, outputs=outputs)
    info = ExampleTable(tmp_path / "examples").info
    assert {"mobile", "second_mobile"} <= set(info.columns_of("pii"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "seems to hold telephone numbers: write `pii: {mobile: keep}` if it does not" in page.replace("&#39;", "'")
    rows = ExampleTable(tmp_path / "examples").read(["mobile", "second_mobile"]).to_pylist()
    assert all(row["mobile"] == row["second_mobile"] for row in rows if row["second_mobile"] is not None)


def test_keep_is_the_way_to_keep_values(tmp_path):
    problem = TABLE_PROBLEM.replace("pii: [phone]", "pii: {phone: keep, agent: keep, contact: keep, mobile: keep}")
    # No feature, so that the model learns nothing of it.
    problem = problem.replace("slices: [agent], sensitive: [contact]", "sensitive: [contact, agent]")
    folder = trained(feature_table(tmp_path), problem, tmp_path / "run", "auto")
    examples = ExampleTable(folder / "examples")
    assert set(examples.read(["agent"]).column(0).to_pylist()) == set(EMAILS)
    assert "mobile" in examples.info.columns_of("feature")
    columns = {column["name"]: column for column in read_config(folder / "model").preprocessing["columns"]}
    assert set(PHONES) <= set(columns["phone"]["values"])
    assert set(PredictionsTable(folder / "predictions").read(["agent"]).column(0).to_pylist()) == set(EMAILS)
    hits = DecodedSearch(EMAILS).folder(folder, exempt=exempt)
    assert {Path(hit.file).parts[0] for hit in hits} <= {"examples", "predictions"}


def test_classes_that_are_personal_data_are_refused(tmp_path):
    table = tmp_path / "table.csv"
    lines = [f"{number},{EMAILS[number % 2]}" for number in range(20)]
    table.write_text("x,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    outputs = IngestionOutputs(examples=tmp_path / "e", report=tmp_path / "r.html", verdict=tmp_path / "v.json")
    with pytest.raises(ValueError, match="must not be personal data, for the model answers them, but 2 of 2 look like"):
        ingest_examples(source=str(table), problem="", outputs=outputs)
    kept = ingest_examples(source=str(table), problem="{pii: {label: keep}}", outputs=outputs)
    assert set(kept.counts["train"]) == set(EMAILS[:2])


@pytest.mark.parametrize("column", ["label", "text"])
def test_a_label_or_text_under_pii_is_refused_with_the_way_out(column, tmp_path):
    outputs = IngestionOutputs(examples=tmp_path / "e", report=tmp_path / "r.html", verdict=tmp_path / "v.json")
    problem = TEXT_PROBLEM.replace("[phone]", f"[{column}]")
    with pytest.raises(ValueError, match=rf"the {column} '{column}' must not be under `pii`.*{column}: keep"):
        ingest_examples(source=str(text_table(tmp_path)), problem=problem, outputs=outputs)
