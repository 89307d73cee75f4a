from datetime import datetime, UTC

import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.sufficiency.probe_features import probe_features, ProbeFeatures, text_features
from components.data_validation.sufficiency.probe_sample import draw_probe_sample
from components.data_validation.sufficiency.tabular_encoding import encode_column, standardised
from components.shared.contracts.embeddings_table import EmbeddingsTable, EmbeddingsWriter
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter


def encoded(values, kind: pa.DataType | None = None):
    return encode_column("x", pa.chunked_array([pa.array(values, kind)]))


def features_of(path, **options) -> ProbeFeatures:
    table = ExampleTable(path)
    return probe_features(table, draw_probe_sample(table, seed=0), seed=0, **options)


def write_payloads(path, modality, payloads, labels):
    name, kind = {"text": ("text", pa.string()), "image": ("image", pa.binary())}[modality]
    info = ExampleTableInfo(modality=modality, class_names=tuple(sorted(set(labels))), column_roles={})
    columns = {
        "example_id": pa.array([f"example-{row}" for row in range(len(labels))]),
        "split": pa.array(["train"] * len(labels)),
        "label": pa.array(labels),
        name: pa.array(payloads, kind),
    }
    with ExampleTableWriter(path, info, extra_columns={}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return path


class TestSample:
    def test_it_is_of_labelled_training_rows_only(self, write_table):
        labels = ["a", "b", None, "a", "b", "a"]
        path = write_table(
            ["train", "test", "train", "train", "validation", "train"], labels, {"x": [0, 1, 2, 3, 4, 5]}
        )
        table = ExampleTable(path)
        sample = draw_probe_sample(table, seed=0)
        [batch] = list(sample.iter_batches(table, ["x"]))
        assert batch.column(0).to_pylist() == [0, 3, 5]
        assert sample.labels.tolist() == [0, 0, 0]
        assert sample.class_counts == {"a": 3, "b": 0}

    def test_it_keeps_shares_but_fifty_of_a_rare_class_whatever_the_batches(self, write_table):
        labels = ["rare" if row % 50 == 0 else "usual" for row in range(5000)]
        path = write_table(["train"] * 5000, labels, {"x": list(range(5000))})
        table = ExampleTable(path)
        sample = draw_probe_sample(table, max_rows=1000, seed=1)
        assert np.bincount(sample.labels).tolist() == [50, 980]
        assert sample.class_counts == {"rare": 100, "usual": 4900}
        for batch_rows in (64, 4096):
            batches = list(sample.iter_batches(table, ["x"], batch_rows=batch_rows))
            assert np.concatenate([batch.column(0).to_numpy() for batch in batches]).tolist() == sample.rows.tolist()

    def test_one_seed_draws_the_same_rows_and_another_seed_others(self, write_table):
        table = ExampleTable(write_table(["train"] * 500, ["a", "b"] * 250, {"x": [0.0] * 500}))
        rows = [draw_probe_sample(table, max_rows=200, seed=seed).rows.tolist() for seed in (0, 0, 1)]
        assert rows[0] == rows[1] != rows[2]

    def test_rows_without_a_group_are_each_their_own(self, write_table):
        shops = ["s1", None, "s1", None, "s2"]
        path = write_table(["train"] * 5, ["a", "b", "a", "b", "a"], {"shop": shops}, roles={"shop": "group"})
        groups = draw_probe_sample(ExampleTable(path), seed=0).groups
        assert groups[0] == groups[2]
        assert len(set(groups.tolist())) == 4


class TestColumns:
    def test_numbers_are_standardised_with_an_indicator_of_the_missing(self):
        values = encoded([1.0, 3.0, None, 2.0]).values
        assert values.shape == (4, 2)
        assert values.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
        assert values[2, 0] == pytest.approx(0.0, abs=1e-6)
        assert (values[:, 1] > 0).tolist() == [False, False, True, False]

    def test_infinities_and_huge_numbers_stay_finite(self):
        assert np.isfinite(encoded([float("inf"), -float("inf"), 1.7e308, -1.7e308, 0.0]).values).all()

    def test_frequent_categories_get_a_column_and_rare_ones_share_one(self):
        values = ["a"] * 10 + ["b"] * 10 + ["c", "d", "e"]
        assert encoded(values).values.shape == (23, 3)

    def test_identifiers_are_left_out_and_said_without_their_values(self):
        column = encoded([f"customer-{row}" for row in range(100)])
        assert column.values.shape == (100, 0)
        assert column.remark == "the column 'x' is left out: 100 different strings in 100 rows"

    def test_times_in_text_are_read_as_time_of_day(self):
        values = [datetime(2024, 1, 1 + row % 7, row % 24, tzinfo=UTC).isoformat() for row in range(100)]
        column = encoded(values)
        assert column.remark == "the column 'x' is read as a time"
        hour_sine = column.values[:, 1]
        assert np.corrcoef(hour_sine, np.sin(2 * np.pi * (np.arange(100) % 24) / 24))[0, 1] == pytest.approx(1)
        assert encoded([datetime(2024, 1, 1 + row % 7, row % 24) for row in range(100)]).values.shape == (100, 5)

    @pytest.mark.parametrize("values", [[None] * 5, [7.0] * 5, ["same"] * 5])
    def test_what_never_varies_makes_no_column(self, values):
        assert encoded(values).values.shape == (5, 0)

    def test_lists_are_left_out_and_said(self):
        assert "cannot read its type, list" in encoded([[1.0], [2.0]]).remark

    def test_no_rows_are_standardised_to_no_rows(self):
        assert standardised(np.zeros((0, 3))).shape == (0, 0)


class TestTables:
    def test_only_features_take_part_never_personal_data_or_the_label(self, write_table):
        columns = {"x": [float(row) for row in range(60)], "phone": [f"010-{row % 3}" for row in range(60)]}
        path = write_table(["train"] * 60, ["a", "b"] * 30, columns, roles={"phone": "pii"})
        found = features_of(path)
        assert found.matrix.shape == (60, 1)
        assert found.made_of == "1 feature columns"
        assert "010" not in " ".join(found.remarks)

    def test_a_very_wide_table_is_sampled_by_column_and_projected(self, write_table):
        columns = {f"x{number}": np.random.default_rng(number).normal(size=300).tolist() for number in range(600)}
        found = features_of(write_table(["train"] * 300, ["a", "b"] * 150, columns))
        assert found.matrix.shape == (300, 256)
        assert found.remarks[0] == "of 600 feature columns, 500 drawn at random take part"

    def test_a_table_without_usable_columns_makes_a_matrix_without_columns(self, write_table):
        found = features_of(write_table(["train"] * 60, ["a", "b"] * 30, {"x": [None] * 60}))
        assert found.matrix.shape == (60, 0)

    def test_embeddings_replace_the_payload_and_rows_without_one_are_said(self, write_table, tmp_path):
        path = write_table(["train"] * 60, ["a", "b"] * 30, {"x": [0.0] * 60})
        vectors = np.random.default_rng(0).normal(size=(59, 4)).astype(np.float32)
        with EmbeddingsWriter(tmp_path / "embeddings", embedding_size=4, embedder="a network") as writer:
            ids = [f"example-{row}" for row in range(59)]
            writer.write(example_ids=ids[::-1], splits=["train"] * 59, embeddings_BD=vectors)
        found = features_of(path, embeddings=EmbeddingsTable(tmp_path / "embeddings"))
        assert found.matrix == pytest.approx(standardised(vectors[::-1]), abs=1e-5)
        assert found.kept.tolist() == [True] * 59 + [False]
        assert found.remarks == ("1 examples have no embedding and are left out",)


class TestTexts:
    def test_rows_have_length_one_and_like_texts_lie_near(self):
        matrix = text_features(["영화가 정말 재미있다", "영화가 정말 재미있었다", "xyz"])
        likeness = (matrix @ matrix.T).toarray()
        assert np.diag(likeness) == pytest.approx(1.0)
        assert likeness[0, 1] > 0.5 > likeness[0, 2] + 0.3

    def test_empty_texts_are_left_out_and_said(self, tmp_path):
        path = write_payloads(tmp_path / "texts", "text", ["good", " ", "bad", "fine"], ["a", "b", "a", "b"])
        found = features_of(path)
        assert found.kept.tolist() == [True, False, True, True]
        assert found.remarks == ("1 texts are empty and left out",)


class TestImages:
    def test_stripes_across_and_down_point_in_different_directions(self, tmp_path):
        from components.data_validation.sufficiency.image_probe_features import gradient_histograms

        across_HW = np.tile(np.sin(np.arange(64) / 2)[:, None] / 2 + 0.5, (1, 64))
        for image_HW, direction in ((across_HW, 4), (across_HW.T, 0)):
            histograms = gradient_histograms(image_HW).reshape(64, 9)
            assert (histograms.argmax(axis=1) == direction).all()
            assert histograms.max() <= 1.0

    def test_png_and_jpeg_are_read_and_what_is_no_image_is_said(self, tmp_path):
        import tensorflow as tf

        pixels = np.random.default_rng(0).integers(0, 255, (40, 30, 3)).astype(np.uint8)
        grey = tf.io.encode_png(pixels[:, :, :1]).numpy()
        files = [tf.io.encode_png(pixels).numpy(), tf.io.encode_jpeg(pixels).numpy(), grey, b"no image", b""]
        path = write_payloads(tmp_path / "images", "image", files, ["a", "b", "a", "b", "a"])
        found = features_of(path)
        assert found.kept.tolist() == [True, True, True, False, False]
        assert found.remarks[0].startswith("2 images could not be decoded here")
        assert np.isfinite(found.matrix).all()
