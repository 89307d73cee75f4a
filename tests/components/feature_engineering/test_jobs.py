"""The feature store and the embeddings."""

import io

import numpy as np
from PIL import Image
import pyarrow as pa
import pytest

from components.feature_engineering.jobs import build_feature_store, embed_examples
from components.modeling.features import features_from
from components.modeling.images.features import image_features_from, prepare_image
from components.shared.contracts.embeddings_table import EmbeddingsTable
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.feature_store.store import FeatureStore, UNLABELLED


def write_photos(path, images, labels, splits):
    sizes = {"image_width": pa.int64(), "image_height": pa.int64()}
    info = ExampleTableInfo(modality="image", class_names=("a", "b"), column_roles=dict.fromkeys(sizes, "derived"))
    encoded = []
    for image in images:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG")
        encoded.append(buffer.getvalue())
    columns = {
        "example_id": pa.array([f"e{number}" for number in range(len(images))]),
        "split": pa.array(splits),
        "label": pa.array(labels, pa.string()),
        "image": pa.array(encoded, pa.binary()),
        "image_width": pa.array([image.width for image in images], pa.int64()),
        "image_height": pa.array([image.height for image in images], pa.int64()),
    }
    with ExampleTableWriter(path, info, extra_columns=sizes) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return encoded


def test_the_store_holds_what_serving_would_prepare(tmp_path):
    images = [Image.effect_noise((40 + 10 * number, 60), 60).convert("RGB") for number in range(3)]
    encoded = write_photos(tmp_path / "examples", images, ["a", None, "b"], ["train", "test", "validation"])
    result = build_feature_store(
        examples_path=tmp_path / "examples",
        backbone="small_cnn",
        features_path=tmp_path / "features",
        report_path=tmp_path / "report.html",
    )
    store = FeatureStore(tmp_path / "features")
    features = image_features_from(store.preparation["preprocessing"])
    expected = np.stack([prepare_image(data, features) for data in encoded])
    np.testing.assert_array_equal(store.gather(np.arange(3))["image"], expected)
    assert store.labels.tolist() == [0, UNLABELLED, 1]
    assert store.splits.tolist() == ["train", "test", "validation"]
    assert store.example_ids.tolist() == ["e0", "e1", "e2"]
    assert (result.num_examples, result.backbone) == (3, "small_cnn")
    assert "as stored" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_building_again_gives_the_same_store(stripes_table, tmp_path):
    fingerprints = set()
    for number in (1, 2):
        build_feature_store(
            examples_path=stripes_table,
            backbone="small_cnn",
            features_path=tmp_path / f"{number}",
            report_path=tmp_path / f"{number}.html",
        )
        fingerprints.add(FeatureStore(tmp_path / f"{number}").fingerprint())
    assert len(fingerprints) == 1


def test_every_example_gets_a_vector_in_the_tables_order(tmp_path):
    images = [Image.effect_noise((180, 170), 60).convert("RGB") for _ in range(3)]
    write_photos(tmp_path / "examples", [*images, images[0]], ["a", "b", "a", None], ["train"] * 4)
    result = embed_examples(examples_path=tmp_path / "examples", embeddings_path=tmp_path / "embeddings", device="cpu")
    table = EmbeddingsTable(tmp_path / "embeddings")
    [(ids, vectors)] = list(table.iter_batches())
    assert ids == ["e0", "e1", "e2", "e3"]
    assert vectors.shape == (4, result.embedding_size) == (4, 1280)
    np.testing.assert_allclose(vectors[0], vectors[3], atol=1e-4)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def write_rows(path, modality, columns, roles):
    info = ExampleTableInfo(modality=modality, class_names=("no", "yes"), column_roles=roles)
    kinds = {name: pa.array(columns[name]).type for name in roles}
    with ExampleTableWriter(path, info, extra_columns=kinds) as writer:
        writer.write(pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in columns.items()}))


@pytest.fixture
def texts(tmp_path):
    texts = ["좋아요 최고", "별로예요", "정말 좋아요", "시간 낭비", "", "good film"]
    columns = {
        "example_id": [f"t{number}" for number in range(6)],
        "split": ["train"] * 4 + ["validation", "test"],
        "label": ["yes", "no", "yes", "no", "no", None],
        "text": texts,
    }
    write_rows(tmp_path / "examples", "text", columns, {})
    return tmp_path / "examples"


@pytest.fixture
def rows(tmp_path):
    columns = {
        "example_id": [f"r{number}" for number in range(6)],
        "split": ["train"] * 4 + ["validation", "test"],
        "label": ["yes", "no", "yes", "no", "no", "yes"],
        "fare": [1.0, 2.0, None, 4.0, 1000.0, float("nan")],
        "company": ["A", "B", "A", None, "C", "B"],
        "note": ["x"] * 6,
    }
    write_rows(tmp_path / "examples", "tabular", columns, {"fare": "feature", "company": "feature", "note": "metadata"})
    return tmp_path / "examples"


@pytest.mark.parametrize(
    ("kind", "requested", "backbone"),
    [("texts", "auto", "char_ngrams"), ("texts", "subwords", "subwords"), ("rows", "auto", "mlp")],
)
def test_text_and_tables_go_through_the_same_door(request, tmp_path, kind, requested, backbone):
    examples = request.getfixturevalue(kind)
    result = build_feature_store(
        examples_path=examples,
        backbone=requested,
        features_path=tmp_path / "features",
        report_path=tmp_path / "report.html",
    )
    assert (result.num_examples, result.backbone) == (6, backbone)
    store = FeatureStore(tmp_path / "features")
    features = features_from(store.modality, store.preparation["preprocessing"], store.path)
    table = ExampleTable(examples).read(list(features.columns))
    expected = features.prepare({name: table.column(name).combine_chunks() for name in features.columns})
    for name, value in store.gather(np.arange(6)).items():
        np.testing.assert_array_equal(value, expected[name])
    assert store.preparation["augmentation"] is None
    assert "note" not in features.columns


def test_features_are_fitted_to_training_rows_alone(rows, tmp_path):
    fitted = []
    table = ExampleTable(rows).read(["example_id", "split", "label", "fare", "company", "note"]).to_pydict()
    for changed in (False, True):
        if changed:
            table["fare"][4:], table["company"][4:] = [-5.0, 7.0], ["Z", "Z"]
        write_rows(
            tmp_path / f"{changed}", "tabular", table, {"fare": "feature", "company": "feature", "note": "metadata"}
        )
        build_feature_store(
            examples_path=tmp_path / f"{changed}",
            backbone="auto",
            features_path=tmp_path / f"features-{changed}",
            report_path=tmp_path / "report.html",
        )
        fitted.append(FeatureStore(tmp_path / f"features-{changed}").preparation["preprocessing"])
    assert fitted[0] == fitted[1]


def test_a_backbone_of_another_modality_is_refused_in_one_sentence(texts, tmp_path):
    with pytest.raises(ValueError, match="the backbone small_cnn takes image examples, but these are text"):
        build_feature_store(
            examples_path=texts,
            backbone="small_cnn",
            features_path=tmp_path / "features",
            report_path=tmp_path / "report.html",
        )
    with pytest.raises(ValueError, match="examples to embed must be images, got text"):
        embed_examples(examples_path=texts, embeddings_path=tmp_path / "embeddings")


def test_an_empty_table_is_refused(tmp_path):
    sizes = {"image_width": pa.int64(), "image_height": pa.int64()}
    info = ExampleTableInfo(modality="image", class_names=("a",), column_roles=dict.fromkeys(sizes, "derived"))
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns=sizes):
        pass
    with pytest.raises(ValueError, match="empty example table"):
        embed_examples(examples_path=tmp_path / "examples", embeddings_path=tmp_path / "embeddings")


def build(examples, folder, feature_dir=""):
    return build_feature_store(
        examples_path=examples,
        backbone="small_cnn",
        features_path=folder / "features",
        report_path=folder / "report.html",
        feature_dir=str(feature_dir),
    )


def test_a_store_on_a_shared_volume_is_linked_and_holds_the_same(stripes_table, tmp_path):
    build(stripes_table, tmp_path / "copied")
    build(stripes_table, tmp_path / "linked", tmp_path / "volume")
    assert [path.name for path in (tmp_path / "linked" / "features").iterdir()] == ["feature_store.json"]
    (folder,) = (tmp_path / "volume").iterdir()
    assert list(folder.glob("part-*.arrow"))
    copied, linked = (FeatureStore(tmp_path / name / "features") for name in ("copied", "linked"))
    assert copied.fingerprint() == linked.fingerprint()


def test_a_store_that_is_there_is_not_built_again(stripes_table, tmp_path):
    build(stripes_table, tmp_path / "first", tmp_path / "volume")
    (folder,) = (tmp_path / "volume").iterdir()
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    build(stripes_table, tmp_path / "second", tmp_path / "volume")
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


def test_a_store_that_has_lost_a_file_is_built_again(stripes_table, tmp_path):
    build(stripes_table, tmp_path / "first", tmp_path / "volume")
    (folder,) = (tmp_path / "volume").iterdir()
    next(folder.glob("part-*.arrow")).unlink()
    build(stripes_table, tmp_path / "second", tmp_path / "volume")
    assert len(FeatureStore(tmp_path / "second" / "features")) == 120


def test_other_preparation_is_another_store(stripes_table, tmp_path):
    build(stripes_table, tmp_path / "first", tmp_path / "volume")
    build_feature_store(
        examples_path=stripes_table,
        backbone="efficientnet_lite0",
        features_path=tmp_path / "features",
        report_path=tmp_path / "report.html",
        feature_dir=str(tmp_path / "volume"),
    )
    assert len(list((tmp_path / "volume").iterdir())) == 2
