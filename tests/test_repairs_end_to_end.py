"""A table with repairs, from the raw file to the server: raw rows, scored and served, get the answers of training.

The problem file is the one that `docs/tables.md` shows.
"""

import asyncio
import csv
import json
from pathlib import Path
import re

from kserve import InferRequest
from kserve.errors import InvalidInput
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.rest.v2_datamodels import InferenceRequest
import numpy as np
import pytest

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.feature_engineering.jobs import build_feature_store
from components.model_analysis.jobs.score_examples import FAILED_REPAIRS_FILE, PREDICTIONS, score_examples
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.predictor import load_predictor
from components.modeling.preparation_settings import preparation_section
from components.serving.probe.replay import judge_replay, replay_examples
from components.serving.server.bundle_model import BundleModel
from components.shared.contracts.bundle import read_config
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import parse_problem
from components.shared.served_model.child_server import MODEL_NAME, running_server
from components.shared.served_model.held_out_examples import held_out_examples
from components.shared.served_model.inference_client import InferenceClient, tensors_request
from components.training.jobs.train_model import train_model
from components.training.training_run import TrainingInputs, TrainingOutputs

NUM_ROWS = 200
INPUTS = {"groesse": "FP64", "sex": "BYTES", "since": "BYTES", "town": "BYTES"}
REPAIRED_INPUTS = {"height": "FP64", "sex": "BYTES", "since": "BYTES", "town": "BYTES"}
BAD = {3: {"groesse": "tall"}, 5: {"since": "2024"}, 7: {"since": "soon"}}
FAILED = [
    "1 value of column 'height' cannot be repaired and counts as missing: 'tall' ({}) is not a number",
    "2 values of column 'since' cannot be repaired and count as missing: '2024' ({}) is not a date of the form "
    "%d/%m/%Y",
]


def problem_text(repository: Path) -> str:
    blocks = re.findall(r"```yaml\n(.*?)```", (repository / "docs" / "tables.md").read_text("utf-8"), re.DOTALL)
    return next(block for block in blocks if "repairs:" in block)


def raw_rows() -> list[dict[str, str]]:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(NUM_ROWS):
        height, is_male = int(rng.integers(150, 200)), bool(rng.integers(2))
        row = {
            "nr": f"n{number:03d}",
            "groesse": str(height),
            "sex": "M" if is_male else "F",
            "since": f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{2015 + rng.integers(10)}",
            "town": str(rng.choice(["Seoul", "Seoul ", "Busan", " Busan"])),
            "bought": str(int(height > 175 and is_male)),
        }
        rows.append({**row, **BAD.get(number, {})})
    return rows


@pytest.fixture(scope="module")
def made(repository, tmp_path_factory):
    """A folder with the raw table, what came of it at ingestion, and the model that was trained on that."""
    folder = tmp_path_factory.mktemp("repairs")
    with open(folder / "raw.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(raw_rows()[0]))
        writer.writeheader()
        writer.writerows(raw_rows())
    problem = parse_problem(problem_text(repository))
    ingest_examples(
        source=str(folder / "raw.csv"),
        problem=problem,
        outputs=IngestionOutputs(
            examples=folder / "examples", report=folder / "ingestion.html", verdict=folder / "verdict.json"
        ),
    )
    build_feature_store(
        examples_path=folder / "examples",
        backbone="auto",
        features_path=folder / "features",
        report_path=folder / "features.html",
        preparation=json.dumps(preparation_section(problem.preparation, problem.table)),
    )
    train_model(
        TrainingInputs(features=folder / "features"),
        TrainingOutputs(
            model=folder / "model",
            report=folder / "training.html",
            metrics=folder / "metrics.json",
            logs=folder / "logs",
        ),
        recipe="full",
        training='{"max_epochs": 1}',
        seed=0,
        checkpoint_dir=str(folder / "checkpoints"),
        device="cpu",
    )
    score_examples(source=str(folder / "examples"), model_path=folder / "model", output_path=folder / "trained")
    return folder


def answers(folder: Path) -> dict[str, np.ndarray]:
    table = PredictionsTable(folder / PREDICTIONS)
    return dict(zip(table.read(["example_id"]).column(0).to_pylist(), table.probabilities(), strict=True))


def test_the_example_table_holds_repaired_columns_and_ingestion_says_what_it_could_not_repair(made):
    table = ExampleTable(made / "examples").read(["example_id", "label", "height", "sex", "since", "town"])
    found = {row.pop("example_id"): row for row in table.to_pylist()}
    for raw in raw_rows():
        day, month, year = [*raw["since"].split("/"), "", ""][:3]
        assert found[raw["nr"]] == {
            "label": {"1": "yes", "0": "no"}[raw["bought"]],
            "height": None if raw["groesse"] == "tall" else pytest.approx(int(raw["groesse"]) / 100),
            "sex": {"M": "male", "F": "female"}[raw["sex"]],
            "since": f"{year}-{month}-{day}" if year else None,
            "town": raw["town"].strip(),
        }
    said = [finding["message"] for finding in json.loads((made / "verdict.json").read_text())["findings"]]
    assert set(said) >= {FAILED[0].format("raw.csv, row 5"), FAILED[1].format("raw.csv, row 7")}
    assert "&#39;tall&#39; (raw.csv, row 5)" in (made / "ingestion.html").read_text()


def test_a_raw_file_is_scored_as_the_repaired_rows_were(made, repository):
    problem = parse_problem(problem_text(repository))
    result = score_examples(
        source=str(made / "raw.csv"),
        model_path=made / "model",
        output_path=made / "scored",
        hints=TableHints(problem=problem),
    )
    assert (result.num_examples, result.num_labelled) == (NUM_ROWS, NUM_ROWS)
    trained, scored = answers(made / "trained"), answers(made / "scored")
    assert scored.keys() == trained.keys()
    for name, probabilities in trained.items():
        np.testing.assert_allclose(scored[name], probabilities, atol=1e-6)
    wanted = [FAILED[0].format("row-000003"), FAILED[1].format("row-000005")]
    assert json.loads((made / "scored" / FAILED_REPAIRS_FILE).read_text()) == wanted
    assert list(result.failed_repairs) == wanted
    others = parse_problem("repairs: [{column: sex, map: {M: man}}]")
    with pytest.raises(ValueError, match="must be those that the model was trained with, which had other ones"):
        score_examples(
            source=str(made / "raw.csv"),
            model_path=made / "model",
            output_path=made / "refused",
            hints=TableHints(problem=others),
        )


@pytest.fixture(scope="module")
def clients():
    """Rows as clients have them: numbers are numbers."""
    raws = [row for number, row in enumerate(raw_rows()) if number not in BAD][:40]
    return [{**row, "groesse": float(row["groesse"])} for row in raws]


@pytest.fixture(scope="module")
def wanted_NK(made, clients):
    trained = answers(made / "trained")
    return np.stack([trained[row["nr"]] for row in clients])


def instances(rows) -> dict:
    return {"instances": [{name: row[name] for name in INPUTS} for row in rows]}


def tensors(rows, inputs=INPUTS) -> list[dict]:
    return [
        {"name": name, "datatype": kind, "shape": [len(rows)], "data": [row[name] for row in rows]}
        for name, kind in inputs.items()
    ]


def test_raw_rows_get_the_answers_of_the_repaired_ones(made, clients, wanted_NK):
    predictor = load_predictor(made / "model", device="cpu")
    model = BundleModel("m", predictor, version="1")

    async def answered(request):
        answer, _ = await model(request)
        return answer

    def v1(rows):
        found = asyncio.run(answered(instances(rows)))["predictions"]
        return [[row["probabilities"][name] for name in predictor.class_names] for row in found]

    def v2(**content):
        request = InferRequest.from_inference_request(InferenceRequest.model_validate(content), "m")
        return np.reshape(asyncio.run(answered(request)).outputs[0].data, (-1, len(predictor.class_names)))

    assert {given["name"]: given["datatype"] for given in model.get_input_types()} == INPUTS
    np.testing.assert_allclose(v1(clients), wanted_NK, atol=1e-6)
    np.testing.assert_allclose(v2(inputs=tensors(clients)), wanted_NK, atol=1e-6)

    examples = ExampleTable(made / "examples").read().to_pylist()
    found = {row["example_id"]: row for row in examples}
    repaired = tensors([found[row["nr"]] for row in clients], REPAIRED_INPUTS)
    np.testing.assert_allclose(v2(inputs=repaired, parameters={"repaired": True}), wanted_NK, atol=1e-6)
    contents = {"FP64": "fp64_contents", "BYTES": "bytes_contents"}
    values = {name: found[clients[0]["nr"]][name] for name in REPAIRED_INPUTS}
    request = pb.ModelInferRequest(
        parameters={"repaired": pb.InferParameter(bool_param=True)},
        inputs=[
            pb.ModelInferRequest.InferInputTensor(
                name=name,
                datatype=kind,
                shape=[1],
                contents={contents[kind]: [values[name] if kind == "FP64" else values[name].encode()]},
            )
            for name, kind in REPAIRED_INPUTS.items()
        ],
    )
    answer = asyncio.run(answered(InferRequest.from_grpc(request)))
    np.testing.assert_allclose(answer.outputs[0].data, wanted_NK[0], atol=1e-6)
    for content, sentence in (
        ({"inputs": repaired}, "must have columns of the model alone, got 'height'"),
        ({"inputs": tensors(clients), "parameters": {"repaired": True}}, "of the model alone, got 'groesse'"),
        ({"inputs": tensors(clients), "parameters": {"repaired": "yes"}}, "repaired must be true or false, got text"),
    ):
        with pytest.raises(InvalidInput, match=sentence):
            v2(**content)
    for change, sentence in (
        ({"since": "2024"}, "column 'since' of instance 2 must be a date of the form %d/%m/%Y, which its repair needs"),
        ({"groesse": "tall"}, "column 'groesse' of instance 2 must be a number or null, got text"),
    ):
        with pytest.raises(InvalidInput, match=sentence):
            v1([clients[0], {**clients[1], **change}])


@pytest.mark.slow
def test_raw_rows_are_served_over_http_and_the_probe_passes(made, clients, wanted_NK):
    config = read_config(made / "model")
    with (
        running_server(made / "model", ready_timeout_s=180) as server,
        InferenceClient(server.http_port, model_name=MODEL_NAME) as client,
    ):
        assert client.input_datatypes() == INPUTS
        answer = client._exchange("POST", f"/v1/models/{MODEL_NAME}:predict", json.dumps(instances(clients)).encode())
        found = [item["probabilities"] for item in answer.content["predictions"]]
        found_NK = [[row[name] for name in config.class_names] for row in found]
        np.testing.assert_allclose(found_NK, wanted_NK, atol=1e-6)
        outputs = client.infer(tensors_request(tensors(clients))).content["outputs"]
        np.testing.assert_allclose(outputs[0]["data"], wanted_NK.ravel(), atol=1e-6)
        held_out = held_out_examples(
            ExampleTable(made / "examples"), PredictionsTable(made / "trained" / PREDICTIONS), at_most=12
        )
        assert judge_replay(replay_examples(client, held_out, config.repairs)).passed
        answer = client.infer(tensors_request(tensors([{**clients[0], "since": "2024"}])))
        assert (answer.status, "2024" in answer.reason) == (400, False)
