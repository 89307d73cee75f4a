import numpy as np
import pytest

from components.modeling.predictor import load_predictor
from components.serving.server.compute_speed import fastest
from components.serving.traffic.batch_plan import MAX_ROWS


@pytest.mark.parametrize("name", ["bundle", "text_bundle", "table_bundle"])
def test_the_answers_are_the_same_in_the_layout_that_was_chosen(request, name):
    path = request.getfixturevalue(name)
    predictor, before = load_predictor(path, device="cpu"), load_predictor(path, device="cpu")

    speed = fastest(predictor, budget_s=0.5)

    assert 1 <= speed.max_rows <= MAX_ROWS
    assert speed.row_s > 0
    rows = predictor.empty_inputs(5)
    found_BK, wanted_BK = (one.predict(rows).probabilities_BK for one in (predictor, before))
    np.testing.assert_allclose(found_BK, wanted_BK, atol=1e-5)


def test_a_slow_model_is_not_computed_on_many_rows(bundle, monkeypatch):
    predictor = load_predictor(bundle, device="cpu")
    sizes, predict = [], predictor.predict

    def noted(inputs):
        sizes.append(len(inputs["image"]))
        return predict(inputs)

    monkeypatch.setattr(predictor, "predict", noted)

    fastest(predictor, budget_s=0.0)

    assert max(sizes) <= 4
    assert sum(sizes) <= 16
