"""Whether what the problem file asks of the analysis can be answered with these classes: known before the training."""

from collections.abc import Sequence

from components.shared.contracts.asked_classes import AskedClasses
from components.training.smoke.check import does_not_apply, failed, holds, SmokeCheck

NAME = "the analysis can answer what is asked"


def analysis_check(class_names: Sequence[str], asked: AskedClasses) -> SmokeCheck:
    """The check, of the classes that a model of these examples will know; of a number there are none."""
    if not class_names or asked == AskedClasses():
        return does_not_apply("the problem file names no class").named(NAME)
    try:
        asked.check(class_names)
    except ValueError as error:
        return failed(str(error), "name a class as the data report spells it, or leave it out").named(NAME)
    return holds(f"among the classes {', '.join(class_names)}").named(NAME)
