"""The training's report: what came out, and how it compares with what was forecast."""

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.images.features import ImageFeatures
from components.training.cost.forecast import Estimate, Forecast
from components.training.recipes import full
from components.training.trainer.fit import FitResult
from components.training.training_report import training_report

SMALL = BackboneConfig(name="small_cnn")
FEATURES = ImageFeatures(image_size=32)
FORECAST = Forecast(
    device="cpu",
    num_processes=1,
    max_epochs=10,
    min_epochs=6,
    num_examples=100,
    num_held_out=0,
    num_steps_measured=8,
    start_up_s=1.0,
    warm_up_s=0.0,
    warm_up_cpu_s=0.0,
    epoch_s=Estimate(low=9.0, central=10.0, high=11.0),
    epoch_cpu_s=Estimate(low=18.0, central=20.0, high=22.0),
    input_wait_share=0.0,
    memory_bytes=Estimate(low=1.0, central=1.0, high=1.0),
    gpu_memory_bytes=None,
)


def report(*, forecast, resumed=False):
    curves = tuple(
        {"epoch": float(number), "train_loss": 1 / number, "duration_s": 12.0, "cpu_s": 20.0} for number in (1, 2)
    )
    result = FitResult(
        classifier=build_classifier(SMALL, FEATURES, num_classes=2, load_pretrained=False),
        features=FEATURES,
        curves=curves,
        best_epoch=2,
        num_examples=100,
        resumed=resumed,
    )
    return training_report(result, full(SMALL), {"train_loss": 0.5}, forecast=forecast).html()


def test_forecast_and_outcome_stand_side_by_side():
    html = report(forecast=FORECAST)
    assert "For the 2 epochs that were run, of 10 at most." in html
    for figure in ("18 to 22", "1.20", "36 to 44", "1.00"):
        assert figure in html


def test_without_a_forecast_nothing_is_compared():
    html = report(forecast=None)
    assert "Forecast and outcome" not in html
    assert "learning_rate" in html


def test_a_resumed_run_is_told():
    assert "went on from a checkpoint" in report(forecast=None, resumed=True)
