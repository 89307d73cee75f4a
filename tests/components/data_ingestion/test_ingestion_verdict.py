import pytest

from components.data_ingestion.ingestion_facts import IngestionFacts, Quarantined
from components.data_ingestion.ingestion_verdict import ingestion_verdict


def ingested(*, num_good: int = 100, num_bad: int = 0, **facts) -> IngestionFacts:
    third = num_good // 3
    counts = {"train": {"a": num_good - 2 * third}, "validation": {"a": third}, "test": {"b": third}}
    bad = tuple(Quarantined(name=f"{number}.jpg", reason="the file is empty") for number in range(num_bad))
    known = {
        "modality": "image",
        "class_names": ("a", "b"),
        "counts": counts,
        "expected_splits": ("train", "validation", "test"),
        "num_seen": num_good + num_bad,
        "num_quarantined": num_bad,
        "quarantined": bad,
    }
    return IngestionFacts(**(known | facts))


def test_data_without_trouble_pass():
    verdict = ingestion_verdict(ingested())
    assert (verdict.check, verdict.passed, verdict.findings) == ("ingestion", True, ())
    assert verdict.reason == "100 examples of 2 classes, none set aside"


@pytest.mark.parametrize(
    ("num_good", "num_bad", "passed"),
    [(90, 10, True), (89, 11, False), (15, 5, True), (14, 5, False), (20, 6, False), (9, 1, True), (3, 1, True)],
)
def test_a_tenth_of_bad_files_is_borne_and_a_handful_up_to_a_quarter(num_good, num_bad, passed):
    assert ingestion_verdict(ingested(num_good=num_good, num_bad=num_bad)).passed is passed


def test_the_limit_can_be_set():
    assert ingestion_verdict(ingested(num_good=80, num_bad=20), max_quarantined_share=0.2).passed
    assert not ingestion_verdict(ingested(num_good=80, num_bad=20), max_quarantined_share=0.1).passed


def test_the_reason_names_share_limit_and_most_frequent_cause():
    reason = ingestion_verdict(ingested(num_good=80, num_bad=20)).reason
    assert reason == "20 of 100 files cannot be used (20.0%, allowed are 10%), 20 of them since the file is empty"


def test_an_empty_split_fails():
    verdict = ingestion_verdict(ingested(counts={"train": {"a": 2}, "validation": {"b": 1}, "test": {}}))
    assert not verdict.passed
    assert verdict.reason == "the test split has no example"


def test_a_split_that_nobody_wants_may_be_empty():
    counts = {"train": {"a": 2}, "validation": {"b": 1}, "test": {}}
    assert ingestion_verdict(ingested(counts=counts, expected_splits=("train", "validation"))).passed


def test_findings_name_every_file_conversion_duplicate_and_warning():
    facts = {
        "warnings": ("look here",),
        "converted": (Quarantined(name="cat/p.png", reason="palette converted to RGB"),),
        "dropped_duplicates": (("b.jpg", "a.jpg"),),
        "near_duplicate_clusters": (("a.jpg", "c.jpg"),),
        "left_out": {"another class": 7, "nothing": 0},
        "num_duplicate_rows": 4,
    }
    findings = ingestion_verdict(ingested(num_bad=1, **facts)).findings
    assert [(finding.severity, finding.message) for finding in findings] == [
        ("warning", "look here"),
        ("note", "0.jpg: the file is empty"),
        ("note", "cat/p.png: palette converted to RGB"),
        ("note", "7 left out: another class"),
        ("note", "1 exact copies dropped"),
        ("note", "4 rows repeat an earlier one's content"),
        ("note", "2 images in 1 groups of near duplicates"),
    ]
