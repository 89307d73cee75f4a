"""The report of rounds with an oracle: learning curves, labels saved, and whether another batch pays."""

from collections.abc import Sequence
import math

from components.active_learning.rounds.comparison import intervals_of, RoundsComparison
from components.reporting.charts import line_chart
from components.reporting.page import Report

_MAX_ROWS = 30


def rounds_report(found: RoundsComparison, *, model_name: str, num_train: int, num_test: int) -> Report:
    """Build the report.

    Parameters
    ----------
    model_name
        The cheap model, in words.
    num_train, num_test
        Rows that could be asked about, and rows that it was scored on.
    """
    mix = ", ".join(f"{share:.0%} {name}" for name, share in found.shares.items() if share)
    report = Report("Rounds of labelling, with an oracle", subtitle=f"{mix}, beside random sampling at the same budget")
    report.paragraph(found.verdict, tone="good" if found.ratio.high < 1.0 else "warn")
    gain = found.gain
    report.facts(
        {
            "labels at the start": found.sizes[0],
            "labels at the end": found.sizes[-1],
            "label ratio": f"{found.ratio.ratio:.2f}" if math.isfinite(found.ratio.ratio) else "not reached",
            "points above random": f"{100 * gain.mean:+.2f}",
            "its 95 % interval": f"{100 * gain.low:+.2f} to {100 * gain.high:+.2f}",
            "seeds": len(found.chosen),
            "rows to ask about": num_train,
            "test rows": num_test,
        }
    )
    _add_curves(report, found)
    report.heading("Is another batch worth its price?")
    report.paragraph(found.next_batch.reason)
    report.paragraph(
        "Read off the last rounds, over the logarithm of the labels. Stop where even the upper end is not worth the "
        "price."
    )
    report.heading("How it was measured")
    report.paragraph(
        f"The model is {model_name}, fitted anew after every batch, and scored on the test rows, which nobody is asked "
        "about. Both sides start with the same labels, drawn at random; each seed is another start. Intervals are over "
        "seeds. A larger model may need other examples: the saving holds for this one."
    )
    return report


def _add_curves(report: Report, found: RoundsComparison) -> None:
    names = {"strategy": found.chosen, "random": found.at_random}
    means = {name: intervals_of(curves) for name, curves in names.items()}
    sizes: Sequence[float] = [float(size) for size in found.sizes]
    report.figure(
        line_chart(
            {name: (sizes, [each.mean for each in points]) for name, points in means.items()},
            x_label="labels bought",
            y_label="accuracy on test rows",
            bands={name: ([p.low for p in points], [p.high for p in points]) for name, points in means.items()},
        ),
        caption="Mean over seeds, shaded with its 95 % interval.",
    )
    step = max(-(-len(sizes) // _MAX_ROWS), 1)
    report.table(
        ["labels", "strategy", "random", "points above random"],
        [
            [size, f"{means['strategy'][place].mean:.4f}", f"{means['random'][place].mean:.4f}", _above(found, place)]
            for place, size in list(enumerate(found.sizes))[::step]
        ],
    )


def _above(found: RoundsComparison, place: int) -> str:
    return f"{100 * float((found.chosen[:, place] - found.at_random[:, place]).mean()):+.2f}"
