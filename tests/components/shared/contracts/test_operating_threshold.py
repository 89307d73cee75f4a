import json

import pytest

from components.shared.contracts.operating_threshold import operating_threshold, OperatingThreshold
from components.shared.runtime.errors import ContractError

CLASSES = ("cat", "dog")


@pytest.fixture
def bundle(tmp_path):
    """Writes an evaluation into a folder, which stands for a bundle."""

    def written(content):
        (tmp_path / "evaluation.json").write_text(json.dumps(content))
        return tmp_path

    return written


def test_the_threshold_is_that_of_the_evaluation(bundle):
    chosen = {"positive": "cat", "threshold": 0.25, "why_none": "", "validation": None, "test": None}
    assert operating_threshold(bundle({"operating_point": chosen}), CLASSES) == OperatingThreshold(
        positive=0, value=0.25
    )


@pytest.mark.parametrize("content", [{}, {"operating_point": None}, {"operating_point": {"threshold": None}}, []])
def test_without_one_there_is_none(bundle, tmp_path, content):
    assert operating_threshold(tmp_path, CLASSES) is None
    assert operating_threshold(bundle(content), CLASSES) is None


@pytest.mark.parametrize(
    ("positive", "threshold", "classes", "message"),
    [
        ("cow", 0.5, CLASSES, "positive of .* must be one of two classes, got 'cow' of cat, dog"),
        ("cat", 0.5, (*CLASSES, "cow"), "must be one of two classes, got 'cat' of cat, dog, cow"),
        (["cat"], 0.5, CLASSES, "must be one of two classes"),
        ("cat", 1.5, CLASSES, "must be a probability from 0 to 1, got 1.5: evaluate and publish the model again"),
        ("cat", "0.5", CLASSES, "must be a probability from 0 to 1, got '0.5'"),
        ("cat", True, CLASSES, "must be a probability from 0 to 1, got True"),
    ],
)
def test_a_wrong_one_is_named(bundle, positive, threshold, classes, message):
    folder = bundle({"operating_point": {"positive": positive, "threshold": threshold}})
    with pytest.raises(ContractError, match=message):
        operating_threshold(folder, classes)
