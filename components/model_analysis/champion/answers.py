"""What a champion answers on the examples that another model was evaluated on."""

from pathlib import Path
import tempfile

from components.model_analysis.champion.paired_answers import paired_answers, PairedAnswers
from components.model_analysis.scoring.example_sources import example_table_source
from components.model_analysis.scoring.predictions import score_source
from components.modeling.gpu.preflight import require_gpu
from components.modeling.predictor import load_predictor, Predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.split_record import known_splits, KnownSplits, SPLITS_FILE
from components.shared.contracts.target_spec import TargetSpec


class NotComparableError(Exception):
    """The champion cannot answer these examples, or answers another question; the message is a clause on it."""


def champion_answers(
    examples: ExampleTable, table: PredictionsTable, champion: Path, target: TargetSpec, *, device: str
) -> PairedAnswers:
    """Let a champion answer the test examples, and pair its answers with a model's.

    Parameters
    ----------
    examples
        The example table that the model was evaluated on.
    table
        The model's predictions table.
    champion
        The champion's bundle.
    target
        What is compared: a metric at a threshold takes the validation examples too.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    NotComparableError
        If the champion takes other examples, columns of other types for one, or answers another question.
    ValueError
        If the bundle is damaged.
    """
    if device == "cuda":
        require_gpu()
    predictor = load_predictor(champion, device=device)
    why = _why_not_comparable(examples, table, predictor, target)
    if why:
        raise NotComparableError(why)
    splits = ("validation", "test") if target.at is not None else ("test",)
    with tempfile.TemporaryDirectory() as scratch:
        answered = Path(scratch) / "predictions"
        try:
            score_source(example_table_source(examples, predictor.features, splits=splits), predictor, answered)
        except ValueError as error:
            raise NotComparableError(f"cannot answer these examples: {error}") from error
        return paired_answers(examples, table, PredictionsTable(answered), _splits_of(champion), target.at)


def _why_not_comparable(
    examples: ExampleTable, table: PredictionsTable, champion: Predictor, target: TargetSpec
) -> str:
    """A clause on a champion that cannot answer these examples, or answers another question; empty for any other."""
    if champion.task.is_regression != table.is_regression:
        kinds = ("a number", "a class") if champion.task.is_regression else ("a class", "a number")
        return f"answers {kinds[0]}, this model {kinds[1]}"
    if champion.features.modality != examples.info.modality:
        return f"takes {champion.features.modality} examples, this model {examples.info.modality}"
    absent = [name for name in champion.features.columns if name not in examples.schema.names]
    if absent:
        return f"reads columns that the example table no longer has: {', '.join(absent[:10])}"
    if target.at is not None and set(champion.class_names) != set(table.class_names):
        return f"knows the classes {', '.join(champion.class_names)}, this model {', '.join(table.class_names)}"
    return ""


def _splits_of(bundle: Path) -> KnownSplits | None:
    """What the champion was trained, chosen and tested on; None where its bundle does not say."""
    return known_splits(str(bundle)) if (bundle / SPLITS_FILE).is_file() else None
