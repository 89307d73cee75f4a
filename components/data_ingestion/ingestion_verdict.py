"""Whether the ingested data can be used."""

from collections import Counter

from components.data_ingestion.ingestion_facts import IngestionFacts
from components.shared.contracts.verdict import Finding, Verdict

MAX_QUARANTINED_SHARE = 0.10
# In a small set a few bad files are a large share: so many are allowed up to this share.
_FEW_FILES = 5
_MAX_SHARE_OF_FEW = 0.25
_LISTED_FINDINGS = 200


def ingestion_verdict(facts: IngestionFacts, *, max_quarantined_share: float = MAX_QUARANTINED_SHARE) -> Verdict:
    """Failed where too much was quarantined or an expected split is empty.

    `max_quarantined_share`, 0 to 1, is the share of files or rows that may be unusable; five are allowed up to a
    quarter. Findings name every quarantined or converted file or row, up to 200 of each.
    """
    empty = _all_in_pool(facts) or _empty_splits(facts)
    blocking = [*_too_much_quarantined(facts, max_quarantined_share), *empty]
    warnings = [Finding(kind="quality", severity="warning", message=sentence) for sentence in facts.warnings]
    findings = (*blocking, *warnings, *_notes(facts))
    reason = "; ".join(finding.message for finding in blocking) if blocking else _summary(facts)
    return Verdict(check="ingestion", passed=not blocking, reason=reason, findings=findings)


def _too_much_quarantined(facts: IngestionFacts, limit: float) -> list[Finding]:
    share = facts.num_quarantined / facts.num_seen if facts.num_seen else 0.0
    few = facts.num_quarantined <= _FEW_FILES and share <= _MAX_SHARE_OF_FEW
    if share <= limit or few:
        return []
    reason, count = Counter(item.reason for item in facts.quarantined).most_common(1)[0]
    return [
        Finding(
            kind="quality",
            severity="blocking",
            message=f"{facts.num_quarantined:,} of {facts.num_seen:,} {_unit(facts)} cannot be used "
            f"({share:.1%}, allowed are {limit:.0%}), {count:,} of them since {reason}",
            name="quarantined_share",
            statistic="share of quarantined " + _unit(facts),
            value=share,
            threshold=limit,
            remedy="mend or remove what the report lists",
        )
    ]


def _all_in_pool(facts: IngestionFacts) -> list[Finding]:
    if facts.num_examples or not facts.num_pool:
        return []
    return [
        Finding(
            kind="quality",
            severity="blocking",
            message=f"no example has a label: all {facts.num_pool:,} are in the pool",
            name="no_labels",
            statistic="labelled examples",
            value=0.0,
            threshold=1.0,
            remedy="lay photos in one folder a class (cat/1.jpg), name them by class and number (cat.1.jpg), or put a "
            "labels.csv with their paths and labels beside them",
        )
    ]


def _empty_splits(facts: IngestionFacts) -> list[Finding]:
    return [
        Finding(
            kind="quality",
            severity="blocking",
            message=f"the {split} split has no example",
            name="empty_split",
            statistic="examples",
            value=0.0,
            threshold=1.0,
            remedy="bring more examples, or change the problem file's split",
        )
        for split in facts.expected_splits
        if not sum(facts.counts[split].values())
    ]


def _notes(facts: IngestionFacts) -> list[Finding]:
    notes = [(f"{item.name}: {item.reason}", "quarantined") for item in facts.quarantined[:_LISTED_FINDINGS]]
    notes += [(f"{item.name}: {item.reason}", "converted") for item in facts.converted[:_LISTED_FINDINGS]]
    if "all" in facts.numbers:
        of_all = facts.numbers["all"]
        low, *_, high = of_all.quantiles
        spread = f"mean {of_all.mean:.5g}, standard deviation {of_all.std:.5g}, {low:.5g} to {high:.5g}"
        notes.append((f"{of_all.num_labels:,} labels are numbers: {spread}", "label_numbers"))
    notes += [(f"{count:,} left out: {why}", "left_out") for why, count in facts.left_out.items() if count]
    notes += [(sentence, "split") for sentence in facts.split_notes]
    if facts.num_pool:
        notes.append((f"{facts.num_pool:,} examples without a label are in the pool", "pool"))
    if facts.dropped_duplicates:
        notes.append((f"{len(facts.dropped_duplicates):,} exact copies dropped", "exact_duplicates"))
    if facts.num_duplicate_rows:
        notes.append((f"{facts.num_duplicate_rows:,} rows repeat an earlier one's content", "duplicate_rows"))
    if clusters := facts.near_duplicate_clusters:
        total = sum(map(len, clusters))
        notes.append((f"{total:,} images in {len(clusters):,} groups of near duplicates", "near_duplicates"))
    return [Finding(kind="quality", severity="note", message=message, name=name) for message, name in notes]


def _summary(facts: IngestionFacts) -> str:
    labels = "with numbers for labels" if facts.is_regression else f"of {len(facts.class_names)} classes"
    kept = f"{facts.num_examples:,} examples {labels}"
    if facts.num_pool:
        kept = f"{kept}, {facts.num_pool:,} without a label in the pool"
    if not facts.num_quarantined:
        return f"{kept}, none set aside"
    return f"{kept}; {facts.num_quarantined:,} of {facts.num_seen:,} {_unit(facts)} set aside"


def _unit(facts: IngestionFacts) -> str:
    return "files" if facts.modality == "image" else "rows"
