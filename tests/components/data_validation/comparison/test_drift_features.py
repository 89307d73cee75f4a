import numpy as np
import pyarrow as pa

from components.data_validation.comparison.drift_features import binned_features, embedding_matrix, joint_vectors
from components.data_validation.tables.arrow_lists import ExaminedColumn, MASKED


def column(name: str, kind: str, role: str = "feature") -> ExaminedColumn:
    return ExaminedColumn(name=name, role=role, kind=kind)


def test_whole_numbers_and_fractions_are_compared_and_numbers_and_texts_are_not():
    reference = pa.table({"a": [1, 2, 3], "b": [1, 2, 3]})
    current = pa.table({"a": [1.5, 2.0, None], "b": ["x", "y", "z"]})
    found = binned_features(
        reference,
        current,
        reference_columns=[column("a", "integer"), column("b", "integer")],
        current_columns=[column("a", "float"), column("b", "category")],
    )
    assert [feature.name for feature in found] == ["a"]
    assert (found[0].kind, found[0].current.tolist().count(0)) == ("number", 1)


def test_categories_of_both_sides_share_their_bins_and_keep_missing_apart():
    columns = [column("shop", "category")]
    (feature,) = binned_features(
        pa.table({"shop": ["a", "b", None]}),
        pa.table({"shop": ["b", "c", "b"]}),
        reference_columns=columns,
        current_columns=columns,
    )
    names = ("missing", *feature.bin_names)
    assert [names[code] for code in feature.reference] == ["a", "b", "missing"]
    assert [names[code] for code in feature.current] == ["b", "c", "b"]


def test_of_personal_data_only_what_is_missing_is_compared():
    columns = [column("phone", "masked", "pii")]
    (feature,) = binned_features(
        pa.table({"phone": ["010", "011"]}),
        pa.table({"phone": [None, "012"]}),
        reference_columns=columns,
        current_columns=columns,
    )
    assert feature.bin_names == (MASKED,)
    assert feature.current.tolist() == [0, 1]


def test_the_label_takes_no_part_in_the_joint_comparison():
    columns = [column("x", "float"), column("y", "float"), column("label", "category", "label")]
    rng = np.random.default_rng(0)
    sides = [pa.table({"x": rng.random(9), "y": rng.random(9), "label": ["a", "b", "c"] * 3}) for _ in range(2)]
    features = binned_features(*sides, reference_columns=columns, current_columns=columns)
    vectors = joint_vectors(features, columns)
    assert vectors is not None
    assert vectors[0].shape == (9, 2)
    assert joint_vectors(features[:1], columns) is None


def test_embeddings_are_taken_where_they_are_vectors_of_one_length():
    lists = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2))
    assert embedding_matrix(pa.table({"embedding": lists}), "embedding").tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert embedding_matrix(pa.table({"embedding": [[1.0], [2.0, 3.0]]}), "embedding") is None
    assert embedding_matrix(pa.table({"embedding": [[1.0], None]}), "embedding") is None
    assert embedding_matrix(pa.table({"x": [1.0]}), "embedding") is None
