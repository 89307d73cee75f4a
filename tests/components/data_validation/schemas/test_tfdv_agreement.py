import json
from pathlib import Path

import pytest

from tests.components.data_validation.schemas.tfdv_corpus import CASES, framed_statistics, outcome, streamed_statistics

GOLDEN = Path(__file__).parent / "golden" / "tfdv_1_16_1.json"
# Histograms of numbers come from quantile sketches, which batches and whole tables fill in another order.
DISTANCE_TOLERANCE = 1e-9
# Later releases of TFDV run no custom checks: `test_statistics_expression.py` compares ours with those that do.
OF_TFDV = [name for name, case in CASES.items() if not case.validations]


@pytest.mark.parametrize("name", OF_TFDV)
def test_our_path_names_the_same_anomalies_and_distances_as_plain_tfdv(name):
    ours, plain = outcome(CASES[name], streamed_statistics), outcome(CASES[name], framed_statistics)
    assert ours["anomalies"] == plain["anomalies"]
    assert ours["data_missing"] == plain["data_missing"]
    assert ours["distances"] == pytest.approx(plain["distances"], rel=DISTANCE_TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_the_corpus_comes_out_as_recorded_under_tfdv_1_16_1(name):
    recorded = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    ours = outcome(CASES[name], streamed_statistics)
    assert ours["anomalies"] == recorded["anomalies"]
    assert ours["data_missing"] == recorded["data_missing"]
    assert ours["distances"] == pytest.approx(recorded["distances"], rel=1e-6)


def test_the_corpus_raises_anomalies_and_measures_distances():
    recorded = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert recorded.keys() == CASES.keys()
    assert sum(bool(item["anomalies"]) for item in recorded.values()) >= 25
    assert sum(bool(item["distances"]) for item in recorded.values()) >= 5
