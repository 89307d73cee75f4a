"""Every parameter of a run is checked before anything is paid for."""

from dataclasses import replace
import json

import fsspec
import pytest

from components.modeling.preparation_settings import (
    preparation_settings_from_text,
    PreparationSettings,
    value_cleaning_from_text,
)
from components.shared.contracts.run_record import kept_steps
from components.shared.runtime import workspace
from components.shared.runtime.step_record import RUN_PARAMETERS
from components.shared.tables.value_cleaning import ValueCleaning
from components.training.component import check_inputs as check_inputs_face
from components.training.jobs.check_inputs import check_inputs, CheckedInputs, RunDestination
from tests.s3_server import BUCKET, s3_server


def inputs(tmp_path, **changes):
    destination = RunDestination(
        model_name="model", model_root=str(tmp_path / "models"), checkpoint_dir=str(tmp_path / "checkpoints")
    )
    moved = {name: changes.pop(name) for name in tuple(changes) if hasattr(destination, name)}
    settings = {"source": "digits", "problem": "", "recipe": "full", "backbone": "auto", "seed": 0, **changes}
    return check_inputs(**settings, destination=replace(destination, **moved))


def test_the_target_is_split_from_the_rest_of_the_problem(tmp_path):
    low = inputs(tmp_path, problem="target: {minimum: 0.8}")
    high = inputs(tmp_path, problem="target: {minimum: 0.9}  # a comment")
    assert low.data_problem == high.data_problem
    assert json.loads(low.target) == {
        "metric": "accuracy",
        "minimum": 0.8,
        "maximum": None,
        "strict": False,
        "margin": 0.01,
        "at": None,
        "beat_baseline": False,
    }
    assert json.loads(high.target)["minimum"] == 0.9


def test_a_target_of_numbers_says_what_the_label_is(tmp_path):
    numbers = inputs(tmp_path, problem="target: {metric: rmse, maximum: 3.5}")
    assert json.loads(numbers.data_problem)["task"] == "regression"
    assert json.loads(inputs(tmp_path).data_problem)["task"] is None


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"source": "no/such/folder"}, FileNotFoundError, "nothing at no/such/folder"),
        ({"source": ""}, ValueError, "data source must be"),
        ({"profile": "tpu"}, ValueError, "profile must be one of gpu, cpu, nodes, got 'tpu'"),
        ({"problem": "labels: {column: x}"}, ValueError, "unknown key 'labels'"),
        ({"problem": "modality: text", "backbone": "mlp"}, ValueError, "mlp takes tabular examples, .* modality text"),
        ({"problem": "split: {like: no/such/table}"}, FileNotFoundError, "split.like must name an example table or"),
        ({"problem": "training: {epochs: 3}"}, ValueError, r"unknown key 'training\.epochs'"),
        (
            {"problem": "training: {learning_rate: 0}"},
            ValueError,
            r"training\.learning_rate must be a number above 0, got 0",
        ),
        (
            {"problem": "modality: image\ntraining:\n  learning_rate: fast\n"},
            ValueError,
            r"^the problem file, line 3: training\.learning_rate must be a number above 0, got 'fast'$",
        ),
        (
            {"problem": "preparation:\n  fourier:\n    filter: low_pass\n    hihg: 1"},
            ValueError,
            r"^the problem file, line 4: unknown key 'preparation\.fourier\.hihg'; .*; did you mean 'high'\?$",
        ),
        ({"problem": "preparation:\n  image_size: 4"}, ValueError, r"line 2: preparation\.image_size must be 8 to"),
        ({"problem": "budget: {max_money: 3}"}, ValueError, "must come with budget.price_per_gpu_hour"),
        ({"backbone": "team.models:build"}, ValueError, "set PLUSZERO_OWN_CODE=team.models:build"),
        ({"recipe": "quick"}, ValueError, "recipe must be one of"),
        ({"backbone": "vgg"}, ValueError, "backbone must be one of"),
        ({"backbone": "timm:no_such_net"}, ValueError, "must be a timm model"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, got -1"),
        ({"model_name": "My Model"}, ValueError, "model_name must be"),
        ({"checkpoint_dir": ""}, ValueError, "checkpoint_dir must be"),
        ({"model_root": "nosuchprotocol://x"}, ValueError, "model_root must be"),
        ({"feature_dir": "s3://bucket/features"}, ValueError, "feature_dir must be the absolute path of a folder"),
        ({"feature_dir": "features"}, ValueError, "feature_dir must be the absolute path of a folder"),
        ({"feature_dir": "/proc/features"}, ValueError, "feature_dir must be a folder or a URI that can be written"),
    ],
)
def test_every_wrong_parameter_is_named(tmp_path, change, error, reason):
    with pytest.raises(error, match=reason):
        inputs(tmp_path, **change)


def test_training_and_budget_are_handed_on(tmp_path):
    checked = inputs(tmp_path, problem="training: {max_epochs: 3}\nbudget: {max_hours: 2}\nmodality: text")
    assert json.loads(checked.training) == {"max_epochs": 3}
    assert json.loads(checked.budget)["max_hours"] == 2.0
    assert not {"training", "budget", "target"} & json.loads(checked.data_problem).keys()


def test_how_values_of_tables_are_cleaned_is_handed_on_with_the_preparation(tmp_path):
    assert inputs(tmp_path, problem="modality: tabular").preparation == "{}"
    table = 'table: {keep_spaces: true, missing: ["?"]}'
    checked = inputs(tmp_path, problem=f"modality: tabular\n{table}")
    assert value_cleaning_from_text(checked.preparation) == ValueCleaning(keep_spaces=True, missing=("?",))
    assert preparation_settings_from_text(checked.preparation) == PreparationSettings()
    with pytest.raises(ValueError, match=r"unknown key 'preparation\.table_values'"):
        inputs(tmp_path, problem="preparation: {table_values: {keep_spaces: true}}")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="model_root must be a folder or a URI that can be written"):
        inputs(tmp_path, model_root=str(tmp_path / "file" / "models"))


def test_the_steps_outputs_are_what_the_job_returns():
    """kfp gives the values of a tuple to the outputs by their place."""
    assert tuple(check_inputs_face.component_spec.outputs) == CheckedInputs._fields


def test_what_the_cluster_section_says_is_handed_on_and_is_no_part_of_the_data(tmp_path):
    cluster = "cluster: {secret: pets-store, gpus: 4, training: {cpu: 2, memory: 4Gi}, data: {cpu_limit: 3}}"
    checked = inputs(tmp_path, problem=cluster)
    assert (checked.secret, checked.gpus) == ("pets-store", "4")
    assert (checked.training_cpu, checked.training_memory) == ("2", "4Gi")
    assert (checked.data_cpu, checked.data_cpu_limit) == ("500m", "3")
    assert checked.data_problem == inputs(tmp_path).data_problem
    assert inputs(tmp_path).secret == "pluszero-object-store"


def test_the_model_registry_is_told_of_releases_of_a_cluster_and_not_of_a_desk(tmp_path, monkeypatch):
    cluster = "cluster: {registry: 'http://model-registry-service.kubeflow:8080'}"
    assert inputs(tmp_path, problem=cluster).registry == ""
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    assert inputs(tmp_path, problem=cluster).registry == "http://model-registry-service.kubeflow:8080"
    assert inputs(tmp_path).registry == ""


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("gpus: 9", r"cluster\.gpus must be a whole number from 1 to 8, got 9"),
        ("training: {cpu: 32}", r"cluster\.training\.cpu must be at most cpu_limit, 16, got 32"),
        ("data: {memory: 65Gi}", r"cluster\.data\.memory must be at most memory_limit, 64Gi, got 65Gi"),
        ("data: {memory: 5G}", r"cluster\.data\.memory must be memory as Kubernetes writes it"),
        ("data: {cpu: 0}", r"cluster\.data\.cpu must be cores as Kubernetes writes them"),
        ("secret: My_Secret", r"cluster\.secret must be the name of a secret"),
        ("registry: registry.example", r"cluster\.registry must be an address that begins with https"),
        ('registry: "https://kim:word@registry.example"', r"cluster\.registry must be an address .* without a user"),
    ],
)
def test_what_no_node_could_give_is_refused(tmp_path, section, message):
    with pytest.raises(ValueError, match=message):
        inputs(tmp_path, problem=f"cluster: {{{section}}}")


def test_the_data_are_fingerprinted_where_nobody_says_what_changes_with_them(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,label\n1.5,a\n2.5,b\n")
    assert inputs(tmp_path, source=str(table), fingerprint="monday").data_fingerprint == "monday"
    before = inputs(tmp_path, source=str(table)).data_fingerprint
    assert before == inputs(tmp_path, source=str(table)).data_fingerprint
    table.write_text("x,label\n1.5,a\n3.5,b\n")
    assert inputs(tmp_path, source=str(table)).data_fingerprint != before


def test_the_workspace_is_a_path_for_steps_and_a_claim_for_others(tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "WORKSPACE_PATH", str(tmp_path / "mnt"))
    data = tmp_path / "mnt" / "data"
    data.mkdir(parents=True)
    places = {"model_root": "pvc://mine/models", "checkpoint_dir": "pvc://mine/checkpoints"}
    checked = inputs(tmp_path, source="pvc://mine/data", workspace_claim="mine", **places)
    assert checked.source == str(data)
    assert checked.checkpoint_dir == str(tmp_path / "mnt" / "checkpoints")
    assert checked.model_root == "pvc://mine/models"
    by_path = inputs(tmp_path, model_root=str(tmp_path / "mnt" / "models"), workspace_claim="mine")
    assert by_path.model_root == "pvc://mine/models"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("source", "model_data"),
        ("model_root", "model_root"),
        ("checkpoint_dir", "checkpoint_dir"),
        ("problem", "problem"),
    ],
)
def test_another_claim_than_the_runs_is_refused(tmp_path, name, called):
    with pytest.raises(ValueError, match=f"{called} must lie on the run's workspace_claim, pvc://mine/"):
        inputs(tmp_path, workspace_claim="mine", **{name: "pvc://other/x"})


def test_the_problem_file_is_a_text_or_lies_somewhere(tmp_path, monkeypatch):
    """KFP's form has one line for a text: a URI, or JSON."""
    monkeypatch.setattr(workspace, "WORKSPACE_PATH", str(tmp_path / "mnt"))
    folder = tmp_path / "mnt" / "pets"
    folder.mkdir(parents=True)
    text = "target: {minimum: 0.9}  # agreed on\npreparation: {augmentation: policies/flips.yaml}\n"
    (folder / "problem.yaml").write_text(text)
    (folder / "policies").mkdir()
    (folder / "policies" / "flips.yaml").write_text("transforms: [{HorizontalFlip: {p: 0.5}}]\n")
    said = '{"target":{"minimum":0.9},"preparation":{"augmentation":{"name":"flips","transforms":[%s]}}}'
    by_text = inputs(tmp_path, problem=said % '{"HorizontalFlip":{"p":0.5}}')
    for place in ("pvc://pluszero-workspace/pets/problem.yaml", str(folder / "problem.yaml")):
        by_place = inputs(tmp_path, problem=f" {place}\n")
        assert by_place.target == by_text.target
        # A policy's file is read beside the problem file.
        assert by_place.preparation == by_text.preparation
        assert json.loads(by_place.preparation)["augmentation"]["name"] == "flips"
        assert "minimum: 0.9" in by_place.problem_text


def test_a_problem_file_in_an_object_store_is_read_with_its_policies(tmp_path, reach):
    with s3_server() as server:
        store = reach(server.address)
        store.pipe_file(f"{BUCKET}/pets/problem.yaml", b"preparation: {augmentation: flips.yaml}\n")
        store.pipe_file(f"{BUCKET}/pets/flips.yaml", b"[{HorizontalFlip: {p: 0.5}}]\n")
        checked = inputs(tmp_path, problem=f"s3://{BUCKET}/pets/problem.yaml")
    assert json.loads(checked.preparation)["augmentation"]["name"] == "flips"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "problem must be the text of a problem file or the URI of one, but .* cannot be read"),
        (b"\xff\xfe", "must be text in UTF-8"),
        (b"# " + b"x" * (1 << 20), "must be at most 1 MiB"),
        (b"labels: {}", "unknown key 'labels'"),
    ],
)
def test_a_problem_file_that_cannot_be_used_says_why(tmp_path, monkeypatch, content, reason):
    monkeypatch.setattr(workspace, "WORKSPACE_PATH", str(tmp_path))
    file = tmp_path / "problem.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        inputs(tmp_path, problem=str(file))


@pytest.mark.parametrize(
    "place", ["problem.yaml", "~/problem.yml", "S3://bucket/problem.yaml", "/etc/hostname", "file:///etc/hostname"]
)
def test_a_problem_file_where_no_step_can_read_it_is_refused(tmp_path, place):
    with pytest.raises(ValueError, match="problem must be a problem file's text, or where one lies"):
        inputs(tmp_path, problem=place)


def test_what_was_asked_is_kept_on_a_cluster_and_what_was_refused_too(tmp_path, monkeypatch):
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_STEP", "check inputs")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    with pytest.raises(ValueError, match="seed must be 0 or more"):
        inputs(tmp_path, seed=-1, problem="target: {minimum: 0.9}")
    (asked,) = kept_steps(tmp_path / "runs" / "7d0c")
    assert asked.step == RUN_PARAMETERS
    assert (asked.facts["seed"], asked.facts["problem"]) == (-1, "target: {minimum: 0.9}")
    checked = inputs(tmp_path, fingerprint="monday")
    kept = {record.step: record.facts for record in kept_steps(tmp_path / "runs" / "7d0c")}
    assert kept[RUN_PARAMETERS]["data_fingerprint"] == "monday"
    assert checked.data_fingerprint == "monday"
    assert "check inputs" in kept


def test_it_is_tried_to_write_where_the_last_step_will(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model").write_text("in the way")
    with pytest.raises(ValueError, match="model_root must be a folder or a URI that can be written"):
        inputs(tmp_path)
    (tmp_path / "models" / "model").unlink()
    inputs(tmp_path)
    assert list((tmp_path / "models" / "model").iterdir()) == []


@pytest.mark.parametrize(
    ("recipe", "name", "published"),
    [
        ("full", "pets", "pets"),
        ("smoke", "pets", "pets-smoke"),
        ("smoke", "a" * 53, "a" * 47 + "-smoke"),
        ("smoke", "a" * 46 + "-bcdefg", "a" * 46 + "-smoke"),
    ],
)
def test_a_smoke_run_publishes_nothing_under_the_models_name(tmp_path, recipe, name, published):
    assert inputs(tmp_path, recipe=recipe, model_name=name).model_name == published
    assert [path.name for path in (tmp_path / "models").iterdir()] == [published]


@pytest.fixture
def reach(monkeypatch):
    """Let object stores be found as a step finds them, by the variables that the secret gives."""

    def reach(address):
        variables = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in {**variables, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        return fsspec.filesystem("s3")

    yield reach
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_in_an_object_store_a_file_is_written_and_deleted_and_the_source_fingerprinted(tmp_path, reach):
    with s3_server() as server:
        store = reach(server.address)
        store.pipe_file(f"{BUCKET}/data/t.csv", b"x,label\n1.5,a\n2.5,b\n")
        checked = inputs(tmp_path, source=f"s3://{BUCKET}/data/t.csv", model_root=f"s3://{BUCKET}/models")
        assert (checked.source, checked.model_root) == (f"s3://{BUCKET}/data/t.csv", f"s3://{BUCKET}/models")
        assert len(checked.data_fingerprint) == 32
        store.invalidate_cache()
        assert store.find(BUCKET) == [f"{BUCKET}/data/t.csv"]


def test_an_object_store_that_takes_nothing_is_one_sentence(tmp_path, reach):
    with s3_server(takes_puts=0) as server:
        reach(server.address)
        with pytest.raises(ValueError, match=r"s3://bucket/models cannot: .*AccessDenied.* are path, cred") as refused:
            inputs(tmp_path, model_root=f"s3://{BUCKET}/models")
    assert "\n" not in str(refused.value)


def test_a_corpus_that_is_none_is_refused_before_the_training(tmp_path):
    corpus = tmp_path / "ours.yaml"
    corpus.write_text("language: ko\ncontrols: {}\ntemplates: {neutral: [a]}\nendings: {frame: b, pairs: [only one]}\n")
    with pytest.raises(ValueError, match=r"must be written as `first \| second`, got 'only one'"):
        inputs(tmp_path, problem=f"language_bias: {{corpus: {corpus}}}")
