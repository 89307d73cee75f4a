"""A model is held against the champion of its name, on the same test examples."""

import json

import numpy as np
import pyarrow as pa
import pytest

from components.model_analysis.jobs.compare_with_champion import compare_with_champion
from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.modeling.backbone_config import BackboneConfig
from components.modeling.tabular.features import fit_tabular_features
from components.shared.contracts.bundle import add_files, bundle_version
from components.shared.contracts.champion import promote
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.releases import open_releases
from components.shared.contracts.split_record import SPLITS_FILE, write_split_record
from components.shared.contracts.target_spec import OperatingPointSpec, TargetSpec
from components.shared.contracts.verdict import read_verdict
from tests.components.model_analysis.small_models import fitted_bundle, trips

NUM_TRIPS = 400


@pytest.fixture(scope="module")
def bad_model_dir(tmp_path_factory):
    """A bundle that learnt from labels that say nothing."""
    columns = trips(["false", "true"] * 40)
    features = fit_tabular_features([columns], {name: column.type for name, column in columns.items()})
    labels = np.random.default_rng(0).choice(["false", "true"], 80).tolist()
    path = tmp_path_factory.mktemp("bad-model") / "bundle"
    return fitted_bundle(path, BackboneConfig(name="mlp"), features, columns, labels, ("false", "true"), num_steps=60)


@pytest.fixture
def write_trips(tmp_path):
    """Writes an example table of trips; by default all are of the test split, and people labelled them."""

    def write(name="examples", *, splits=None, sources=None, first_id=0, without=()):
        labels = ["false", "true"] * (NUM_TRIPS // 2)
        columns = {key: value for key, value in trips(labels).items() if key not in without}
        columns["shop"] = pa.array([f"shop-{number % 2}" for number in range(NUM_TRIPS)])
        roles = dict.fromkeys(columns, "feature") | {"shop": "slice"}
        arrays = {
            "example_id": pa.array([f"trip-{number}" for number in range(NUM_TRIPS)]),
            "split": pa.array(splits or ["test"] * NUM_TRIPS),
            "label": pa.array(labels),
            "content_id": pa.array(range(first_id, first_id + NUM_TRIPS), pa.uint64()),
            **({} if sources is None else {"label_source": pa.array(sources)}),
            **columns,
        }
        info = ExampleTableInfo(modality="tabular", class_names=("false", "true"), column_roles=roles)
        extra = {key: value.type for key, value in columns.items()}
        with ExampleTableWriter(tmp_path / name, info, extra_columns=extra) as writer:
            writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
        return tmp_path / name

    return write


@pytest.fixture
def publish(tmp_path):
    """Publishes a bundle and makes it the champion; `fitted_to` is the table whose splits it records."""

    def run(bundle, *, fitted_to=None, name="trips"):
        folder = tmp_path / "with-splits"
        files = {}
        if fitted_to is not None:
            write_split_record(tmp_path / SPLITS_FILE, ExampleTable(fitted_to))
            files[SPLITS_FILE] = (tmp_path / SPLITS_FILE).read_bytes()
        add_files(bundle, folder, files)
        version = bundle_version(folder)
        releases = open_releases(str(tmp_path / "models"), name)
        (tmp_path / "models" / name).mkdir(parents=True)
        folder.rename(tmp_path / "models" / name / version)
        promote(releases, version, expected=None, promoted_by="kim", reason="the first")
        return version

    return run


@pytest.fixture
def compare(tmp_path):
    def run(examples, model, **more):
        out = tmp_path / "out"
        files = ("evaluation.json", "evaluated.html", "evaluated_verdict.json", "evaluated.json", "classification.json")
        evaluate_model(
            examples_path=examples,
            model_path=model,
            target="",
            predictions_path=out / "predictions",
            **dict(
                zip(
                    ("evaluation_path", "report_path", "verdict_path", "metrics_path", "classification_metrics_path"),
                    (out / name for name in files),
                    strict=True,
                )
            ),
            device="cpu",
        )
        return compare_with_champion(
            examples_path=examples,
            predictions_path=out / "predictions",
            model_name="trips",
            model_root=str(tmp_path / "models"),
            target=more.pop("target", ""),
            comparison_path=out / "comparison.json",
            report_path=out / "report.html",
            verdict_path=out / "verdict.json",
            metrics_path=out / "metrics.json",
            device="cpu",
            **more,
        )

    return run


def test_a_first_model_has_no_baseline(compare, write_trips, trip_model_dir, tmp_path) -> None:
    result = compare(write_trips(), trip_model_dir)
    assert result.passed
    assert result.reason == "no baseline: trips has no champion yet, so the absolute target and the cheap model decide"
    assert (result.champion, result.metrics) == ("", {})
    comparison = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (comparison["champion"], comparison["overall"]) == (None, None)
    assert "no baseline" in (tmp_path / "out" / "report.html").read_text()


def test_a_worse_model_is_refused_overall_and_where_it_is_worse(
    compare, write_trips, publish, trip_model_dir, bad_model_dir, tmp_path
) -> None:
    version = publish(trip_model_dir)
    result = compare(write_trips(), bad_model_dir)
    assert not result.passed
    assert result.champion == version
    assert f"that of the champion {version}, " in result.reason
    assert result.reason.endswith("train again, or raise target.margin")
    assert result.metrics["difference_high"] < 0
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    assert [finding.name for finding in verdict.findings] == ["worse_than_champion"] * 3
    assert "400 test examples that the champion may have been trained on were compared" in " ".join(verdict.remarks)
    comparison = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [item["name"] for item in comparison["slices"]] == ["shop = shop-0", "shop = shop-1"]
    assert comparison["examples"]["num_compared"] == NUM_TRIPS
    report = (tmp_path / "out" / "report.html").read_text()
    assert "Right by the champion alone" in report
    assert "shop = shop-1" in report


def test_the_same_model_passes_and_small_slices_are_not_judged(
    compare, write_trips, publish, trip_model_dir, tmp_path
) -> None:
    publish(trip_model_dir)
    result = compare(write_trips(), trip_model_dir, min_slice_examples=300)
    assert result.passed
    assert result.reason.startswith("no worse than the champion: accuracy ")
    assert result.metrics["difference"] == 0.0
    findings = read_verdict(tmp_path / "out" / "verdict.json").findings
    assert [finding.name for finding in findings] == ["too_small_to_judge"]
    assert "shop = shop-0 (200)" in findings[0].message


def test_rows_that_the_champion_was_fitted_to_and_labels_of_machines_are_left_out_and_counted(
    compare, write_trips, publish, trip_model_dir, tmp_path
) -> None:
    fitted_to = write_trips("earlier", splits=["train"] * 100 + ["validation"] * 50 + ["test"] * 250)
    publish(trip_model_dir, fitted_to=fitted_to)
    compare(write_trips(sources=["person"] * 380 + ["model"] * 20), trip_model_dir)
    examples = json.loads((tmp_path / "out" / "comparison.json").read_text())["examples"]
    assert examples == {
        "num_compared": 230,
        "num_trained_on": 100,
        "num_validated_on": 50,
        "num_only_one": 0,
        "num_by_machines": 20,
        "num_unknown": 0,
    }


def test_where_the_champion_was_trained_on_everything_there_is_nothing_to_compare(
    compare, write_trips, publish, trip_model_dir, tmp_path
) -> None:
    publish(trip_model_dir, fitted_to=write_trips("earlier", splits=["train"] * NUM_TRIPS))
    result = compare(write_trips(), trip_model_dir)
    assert not result.passed
    assert "was fitted to all 400 labelled test examples: ingest again with split.like" in result.reason
    assert read_verdict(tmp_path / "out" / "verdict.json").outcome == "insufficient_sample"


def test_a_champion_that_reads_a_column_that_is_gone_is_no_baseline(
    compare, write_trips, publish, trip_model_dir, tmp_path
) -> None:
    publish(trip_model_dir)
    columns = {name: column for name, column in trips(["false", "true"] * 40).items() if name != "hour"}
    features = fit_tabular_features([columns], {name: column.type for name, column in columns.items()})
    model = fitted_bundle(
        tmp_path / "new", BackboneConfig(name="mlp"), features, columns, ["false", "true"] * 40, ("false", "true")
    )
    result = compare(write_trips(without=("hour",)), model)
    assert result.passed
    assert (
        "reads columns that the example table no longer has: hour, so the absolute target and the cheap model decide"
        in result.reason
    )


def test_recall_is_compared_at_each_models_own_threshold(
    compare, write_trips, publish, trip_model_dir, bad_model_dir
) -> None:
    publish(trip_model_dir)
    examples = write_trips(splits=["validation", "validation", "test", "test"] * (NUM_TRIPS // 4))
    target = TargetSpec(metric="recall", minimum=0.5, at=OperatingPointSpec(precision=0.4))
    result = compare(examples, bad_model_dir, target=target)
    assert result.passed  # at a precision below its share, answering always positive finds all
    assert result.metrics["challenger"] == pytest.approx(1.0, abs=0.05)
    precise = TargetSpec(metric="recall", minimum=0.5, at=OperatingPointSpec(precision=0.95))
    refused = compare(examples, bad_model_dir, target=precise)
    assert "recall" in refused.reason
    assert not refused.passed or "no baseline: of this model, no threshold reaches the precision 0.95" in refused.reason


def test_a_smoke_run_is_compared_and_not_refused(compare, write_trips, publish, trip_model_dir, bad_model_dir) -> None:
    publish(trip_model_dir)
    result = compare(write_trips(), bad_model_dir, recipe="smoke")
    assert result.passed
    assert result.reason.startswith("a smoke run")


def test_a_release_that_the_pointer_names_and_that_is_gone_is_one_sentence(
    compare, write_trips, publish, trip_model_dir, tmp_path
) -> None:
    version = publish(trip_model_dir)
    (tmp_path / "models" / "trips" / version).rename(tmp_path / "models" / "trips" / "0123456789abcdef")
    with pytest.raises(
        ValueError, match=f"version must be a release of trips, which are 0123456789abcdef, got '{version}'"
    ):
        compare(write_trips(), trip_model_dir)
