"""The page of a choice among candidates."""

from components.active_learning.disagreement.model_choice import ModelChoice
from components.reporting.page import Report


def choice_report(choice: ModelChoice) -> Report:
    """Build the page."""
    report = Report("Choice of a model", subtitle="Candidates on people's labels of the validation split, paired")
    report.paragraph(choice.reason[0].upper() + choice.reason[1:] + ".", tone="good" if choice.num_examples else "warn")
    first = choice.candidates[0]
    report.table(
        ["candidate", "accuracy", f"points over {first.name}", "95 % interval", "p", "goes on"],
        [
            [
                item.name,
                f"{item.accuracy:.1%}" if choice.num_examples else None,
                *_lead(item.against_first.difference, item.against_first.low, item.against_first.high),
                f"{item.p_value:.2g}" if place and choice.num_examples else None,
                "yes" if place == choice.chosen else "",
            ]
            for place, item in enumerate(choice.candidates)
        ],
    )
    report.paragraph(
        "Labels by models and rules judge nothing. The first candidate is the simplest: it goes on where no other is "
        "shown to be better."
    )
    return report


def _lead(difference: float, low: float, high: float) -> list[str | None]:
    if difference != difference:
        return [None, None]
    return [f"{100 * difference:+.1f}", f"{100 * low:+.1f} to {100 * high:+.1f}"]
