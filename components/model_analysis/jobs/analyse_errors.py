"""Analysing the wrong predictions of the test split: suspected causes, groups, and what a team should do first."""

from dataclasses import dataclass
import logging
from pathlib import Path

from components.model_analysis.error_causes.analysed_errors import errors_csv
from components.model_analysis.error_causes.error_analysis import error_analysis, nothing_analysed
from components.model_analysis.error_causes.error_report import error_report
from components.modeling.gpu.preflight import require_gpu
from components.modeling.predictor import load_predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.atomic_files import write_json, write_text
from components.shared.runtime.redaction import masked_strings
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorsResult:
    """Outcome of `analyse_errors`: the sentence that a team acts on, and what the KFP UI shows."""

    summary: str
    metrics: dict[str, float]


def analyse_errors(
    *,
    examples_path: str | Path,
    predictions_path: str | Path,
    model_path: str | Path,
    analysis_path: str | Path,
    list_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    device: str = "auto",
    seed: int = 0,
) -> ErrorsResult:
    """Say of each wrong prediction of the test split which cause is suspected, and what most errors have in common.

    Parameters
    ----------
    examples_path
        The example table that the model was evaluated on, with its training split.
    predictions_path
        The model's predictions table, as `evaluate_model` wrote it.
    model_path
        The model bundle.
    analysis_path, list_path, report_path, metrics_path
        Files to write: all that was found (JSON), the errors (CSV), the report (HTML), what the KFP UI shows (JSON).
    device
        `auto`, `cpu` or `cuda`.
    seed
        Of what is drawn: errors where there are very many, training and held-out examples to compare with.

    Returns
    -------
    ErrorsResult
        Where the label is a number, or no test answer is wrong, a summary that says so.

    Raises
    ------
    FileNotFoundError
        If a table or the bundle is not there.
    ValueError
        If one of them is damaged, or they do not belong together.
    """
    examples, table = ExampleTable(examples_path), PredictionsTable(predictions_path)
    if device == "cuda":
        require_gpu()
    if table.is_regression:
        analysis = nothing_analysed(examples, 0, "the label is a number: causes are suspected of wrong classes only")
    else:
        analysis = error_analysis(examples, table, load_predictor(model_path, device=device), seed=seed)
    write_json(analysis_path, masked_strings(analysis.to_json()))
    write_text(list_path, errors_csv(analysis.errors))
    error_report(analysis).write(report_path)
    write_json(metrics_path, analysis.metrics())
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    logger.info("%s", analysis.summary)
    return ErrorsResult(summary=analysis.summary, metrics=analysis.metrics())
