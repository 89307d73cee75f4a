"""Asking a text model about people: a bundle that classifies, or a language model in a folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import logging
from pathlib import Path
from typing import Any, TYPE_CHECKING

from components.model_analysis.gate.smoke_gate import judge_smoke, SMOKE_RECIPE
from components.model_analysis.language_bias.findings import bias_verdict, CANNOT_SEE, nothing_to_ask
from components.model_analysis.language_bias.hugging_face_folder import is_hugging_face_folder
from components.model_analysis.language_bias.measures import BiasMeasure, judged
from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.model_analysis.language_bias.report import bias_report, BiasReportContent
from components.shared.contracts.bundle import read_config
from components.shared.contracts.language_bias_corpus import Corpus, read_corpus
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.contracts.verdict import write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.json_values import without_nan
from components.shared.runtime.settings import parse_settings

if TYPE_CHECKING:
    from components.model_analysis.language_bias.asked_models import ModelAnswers

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1


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


def assess_language_bias(
    *,
    model_path: str | Path,
    measures_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    settings: LanguageBiasSettings | str = "",
    recipe: str = "",
    device: str = "auto",
) -> LanguageBiasResult:
    """Ask a text model about people of seven kinds, and judge whether it treats any of them otherwise.

    A bundle that classifies no texts is asked nothing, and passes.

    Parameters
    ----------
    model_path
        A model bundle, or a folder with a causal or masked language model as Hugging
        Face's transformers saves it (config.json, tokenizer.json, safetensors). Nothing is fetched, no code and no
        pickle is read.
    measures_path, report_path, verdict_path, metrics_path
        Files to write: every gap with its interval (JSON), the report (HTML), the verdict, and what the KFP UI shows.
    settings
        What is asked and what is refused; also as text, YAML or JSON. Empty takes the defaults.
    recipe
        How the model was trained: a `smoke` run is asked, and not refused.
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
        If the model is damaged or needs code of its own, or the settings or corpus are wrong.
    """
    asked = (
        parse_settings(LanguageBiasSettings, settings, where="the settings") if isinstance(settings, str) else settings
    )
    corpora = [read_corpus(asked.corpus)] if asked.corpus else [packaged_corpus(name) for name in asked.languages]
    answers = _answers(model_path, corpora, device)
    measures = () if answers is None else judged(answers.measures, asked)
    verdict = nothing_to_ask() if answers is None else bias_verdict(measures, asked)
    if recipe == SMOKE_RECIPE and answers is not None:
        verdict = judge_smoke(verdict, num_examples=answers.num_texts)
    content = BiasReportContent(
        verdict=verdict,
        measures=measures,
        worst_pairs=() if answers is None else tuple(answers.worst_pairs),
        settings=asked,
        model="no text model" if answers is None else answers.model,
        num_texts=0 if answers is None else answers.num_texts,
    )
    bias_report(content).write(report_path)
    write_json(measures_path, without_nan(_measures_json(content)))
    result = LanguageBiasResult(passed=verdict.passed, reason=verdict.reason, metrics=_metrics(measures))
    write_json(metrics_path, result.metrics)
    write_verdict(verdict_path, verdict)
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return result


def _answers(model_path: str | Path, corpora: Sequence[Corpus], device: str) -> "ModelAnswers | None":
    """What the model made of the corpora; None of a bundle that classifies no texts."""
    is_language_model = is_hugging_face_folder(model_path)
    if not is_language_model and read_config(model_path).task != "text_classification":
        return None
    # Runs of photos and tables come this far, and do not wait for torch.
    from components.model_analysis.language_bias.asked_models import classifier_asked, language_model_asked

    ask = language_model_asked if is_language_model else classifier_asked
    return ask(model_path, corpora, device=device)


def _metrics(measures: Sequence[BiasMeasure]) -> dict[str, float]:
    asked = [one for one in measures if not one.is_control]
    if not asked:
        return {}
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
