from contextlib import closing
import http.client
from pathlib import Path

import jsonschema
import pytest
import yaml

from components.serving.release.inference_service import inference_service_yaml
from components.shared.runtime.model_name import check_model_name

CRD = Path(__file__).resolve().parents[5] / "shared" / "crds" / "kserve_inferenceservices.yaml"


def rendered() -> str:
    return inference_service_yaml(model_name="cats-dogs", version="0123456789abcdef", storage_uri="s3://models/v")


def test_the_same_arguments_give_the_same_bytes():
    assert rendered() == rendered()


def test_the_service_serves_the_bundle_in_standard_mode_with_resources():
    service = yaml.safe_load(rendered())

    model = service["spec"]["predictor"]["model"]
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert service["metadata"]["name"] == "cats-dogs"
    assert service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    assert service["metadata"]["labels"]["app.kubernetes.io/version"] == "0123456789abcdef"
    assert model["modelFormat"] == {"name": "pluszero-bundle"}
    assert (model["runtime"], model["protocolVersion"], model["storageUri"]) == (
        "pluszero-bundle",
        "v2",
        "s3://models/v",
    )
    assert set(model["resources"]) == {"requests", "limits"}
    assert all(set(side) == {"cpu", "memory"} for side in model["resources"].values())


def test_whoever_reads_it_sees_which_kserve_it_asks_for():
    first = rendered().splitlines()[0]
    assert first.startswith(
        "# Asks for KServe 0.16 or newer. With an older one the deployment mode Standard is not known"
    )


def test_a_version_of_digits_stays_text():
    text = inference_service_yaml(model_name="m", version="0123456789012345", storage_uri="file:///m")

    assert yaml.safe_load(text)["metadata"]["labels"]["app.kubernetes.io/version"] == "0123456789012345"


@pytest.mark.skipif(not CRD.is_file(), reason="KServe's schema is not beside the repository")
def test_the_service_keeps_kserves_schema_with_no_unknown_field():
    definition = next(yaml.load_all(CRD.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    # Not jsonschema.validate: it would check KServe's whole schema first.
    validator = jsonschema.Draft202012Validator(closed(schema["properties"]["spec"]))

    assert list(validator.iter_errors(yaml.safe_load(rendered())["spec"])) == []
    assert list(validator.iter_errors({"predictor": {"modle": {}}})) != []


def closed(schema: dict) -> dict:
    """The schema with unknown fields as errors, as the API server's strict validation takes them."""
    found = dict(schema)
    if "x-kubernetes-int-or-string" in found:
        return {"type": ["integer", "string"]}
    if "properties" in found:
        found["properties"] = {name: closed(part) for name, part in found["properties"].items()}
        if not found.get("x-kubernetes-preserve-unknown-fields"):
            found["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = closed(found[key])
    return found


@pytest.fixture(scope="module")
def runtime(repository):
    """What the manifests say of the runtime that the service asks for."""
    return yaml.safe_load((repository / "manifests" / "base" / "serving-runtime.yaml").read_text())["spec"]


def test_the_runtimes_probes_and_metrics_are_answered_by_the_real_server(runtime, server):
    (container,) = runtime["containers"]
    probes = [container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert {probe["port"] for probe in probes} == {container["ports"][0]["containerPort"]} == {8080}
    assert runtime["annotations"]["prometheus.io/port"] == "8080"

    for path in {probe["path"] for probe in probes} | {runtime["annotations"]["prometheus.io/path"]}:
        with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)) as connection:
            connection.request("GET", path)
            assert connection.getresponse().status == 200, path


@pytest.mark.parametrize("name", ["a", "cats-dogs", "v2", "a" * 53])
def test_names_that_kserve_accepts_are_accepted(name):
    assert check_model_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "2cats", "Cats", "cats_dogs", "-cats", "cats-", "a.b", "a/b", "..", "고양이", "a" * 54]
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="model_name must be"):
        check_model_name(name)
