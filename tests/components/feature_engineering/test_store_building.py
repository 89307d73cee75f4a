"""A build redoes what is missing and nothing else, whatever happened to the one before."""

import io
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import numpy as np
from PIL import Image
import pyarrow as pa
import pytest

from components.feature_engineering.chunked_preparation import prepared_chunks
from components.feature_engineering.jobs import build_feature_store
from components.feature_engineering.store_building import content_digest, write_store
from components.modeling.images.decoding import UndecodableImageError
from components.modeling.images.features import image_features_from, ImageFeatures, prepare_image
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.cores import available_cores

NUM_PHOTOS = 60
FEATURES = ImageFeatures(image_size=16)
PART_BYTES = 10 * 16 * 16 * 3  # six parts of ten photos


def photo(number, seed=0):
    pixels = np.random.default_rng((seed, number)).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


def write_table(path, photos):
    sizes = {"image_width": pa.int64(), "image_height": pa.int64()}
    info = ExampleTableInfo(modality="image", class_names=("a", "b"), column_roles=dict.fromkeys(sizes, "derived"))
    columns = {
        "example_id": pa.array(list(photos)),
        "split": pa.array(["train"] * len(photos)),
        "label": pa.array(["ab"[number % 2] for number in range(len(photos))]),
        "image": pa.array(list(photos.values()), pa.binary()),
        "image_width": pa.array([30] * len(photos), pa.int64()),
        "image_height": pa.array([24] * len(photos), pa.int64()),
    }
    with ExampleTableWriter(path, info, extra_columns=sizes) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return ExampleTable(path)


@pytest.fixture
def photos():
    return {f"e{number:02d}": photo(number) for number in range(NUM_PHOTOS)}


@pytest.fixture
def table(photos, tmp_path):
    return write_table(tmp_path / "examples", photos)


def build(table, path, features=FEATURES, **options):
    counts = write_store(path, table, features, {"size": features.image_size}, part_bytes=PART_BYTES, **options)
    return counts.num_prepared, counts.num_reused


def parts_of(path):
    return sorted(path.glob("part-*.arrow"))


def assert_holds(path, photos, features=FEATURES):
    store = FeatureStore(path)
    expected = np.stack([prepare_image(data, features) for data in photos.values()])
    np.testing.assert_array_equal(store.gather(np.arange(len(photos)))["image"], expected)
    assert store.example_ids.tolist() == list(photos)


def test_a_store_is_written_in_parts_of_bounded_size(table, photos, tmp_path):
    assert build(table, tmp_path / "store") == (NUM_PHOTOS, 0)
    assert len(parts_of(tmp_path / "store")) == 6
    assert_holds(tmp_path / "store", photos)


def test_building_again_prepares_nothing_and_writes_no_part_again(table, photos, tmp_path):
    build(table, tmp_path / "store")
    before = [path.stat().st_ino for path in parts_of(tmp_path / "store")]
    assert build(table, tmp_path / "store") == (0, NUM_PHOTOS)
    assert [path.stat().st_ino for path in parts_of(tmp_path / "store")] == before
    assert_holds(tmp_path / "store", photos)


def test_one_changed_photo_is_the_only_one_that_is_prepared(table, photos, tmp_path):
    build(table, tmp_path / "store")
    before = {path.name for path in parts_of(tmp_path / "store")}
    photos["e23"] = photo(23, seed=1)
    changed = write_table(tmp_path / "changed", photos)
    assert build(changed, tmp_path / "store") == (1, NUM_PHOTOS - 1)
    assert len(before & {path.name for path in parts_of(tmp_path / "store")}) == 5
    assert_holds(tmp_path / "store", photos)


def test_a_photo_that_is_gone_moves_the_others_without_preparing_them(table, photos, tmp_path):
    build(table, tmp_path / "store")
    del photos["e30"]
    assert build(write_table(tmp_path / "fewer", photos), tmp_path / "store") == (0, NUM_PHOTOS - 1)
    assert len(parts_of(tmp_path / "store")) == 6
    assert_holds(tmp_path / "store", photos)


def test_a_changed_label_or_name_is_seen_though_no_photo_is_prepared(table, photos, tmp_path):
    build(table, tmp_path / "store")
    renamed = {name.replace("e0", "f0"): data for name, data in photos.items()}
    assert build(write_table(tmp_path / "renamed", renamed), tmp_path / "store") == (0, NUM_PHOTOS)
    assert_holds(tmp_path / "store", renamed)


@pytest.mark.parametrize("change", [{"image_size": 12}, {"resize": "crop"}, {"decoding": "scaled"}])
def test_another_preparation_redoes_all(table, photos, tmp_path, change):
    build(table, tmp_path / "store")
    features = ImageFeatures(**{"image_size": 16, **change})
    assert build(table, tmp_path / "store", features) == (NUM_PHOTOS, 0)
    assert_holds(tmp_path / "store", photos, features)


@pytest.mark.parametrize("decoding", ["full", "scaled"])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_a_server_that_reads_the_settings_prepares_the_stored_pixels(table, photos, tmp_path, decoding, resize):
    features = ImageFeatures(image_size=12, resize=resize, decoding=decoding)
    write_store(tmp_path / "store", table, features, {"preprocessing": features.to_dict()})
    store = FeatureStore(tmp_path / "store")
    served = image_features_from(store.preparation["preprocessing"])
    for row, data in enumerate(photos.values()):
        alone = served.prepare({"image": pa.array([data])})["image"]
        np.testing.assert_array_equal(alone, store.gather(np.array([row]))["image"])


def test_normalization_changes_no_stored_pixel(table, tmp_path):
    build(table, tmp_path / "store")
    assert build(table, tmp_path / "store", ImageFeatures(image_size=16, normalization="min_max")) == (0, NUM_PHOTOS)


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    path.write_bytes(b"")


def flipped(path):
    """One pixel of the last photo in the part."""
    content = bytearray(path.read_bytes())
    place = content.rindex(FeatureStore(path.parent).gather(np.array([row_of(path, 9)]))["image"].tobytes()) + 100
    content[place] ^= 1
    path.write_bytes(bytes(content))


def row_of(path, place):
    store = FeatureStore(path.parent)
    with pa.memory_map(str(path)) as file:
        name = pa.ipc.open_file(file).get_batch(0).column(0)[place].as_py()
    return store.example_ids.tolist().index(name)


@pytest.mark.parametrize(("damage", "num_redone"), [(truncated, 10), (emptied, 10), (Path.unlink, 10), (flipped, 1)])
def test_a_damaged_part_is_redone_and_no_more(table, photos, tmp_path, damage, num_redone):
    build(table, tmp_path / "store")
    damage(parts_of(tmp_path / "store")[2])
    assert build(table, tmp_path / "store") == (num_redone, NUM_PHOTOS - num_redone)
    assert_holds(tmp_path / "store", photos)


def test_an_error_keeps_what_was_prepared_before_it(photos, tmp_path):
    wrong = write_table(tmp_path / "wrong", {**photos, "e50": b"no photo"})
    with pytest.raises(UndecodableImageError, match="no image of a known format"):
        build(wrong, tmp_path / "store")
    with pytest.raises(FileNotFoundError, match="the feature store's index"):
        FeatureStore(tmp_path / "store")
    assert build(write_table(tmp_path / "right", photos), tmp_path / "store") == (10, 50)
    assert_holds(tmp_path / "store", photos)


def test_a_store_beside_it_is_used_without_copying_its_parts(table, photos, tmp_path):
    build(table, tmp_path / "first")
    photos["new"] = photo(99)
    more = write_table(tmp_path / "more", photos)
    assert build(more, tmp_path / "second", siblings=[tmp_path / "first"]) == (1, NUM_PHOTOS)
    shared = {path.stat().st_ino for path in parts_of(tmp_path / "first")}
    assert shared < {path.stat().st_ino for path in parts_of(tmp_path / "second")}
    assert_holds(tmp_path / "first", dict(list(photos.items())[:-1]))
    assert_holds(tmp_path / "second", photos)


_SLOW_BUILD = """
import sys, time
from components.feature_engineering.store_building import write_store
from components.modeling.images.features import ImageFeatures
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.runtime.cores import available_cores
from components.shared.contracts.example_table import ExampleTable

table = ExampleTable(sys.argv[1])
first = next(table.iter_batches(["image"], batch_rows=1)).column(0)[0]

class Slow(ImageFeatures):
    def prepare(self, columns):
        time.sleep(0.05 if columns["image"][0] == first else float(sys.argv[4]))
        return super().prepare(columns)

counts = write_store(
    sys.argv[2],
    table,
    Slow(image_size=16),
    {"size": 16},
    part_bytes=int(sys.argv[3]),
    is_addressed=sys.argv[5] == "addressed",
)
print(counts.num_prepared, counts.num_reused)
"""


def building(table_path, path, *, later_delay_s=0.0, kind="plain"):
    """A build in a process of its own, which prepares all that is after the first examples only after a delay."""
    arguments = [str(table_path), str(path), str(PART_BYTES), str(later_delay_s), kind]
    return subprocess.Popen([sys.executable, "-c", _SLOW_BUILD, *arguments], stdout=subprocess.PIPE, text=True)


def wait_for_parts(path, process, num_parts):
    deadline = time.monotonic() + 60
    while len(parts_of(path)) < num_parts:
        assert process.poll() is None, "the build ended before it could be killed"
        assert time.monotonic() < deadline, "the build wrote no part within a minute"
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_build_goes_on_where_it_was(tmp_path):
    photos = {f"e{number:03d}": photo(number) for number in range(130)}
    table = write_table(tmp_path / "examples", photos)
    process = building(tmp_path / "examples", tmp_path / "store", later_delay_s=600)
    wait_for_parts(tmp_path / "store", process, 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = 10 * len(parts_of(tmp_path / "store"))
    assert 0 < left < len(photos)
    with pytest.raises(FileNotFoundError, match="the feature store's index"):
        FeatureStore(tmp_path / "store")
    (tmp_path / "store" / ".part-0.arrow.x.part").write_bytes(b"half")
    assert build(table, tmp_path / "store") == (len(photos) - left, left)
    assert not list(tmp_path.glob("store/.part-*"))
    assert_holds(tmp_path / "store", photos)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "addressed"])
def test_two_builds_of_one_folder_wait_for_each_other(table, photos, tmp_path, kind):
    processes = [building(tmp_path / "examples", tmp_path / "store", kind=kind) for _ in range(2)]
    counts = sorted(process.communicate(timeout=120)[0].split() for process in processes)
    assert counts == [["0", str(NUM_PHOTOS)], [str(NUM_PHOTOS), "0"]]
    assert_holds(tmp_path / "store", photos)


def test_an_index_whose_name_says_what_is_in_it_stays_while_a_lost_part_is_redone(table, photos, tmp_path):
    build(table, tmp_path / "store", is_addressed=True)
    index = (tmp_path / "store" / "feature_store.json").read_bytes()
    parts_of(tmp_path / "store")[4].unlink()
    assert build(table, tmp_path / "store", is_addressed=True) == (10, 50)
    assert (tmp_path / "store" / "feature_store.json").read_bytes() == index
    assert_holds(tmp_path / "store", photos)


def test_texts_are_written_in_parts_and_prepared_anew(tmp_path):
    texts = [f"{number} " + "좋아요 " * (number % 50) for number in range(3000)]
    info = ExampleTableInfo(modality="text", class_names=("a",), column_roles={})
    with ExampleTableWriter(tmp_path / "texts", info, extra_columns={}) as writer:
        columns = {"example_id": list(map(str, range(3000))), "split": ["train"] * 3000, "label": ["a"] * 3000}
        writer.write(pa.RecordBatch.from_pydict({**columns, "text": texts}))
    features = TextFeatures()
    for _ in range(2):
        counts = write_store(tmp_path / "store", ExampleTable(tmp_path / "texts"), features, {}, part_bytes=100_000)
        assert (counts.num_prepared, counts.num_reused) == (3000, 0)
    assert len(parts_of(tmp_path / "store")) > 1
    store, rows = FeatureStore(tmp_path / "store"), np.array([2999, 0, 1500])
    expected = features.prepare({"text": pa.array([texts[row] for row in rows])})
    for name, values in store.gather(rows).items():
        np.testing.assert_array_equal(values, expected[name])


def test_a_table_is_read_a_few_chunks_ahead_of_what_is_written(table, tmp_path):
    num_read = 0

    class Watched(ExampleTable):
        def iter_batches(self, *arguments, **options):
            nonlocal num_read
            for batch in super().iter_batches(*arguments, **options):
                num_read += batch.num_rows
                yield batch

    watched = Watched(tmp_path / "examples")
    chunks = prepared_chunks(watched, FEATURES, chunk_rows=1, label="preparing")
    next(chunks)
    assert num_read <= 2 * available_cores() + 2 * 4
    chunks.close()


def test_large_pictures_are_prepared_a_few_at_a_time(table, tmp_path, monkeypatch):
    sizes, prepare = [], ImageFeatures.prepare

    def watched(features, columns):
        sizes.append(len(columns["image"]))
        return prepare(features, columns)

    monkeypatch.setattr(ImageFeatures, "prepare", watched)
    write_store(tmp_path / "store", table, ImageFeatures(image_size=1024), {})
    assert sizes == [2] * (NUM_PHOTOS // 2)
    chunks = prepared_chunks(table, ImageFeatures(image_size=1024), chunk_rows=32, label="embedding")
    assert [len(inputs["image"]) for _, inputs in chunks] == [32, 28]


def test_chunks_of_a_batch_are_alike(tmp_path, monkeypatch):
    sizes, prepare = [], ImageFeatures.prepare
    monkeypatch.setattr(
        ImageFeatures,
        "prepare",
        lambda features, columns: sizes.append(len(columns["image"])) or prepare(features, columns),
    )
    table = write_table(tmp_path / "examples", {f"e{row:02d}": photo(row) for row in range(64)})
    write_store(tmp_path / "store", table, ImageFeatures(image_size=256), {})
    assert sorted(sizes) == [32, 32]


def test_an_error_ends_the_work_ahead(photos, tmp_path):
    wrong = write_table(tmp_path / "wrong", {"e00": b"no photo", **{f"f{row:03d}": photo(row) for row in range(300)}})
    before = set(threading.enumerate())
    with pytest.raises(UndecodableImageError) as raised:
        build(wrong, tmp_path / "store")
    assert raised.traceback
    assert set(threading.enumerate()) <= before


def job(examples, folder, volume, backbone="small_cnn"):
    return build_feature_store(
        examples_path=examples,
        backbone=backbone,
        features_path=folder / "features",
        report_path=folder / "report.html",
        feature_dir=str(volume),
    )


def test_on_a_volume_a_changed_photo_is_the_only_one_that_is_prepared(table, photos, tmp_path):
    first = job(tmp_path / "examples", tmp_path / "first", tmp_path / "volume")
    assert (first.num_prepared, first.num_reused) == (NUM_PHOTOS, 0)
    photos["e10"] = photo(10, seed=1)
    write_table(tmp_path / "changed", photos)
    second = job(tmp_path / "changed", tmp_path / "second", tmp_path / "volume")
    assert (second.num_prepared, second.num_reused) == (1, NUM_PHOTOS - 1)
    again = job(tmp_path / "changed", tmp_path / "third", tmp_path / "volume")
    assert (again.num_prepared, again.num_reused) == (0, NUM_PHOTOS)
    links = [FeatureStore(tmp_path / name / "features") for name in ("first", "second", "third")]
    assert links[0].fingerprint() != links[1].fingerprint() == links[2].fingerprint()


def test_the_digest_sees_what_changes_stored_pixels():
    digests = {
        content_digest(ImageFeatures(image_size=16)),
        content_digest(ImageFeatures(image_size=16, normalization="min_max")),
        content_digest(ImageFeatures(image_size=17)),
        content_digest(ImageFeatures(image_size=16, resize="crop")),
        content_digest(ImageFeatures(image_size=16, decoding="scaled")),
    }
    assert len(digests) == 4


def test_nothing_is_measured_on_what_a_model_or_a_rule_labelled(photos, tmp_path):
    splits = ["train", "train", "validation", "validation", "test", "test"]
    info = ExampleTableInfo(modality="image", class_names=("a", "b"), column_roles={})
    columns = {
        "example_id": pa.array(list(photos)[:6]),
        "split": pa.array(splits),
        "label": pa.array(["a", "b"] * 3),
        "label_source": pa.array(["person", "model", "person", "rule", "model", "person"]),
        "image": pa.array(list(photos.values())[:6], pa.binary()),
    }
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns={}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    build(ExampleTable(tmp_path / "examples"), tmp_path / "store")
    store = FeatureStore(tmp_path / "store")
    assert [store.indices(split).tolist() for split in ("train", "validation", "test")] == [[0, 1], [2], [5]]
