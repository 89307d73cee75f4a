import pytest
import yaml

from components.shared.contracts.deploy_spec import DeploySpec, ServedSize
from components.shared.contracts.inference_service import (
    CPU_RUNTIME,
    deployed_predictor,
    inference_service_yaml,
    mark_of,
    marked,
    RUNTIME,
    ServedRelease,
    service_object,
)
from components.shared.runtime.model_name import check_model_name
from tests.custom_resources import spec_errors


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


def test_the_service_keeps_kserves_schema_with_no_unknown_field():
    assert spec_errors(yaml.safe_load(rendered())) == []


def test_a_deployed_predictor_says_what_the_problem_file_asks_for_and_keeps_the_schema():
    deploy = DeploySpec(
        namespace="pets",
        image="serving-cpu",
        size=ServedSize(cpu="2", cpu_limit="4", memory="2Gi", memory_limit="8Gi"),
        node_selector={"pool": "serving"},
        tolerations=({"key": "serving", "operator": "Exists"},),
        logger="http://collector.monitoring",
    )
    release = ServedRelease(model_name="pets", version="0123", storage_uri="s3://models/pets/0123")

    predictor = deployed_predictor(release, deploy)

    assert spec_errors(service_object("pets", predictor=predictor)) == []
    assert predictor["model"]["runtime"] == CPU_RUNTIME
    # KServe refuses a runtime that does not name the format, and the webhook a container's name.
    assert predictor["model"]["modelFormat"] == {"name": RUNTIME}
    assert "name" not in predictor["model"]
    assert predictor["model"]["resources"] == {
        "requests": {"cpu": "2", "memory": "2Gi"},
        "limits": {"cpu": "4", "memory": "8Gi"},
    }
    assert predictor["labels"]["app.kubernetes.io/version"] == "0123"
    assert (predictor["nodeSelector"], predictor["logger"]["url"]) == ({"pool": "serving"}, deploy.logger)
    gpus = deployed_predictor(release, DeploySpec(namespace="pets", size=ServedSize(gpus=1)))["model"]["resources"]
    assert gpus["requests"]["nvidia.com/gpu"] == gpus["limits"]["nvidia.com/gpu"] == "1"


def test_a_predictors_mark_is_of_its_settings_and_not_of_its_name_or_number():
    release = ServedRelease(model_name="pets", version="0123", storage_uri="s3://models/pets/0123")
    predictor = deployed_predictor(release, DeploySpec(namespace="pets"))
    mark = mark_of(marked(predictor))
    assert mark
    assert mark_of(marked({**predictor, "name": "v0123", "minReplicas": 3})) == mark
    other = deployed_predictor(release, DeploySpec(namespace="pets", size=ServedSize(cpu="2")))
    assert mark_of(marked(other)) != mark
    assert marked(marked(predictor)) == marked(predictor)
    assert predictor["annotations"].keys() < marked(predictor)["annotations"].keys()


@pytest.mark.parametrize("name", ["a", "cats-dogs", "v2", "a" * 53])
def test_names_that_kserve_accepts_are_accepted(name):
    assert check_model_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "2cats", "Cats", "cats_dogs", "-cats", "cats-", "a.b", "a/b", "..", "고양이", "a" * 54]
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="model_name must be"):
        check_model_name(name)
