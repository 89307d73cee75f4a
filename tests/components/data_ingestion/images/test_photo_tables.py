import csv
import json
import shutil
import unicodedata

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict
from components.shared.tables.personal_columns import kept_columns
from components.shared.tables.personal_key import keyed_hash


def rows_of(folder, table="examples"):
    return [row for batch in ExampleTable(folder / table).iter_batches() for row in batch.to_pylist()]


def reasons_of(folder):
    notes = [
        finding.message for finding in read_verdict(folder / "verdict.json").findings if finding.name == "quarantined"
    ]
    return dict(note.split(": ", 1) for note in notes)


def write_table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def camera_folder(tmp_path, photo, encoded):
    """Forty photos in one folder, four a patient, and the rows of a table that describes them."""
    folder = tmp_path / "clinic"
    (folder / "photos").mkdir(parents=True)
    rows = []
    for number in range(40):
        name = f"photos/{number:02d}.jpg"
        (folder / name).write_bytes(encoded(photo(number)))
        row = {"path": name, "label": ("sick", "well")[number % 2], "patient": f"p{number // 4}"}
        rows.append({**row, "camera": ("a", "b")[number % 3 == 0], "taken": f"2026-01-{1 + number % 28:02d}"})
    return folder, rows


PROBLEM = "{group: patient, time: taken, slices: [camera, {name: dark, where: brightness < 0.2}]}"


def test_a_table_in_a_folder_labels_its_photos_and_its_columns_take_roles(camera_folder, ingest):
    folder, rows = camera_folder
    write_table(folder / "labels.csv", rows)
    result, out = ingest(folder, PROBLEM)
    table = ExampleTable(out / "examples")
    assert (result.num_examples, result.num_pool, result.num_quarantined) == (40, 0, 0)
    assert table.info.class_names == ("sick", "well")
    assert [item.name for item in table.info.pinned_slices] == ["dark"]
    roles = {name: table.info.main_role(name) for name in ("patient", "taken", "camera", "source_name", "brightness")}
    assert roles == {
        "patient": "group",
        "taken": "time",
        "camera": "slice",
        "source_name": "metadata",
        "brightness": "derived",
    }
    # What the model's bundle carries: a later table of the kind is scored by it.
    assert table.info.label == {"column": "label"}
    assert table.info.source_roles == {
        "path": ["image"],
        "label": ["label"],
        "patient": ["group"],
        "camera": ["slice"],
        "taken": ["time"],
    }
    found = {row["source_name"]: row for row in rows_of(out)}
    for row in rows:
        kept = found[row["path"]]
        assert {name: kept[name] for name in ("label", "patient", "camera", "taken")} == {
            name: row[name] for name in ("label", "patient", "camera", "taken")
        }
        assert kept["image"] == (folder / row["path"]).read_bytes()


def test_no_group_of_the_table_stands_in_two_splits(camera_folder, ingest):
    folder, rows = camera_folder
    write_table(folder / "labels.csv", rows)
    _, out = ingest(folder, PROBLEM)
    splits: dict[str, set[str]] = {}
    for row in rows_of(out):
        splits.setdefault(row["patient"], set()).add(row["split"])
    assert len(splits) == 10
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_alone_is_a_source_of_photos(camera_folder, ingest, suffix):
    folder, rows = camera_folder
    path = folder / f"list.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        path.write_text("\n".join(lines).replace(",", "\t" if suffix == "tsv" else ","))
    (folder / "photos" / "of-another-table.jpg").write_bytes(b"x")
    result, out = ingest(path)
    assert (result.num_examples, result.num_quarantined) == (40, 0)
    assert " of list." in (out / "report.html").read_text()
    assert {row["patient"] for row in rows_of(out)} == {f"p{number}" for number in range(10)}


def test_rows_without_a_label_make_the_pool(camera_folder, ingest):
    folder, rows = camera_folder
    for row in rows[:8]:
        row["label"] = " "
    write_table(folder / "labels.csv", rows)
    result, out = ingest(folder)
    assert (result.passed, result.num_examples, result.num_pool, result.num_quarantined) == (True, 32, 8, 0)
    pool = ExampleTable(out / "pool")
    assert pool.info.is_pool
    assert pool.info.class_names == ("sick", "well")
    assert {(row["split"], row["label"]) for row in rows_of(out, "pool")} == {(None, None)}
    assert [row["source_name"] for row in rows_of(out, "pool")] == [row["path"] for row in rows[:8]]
    assert [row["patient"] for row in rows_of(out, "pool")] == ["p0"] * 4 + ["p1"] * 4
    assert all(row["label"] for row in rows_of(out))
    assert result.reason == "32 examples of 2 classes, 8 without a label in the pool, none set aside"


def test_every_photo_that_cannot_be_used_is_set_aside_with_its_reason(camera_folder, ingest, photo, encoded):
    folder, rows = camera_folder
    (folder.parent / "outside.jpg").write_bytes(encoded(photo(900)))
    (folder / "photos" / "forgotten.jpg").write_bytes(encoded(photo(901)))
    (folder / "photos" / "bad.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("x")
    extra = ["photos/absent.jpg", "", "../outside.jpg", str(folder.parent / "outside.jpg"), "photos/bad.jpg"]
    write_table(folder / "labels.csv", [*rows, *({**rows[0], "path": path} for path in extra)])
    result, out = ingest(folder)
    assert reasons_of(out) == {
        "photos/absent.jpg": "there is no such file",
        "labels.csv, row 43": "it names no photo",
        "../outside.jpg": "its path leads out of the table's folder",
        str(folder.parent / "outside.jpg"): "it lies outside the table's folder: name it relative to that folder, or "
        "by a URI",
        "photos/bad.jpg": "the bytes are no image of a known format (JPEG, PNG, WEBP, GIF, BMP, TIFF, PPM)",
        "photos/forgotten.jpg": "labels.csv does not name it",
    }
    assert (result.num_examples, result.num_quarantined) == (40, 6)
    assert "notes.txt" in (out / "report.html").read_text()


def test_ragged_rows_are_set_aside(camera_folder, ingest):
    folder, rows = camera_folder
    write_table(folder / "labels.csv", rows)
    with open(folder / "labels.csv", "a") as file:
        file.write("photos/00.jpg\n")
    result, out = ingest(folder)
    assert (result.num_examples, result.num_quarantined) == (40, 1)
    assert reasons_of(out) == {"labels.csv, row 42": "it has 1 values where the header has 5"}


def test_copies_are_dropped_and_an_unlabelled_copy_does_not_reach_the_pool(camera_folder, ingest):
    folder, rows = camera_folder
    for name in ("same.jpg", "unlabelled.jpg", "other.jpg"):
        shutil.copy(folder / "photos" / ("07.jpg" if name == "other.jpg" else "03.jpg"), folder / "photos" / name)
    copies = [
        {**rows[3], "path": "photos/same.jpg"},
        {**rows[3], "path": "photos/unlabelled.jpg", "label": ""},
        {**rows[7], "path": "photos/other.jpg", "label": "sick"},
    ]
    write_table(folder / "labels.csv", [*copies, *rows])
    result, out = ingest(folder)
    assert (result.num_examples, result.num_pool, result.num_duplicates, result.num_quarantined) == (39, 0, 2, 2)
    assert reasons_of(out) == dict.fromkeys(
        ("photos/07.jpg", "photos/other.jpg"), "the same image lies under different labels"
    )


@pytest.mark.parametrize("kind", ["bytes", "struct"])
def test_a_parquet_table_may_hold_the_images(camera_folder, ingest, kind):
    folder, rows = camera_folder
    contents = [(folder / row["path"]).read_bytes() for row in rows]
    images = [*contents] if kind == "bytes" else [{"bytes": data, "path": "x.jpg"} for data in contents]
    if kind == "struct":
        images[5] = {"bytes": None, "path": rows[5]["path"]}
    images.append(None)
    columns = {"image": images, "label": [*(row["label"] for row in rows), "sick"], "camera": [*"ab" * 20, "a"]}
    pq.write_table(pa.table(columns), folder / "photos.parquet", row_group_size=7)
    result, out = ingest(folder / "photos.parquet", "slices: [camera]")
    assert (result.num_examples, result.num_quarantined) == (40, 1)
    assert reasons_of(out) == {"photos.parquet, row 41": "its row holds no image"}
    assert [row["image"] for row in rows_of(out)] == contents
    assert [row["camera"] for row in rows_of(out)] == [*"ab" * 20]
    assert rows_of(out)[2]["source_name"] == "photos.parquet, row 3"


def test_a_table_of_images_alone_is_all_pool(camera_folder, ingest):
    folder, rows = camera_folder
    pq.write_table(pa.table({"image": [(folder / row["path"]).read_bytes() for row in rows]}), folder / "p.parquet")
    result, _ = ingest(folder / "p.parquet")
    assert (result.passed, result.num_examples, result.num_pool) == (False, 0, 40)
    assert result.reason == "no example has a label: all 40 are in the pool"


def test_uris_and_absolute_paths_below_the_folder_are_read(camera_folder, ingest):
    folder, rows = camera_folder
    memory = fsspec.filesystem("memory")
    for number, row in enumerate(rows):
        if number % 3 == 0:
            memory.pipe(f"/clinic/{row['path']}", (folder / row["path"]).read_bytes())
            row["path"] = f"memory://clinic/{row['path']}"
        elif number % 3 == 1:
            row["path"] = f"{'file://' if number % 2 else ''}{folder / row['path']}"
    write_table(folder / "list.csv", [*rows, {**rows[0], "path": "memory://clinic/absent.jpg"}])
    try:
        result, out = ingest(folder / "list.csv")
    finally:
        memory.rm("/clinic", recursive=True)
    assert (result.num_examples, result.num_quarantined) == (40, 1)
    assert reasons_of(out) == {"memory://clinic/absent.jpg": "there is no such file"}
    assert {row["source_name"] for row in rows_of(out)} >= {"photos/01.jpg", "memory://clinic/photos/00.jpg"}


def test_a_folder_at_a_uri_with_a_table_in_it_gives_the_same_as_a_local_one(camera_folder, ingest):
    folder, rows = camera_folder
    write_table(folder / "labels.csv", rows[:30])
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/bucket/clinic", recursive=True)
    try:
        remote, remote_out = ingest("memory://bucket/clinic", PROBLEM, output="remote")
        alone, _ = ingest("memory://bucket/clinic/labels.csv", PROBLEM, output="alone")
    finally:
        memory.rm("/bucket", recursive=True)
    local, local_out = ingest(folder, PROBLEM, output="local")
    assert (remote.num_examples, remote.num_quarantined) == (30, 10)
    assert rows_of(remote_out) == rows_of(local_out)
    assert alone.counts == local.counts


def test_names_from_a_mac_and_from_windows_are_found(camera_folder, ingest, photo, encoded):
    folder, rows = camera_folder
    decomposed = unicodedata.normalize("NFD", "고양이.jpg")
    (folder / "photos" / decomposed).write_bytes(encoded(photo(77)))
    rows.append({**rows[0], "path": "photos\\고양이.jpg"})
    for number, name in enumerate(("labels.csv", "list.csv")):
        write_table(folder / name, rows)
        result, out = ingest(folder if name == "labels.csv" else folder / name, output=f"out{number}")
        assert (result.num_examples, result.num_quarantined) == (41, 0)
        assert "photos/고양이.jpg" in {row["source_name"] for row in rows_of(out)}
        (folder / name).unlink()


def test_without_a_label_column_folders_label_and_folders_for_splits_split(photo_folder, ingest, tmp_path):
    root = tmp_path / "split"
    rows = []
    for number, path in enumerate(sorted(photo_folder.rglob("*.jpg"))):
        name = f"{('train', 'val', 'test')[number % 3]}/{path.parent.name}/{path.name}"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / name)
        rows.append({"file": name, "camera": "a"})
    write_table(root / "labels.csv", rows)
    _, out = ingest(root, "slices: [camera]")
    found = rows_of(out)
    assert len(found) == 40
    assert all(row["label"] == row["source_name"].split("/")[1] for row in found)
    assert all(row["split"].startswith(row["source_name"].split("/")[0]) for row in found)


def test_an_expression_may_give_the_label_and_a_column_the_identifiers(camera_folder, ingest):
    folder, rows = camera_folder
    for number, row in enumerate(rows):
        row.update(key=f"k{number}", size=str(number))
    write_table(folder / "labels.csv", rows)
    _, out = ingest(folder, "{label: {expression: size > 19}, id: key}")
    assert {row["example_id"]: row["label"] for row in rows_of(out)} == {
        f"k{number}": str(number > 19).lower() for number in range(40)
    }
    _, out = ingest(folder, "{id: key, pii: [key]}", output="hidden")
    assert not {row["example_id"] for row in rows_of(out)} & {row["key"] for row in rows}
    rows[3]["key"] = "k4"
    write_table(folder / "labels.csv", rows)
    with pytest.raises(ValueError, match=r"the id column 'key' of .*labels\.csv must be unique, but 1 of 40 rows"):
        ingest(folder, "id: key")


def test_personal_paths_are_shown_nowhere(camera_folder, ingest):
    folder, rows = camera_folder
    rows.append({**rows[0], "path": "photos/hong-gildong.jpg"})
    write_table(folder / "labels.csv", rows)
    _, out = ingest(folder, "pii: [path]")
    assert ExampleTable(out / "examples").info.main_role("source_name") == "pii"
    for name in ("report.html", "verdict.json"):
        assert "hong" not in (out / name).read_text()


def test_columns_whose_names_the_example_table_needs_are_renamed(camera_folder, ingest):
    folder, rows = camera_folder
    for row in rows:
        row.update(split="x", image_width="7")
    write_table(folder / "labels.csv", rows)
    _, out = ingest(folder, "slices: [split]")
    assert ExampleTable(out / "examples").info.main_role("source_split") == "slice"
    assert {(row["source_split"], row["source_image_width"], row["image_width"]) for row in rows_of(out)} == {
        ("x", 7, 64)
    }


def test_a_column_of_another_name_is_named_in_the_problem_file(camera_folder, ingest):
    folder, rows = camera_folder
    write_table(folder / "list.csv", [{"scan": row["path"], "label": row["label"]} for row in rows])
    assert ingest(folder / "list.csv", "image: scan")[0].num_examples == 40
    with pytest.raises(ValueError, match=r"must have a column of photos called image, path.*it has scan, label"):
        ingest(folder / "list.csv", "modality: image")


def test_a_table_of_labels_that_names_no_photos_is_not_used_and_that_is_said(photo_folder, ingest):
    write_table(photo_folder / "labels.csv", [{"number": "1", "name": "cat"}])
    result, out = ingest(photo_folder)
    assert (result.num_examples, result.num_quarantined) == (40, 0)
    said = "The table labels.csv is not used: none of its columns (number, name) is called"
    assert said in (out / "report.html").read_text()


def test_two_tables_of_labels_in_a_folder_are_refused(photo_folder, ingest):
    for name in ("labels.csv", "labels.tsv"):
        (photo_folder / name).write_text("path\n")
    with pytest.raises(ValueError, match=r"must hold one table of labels, but holds labels\.csv and labels\.tsv"):
        ingest(photo_folder)


def test_a_column_called_path_whose_values_are_no_photos_is_a_feature_as_before(ingest, tmp_path):
    rows = [{"path": f"/page/{number % 5}", "size": str(number), "label": "ab"[number % 2]} for number in range(40)]
    write_table(tmp_path / "visits.csv", rows)
    _, out = ingest(tmp_path / "visits.csv")
    assert ExampleTable(out / "examples").info.modality == "tabular"
    assert ExampleTable(out / "pool").num_rows == 0


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("slices: [colour]", r"names the column 'colour', but .*labels\.csv has path, label"),
        ("label: {expression: tips > 1}", r"names the column 'tips'"),
        ("text: camera", "text needs a table of texts or numbers, but .* holds photos"),
        ("split: {test_file: t.csv}", r"split\.test_file needs a table of texts or numbers"),
        ("image: scan", r"labels\.csv must have the column 'scan'; it has path"),
    ],
)
def test_a_problem_file_that_does_not_fit_is_refused_in_one_sentence(camera_folder, ingest, problem, message):
    folder, rows = camera_folder
    write_table(folder / "labels.csv", rows)
    with pytest.raises(ValueError, match=message):
        ingest(folder, problem)


def test_photos_are_split_by_their_tables_time_in_order_and_no_patient_is_in_two_splits(camera_folder, ingest):
    folder, rows = camera_folder
    for number, row in enumerate(rows):
        row["taken"] = f"2026-{1 + number // 4:02d}-{1 + number % 4:02d}"
    rows[39]["patient"] = "p0"
    rows[20]["taken"] = ""
    write_table(folder / "labels.csv", rows)
    result, out = ingest(folder, "{group: patient, time: taken, split: {by: time}}")
    # Two photos of a patient whose others are in validation, and one of a patient of January, are left out.
    assert (result.num_examples, result.num_quarantined) == (36, 1)
    assert reasons_of(out)["photos/20.jpg"].startswith("it has no time that can be read")
    taken, patients = {}, {}
    for row in rows_of(out):
        taken.setdefault(row["split"], []).append(row["taken"])
        patients.setdefault(row["patient"], set()).add(row["split"])
    assert max(taken["train"]) < min(taken["validation"])
    assert max(taken["validation"]) < min(taken["test"])
    assert {len(splits) for splits in patients.values()} == {1}


def test_photos_whose_table_names_no_time_cannot_be_split_by_it(photo_folder, ingest):
    with pytest.raises(ValueError, match="the problem file's time needs a table, but the source holds images"):
        ingest(photo_folder, "{time: taken, split: {by: time}}")


def test_a_photo_tables_labels_say_where_they_come_from(camera_folder, ingest, photo, encoded):
    folder, rows = camera_folder
    for number, row in enumerate(rows):
        row |= {"label_source": ("person", "model")[number % 4 == 3], "label_version": 2, "label_round": number % 3}
    rows[0]["label_version"] = 1
    (folder / "photos" / "copy.png").write_bytes((folder / "photos" / "04.jpg").read_bytes())
    rows.append({**rows[4], "path": "photos/copy.png", "label": "well", "label_source": "rule"})
    write_table(folder / "labels.csv", rows)
    result, out = ingest(folder, "label: {version: 2}")
    table, found = ExampleTable(out / "examples"), {row["source_name"]: row for row in rows_of(out)}
    assert result.num_examples == 39
    assert {row["split"] for row in found.values() if row["label_source"] == "model"} == {"train"}
    assert {row["split"] for row in found.values() if row["label_source"] == "person"} == {
        "train",
        "validation",
        "test",
    }
    assert found["photos/04.jpg"]["label"] == "sick"
    assert "photos/00.jpg" not in found
    assert "photos/copy.png" not in found
    assert table.info.roles_of("label_round") == ("provenance",)
    assert found["photos/07.jpg"]["label_round"] == 1
    rows[5]["label_source"] = "oracle"
    write_table(folder / "labels.csv", rows)
    with pytest.raises(
        ValueError, match=r"labels\.csv, row 7: label_source must be person, model or rule, got 'oracle'"
    ):
        ingest(folder, "label: {version: 2}")


def test_personal_data_of_a_table_of_photos_are_hashed_or_masked_in_examples_and_pool(camera_folder, ingest):
    folder, rows = camera_folder
    for number, row in enumerate(rows):
        row.update(phone=f"010-2345-{6000 + number}", nurse="a@b.io", mobile=str(1_020_000_000 + number * 1_900_000))
        row.update(patient=f"010-8765-{4000 + number // 4}", label=row["label"] if number < 32 else "")
    write_table(folder / "labels.csv", rows)
    _, out = ingest(folder, "{group: patient, slices: [nurse], pii: [phone]}")
    for table in ("examples", "pool"):
        for row in rows_of(out, table):
            number = int(row["source_name"][-6:-4])
            assert row["nurse"] == "<e-mail>"
            assert row["phone"] == keyed_hash(rows[number]["phone"])
            assert row["mobile"] == keyed_hash(rows[number]["mobile"])
            assert row["patient"] == keyed_hash(rows[number]["patient"])
    assert "mobile" in ExampleTable(out / "pool").info.columns_of("pii")
    report = (out / "report.html").read_text().replace("&#39;", "'")
    assert "column 'mobile' is hashed, never shown and no feature" in report
    _, again = ingest(folder, f"{{group: patient, split: {{like: {out / 'examples'}}}}}", output="again")
    splits = {row["patient"]: row["split"] for row in rows_of(out)}
    assert {row["patient"]: row["split"] for row in rows_of(again)} == splits


def test_kept_columns_of_a_table_of_photos_stay_in_examples_and_pool(camera_folder, ingest):
    folder, rows = camera_folder
    for number, row in enumerate(rows):
        row.update(nurse="a@b.io", label=row["label"] if number < 32 else "")
    write_table(folder / "labels.csv", rows)
    _, out = ingest(folder, "{slices: [nurse], pii: {nurse: keep}}")
    for table in ("examples", "pool"):
        assert {row["nurse"] for row in rows_of(out, table)} == {"a@b.io"}
        assert kept_columns(ExampleTable(out / table).schema) == {"nurse"}


def test_a_label_of_photos_under_pii_is_refused_with_the_way_out(camera_folder, ingest):
    folder, rows = camera_folder
    write_table(folder / "labels.csv", rows)
    with pytest.raises(ValueError, match=r"the label 'label' must not be under `pii`.*`pii: \{label: keep\}`"):
        ingest(folder, "{label: {column: label}, pii: [label]}")


def test_a_table_of_photos_is_repaired_but_for_its_photos(camera_folder, ingest):
    folder, rows = camera_folder
    renamed = [{"foto": row.pop("path"), "label": row["label"], **row} for row in map(dict, rows)]
    renamed[3]["taken"] = "today"
    write_table(folder / "labels.csv", renamed)
    told = '{column: foto, rename: path}, {column: label, map: {sick: ill}}, {column: taken, date: "%Y-%m-%d"}'
    result, out = ingest(folder, f"{{slices: [camera], repairs: [{told}]}}")
    assert (result.num_examples, result.num_quarantined) == (40, 0)
    table = ExampleTable(out / "examples")
    assert table.info.class_names == ("ill", "well")
    assert table.info.repairs[0].to_dict() == {"column": "foto", "rename": "path"}
    assert {row["taken"] for row in rows_of(out)} == {row["taken"] for row in rows} | {None}
    warnings = [item.message for item in read_verdict(out / "verdict.json").findings if item.severity == "warning"]
    assert "1 value of column 'taken' cannot be repaired" in warnings[0]
    assert "'today' (labels.csv, row 5)" in warnings[0]
    with pytest.raises(ValueError, match="must leave the values of column 'path' alone, whose photos the model reads"):
        ingest(folder, "repairs: [{column: foto, strip: true}, {column: foto, rename: path}]", output="refused")
    (folder / "labels.csv").unlink()
    with pytest.raises(ValueError, match="the problem file's repairs needs a table, but the source holds images"):
        ingest(folder, "repairs: [{column: foto, rename: path}]", output="no table")
