import pytest

from components.shared.runtime.workspace import as_claim_uri, check_claim, mounted


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("pvc://pluszero-workspace/models", "/mnt/pluszero/models"),
        ("pvc://pluszero-workspace/a/b.csv", "/mnt/pluszero/a/b.csv"),
        ("pvc://pluszero-workspace", "/mnt/pluszero"),
        ("pvc://pluszero-workspace/", "/mnt/pluszero"),
    ],
)
def test_a_place_on_the_claim_is_a_path_for_steps_and_back(uri, path):
    assert mounted(uri) == path
    assert as_claim_uri(path, "pluszero-workspace") == uri.rstrip("/")


@pytest.mark.parametrize("uri", ["s3://bucket/models", "/data/models", "models", "digits", "/mnt/pluszero2/models"])
def test_any_other_place_stays_what_it_is(uri):
    assert mounted(uri) == uri
    assert as_claim_uri(uri, "pluszero-workspace") == uri
    check_claim("source", uri, "pluszero-workspace")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "pvc://other/models",
            "model_root must lie on the run's workspace_claim, pvc://mine/..., got pvc://other/models",
        ),
        ("pvc:///models", "pvc://mine/..., got pvc:///models"),
        ("pvc://mine/../secret", "must be a path below the claim, without '..'"),
    ],
)
def test_another_claim_is_refused(uri, message):
    with pytest.raises(ValueError, match="must") as refused:
        check_claim("model_root", uri, "mine")
    assert message in str(refused.value)


def test_the_runs_own_claim_is_taken():
    check_claim("model_root", "pvc://mine/models", "mine")
