"""A compiled pipeline takes its own arguments, each of its type, and nothing else."""

import pytest
import yaml

from pipelines.submission.package import read_package

PARAMETERS = {
    "data": {"parameterType": "STRING"},
    "root": {"parameterType": "STRING"},
    "seed": {"parameterType": "NUMBER_INTEGER", "isOptional": True, "defaultValue": 0.0},
    "rate": {"parameterType": "NUMBER_DOUBLE", "isOptional": True},
    "again": {"parameterType": "BOOLEAN", "isOptional": True},
    "names": {"parameterType": "LIST", "isOptional": True},
    "sizes": {"parameterType": "STRUCT", "isOptional": True},
}


@pytest.fixture
def package(tmp_path):
    pipeline = {"pipelineInfo": {"name": "a"}, "root": {"inputDefinitions": {"parameters": PARAMETERS}}}
    (tmp_path / "a-cpu.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    return tmp_path / "a-cpu.yaml"


def test_arguments_are_of_their_parameters_types(package):
    written = ["data=digits", "root=a=b", "seed=3", "rate=1", "again=true", 'names=["a"]', 'sizes={"cpu": 1}']
    assert read_package(package).arguments(written) == {
        "data": "digits",
        "root": "a=b",
        "seed": 3,
        "rate": 1,
        "again": True,
        "names": ["a"],
        "sizes": {"cpu": 1},
    }


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("sauce=digits", "must be NAME=VALUE with NAME, once, of again, data, .*, sizes, got 'sauce=digits'"),
        ("data", "must be NAME=VALUE"),
        ("data=again", "must be NAME=VALUE with NAME, once"),
        ("seed=1.5", "seed must be a whole number, got '1.5'"),
        ("seed=true", "seed must be a whole number, got 'true'"),
        ("rate=much", "rate must be a number, got 'much'"),
        ("again=yes", "again must be true or false, got 'yes'"),
        ("names=a", "names must be a list in JSON, got 'a'"),
    ],
)
def test_another_argument_is_refused_before_anything_is_asked(package, argument, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_package(package).arguments(["data=digits", "root=r", argument])


def test_what_has_no_default_must_be_given(package):
    with pytest.raises(ValueError, match=r"a-cpu\.yaml must be given data and root: data=VALUE"):
        read_package(package).arguments([])


def test_a_version_is_named_after_the_files_name_and_bytes(package):
    first = read_package(package).version
    assert first == read_package(package).version
    package.write_text(package.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert read_package(package).version != first
    assert first.startswith("pluszero-a-cpu-")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("apiVersion: pipelines.kubeflow.org/v2beta1\n", r"holds objects, which kubectl apply takes: submit x\.yaml"),
        ("a: [", "must be a compiled pipeline in YAML"),
        ("", "must be a compiled pipeline, training-gpu.yaml"),
        ("a: 1", "must be a compiled pipeline, training-gpu.yaml"),
    ],
)
def test_another_file_is_named_as_what_it_is(tmp_path, text, sentence):
    (tmp_path / "x.kubernetes.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        read_package(tmp_path / "x.kubernetes.yaml")
    with pytest.raises(FileNotFoundError, match=r"y\.yaml is not there: run make compile"):
        read_package(tmp_path / "y.yaml")
