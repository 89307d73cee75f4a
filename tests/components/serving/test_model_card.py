from pathlib import Path

from components.serving.model_card import model_card
from components.shared.bundle import read_config


def test_the_card_tells_classes_metrics_and_training(bundle: Path):
    card = model_card(
        model_name="pets",
        config=read_config(bundle),
        evaluation={"format_version": 1, "metrics": {"accuracy": 0.98765}},
    )

    assert card.startswith("# pets\n")
    assert "Image classification into 3 classes: cat, dog, 새." in card
    assert "| accuracy | 0.9877 |" in card
    assert "| recipe | smoke |" in card
    assert "format_version" not in card


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
