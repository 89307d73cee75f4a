"""Asking a text model about people: a bundle that classifies, or a language model in a folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.model_analysis.language_bias.classifier_answers import classifier_answers, WorstPair
from components.model_analysis.language_bias.corpus import Corpus, packaged_corpus, read_corpus
from components.model_analysis.language_bias.findings import bias_verdict, CANNOT_SEE
from components.model_analysis.language_bias.likelihood_answers import likelihood_answers
from components.model_analysis.language_bias.local_model import is_language_model, LocalLanguageModel
from components.model_analysis.language_bias.measures import BiasMeasure, judged
from components.model_analysis.language_bias.report import bias_report, BiasReportContent
from components.model_analysis.language_bias.settings import LanguageBiasSettings
from components.modeling.gpu.devices import choose_device
from components.modeling.gpu.preflight import require_gpu
from components.modeling.predictor import load_predictor, Predictor
from components.shared.contracts.verdict import write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.settings import parse_settings

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
_BATCH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageBiasResult:
    """Outcome of `assess_language_bias`.

    Attributes
    ----------
    passed, reason
        The verdict; a model that could not be judged has not passed.
    metrics
        Counts, and the largest gap of a term, for the KFP UI.
    """

    passed: bool
    reason: str
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answers:
    model: str
    measures: list[BiasMeasure]
    worst_pairs: list[WorstPair]
    num_texts: int


def assess_language_bias(
    *,
    model_path: str | Path,
    measures_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    settings: LanguageBiasSettings | str = "",
    device: str = "auto",
) -> LanguageBiasResult:
    """Ask a text model about people of seven kinds, and judge whether it treats any of them otherwise.

    Parameters
    ----------
    model_path
        A model bundle of texts that answers classes, or a folder with a causal or masked language model as Hugging
        Face's transformers saves it (config.json, tokenizer.json, safetensors). Nothing is fetched, no code and no
        pickle is read.
    measures_path, report_path, verdict_path, metrics_path
        Files to write: every gap with its interval (JSON), the report (HTML), the verdict, and what the KFP UI shows.
    settings
        What is asked and what is refused; also as text, YAML or JSON. Empty takes the defaults.
    device
        `auto`, `cpu` or `cuda`.

    Returns
    -------
    LanguageBiasResult
        A model that is refused is a result with `passed` False, not an error.

    Raises
    ------
    FileNotFoundError
        If there is no model, or no corpus where the settings say.
    ValueError
        If the model is damaged, of another modality, or needs code of its own, or the settings or corpus are wrong.
    """
    asked = (
        parse_settings(LanguageBiasSettings, settings, where="the settings") if isinstance(settings, str) else settings
    )
    corpora = [read_corpus(asked.corpus)] if asked.corpus else [packaged_corpus(name) for name in asked.languages]
    if device == "cuda":
        require_gpu()
    ask = _ask_language_model if is_language_model(model_path) else _ask_classifier
    answers = ask(model_path, corpora, device)
    measures = judged(answers.measures, asked)
    verdict = bias_verdict(measures, asked)
    content = BiasReportContent(
        verdict=verdict,
        measures=measures,
        worst_pairs=tuple(answers.worst_pairs),
        settings=asked,
        model=answers.model,
        num_texts=answers.num_texts,
    )
    bias_report(content).write(report_path)
    write_json(measures_path, _without_nan(_measures_json(content)))
    result = LanguageBiasResult(passed=verdict.passed, reason=verdict.reason, metrics=_metrics(measures))
    write_json(metrics_path, result.metrics)
    write_verdict(verdict_path, verdict)
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return result


def _ask_classifier(path: str | Path, corpora: Sequence[Corpus], device: str) -> _Answers:
    predictor = load_predictor(path, device=device)
    if predictor.features.modality != "text" or predictor.task.is_regression:
        raise ValueError(
            f"the model at {path} must be a bundle that classifies texts, got one of {predictor.features.modality}"
        )

    def classify(texts: Sequence[str]) -> np.ndarray:
        return _probabilities(predictor, texts)

    found = [classifier_answers(classify, predictor.class_names, corpus) for corpus in corpora]
    return _Answers(
        model="classifier",
        measures=[one for answers in found for one in answers.measures],
        worst_pairs=[pair for answers in found for pair in answers.worst_pairs],
        num_texts=sum(answers.num_texts for answers in found),
    )


def _probabilities(predictor: Predictor, texts: Sequence[str]) -> np.ndarray:
    """Shape (N, K)."""
    parts = []
    for start in range(0, len(texts), _BATCH):
        inputs = predictor.prepare({"text": pa.array(texts[start : start + _BATCH], pa.string())})
        parts.append(predictor.predict(inputs).probabilities_BK)
    return np.concatenate(parts)


def _ask_language_model(path: str | Path, corpora: Sequence[Corpus], device: str) -> _Answers:
    model = LocalLanguageModel(path, device=choose_device(device))
    found = [likelihood_answers(model.log_likelihoods, corpus) for corpus in corpora]
    return _Answers(
        model=f"{model.kind} language model",
        measures=[one for answers in found for one in answers.measures],
        worst_pairs=[],
        num_texts=sum(answers.num_texts for answers in found),
    )


def _metrics(measures: Sequence[BiasMeasure]) -> dict[str, float]:
    asked = [one for one in measures if not one.is_control]
    return {
        "num_judged": sum(one.status != "too few templates" for one in asked),
        "num_biased": sum(one.status == "biased" for one in asked),
        "largest_gap": max((abs(one.gap.mean) for one in asked), default=0.0),
        "largest_control_gap": max((abs(one.gap.mean) for one in measures if one.is_control), default=0.0),
    }


def _measures_json(content: BiasReportContent) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "model": content.model,
        "num_texts": content.num_texts,
        "cannot_see": CANNOT_SEE,
        "settings": asdict(content.settings),
        "measures": [asdict(one) for one in content.measures],
        "worst_pairs": [asdict(pair) for pair in content.worst_pairs],
    }


def _without_nan(value: Any) -> Any:
    """What is undefined as null, at any depth."""
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
