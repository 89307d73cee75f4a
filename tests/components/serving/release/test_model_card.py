from dataclasses import replace
from pathlib import Path

import pytest

from components.serving.release.model_card import model_card
from components.shared.contracts.analysis_summary import AnalysisSummary, CheckSummary, GroupFigure, Weakness
from components.shared.contracts.bundle import read_config
from components.shared.tables.repair_spec import Repair


def test_the_card_tells_classes_metrics_and_training(bundle: Path):
    card = model_card(
        model_name="pets",
        config=read_config(bundle),
        evaluation={
            "format_version": 1,
            "metrics": {"accuracy": 0.98765, "accuracy_low": 0.975, "accuracy_high": 0.99},
        },
    )

    assert card.startswith("# pets\n")
    assert "Image classification into 3 classes: cat, dog, 새." in card
    assert "| accuracy | 0.9877 | 0.975 to 0.99 |" in card
    assert "accuracy_low" not in card
    assert "| recipe | smoke |" in card
    assert "format_version" not in card


def test_the_threshold_that_the_server_answers_at_is_told(bundle: Path):
    point = {"positive": "dog", "threshold": 0.3125}
    told = model_card(model_name="pets", config=read_config(bundle), evaluation={"operating_point": point})
    assert "## Threshold\n\nThe server answers dog where its probability is at least 0.3125." in told
    none = {"operating_point": {"positive": "dog", "threshold": None}}
    assert "Threshold" not in model_card(model_name="pets", config=read_config(bundle), evaluation=none)


def test_figures_at_the_top_level_are_shown_where_there_is_no_metrics_key(bundle: Path):
    card = model_card(model_name="pets", config=read_config(bundle), evaluation={"format_version": 1, "accuracy": 0.5})

    assert "| accuracy | 0.5 |" in card


def test_the_card_is_deterministic_and_survives_odd_names(bundle: Path):
    cards = {
        model_card(model_name="a|b\n# c", config=read_config(bundle), evaluation={"metrics": {"x": float("nan")}})
        for _ in range(2)
    }

    assert len(cards) == 1
    assert cards.pop().startswith("# a\\|b # c\n")


@pytest.mark.parametrize(
    ("modality", "takes"),
    [
        ("image", "JPEG, PNG and other image files"),
        ("text", "texts, an empty one too"),
        ("tabular", "rows with a value for each column"),
    ],
)
def test_the_card_tells_how_each_kind_of_model_is_asked(bundle: Path, modality, takes):
    config = replace(read_config(bundle), task=f"{modality}_classification")

    card = model_card(model_name="m", config=config, evaluation={})

    assert f"{modality.capitalize()} classification into 3 classes" in card
    assert f"It takes {takes}" in card


def test_the_card_counts_long_lists_and_does_not_show_them(bundle: Path):
    fitted = {"categories": {f"company {number}": [number] for number in range(5000)}, "bounds": [0.25] * 1234}
    config = replace(read_config(bundle), preprocessing={**fitted, "kind": "tabular", "names": ["a", "b"]})

    card = model_card(model_name="m", config=config, evaluation={})

    assert "| categories | 5,000 entries, in config.json |" in card
    assert "| bounds | 1,234 entries, in config.json |" in card
    assert r"| names | \['a', 'b'\] |" in card
    assert len(card) < 3000


SUMMARY = AnalysisSummary(
    passed=True,
    reason="accuracy 0.9 reaches 0.8",
    checks=(CheckSummary(name="champion", passed=True, reason="no baseline"),),
    weaknesses=(
        Weakness(sentence="photos darker than 0.18: 41 % wrong", remedy="collect more like them"),
        Weakness(sentence="the champion is better by 0.004", check="champion"),
    ),
    groups=(
        GroupFigure(column="sex", group="f", measure="accuracy", num_examples=812, value=0.9125, low=0.89, high=None),
    ),
    cannot_see=("people whom no column names",),
)


def test_the_card_tells_groups_weaknesses_and_the_cheap_model(bundle: Path):
    cheap = {"name": "boosted trees", "baseline": 0.875, "difference": 0.02, "low": 0.01, "high": 0.03}
    evaluation = {"num_labelled": 1234, "baseline": {"metric": "accuracy", "cheap_model": cheap}}
    card = model_card(model_name="m", config=read_config(bundle), evaluation=evaluation, summary=SUMMARY)
    assert "boosted trees reaches accuracy 0.875 on the same examples: this model less that is 0.02 (95" in card
    assert "It was judged on 1,234 examples that it had not seen." in card
    assert "| sex | f | accuracy | 812 | 0.9125 | 0.89 to – |" in card
    assert "## Known weaknesses\n\n- photos darker than 0.18: 41 % wrong: collect more like them\n" in card
    assert "- people whom no column names" in card


def test_the_champion_of_the_day_is_not_told_for_the_same_model_is_the_same_release(bundle: Path):
    card = model_card(model_name="m", config=read_config(bundle), evaluation={}, summary=SUMMARY)
    assert "champion" not in card


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "[x](javascript:alert)", "`code`", "*bold*", "a|b"])
def test_what_people_named_begins_no_markup(bundle: Path, hostile):
    groups = (replace(SUMMARY.groups[0], group=hostile),)
    weak = replace(SUMMARY, weaknesses=(Weakness(sentence=hostile),), groups=groups)
    config = replace(read_config(bundle), class_names=("cat", hostile), label={"column": hostile})
    card = model_card(model_name="m", config=config, evaluation={}, summary=weak)
    assert hostile not in card
    assert card.count("alert") == 4 * hostile.count("alert")


def test_the_card_lists_what_is_done_to_raw_rows(bundle: Path):
    repairs = (Repair(column="km", rename="miles"), Repair(column="miles", scale=0.5, offset=1.0))
    card = model_card(model_name="m", config=replace(read_config(bundle), repairs=repairs), evaluation={})
    assert "## Repairs\n" in card
    assert "| km | rename miles |\n| miles | scale 0.5, offset 1.0 |" in card
    assert "Repairs" not in model_card(model_name="m", config=read_config(bundle), evaluation={})
