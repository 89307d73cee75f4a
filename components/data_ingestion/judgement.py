"""Whether what was ingested can be used."""

from collections import Counter

from components.data_ingestion.ingested import Ingested
from components.shared.contracts.verdict import Finding, Verdict

MAX_QUARANTINED_SHARE = 0.10
# In a small set a handful of bad files is a large share: up to so many and so much of it is borne.
_FEW_FILES = 5
_MAX_SHARE_OF_FEW = 0.25
_LISTED_FINDINGS = 200


def judged(ingested: Ingested, *, max_quarantined_share: float = MAX_QUARANTINED_SHARE) -> Verdict:
    """Failed where too much was quarantined or an expected split is empty.

    `max_quarantined_share`, 0 to 1, is the share of files or rows that may be unusable; five are allowed up to a
    quarter. Findings name every quarantined or converted file or row, up to 200 of each.
    """
    blocking = [*_too_much_quarantined(ingested, max_quarantined_share), *_empty_splits(ingested)]
    findings = (*blocking, *_warnings(ingested), *_notes(ingested))
    reason = "; ".join(finding.message for finding in blocking) if blocking else _summary(ingested)
    return Verdict(check="ingestion", passed=not blocking, reason=reason, findings=findings)


def _too_much_quarantined(ingested: Ingested, limit: float) -> list[Finding]:
    share = ingested.num_quarantined / ingested.num_seen if ingested.num_seen else 0.0
    few = ingested.num_quarantined <= _FEW_FILES and share <= _MAX_SHARE_OF_FEW
    if share <= limit or few:
        return []
    reason, count = Counter(item.reason for item in ingested.quarantined).most_common(1)[0]
    return [
        Finding(
            kind="quality",
            severity="blocking",
            message=f"{ingested.num_quarantined:,} of {ingested.num_seen:,} {_unit(ingested)} cannot be used "
            f"({share:.1%}, allowed are {limit:.0%}), {count:,} of them since {reason}",
            name="quarantined_share",
            statistic="share of quarantined " + _unit(ingested),
            value=share,
            threshold=limit,
            remedy="mend or remove what the report lists",
        )
    ]


def _empty_splits(ingested: Ingested) -> list[Finding]:
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
        for split in ingested.expected_splits
        if not sum(ingested.counts[split].values())
    ]


def _warnings(ingested: Ingested) -> list[Finding]:
    return [Finding(kind="quality", severity="warning", message=sentence) for sentence in ingested.warnings]


def _notes(ingested: Ingested) -> list[Finding]:
    notes = [(f"{item.name}: {item.reason}", "quarantined") for item in ingested.quarantined[:_LISTED_FINDINGS]]
    notes += [(f"{item.name}: {item.reason}", "converted") for item in ingested.converted[:_LISTED_FINDINGS]]
    notes += [(f"{count:,} left out: {why}", "left_out") for why, count in ingested.left_out.items() if count]
    if ingested.dropped_duplicates:
        notes.append((f"{len(ingested.dropped_duplicates):,} exact copies dropped", "exact_duplicates"))
    if ingested.num_duplicate_rows:
        notes.append((f"{ingested.num_duplicate_rows:,} rows repeat an earlier one's content", "duplicate_rows"))
    if clusters := ingested.near_duplicate_clusters:
        total = sum(map(len, clusters))
        notes.append((f"{total:,} images in {len(clusters):,} groups of near duplicates", "near_duplicates"))
    return [Finding(kind="quality", severity="note", message=message, name=name) for message, name in notes]


def _summary(ingested: Ingested) -> str:
    kept = f"{ingested.num_examples:,} examples of {len(ingested.class_names)} classes"
    if not ingested.num_quarantined:
        return f"{kept}, none set aside"
    return f"{kept}; {ingested.num_quarantined:,} of {ingested.num_seen:,} {_unit(ingested)} set aside"


def _unit(ingested: Ingested) -> str:
    return "files" if ingested.modality == "image" else "rows"
