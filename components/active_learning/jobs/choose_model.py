"""Choosing among candidates: trained on from the current model or anew, with pseudo labels or without."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import logging
import math
from pathlib import Path
import shutil

from components.active_learning.disagreement.choice_report import choice_report
from components.active_learning.disagreement.model_choice import chosen_model, ModelChoice
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.atomic_files import atomic_folder, write_json
from components.shared.runtime.json_values import without_nan
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A candidate: its name, its predictions table, and its bundle, None where nothing is to be passed on."""

    name: str
    predictions_path: str | Path
    model_path: str | Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenModel:
    """Outcome of `choose_model`: the choice, and what the KFP UI shows."""

    choice: ModelChoice
    metrics: dict[str, float]


def choose_model(
    *,
    examples_path: str | Path,
    candidates: Sequence[Candidate],
    choice_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    chosen_model_path: str | Path | None = None,
    chosen_predictions_path: str | Path | None = None,
) -> ChosenModel:
    """Choose the first candidate, unless another is better on people's validation labels by more than chance.

    Parameters
    ----------
    examples_path
        An example table with people's labels in its validation split.
    candidates
        Two or more, the simplest first: their predictions cover that split.
    choice_path, report_path, metrics_path
        Files to write: the choice (JSON), the page (HTML), what the KFP UI shows (JSON).
    chosen_model_path, chosen_predictions_path
        Folders that get copies of the chosen one's bundle and predictions table; None for none.

    Raises
    ------
    FileNotFoundError
        If a table or the chosen bundle is not there.
    ValueError
        If there are fewer than two candidates, or they do not fit one another.
    """
    tables = [PredictionsTable(item.predictions_path) for item in candidates]
    choice = chosen_model(ExampleTable(examples_path), tables, [item.name for item in candidates])
    chosen = candidates[choice.chosen]
    if chosen_model_path is not None:
        if chosen.model_path is None:
            raise ValueError(f"each candidate must have a model where the chosen one is copied, {chosen.name} has none")
        _copy(chosen.model_path, chosen_model_path)
    if chosen_predictions_path is not None:
        _copy(chosen.predictions_path, chosen_predictions_path)
    metrics = {
        "num_examples": float(choice.num_examples),
        **{f"accuracy of {item.name}": item.accuracy for item in choice.candidates if math.isfinite(item.accuracy)},
    }
    content = {**asdict(choice), "format_version": FORMAT_VERSION, "chosen": choice.name}
    write_json(choice_path, without_nan(content))
    write_json(metrics_path, metrics)
    choice_report(choice).write(report_path)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    logger.info("%s", choice.reason)
    return ChosenModel(choice=choice, metrics=metrics)


def _copy(source: str | Path, target: str | Path) -> None:
    with atomic_folder(target) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
