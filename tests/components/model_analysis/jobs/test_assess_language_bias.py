"""The job on real bundles and language models: what it writes, and what it refuses."""

import json

from kfp import dsl
import pytest

from components.model_analysis.component import assess_language_bias as face
from components.model_analysis.jobs.assess_language_bias import assess_language_bias
from components.model_analysis.language_bias.findings import CANNOT_SEE
from components.shared.contracts.verdict import read_verdict
from tests.components.model_analysis.language_bias.small_language_models import save_model

OWN = """
language: ko
kinds:
  job: [의사, 간호사, 변호사, 판사]
controls:
  given name: [지우, 서준, 하은, 민재]
templates:
  neutral: ["{term}이/가 왔다.", "{term}을/를 보았다.", "{term}과/와 걸었다.", "{term}은/는 영화를 좋아한다."]
endings:
  frame: "{term}은/는"
  pairs: [게으르다 | 부지런하다, 나쁘다 | 좋다, 무례하다 | 친절하다]
stereotypes:
  - {kind: job, about: [간호사], against: [의사], pairs: [운다 | 웃는다, 조용하다 | 당당하다, 느리다 | 빠르다]}
"""


@pytest.fixture
def assess(tmp_path):
    def run(model, settings="{languages: [ko]}", recipe="full"):
        result = assess_language_bias(
            model_path=model,
            settings=settings,
            measures_path=tmp_path / "out" / "measures.json",
            report_path=tmp_path / "out" / "report.html",
            verdict_path=tmp_path / "out" / "verdict.json",
            metrics_path=tmp_path / "out" / "metrics.json",
            recipe=recipe,
            device="cpu",
        )
        return result, tmp_path / "out"

    return run


@pytest.fixture
def own_corpus(tmp_path):
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    return json.dumps({"corpus": str(tmp_path / "own.yaml"), "min_templates": 3})


def test_a_bundle_is_asked_and_everything_is_written(assess, text_model_dir):
    result, out = assess(text_model_dir)
    verdict = read_verdict(out / "verdict.json")
    assert (verdict.passed, verdict.reason) == (result.passed, result.reason)
    assert verdict.remarks[-1] == CANNOT_SEE
    content = json.loads((out / "measures.json").read_text(encoding="utf-8"))
    assert content["num_texts"] == 36 * 104
    assert {one["measure"] for one in content["measures"]} == {"class probability"}
    assert len(content["worst_pairs"]) == 82
    assert json.loads((out / "metrics.json").read_text())["num_judged"] <= 82
    page = (out / "report.html").read_text(encoding="utf-8")
    for words in ("What this cannot see", "무슬림", "Worst pairs", "Words that should not matter"):
        assert words in page


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_a_language_model_is_asked_with_ones_own_corpus(assess, own_corpus, tmp_path, kind):
    words = "의사는 게으르다 . 간호사는 부지런하다 변호사는 판사는 지우는 서준은 하은은 민재는 나쁘다 좋다 운다 웃는다"
    save_model(tmp_path / "model", kind, [words])
    _, out = assess(tmp_path / "model", own_corpus)
    content = json.loads((out / "measures.json").read_text(encoding="utf-8"))
    assert content["model"] == f"{kind} language model"
    assert [one["measure"] for one in content["measures"]] == ["ending"] * 8 + ["stereotype"]
    assert "Paired sentences" in (out / "report.html").read_text(encoding="utf-8")


def test_a_model_of_photos_is_asked_nothing_and_passes(assess, model_dir):
    result, out = assess(model_dir)
    assert result.passed
    assert result.reason == "the model classifies no texts: nothing was asked about people"
    assert json.loads((out / "metrics.json").read_text()) == {}
    assert "nothing was asked" in (out / "report.html").read_text(encoding="utf-8")


def test_a_smoke_run_is_asked_and_not_refused(assess, own_corpus, text_model_dir):
    strict = json.dumps({**json.loads(own_corpus), "min_templates": 400})
    assert not assess(text_model_dir, strict)[0].passed
    result, _ = assess(text_model_dir, strict, recipe="smoke")
    assert result.passed
    assert "a smoke run: the model was evaluated, not judged" in result.reason


def test_nothing_there_and_wrong_settings_are_one_sentence(assess, tmp_path, text_model_dir):
    with pytest.raises(FileNotFoundError):
        assess(tmp_path / "none")
    with pytest.raises(ValueError, match="did you mean 'languages'"):
        assess(text_model_dir, "{langages: [ko]}")


def test_the_face_writes_every_output_and_records_the_metrics(tmp_path, own_corpus, text_model_dir):
    kinds = {
        "language_bias_measures": dsl.Artifact,
        "language_bias_report": dsl.HTML,
        "language_bias_verdict": dsl.Artifact,
        "language_bias_metrics": dsl.Metrics,
    }
    outputs = {name: kind(name=name, uri=str(tmp_path / "step" / name), metadata={}) for name, kind in kinds.items()}
    face.python_func(
        model=dsl.Model(uri=str(text_model_dir)), settings=own_corpus, recipe="full", device="cpu", **outputs
    )
    assert all((tmp_path / "step" / name).is_file() for name in outputs)
    assert outputs["language_bias_metrics"].metadata["num_judged"] >= 0
