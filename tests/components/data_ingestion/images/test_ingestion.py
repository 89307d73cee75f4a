import io
import os
from pathlib import Path
import shutil
import unicodedata
import zlib

import fsspec
import numpy as np
from PIL import Image
import pytest

from components.modeling.images.decoding import decode_image
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict


def rows_of(folder: Path) -> dict[str, dict]:
    table = ExampleTable(folder / "examples")
    return {row["source_name"]: row for batch in table.iter_batches() for row in batch.to_pylist()}


def splits_of(folder: Path) -> dict[str, str]:
    return {row["example_id"]: row["split"] for row in rows_of(folder).values()}


def reasons_of(folder: Path) -> dict[str, str]:
    notes = [
        finding.message for finding in read_verdict(folder / "verdict.json").findings if finding.name == "quarantined"
    ]
    return dict(note.split(": ", 1) for note in notes)


def bomb(side: int = 20000) -> bytes:
    """A valid PNG of side x side black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def test_a_folder_of_photos_becomes_the_example_table(photo_folder, ingest):
    result, folder = ingest(photo_folder)
    table = ExampleTable(folder / "examples")
    rows = rows_of(folder)
    assert (result.passed, result.num_examples, result.num_quarantined, result.num_duplicates) == (True, 40, 0, 0)
    assert table.info.modality == "image"
    assert table.info.class_names == ("cat", "dog")
    assert table.info.main_role("brightness") == "derived"
    assert table.info.main_role("source_name") == "metadata"
    assert table.counts() == result.counts
    assert {split: set(labels) for split, labels in result.counts.items()} == {
        split: {"cat", "dog"} for split in ("train", "validation", "test")
    }
    assert list(rows) == sorted(rows)
    assert rows["cat/cat.00.jpg"]["image"] == (photo_folder / "cat" / "cat.00.jpg").read_bytes()
    assert (rows["cat/cat.00.jpg"]["image_width"], rows["cat/cat.00.jpg"]["image_height"]) == (64, 48)
    assert read_verdict(folder / "verdict.json").passed


def test_flat_names_give_the_same_examples_as_folders(photo_folder, ingest, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in photo_folder.rglob("*.jpg"):
        shutil.copy(path, flat)
    by_folder, by_name = ingest(photo_folder, output="a"), ingest(flat, output="b")
    assert by_folder[0].counts == by_name[0].counts
    assert splits_of(by_folder[1]) == splits_of(by_name[1])


def test_under_like_adding_photos_moves_no_other_photo(photo_folder, ingest, photo, encoded):
    first = ingest(photo_folder, output="first")[1]
    before = splits_of(first)
    for index in range(30):
        (photo_folder / "cat" / f"new.{index}.jpg").write_bytes(encoded(photo(5000 + index)))
    result, folder = ingest(photo_folder, f"split: {{like: {first / 'examples'}}}")
    after = splits_of(folder)
    assert len(after) == 70
    assert {key: after[key] for key in before} == before
    assert {split: sum(labels.values()) for split, labels in result.counts.items()} == pytest.approx(
        {"train": 49, "validation": 10.5, "test": 10.5}, abs=1.5
    )


def test_under_like_a_photo_keeps_its_split_whatever_file_and_label_it_comes_with(photo_folder, ingest):
    first = ingest(photo_folder, output="first")[1]
    before = {name: row["split"] for name, row in rows_of(first).items()}
    for number in range(10):
        path = photo_folder / "cat" / f"cat.{number:02d}.jpg"
        Image.open(path).save(photo_folder / "dog" / f"moved.{number:02d}.png")
        path.unlink()
    _, second = ingest(photo_folder, f"split: {{like: {first / 'examples'}}}", output="second")
    after = {name: row["split"] for name, row in rows_of(second).items()}
    for number in range(10):
        assert after[f"dog/moved.{number:02d}.png"] == before[f"cat/cat.{number:02d}.jpg"]
    assert all(after[name] == split for name, split in before.items() if name in after)


def test_photos_of_two_classes_are_split_evenly(photo_folder, ingest):
    result, folder = ingest(photo_folder)
    assert result.counts == {
        split: {"cat": num, "dog": num} for split, num in (("train", 14), ("validation", 3), ("test", 3))
    }
    assert "70.0 / 15.0 / 15.0 %" in (folder / "report.html").read_text()


def test_two_runs_write_the_same_bytes(photo_folder, ingest):
    first, second = ingest(photo_folder, output="a")[1], ingest(photo_folder, output="b")[1]
    for name in ("examples/shard-00000.parquet", "report.html", "verdict.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_each_file_that_is_no_image_is_set_aside_with_its_reason(photo_folder, ingest, photo, encoded):
    cats = photo_folder / "cat"
    whole = encoded(photo(1, height=480, width=640))
    (cats / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (cats / "zero.jpg").write_bytes(b"")
    (cats / "text.jpg").write_text("no image at all")
    (cats / "bomb.png").write_bytes(bomb())
    (cats / "folder.jpg").mkdir()
    result, folder = ingest(photo_folder)
    reasons = reasons_of(folder)
    assert "truncated or damaged" in reasons["cat/truncated.jpg"]
    assert reasons["cat/zero.jpg"] == "the file is empty"
    assert "no image of a known format" in reasons["cat/text.jpg"]
    assert "pixels" in reasons["cat/bomb.png"]
    assert reasons["cat/folder.jpg"] == "it is a folder, not a file"
    assert (result.passed, result.num_examples, result.num_quarantined) == (True, 40, 5)
    report = (folder / "report.html").read_text()
    assert all(name in report for name in reasons)


def test_links_in_a_circle_and_links_to_nowhere_are_set_aside(photo_folder, ingest):
    (photo_folder / "cat" / "circle.jpg").symlink_to("circle.jpg")
    (photo_folder / "cat" / "nowhere.jpg").symlink_to("/no/such/file")
    (photo_folder / "cat" / "above").symlink_to(photo_folder)
    result, folder = ingest(photo_folder)
    reasons = reasons_of(folder)
    assert result.passed
    assert set(reasons) == {"cat/circle.jpg", "cat/nowhere.jpg"}
    assert all(reason.startswith("it cannot be read: ") for reason in reasons.values())


def test_a_special_file_is_set_aside_and_not_waited_for(photo_folder, ingest):
    os.mkfifo(photo_folder / "cat" / "pipe.jpg")
    assert reasons_of(ingest(photo_folder)[1]) == {"cat/pipe.jpg": "it is a special file, not a file"}


def test_a_linked_class_folder_is_read(photo_folder, ingest, tmp_path):
    shutil.move(photo_folder / "dog", tmp_path / "elsewhere")
    (photo_folder / "dog").symlink_to(tmp_path / "elsewhere")
    assert ingest(photo_folder)[0].num_examples == 40


def alien_images(photo) -> dict[str, tuple[bytes, str]]:
    image = Image.fromarray(photo(9000))
    turned = Image.Exif()
    turned[274] = 6
    frames = [Image.fromarray(photo(9010 + number)) for number in range(3)]
    deep = np.random.default_rng(0).integers(0, 65536, (40, 30)).astype(np.uint16)
    alpha = Image.fromarray(photo(9001)).convert("RGBA")
    alpha.putalpha(128)
    return {
        "cmyk.jpg": (saved(Image.fromarray(photo(9002)).convert("CMYK"), "JPEG"), "CMYK"),
        "deep.png": (saved(Image.fromarray(deep), "PNG"), "16-bit"),
        "palette.png": (saved(Image.fromarray(photo(9003)).quantize(16), "PNG"), "palette"),
        "alpha.png": (saved(alpha, "PNG"), "alpha"),
        "animated.gif": (saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), "animated"),
        "turned.jpg": (saved(image, "JPEG", exif=turned), "upright"),
    }


def test_unusual_images_are_converted_and_the_report_says_how(photo_folder, ingest, photo):
    aliens = alien_images(photo)
    for name, (data, _) in aliens.items():
        (photo_folder / "dog" / name).write_bytes(data)
    result, folder = ingest(photo_folder)
    rows, report = rows_of(folder), (folder / "report.html").read_text()
    assert (result.num_examples, result.num_quarantined) == (46, 0)
    for name, (data, word) in aliens.items():
        stored = rows[f"dog/{name}"]["image"]
        plain = decode_image(stored)
        assert (plain.file_format, plain.conversions) == ("PNG", ())
        np.testing.assert_array_equal(plain.pixels_HWC, decode_image(data).pixels_HWC)
        assert word in report
    assert (rows["dog/turned.jpg"]["image_width"], rows["dog/turned.jpg"]["image_height"]) == (48, 64)


def test_too_many_bad_files_fail_the_check_and_still_leave_a_report(photo_folder, ingest):
    for number in range(10):
        (photo_folder / "cat" / f"bad{number}.jpg").write_bytes(b"")
    result, folder = ingest(photo_folder)
    verdict = read_verdict(folder / "verdict.json")
    assert (result.passed, verdict.passed) == (False, False)
    assert result.reason == "10 of 50 files cannot be used (20.0%, allowed are 10%), 10 of them since the file is empty"
    assert verdict.findings[0].severity == "blocking"
    assert (folder / "report.html").is_file()
    assert ExampleTable(folder / "examples").num_rows == 40


def test_an_exact_copy_is_dropped_whatever_its_name_and_format(photo_folder, ingest, photo, encoded):
    shutil.copy(photo_folder / "cat" / "cat.03.jpg", photo_folder / "cat" / "zz.jpg")
    (photo_folder / "dog" / "a.png").write_bytes(encoded(photo(7777), "PNG"))
    (photo_folder / "dog" / "b.bmp").write_bytes(encoded(photo(7777), "BMP"))
    result, folder = ingest(photo_folder)
    assert (result.num_examples, result.num_duplicates, result.num_quarantined) == (41, 2, 0)
    assert {"cat/cat.03.jpg", "dog/a.png"} <= set(rows_of(folder))
    assert not {"cat/zz.jpg", "dog/b.bmp"} & set(rows_of(folder))


def test_the_same_image_under_two_labels_is_set_aside_twice(photo_folder, ingest):
    shutil.copy(photo_folder / "cat" / "cat.03.jpg", photo_folder / "dog" / "zz.jpg")
    result, folder = ingest(photo_folder)
    reason = "the same image lies under different labels"
    assert reasons_of(folder) == {"cat/cat.03.jpg": reason, "dog/zz.jpg": reason}
    assert (result.num_examples, result.num_quarantined) == (39, 2)


def test_near_duplicates_share_a_split_under_like_that_of_the_known_one(photo_folder, ingest):
    first = ingest(photo_folder, output="first")[1]
    before = {name: row["split"] for name, row in rows_of(first).items()}
    for path in sorted((photo_folder / "cat").iterdir()):
        image = Image.open(path)
        (path.parent / f"small-{path.name}").write_bytes(saved(image.resize((48, 36)), "JPEG", quality=80))
    result, folder = ingest(photo_folder, f"split: {{like: {first / 'examples'}}}")
    after = {name: row["split"] for name, row in rows_of(folder).items()}
    assert result.num_examples == 60
    for number in range(20):
        name = f"cat.{number:02d}.jpg"
        assert after[f"cat/{name}"] == after[f"cat/small-{name}"] == before[f"cat/{name}"]
    assert "small-cat.03.jpg" in (folder / "report.html").read_text()


def test_folders_named_for_splits_decide_the_split(photo_folder, ingest, tmp_path):
    root = tmp_path / "split"
    for number, path in enumerate(sorted(photo_folder.rglob("*.jpg"))):
        split = ("train", "val", "test")[number % 3]
        (root / split / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / split / path.parent.name)
    (root / "test" / "cat" / "leak.jpg").write_bytes(next((root / "train" / "cat").iterdir()).read_bytes())
    result, folder = ingest(root)
    folders = {"train": "train", "val": "validation", "test": "test"}
    rows = rows_of(folder)
    assert result.num_duplicates == 1
    assert "test/cat/leak.jpg" not in rows
    assert all(row["split"] == folders[name.split("/")[0]] for name, row in rows.items())


def test_the_problem_files_fractions_and_classes_are_kept(photo_folder, ingest, photo, encoded):
    (photo_folder / "misc").mkdir()
    (photo_folder / "misc" / "1.jpg").write_bytes(encoded(photo(1)))
    problem = "label: {classes: [dog, cat]}\nsplit: {train: 0.5, validation: 0, test: 0.5}"
    result, folder = ingest(photo_folder, problem)
    assert ExampleTable(folder / "examples").info.class_names == ("dog", "cat")
    assert result.num_examples == 40
    assert result.counts["validation"] == {}
    assert result.passed


def test_decomposed_folder_names_are_the_same_class(photo_folder, ingest, photo, encoded):
    name = "고양이"
    for number, form in enumerate(("NFC", "NFD")):
        folder = photo_folder / unicodedata.normalize(form, name)
        folder.mkdir()
        for index in range(3):
            (folder / f"{number}{index}.jpg").write_bytes(encoded(photo(600 + 10 * number + index)))
    result, _ = ingest(photo_folder)
    assert sum(labels.get(name, 0) for labels in result.counts.values()) == 6


def test_personal_file_names_are_shown_nowhere(photo_folder, ingest):
    (photo_folder / "cat" / "hong-gildong.jpg").write_bytes(b"")
    shutil.copy(photo_folder / "cat" / "cat.03.jpg", photo_folder / "cat" / "kim-copy.jpg")
    _, folder = ingest(photo_folder, "pii: [source_name]")
    assert ExampleTable(folder / "examples").info.main_role("source_name") == "pii"
    for name in ("report.html", "verdict.json"):
        text = (folder / name).read_text()
        assert "hong" not in text
        assert "kim" not in text
        assert "the file is empty" in text


def test_many_photos_are_measured_in_several_processes(ingest, tmp_path, photo, encoded):
    for index in range(300):
        path = tmp_path / "many" / ("even" if index % 2 == 0 else "odd") / f"{index:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(index)) if index != 100 else b"")
    result, folder = ingest(tmp_path / "many")
    assert (result.num_examples, result.num_quarantined) == (299, 1)
    assert reasons_of(folder) == {"even/100.jpg": "the file is empty"}


def test_a_folder_at_a_uri_gives_the_same_as_a_local_one(photo_folder, ingest):
    memory = fsspec.filesystem("memory")
    memory.put(str(photo_folder), "/bucket/photos", recursive=True)
    memory.pipe("/bucket/photos/cat/zero.jpg", b"")
    try:
        remote, remote_folder = ingest("memory://bucket/photos", output="remote")
    finally:
        memory.rm("/bucket", recursive=True)
    local, local_folder = ingest(photo_folder, output="local")
    assert remote.num_quarantined == 1
    assert remote.counts == local.counts
    assert rows_of(remote_folder) == rows_of(local_folder)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("label: {column: breed}", "names the column 'breed', but images have only label, source_name"),
        ("slices: [colour]", "names the column 'colour'"),
        ("label: {expression: a > 1}", "label.expression needs a table"),
        ("text: body", "text needs a table"),
        ("modality: tabular", "holds images: name a table"),
        ("split: {test_file: t.csv}", "split.test_file needs a table"),
        ("label: {classes: [cat, bird]}", "only 'cat' of the problem file's classes"),
    ],
)
def test_a_problem_file_that_does_not_fit_images_is_refused_in_one_sentence(photo_folder, ingest, problem, message):
    with pytest.raises(ValueError, match=message):
        ingest(photo_folder, problem)


def test_a_folder_of_one_class_is_refused(photo_folder, ingest, tmp_path):
    shutil.rmtree(photo_folder / "dog")
    with pytest.raises(ValueError, match="two classes or more, but has only 'cat'"):
        ingest(photo_folder)
    assert not (tmp_path / "out" / "examples").exists()


def test_a_folder_of_nothing_but_bad_images_is_refused(ingest, tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "bad" / label).mkdir(parents=True)
        (tmp_path / "bad" / label / "1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="none of 2 can; the first one cannot since the file is empty"):
        ingest(tmp_path / "bad")


def test_a_folder_that_does_not_exist_is_refused(ingest, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        ingest(tmp_path / "nothing")


def test_an_empty_folder_is_refused(ingest, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold images, but it is empty"):
        ingest(tmp_path / "empty")


def test_a_folder_without_labels_makes_a_pool_and_the_verdict_says_so(ingest, tmp_path, photo, encoded):
    (tmp_path / "mixed").mkdir()
    for number in range(5):
        (tmp_path / "mixed" / f"holiday {chr(97 + number)}.jpg").write_bytes(encoded(photo(number)))
    result, folder = ingest(tmp_path / "mixed")
    assert (result.passed, result.num_examples, result.num_pool) == (False, 0, 5)
    assert result.reason == "no example has a label: all 5 are in the pool"
    assert ExampleTable(folder / "examples").num_rows == 0
    pool = ExampleTable(folder / "pool")
    assert (pool.num_rows, pool.info.is_pool, pool.counts()[""]) == (5, True, {"": 5})
    assert "labels.csv" in read_verdict(folder / "verdict.json").findings[0].remedy


def test_a_test_folder_without_labels_makes_a_pool_beside_the_examples(photo_folder, ingest, tmp_path, photo, encoded):
    shutil.move(photo_folder, tmp_path / "kaggle" / "train")
    (tmp_path / "kaggle" / "test").mkdir()
    for number in range(3):
        (tmp_path / "kaggle" / "test" / f"{number}.jpg").write_bytes(encoded(photo(100 + number)))
    result, folder = ingest(tmp_path / "kaggle")
    assert (result.passed, result.num_examples, result.num_pool) == (True, 40, 3)
    assert all(result.counts.values())
    assert {
        row["source_name"] for batch in ExampleTable(folder / "pool").iter_batches() for row in batch.to_pylist()
    } == {f"test/{number}.jpg" for number in range(3)}
