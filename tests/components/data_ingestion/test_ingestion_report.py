import os

from components.data_ingestion.ingestion_facts import IngestionFacts, Quarantined
from components.data_ingestion.ingestion_report import ingestion_report
from components.data_ingestion.ingestion_verdict import ingestion_verdict


def page(**facts) -> str:
    known = {
        "modality": "image",
        "class_names": ("cat", "dog"),
        "counts": {"train": {"cat": 7, "dog": 5, "": 2}, "validation": {"cat": 1}, "test": {"dog": 3}},
        "expected_splits": ("train",),
        "num_seen": 16,
    }
    ingested = IngestionFacts(**(known | facts))
    return ingestion_report(ingested, ingestion_verdict(ingested), source="here").html()


def cells(html: str) -> list[str]:
    rows = [line for line in html.splitlines() if line.startswith("<tr><td")]
    return [" ".join(row.replace("<", " <").replace(">", "> ").split()) for row in rows]


def test_the_report_counts_examples_by_split_and_class():
    text = [" ".join(part for part in row.split(" ") if "<" not in part and "=" not in part) for row in cells(page())]
    assert text[:4] == [
        "cat 7 1 0 8 87.5 / 12.5 / 0.0 %",
        "dog 5 0 3 8 62.5 / 0.0 / 37.5 %",
        "(no label) 2 0 0 2 100.0 / 0.0 / 0.0 %",
        "all 14 1 3 18 77.8 / 5.6 / 16.7 %",
    ]


def test_the_report_shows_what_was_inferred_set_aside_converted_and_repeated():
    html = page(
        inferred=("the modality is image",),
        quarantined=(Quarantined(name="cat/x.jpg", reason="the file is empty"),),
        num_quarantined=1,
        ignored=(Quarantined(name="README.txt", reason="no image by its name"),),
        converted=(Quarantined(name="cat/p.png", reason="palette converted to RGB"),),
        dropped_duplicates=(("b.jpg", "a.jpg"),),
        near_duplicate_clusters=(("c.jpg", "d.jpg"),),
        warnings=("the class is rare",),
        columns={"brightness": ("derived", "double")},
        example_images=(("cat", b"\xff\xd8\xff"),),
    )
    wanted = [
        "The modality is image.",
        "cat/x.jpg",
        "the file is empty",
        "README.txt",
        "palette converted to RGB",
        "b.jpg",
        "c.jpg, d.jpg",
        "The class is rare.",
        "brightness",
        "data:image/jpeg;base64",
    ]
    assert [text for text in wanted if text not in html] == []


def test_names_are_text_and_never_markup():
    html = page(quarantined=(Quarantined(name="<script>alert(1)</script>.jpg", reason="empty"),), num_quarantined=1)
    assert "<script>" not in html


def test_the_report_stays_small_and_says_what_it_leaves_out():
    long_name = "n" * 250
    html = page(
        class_names=tuple(f"{number}-{long_name}" for number in range(900)),
        quarantined=tuple(Quarantined(name=f"{long_name}-{n}", reason="r" * 300) for n in range(5000)),
        num_quarantined=5000,
        num_seen=100_000,
        ignored=tuple(Quarantined(name=f"{long_name}-{n}", reason="no image by its name") for n in range(5000)),
        dropped_duplicates=tuple((f"{long_name}-{n}", long_name) for n in range(5000)),
        near_duplicate_clusters=tuple(tuple(f"{n}-{long_name}" for _ in range(40)) for n in range(900)),
        warnings=("look here",) * 500,
        columns={f"{long_name}{n}": ("feature", "string") for n in range(2000)},
        example_images=tuple(("cat", os.urandom(4000)) for _ in range(36)),
    )
    assert len(html.encode()) < 500_000
    assert "The first 200 of 5,000; 4,800 more are not shown." in html
    assert "and 35 more" in html
