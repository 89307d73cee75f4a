import json
from pathlib import Path
import pickle
import shutil

import numpy as np
import pytest

from components.shared.feature_store.blocks import InputSpec
from components.shared.feature_store.index import link_store
from components.shared.feature_store.store import FeatureStore, UNLABELLED
from components.shared.feature_store.writer import FeatureStoreWriter
from components.shared.runtime.errors import ContractError

GOLDEN = Path(__file__).parent / "golden"
SHAPE = (2, 3, 3)
PIXELS = InputSpec(dtype="uint8", shape=SHAPE)
NUMBERS = InputSpec(dtype="float32", shape=(2,))


def images_of(num_rows: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num_rows, *SHAPE), dtype=np.uint8)


def writer_of(path: Path, **changes) -> FeatureStoreWriter:
    settings = {
        "modality": "image",
        "class_names": ("cat", "dog"),
        "input_specs": {"image": PIXELS},
        "preparation": {"size_px": 3},
    }
    return FeatureStoreWriter(path, **{**settings, **changes})


def write(path: Path, images: np.ndarray, *, batch_rows: int = 100, **changes) -> Path:
    with writer_of(path, **changes) as writer:
        for start in range(0, len(images), batch_rows):
            part = images[start : start + batch_rows]
            rows = range(start, start + len(part))
            writer.write(
                example_ids=[f"e{row}" for row in rows],
                splits=["train" if row % 2 else "test" for row in rows],
                labels=[UNLABELLED if row == 3 else row % 2 for row in rows],
                inputs={"image": part},
            )
    return path


def test_images_come_back_byte_for_byte_in_any_order(tmp_path):
    images = images_of(700)
    store = FeatureStore(write(tmp_path, images))
    assert len(store) == 700
    assert store.input_specs == {"image": PIXELS}
    assert (store.modality, store.task) == ("image", "image_classification")
    rows = np.random.default_rng(1).permutation(700)[:50]
    np.testing.assert_array_equal(store.gather(rows)["image"], images[rows])
    assert store.gather(np.array([], int))["image"].shape == (0, *SHAPE)


def test_a_store_may_span_files(tmp_path):
    images = images_of(1000)
    store = FeatureStore(write(tmp_path, images, batch_rows=70, part_bytes=300 * images[0].nbytes))
    assert len(list(tmp_path.glob("part-*.arrow"))) == 4
    rows = np.array([0, 299, 900, 300, 999, 5, 300])
    np.testing.assert_array_equal(store.gather(rows)["image"], images[rows])


def test_large_images_come_back_too_repeated_and_across_files(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 48, 48, 3), dtype=np.uint8)
    spec = InputSpec(dtype="uint8", shape=(48, 48, 3))
    store = FeatureStore(write(tmp_path, images, input_specs={"image": spec}, part_bytes=8 * images[0].nbytes))
    assert len(list(tmp_path.glob("part-*.arrow"))) == 3
    rows = np.array([19, 0, 8, 8, 7, 12, 0])
    gathered = store.gather(rows)["image"]
    np.testing.assert_array_equal(gathered, images[rows])
    gathered[:] = 0
    np.testing.assert_array_equal(store.gather(rows)["image"], images[rows])


def test_an_open_store_holds_no_file_open(tmp_path):
    write(tmp_path, images_of(100), part_bytes=images_of(1).nbytes)
    before = len(list(Path("/proc/self/fd").iterdir()))
    store = FeatureStore(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    np.testing.assert_array_equal(store.gather(np.array([99]))["image"], images_of(100)[99:])


def test_files_of_a_store_that_was_there_before_go(tmp_path):
    write(tmp_path, images_of(100), part_bytes=10 * images_of(1).nbytes)
    write(tmp_path, images_of(5))
    assert [path.name for path in tmp_path.glob("part-*.arrow")] == ["part-00000.arrow"]
    assert len(FeatureStore(tmp_path)) == 5


def test_identifiers_are_read_like_an_array(tmp_path):
    ids = FeatureStore(write(tmp_path, images_of(50), part_bytes=7 * images_of(1).nbytes)).example_ids
    expected = np.array([f"e{row}" for row in range(50)], object)
    assert len(ids) == 50
    assert ids.tolist() == list(ids) == expected.tolist()
    assert (ids[0], ids[np.int64(49)], ids[-1]) == ("e0", "e49", "e49")
    for rows in (np.array([48, 3, 3]), [1, 2], slice(5, 20, 4), np.arange(50) % 9 == 0, np.array([], np.int64)):
        np.testing.assert_array_equal(ids[rows], expected[rows])
    with pytest.raises(IndexError):
        ids[50]
    with pytest.raises(IndexError, match="rows must be 0 to 49, got 3 to 50"):
        ids[np.array([3, 50])]


def test_splits_share_their_few_words(tmp_path):
    splits = FeatureStore(write(tmp_path, images_of(50), part_bytes=50 * images_of(1).nbytes)).splits
    assert splits.tolist() == ["test", "train"] * 25
    assert len({id(split) for split in splits}) == 2


def test_the_pixels_are_mapped_not_copied(tmp_path):
    store = FeatureStore(write(tmp_path, images_of(300)))
    mapped = [block["image"].values.flags for block in store._blocks]
    assert all(not flags.owndata and not flags.writeable for flags in mapped)


def test_the_indices_of_a_split_are_its_labelled_rows(tmp_path):
    store = FeatureStore(write(tmp_path, images_of(8)))
    assert store.indices("train").tolist() == [1, 5, 7]
    assert store.indices("validation").tolist() == []
    with pytest.raises(ValueError, match="split must be one of train, validation, test, got 'dev'"):
        store.indices("dev")


def test_a_store_travels_to_a_worker_process_as_its_path(tmp_path):
    store = FeatureStore(write(tmp_path, images_of(500)))
    sent = pickle.dumps(store)
    assert len(sent) < 1000
    np.testing.assert_array_equal(
        pickle.loads(sent).gather(np.array([499]))["image"], store.gather(np.array([499]))["image"]
    )


@pytest.mark.parametrize("wrong", [images_of(1)[:, :, :2], images_of(1).astype(np.float32), images_of(2)])
def test_images_of_another_shape_or_type_are_refused(tmp_path, wrong):
    with pytest.raises(ContractError, match=r"image must (be uint8 of the shape \(B, 2, 3, 3\)|have a row an example)"):
        writer_of(tmp_path).write(example_ids=["a"], splits=["train"], labels=[0], inputs={"image": wrong})


def test_a_build_that_was_stopped_is_no_store(tmp_path):
    write(tmp_path, images_of(3))
    with (
        pytest.raises(RuntimeError, match="stopped"),
        writer_of(tmp_path),
    ):
        raise RuntimeError("stopped")
    with pytest.raises(FileNotFoundError, match="the feature store's index"):
        FeatureStore(tmp_path)


def test_missing_truncated_and_swapped_files_are_refused_by_name(tmp_path):
    part = write(tmp_path / "a", images_of(300)) / "part-00000.arrow"
    content = part.read_bytes()
    part.write_bytes(content[: len(content) // 2])
    with pytest.raises(ContractError, match=r"part-00000\.arrow"):
        FeatureStore(tmp_path / "a")
    part.unlink()
    with pytest.raises(ContractError, match=r"must hold part-00000\.arrow, but it does not"):
        FeatureStore(tmp_path / "a")
    part.write_bytes((write(tmp_path / "b", images_of(10)) / "part-00000.arrow").read_bytes())
    with pytest.raises(ContractError, match="must hold 300 rows, got 10"):
        FeatureStore(tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 7}, "must have a format_version from 1 to 6, got 7"),
        ({"contract": "something"}, "must be a feature store, got 'something'"),
        ({"files": [{"name": "../part-00000.arrow", "num_rows": 3}]}, "must hold part-00000.arrow, but it does not"),
        ({"inputs": {"image": {"dtype": "uint8", "shape": [2, 2, 3]}}}, r"must be fixed_size_binary\[12\]"),
        ({"inputs": {"picture": PIXELS.to_dict()}}, "the input picture in .* got no such column"),
        ({"inputs": {"image": {"dtype": "int64", "shape": []}}}, "the type of an input must be one of uint8"),
        ({"inputs": {"image": {"dtype": "uint8"}}}, "must have dtype and shape each"),
        ({"files": None}, "feature store"),
        ({"inputs": None}, "feature store"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(tmp_path, change, message):
    index = write(tmp_path / "store", images_of(3)) / "feature_store.json"
    (tmp_path / "part-00000.arrow").write_bytes((tmp_path / "store" / "part-00000.arrow").read_bytes())
    content = {**json.loads(index.read_text()), **change}
    index.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(ContractError, match=message):
        FeatureStore(tmp_path / "store")


def test_an_index_that_is_no_object_is_refused(tmp_path):
    (tmp_path / "feature_store.json").write_text("[]")
    with pytest.raises(ContractError, match="must be a feature store"):
        FeatureStore(tmp_path)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_every_version_still_loads(version):
    store = FeatureStore(GOLDEN / f"feature_store_v{version}")
    assert store.class_names == ("cat", "dog")
    assert store.preparation == {"size_px": 2}
    assert store.example_ids.tolist() == ["a", "b", "c"]
    assert store.labels.tolist() == [0, 1, UNLABELLED]
    assert store.indices("train").tolist() == [0, 1]
    np.testing.assert_array_equal(
        store.gather(np.arange(3))["image"], np.arange(36, dtype=np.uint8).reshape(3, 2, 2, 3)
    )


@pytest.fixture
def linked(tmp_path):
    """A store on a volume, and a link to it."""
    folder = write(tmp_path / "volume" / "store", images_of(5))
    link_store(tmp_path / "link", folder)
    return tmp_path / "link", folder


def change_link(link, **changes):
    index = link / "feature_store.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), **changes}))


def test_a_link_is_read_as_the_store_that_it_names(linked):
    link, folder = linked
    assert [path.name for path in link.iterdir()] == ["feature_store.json"]
    assert FeatureStore(link).fingerprint() == FeatureStore(folder).fingerprint()
    rows = np.arange(5)
    np.testing.assert_array_equal(FeatureStore(link).gather(rows)["image"], images_of(5))


def test_a_link_travels_to_a_worker_process(linked):
    store = pickle.loads(pickle.dumps(FeatureStore(linked[0])))
    np.testing.assert_array_equal(store.gather(np.array([4]))["image"], images_of(5)[4:])


def test_a_link_to_a_store_that_is_gone_says_what_to_do(linked):
    link, folder = linked
    shutil.rmtree(folder)
    with pytest.raises(
        FileNotFoundError, match=r"must be at .*store, but is not: mount the volume .* without the cache"
    ):
        FeatureStore(link)


def test_a_link_to_a_store_that_was_replaced_is_refused(linked):
    link, folder = linked
    shutil.rmtree(folder)
    write(folder, images_of(6))
    with pytest.raises(ContractError, match=r"must be the one that .* names, but is another"):
        FeatureStore(link)


@pytest.mark.parametrize("folder", ["volume/store", "", "/mnt/../etc", None, 7])
def test_a_link_that_names_no_absolute_folder_is_refused(linked, folder):
    change_link(linked[0], folder=folder)
    with pytest.raises(ContractError, match="must name an absolute folder, got"):
        FeatureStore(linked[0])


def test_a_link_to_a_link_is_refused(linked, tmp_path):
    link_store(tmp_path / "second", linked[0])
    with pytest.raises(ContractError, match="must hold examples, but is a link itself"):
        FeatureStore(tmp_path / "second")


def test_a_link_is_made_to_a_finished_store_alone(tmp_path):
    with pytest.raises(ValueError, match="by an absolute path, got 'store'"):
        link_store(tmp_path / "link", "store")
    with pytest.raises(FileNotFoundError, match="the feature store's index"):
        link_store(tmp_path / "link", tmp_path / "none")
    assert not (tmp_path / "link").exists()


@pytest.fixture
def mixed(tmp_path):
    """A store of ragged tokens, numbers and nothing, with a further file."""
    specs = {
        "tokens": InputSpec(dtype="int32", shape=(None,)),
        "numbers": InputSpec(dtype="float32", shape=(2,)),
        "categories": InputSpec(dtype="int32", shape=(0,)),
    }
    files = {"tokenizer.json": b"{}"}
    with writer_of(tmp_path / "store", modality="text", input_specs=specs, feature_files=files) as writer:
        for start in (0, 3):
            tokens = np.array([[1, 2, 0, 0], [0, 0, 0, 0], [3, 4, 5, 6]], np.int32) * (1 + start)
            numbers = np.arange(6, dtype=np.float32).reshape(3, 2) + start
            writer.write(
                example_ids=[f"e{row}" for row in range(start, start + 3)],
                splits=["train"] * 3,
                labels=[0, 1, 0],
                inputs={"tokens": tokens, "numbers": numbers, "categories": np.empty((3, 0), np.int32)},
            )
    return tmp_path / "store"


def test_ragged_inputs_come_back_padded_to_the_longest_that_was_asked_for(mixed):
    store = FeatureStore(mixed)
    inputs = store.gather(np.array([5, 0, 3]))
    assert inputs["tokens"].tolist() == [[12, 16, 20, 24], [1, 2, 0, 0], [4, 8, 0, 0]]
    assert inputs["numbers"].tolist() == [[7, 8], [0, 1], [3, 4]]
    assert inputs["categories"].shape == (3, 0)
    assert store.gather(np.array([1]))["tokens"].shape == (1, 0)
    assert store.gather(np.array([1, 0]))["tokens"].tolist() == [[0, 0], [1, 2]]


def test_further_files_travel_with_the_store_and_are_checked(mixed):
    assert FeatureStore(mixed).feature_files == {"tokenizer.json": b"{}"}
    (mixed / "features" / "tokenizer.json").write_bytes(b"{ }")
    with pytest.raises(ContractError, match=r"must hold tokenizer\.json as its index lists it"):
        FeatureStore(mixed)


def test_the_fingerprint_sees_every_input(mixed, tmp_path):
    fingerprints = {FeatureStore(mixed).fingerprint(), FeatureStore(write(tmp_path / "a", images_of(3))).fingerprint()}
    changed = images_of(3)
    changed[2, 1, 2, 2] += 1
    fingerprints.add(FeatureStore(write(tmp_path / "b", changed)).fingerprint())
    assert len(fingerprints) == 3
    assert FeatureStore(write(tmp_path / "c", images_of(3))).fingerprint() in fingerprints


def test_inputs_that_are_missing_or_unknown_are_refused(tmp_path):
    with pytest.raises(ContractError, match="inputs must be image, got pixels"):
        writer_of(tmp_path).write(example_ids=["a"], splits=["train"], labels=[0], inputs={"pixels": images_of(1)})


def test_labels_may_be_numbers(tmp_path):
    with writer_of(
        tmp_path, modality="tabular", class_names=(), is_regression=True, input_specs={"numbers": NUMBERS}
    ) as writer:
        writer.write(
            example_ids=["a", "b", "c"],
            splits=["train", "train", "test"],
            labels=[1.5, float("nan"), -2e300],
            inputs={"numbers": np.zeros((3, 2), np.float32)},
        )
    store = FeatureStore(tmp_path)
    assert (store.task, store.class_names, store.is_regression) == ("tabular_regression", (), True)
    assert store.labels.dtype == np.float64
    np.testing.assert_array_equal(store.labels, [1.5, np.nan, -2e300])
    assert store.are_labelled.tolist() == [True, False, True]
    assert store.indices("train").tolist() == [0]
    assert FeatureStore(tmp_path).fingerprint() == store.fingerprint()


def test_the_golden_store_of_numbers_loads():
    store = FeatureStore(GOLDEN / "feature_store_v5")
    assert (store.task, store.class_names) == ("tabular_regression", ())
    assert store.preparation == {"preprocessing": {"target": {"mean": 2.0, "std": 0.5}}}
    np.testing.assert_array_equal(store.labels, [1.5, 2.5, np.nan])
    np.testing.assert_array_equal(store.gather(np.arange(3))["numbers"], np.arange(6, dtype=np.float32).reshape(3, 2))


def test_a_store_of_format_version_6_says_how_its_data_were_repaired():
    store = FeatureStore(GOLDEN / "feature_store_v6")
    assert store.preparation["repairs"] == [{"column": "groesse", "rename": "height"}]
    np.testing.assert_array_equal(store.gather(np.arange(2))["numbers"], [[0.0, 1.0], [2.0, 3.0]])
