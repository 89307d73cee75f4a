"""The report of a comparison: verdict first, every finding drawn, every column, and how it was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import escape, Markup

from components.data_validation.reports.common_bins import common_shares, Shares
from components.data_validation.reports.drawn_bins import drawn_shares
from components.data_validation.reports.findings_table import add_findings, severity_counts
from components.data_validation.reports.short_text import short
from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.drift.binned import BinnedFeature
from components.drift.comparison import Comparison, DriftSettings, FeatureComparison
from components.reporting.charts import bar_chart
from components.reporting.page import Cell, Picture, Report
from components.shared.contracts.verdict import Verdict

MAX_FINDINGS_DRAWN = 25
MAX_COLUMNS_SHOWN = 100
_EFFECT_WORDS = {
    "kolmogorov_smirnov": "Kolmogorov-Smirnov distance",
    "total_variation_above_chance": "total variation above chance",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetContent:
    """What the report shows of one dataset."""

    name: str  # its file or window
    num_rows: int
    summaries: Mapping[str, FeatureSummary]
    pictures: Sequence[Picture] = ()  # a few of its images, small
    texts: Sequence[str] = ()  # a few of its texts


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonContent:
    """What the report is made of."""

    verdict: Verdict
    reference: DatasetContent
    current: DatasetContent
    comparison: Comparison
    features: Mapping[str, BinnedFeature]  # binned, by name
    settings: DriftSettings
    masked: frozenset[str] = field(default=frozenset())  # personal data, named or noticed: not drawn
    left_out: Mapping[str, str]  # columns that took no part, and why


def comparison_report(content: ComparisonContent) -> Report:
    """The report; up to 25 findings are drawn and 100 listed, `verdict.json` has them all."""
    verdict = content.verdict
    subtitle = f"{content.current.name} against {content.reference.name}"
    report = Report("Data comparison", subtitle=subtitle)
    report.verdict(verdict.passed, verdict.reason)
    report.facts(
        {
            "reference rows": content.reference.num_rows,
            "current rows": content.current.num_rows,
            "columns compared": len(content.comparison.features),
            **severity_counts(verdict.findings),
        }
    )
    _add_findings(report, content)
    _add_examples(report, content)
    _add_columns(report, content)
    _add_left_out(report, content)
    _add_method(report, content)
    return report


def _add_findings(report: Report, content: ComparisonContent) -> None:
    findings = content.verdict.findings
    add_findings(report, findings, nothing="No difference was found that chance does not explain.")
    for column, caption in _drawn_columns(content).items():
        report.figure(_drawing(_shares_of(column, content)), caption=caption)


def _drawn_columns(content: ComparisonContent) -> dict[str, str]:
    """Columns whose findings are drawn, each with the caption of its most severe one."""
    captions: dict[str, str] = {}
    for finding in content.verdict.findings:
        if len(captions) == MAX_FINDINGS_DRAWN:
            break
        if finding.column not in captions and _shares_of(finding.column, content):
            captions[finding.column] = f"{short(finding.column)}: {finding.kind.replace('_', ' ')}"
    return captions


def _shares_of(column: str, content: ComparisonContent) -> Shares:
    """Both datasets over the same bins; one of them alone where the other lacks the column."""
    if column in content.masked:
        return {}
    if column in content.features:
        return drawn_shares(content.features[column])
    reference, current = content.reference.summaries.get(column), content.current.summaries.get(column)
    if reference is not None and current is not None:
        return common_shares(reference, current)
    if reference is not None:
        return {name: (share, 0.0) for name, (share, _) in common_shares(reference, reference).items()}
    if current is not None:
        return {name: (0.0, share) for name, (share, _) in common_shares(current, current).items()}
    return {}


def _drawing(shares: Shares) -> Markup:
    values = {short(name): {"reference": left, "current": right} for name, (left, right) in shares.items()}
    return bar_chart(values, y_label="share of the values")


def _add_examples(report: Report, content: ComparisonContent) -> None:
    """Images or texts of both datasets: what a distribution cannot show."""
    for dataset, name in ((content.reference, "Reference"), (content.current, "Current")):
        if dataset.pictures:
            report.gallery(dataset.pictures, caption=f"{name}: some images of {dataset.name}")
        if dataset.texts:
            report.table([f"{name}: some texts of {dataset.name}"], [[text] for text in dataset.texts])


def _add_columns(report: Report, content: ComparisonContent) -> None:
    compared = sorted(content.comparison.features.values(), key=lambda feature: -_order(feature))
    if not compared:
        return
    report.heading("Columns")
    report.table(
        ["column", "effect", "measure", "statistic", "by chance at most", "p-value", "judgement"],
        [_column_row(feature) for feature in compared[:MAX_COLUMNS_SHOWN]],
        caption="The largest effect first; p-values count all comparisons",
    )
    if len(compared) > MAX_COLUMNS_SHOWN:
        report.paragraph(f"The first {MAX_COLUMNS_SHOWN} of {len(compared):,} columns.")
    drawn = _drawn_columns(content)
    for feature in compared[:MAX_COLUMNS_SHOWN]:
        shares = _shares_of(feature.name, content)
        if shares and feature.name not in drawn and len(compared) <= MAX_FINDINGS_DRAWN:
            report.details(f"{short(feature.name)}: both sides", Markup("<figure>{}</figure>").format(_drawing(shares)))


def _order(feature: FeatureComparison) -> float:
    return feature.effect_size if feature.effect_size == feature.effect_size else -1.0


def _column_row(feature: FeatureComparison) -> list[Cell]:
    statistic = feature.statistics.get(feature.strongest)
    judgement = "too few values" if feature.insufficient else "no difference beyond chance"
    if feature.significant:
        judgement = "drifted" if feature.material else "more than chance, too small to matter"
    return [
        short(feature.name),
        feature.effect_size,
        _EFFECT_WORDS.get(feature.effect, feature.effect),
        None if statistic is None else statistic.value,
        None if statistic is None else statistic.threshold,
        feature.p_value,
        judgement,
    ]


def _add_left_out(report: Report, content: ComparisonContent) -> None:
    if content.left_out:
        report.heading("Took no part")
        report.table(["column", "why"], [[short(name), why] for name, why in list(content.left_out.items())[:50]])
        if len(content.left_out) > 50:
            report.paragraph(f"The first 50 of {len(content.left_out):,} columns.")
    if content.verdict.remarks:
        lines = [Markup("<li>{}</li>").format(escape(remark)) for remark in content.verdict.remarks[:50]]
        report.details("What was recognised and assumed", Markup("<ul>{}</ul>").format(Markup("").join(lines)))


def _add_method(report: Report, content: ComparisonContent) -> None:
    comparison, settings = content.comparison, content.settings
    report.heading("How it was judged")
    if comparison.insufficient:
        report.paragraph(
            f"Each side must have {settings.min_sample} rows; there are {comparison.num_reference:,} and "
            f"{comparison.num_current:,}. Nothing can be said of drift.",
            tone="warn",
        )
        return
    rows = "rows" if comparison.block_rows == 1 else f"blocks of {comparison.block_rows} rows"
    report.paragraph(
        f"A difference is an alarm with two keys. Significant: larger than what {settings.num_permutations:,} "
        f"rearrangements of the pooled {rows} give, with all columns counted, so that data without any drift raise an "
        f"alarm in at most {settings.false_alarm_rate:.0%} of all comparisons. Material: at least "
        f"{settings.material_effect:g} of the values lie differently. Compared were "
        f"{comparison.num_reference:,} and {comparison.num_current:,} rows."
    )
    if comparison.blocks_may_be_dependent:
        report.paragraph(
            "Neighbouring rows depend on each other over longer times than the blocks can hold: compare longer spans.",
            tone="warn",
        )
