"""Each image has one environment that stands for it, however the image is named."""

import pytest

from pipelines.local.environments import interpreter_in, interpreter_of, VALIDATION

DIGEST = "@sha256:" + "0" * 64


@pytest.mark.parametrize("fixed", [":dev", DIGEST, f":v0.1.0{DIGEST}"])
def test_validation_has_an_environment_of_its_own(fixed):
    assert interpreter_of(f"registry.example:5000/pluszero-mlops-validation{fixed}") == interpreter_in(VALIDATION)
    assert interpreter_of(f"registry.example:5000/pluszero-mlops-training{fixed}") != interpreter_in(VALIDATION)
