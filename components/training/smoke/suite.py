"""The smoke suite: every check of a training on a tiny sample, in order, and which checks each one needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import logging

from components.training.smoke.check import failed, Judgement, not_judged, SmokeCheck
from components.training.smoke.data_checks import held_out_rows_are_new, inputs_are_usable, labels_are_usable
from components.training.smoke.initial_loss_check import initial_loss_is_chance
from components.training.smoke.learning_checks import (
    a_bundle_predicts_the_same,
    one_batch_is_learnt,
    shuffled_labels_are_not_learnt,
)
from components.training.smoke.preparation_checks import (
    augmentation_keeps_images,
    labels_belong_to_examples,
    prepared_as_in_serving,
)
from components.training.smoke.subject import Subject
from components.training.smoke.training_checks import (
    a_resumed_run_is_the_same,
    a_seed_repeats_the_run,
    one_epoch_runs,
    one_iteration_runs,
    weights_move,
)
from components.training.smoke.untrained_model_checks import (
    devices_agree,
    evaluation_is_repeatable,
    examples_do_not_mix,
    gradients_reach_every_weight,
    numbers_are_finite,
    outputs_are_logits,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteCheck:
    """A check's place in the suite: its name, how it is judged, and the checks that it needs."""

    name: str
    judge: Callable[[Subject], Judgement]
    needs: tuple[str, ...] = ()


# The likely root cause comes first: what a check needs stands above it.
SUITE = (
    SuiteCheck(name="labels are usable", judge=labels_are_usable),
    SuiteCheck(name="labels belong to their examples", judge=labels_belong_to_examples, needs=("labels are usable",)),
    SuiteCheck(name="inputs are usable", judge=inputs_are_usable, needs=("labels are usable",)),
    SuiteCheck(name="prepared as in serving", judge=prepared_as_in_serving),
    SuiteCheck(name="held-out rows are new", judge=held_out_rows_are_new, needs=("labels are usable",)),
    SuiteCheck(name="augmentation keeps pictures", judge=augmentation_keeps_images, needs=("inputs are usable",)),
    SuiteCheck(name="numbers are finite", judge=numbers_are_finite, needs=("inputs are usable",)),
    SuiteCheck(name="outputs are logits", judge=outputs_are_logits, needs=("numbers are finite",)),
    SuiteCheck(name="evaluation is repeatable", judge=evaluation_is_repeatable, needs=("numbers are finite",)),
    SuiteCheck(name="examples do not mix", judge=examples_do_not_mix, needs=("evaluation is repeatable",)),
    SuiteCheck(name="initial loss is chance", judge=initial_loss_is_chance, needs=("numbers are finite",)),
    SuiteCheck(name="gradients reach every weight", judge=gradients_reach_every_weight, needs=("numbers are finite",)),
    SuiteCheck(name="CPU and GPU agree", judge=devices_agree, needs=("evaluation is repeatable",)),
    SuiteCheck(name="one iteration", judge=one_iteration_runs, needs=("gradients reach every weight",)),
    SuiteCheck(name="one epoch", judge=one_epoch_runs, needs=("one iteration",)),
    SuiteCheck(name="weights move", judge=weights_move, needs=("one epoch",)),
    SuiteCheck(name="a seed repeats the run", judge=a_seed_repeats_the_run, needs=("one epoch",)),
    SuiteCheck(
        name="one batch is learnt",
        judge=one_batch_is_learnt,
        needs=(
            "labels belong to their examples",
            "outputs are logits",
            "examples do not mix",
            "initial loss is chance",
            "gradients reach every weight",
        ),
    ),
    SuiteCheck(
        name="a bundle predicts the same",
        judge=a_bundle_predicts_the_same,
        needs=("evaluation is repeatable", "gradients reach every weight"),
    ),
    SuiteCheck(name="a resumed run is the same", judge=a_resumed_run_is_the_same, needs=("a seed repeats the run",)),
    SuiteCheck(
        name="shuffled labels are not learnt",
        judge=shuffled_labels_are_not_learnt,
        needs=("one epoch", "initial loss is chance", "examples do not mix"),
    ),
)


def smoke_checks(subject: Subject) -> Iterator[SmokeCheck]:
    """Run the suite in order; a check is not judged where one that it needs has failed."""
    missing: set[str] = set()
    for check in SUITE:
        lacking = [name for name in check.needs if name in missing]
        judgement = not_judged(f"it rests on: {lacking[0]}") if lacking else _judged(check, subject)
        if judgement.outcome == "failed" or lacking:
            missing.add(check.name)
        logger.info("%s: %s (%s)", check.name, judgement.outcome, judgement.measured)
        yield judgement.named(check.name)


def _judged(check: SuiteCheck, subject: Subject) -> Judgement:
    try:
        return check.judge(subject)
    except Exception as error:
        # The code under test may raise anything; whatever it is, it is what this suite exists to find.
        logger.exception("%s: the code under test stopped", check.name)
        lines = str(error).strip().splitlines() or ["no message"]
        return failed(f"{type(error).__name__}: {lines[0]}", "the code fails on a tiny sample: read the step's log")
