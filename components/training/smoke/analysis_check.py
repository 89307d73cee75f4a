"""Whether what the problem file asks of the analysis can be answered with these classes: known before the training."""

from collections.abc import Sequence

from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.target_spec import TargetSpec
from components.training.smoke.check import does_not_apply, failed, holds, SmokeCheck

NAME = "the analysis can answer what is asked"


def analysis_check(
    class_names: Sequence[str], target: TargetSpec, fairness: FairnessSpec, *, is_regression: bool
) -> SmokeCheck:
    """The check, of the classes that a model of these examples will know."""
    try:
        asked = target.for_task(is_regression=is_regression)
        fairness.check_task(is_regression=is_regression)
        named = None
        if not is_regression:
            if asked.at is not None:
                asked.at.positive_index(class_names)
            named = fairness.positive_name(class_names)
    except ValueError as error:
        return failed(str(error), "name a class as the data report spells it, or leave it out").named(NAME)
    if is_regression or (asked.at is None and named is None):
        return does_not_apply("the problem file names no class").named(NAME)
    return holds(f"among the classes {', '.join(class_names)}").named(NAME)
