from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from components.shared.contracts.embedding_reference import (
    EMBEDDING_REFERENCE_FILE,
    EmbeddingReference,
    MIN_ROWS,
    read_embedding_reference,
)
from components.shared.runtime.errors import ContractError

HELD_OUT = np.random.default_rng(0).normal(loc=3.0, scale=[1.0, 10.0], size=(2000, 2)).astype(np.float32)


@pytest.fixture
def reference() -> EmbeddingReference:
    return EmbeddingReference.fitted(HELD_OUT)


def test_a_distance_is_counted_in_standard_deviations_whatever_the_unit():
    reference = EmbeddingReference(
        center=np.array([1.0, 2.0], np.float32),
        scale=np.array([0.5, 10.0], np.float32),
        distances=np.array([0.0, 1.0], np.float32),
    )
    assert reference.distances_of(np.array([[1.0, 2.0], [2.0, 22.0], [2.5, 42.0]])).tolist() == pytest.approx(
        [0.0, 2.0, np.sqrt((9 + 16) / 2)]
    )


def test_beyond_a_quantile_lies_its_share_of_the_held_out_rows(reference):
    for quantile in (0.5, 0.9, 0.99):
        share = np.mean(reference.distances_of(HELD_OUT) > reference.distance_at(quantile))
        assert share == pytest.approx(1.0 - quantile, abs=0.001)


def test_a_number_that_never_varied_counts_by_the_others(reference):
    constant = np.column_stack([HELD_OUT[:, :1], np.zeros(len(HELD_OUT))])
    fitted = EmbeddingReference.fitted(constant)
    assert fitted.scale[1] == pytest.approx(fitted.scale[0] / np.sqrt(2))
    assert EmbeddingReference.fitted(np.zeros((MIN_ROWS, 3))).scale.tolist() == [1.0] * 3


def test_an_embedding_that_is_no_number_is_infinitely_far(reference):
    given = np.array([[np.nan, 0.0], [np.inf, 0.0], [1e200, 0.0]])
    assert reference.distances_of(given).tolist() == [np.inf] * 3


@pytest.mark.parametrize("rows", [HELD_OUT[: MIN_ROWS - 1], np.full((MIN_ROWS, 2), np.nan), HELD_OUT[:, 0]])
def test_too_few_rows_or_none_that_are_numbers_make_no_reference(rows):
    with pytest.raises(ValueError, match="embeddings must be finite, of 100 rows or more"):
        EmbeddingReference.fitted(rows)


def test_embeddings_of_another_model_are_refused(reference):
    with pytest.raises(ValueError, match=r"embeddings must be \(N, 2\), got \(3, 5\)"):
        reference.distances_of(np.zeros((3, 5)))


def test_a_bundle_carries_it(reference, tmp_path):
    assert read_embedding_reference(tmp_path) is None
    (tmp_path / EMBEDDING_REFERENCE_FILE).write_bytes(reference.to_bytes())
    read = read_embedding_reference(tmp_path)
    for name in ("center", "scale", "distances"):
        assert np.array_equal(getattr(read, name), getattr(reference, name))
    assert reference.to_bytes() == EmbeddingReference.fitted(HELD_OUT).to_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no tensors", "must be a safetensors file"),
        (lambda tensors: save(tensors), "format_version"),
        (lambda tensors: save(tensors, {"format_version": "2"}), "format_version"),
        (lambda tensors: save({"center": tensors["center"]}, {"format_version": "1"}), "must hold center, distances"),
        (lambda tensors: save({**tensors, "scale": 0 * tensors["scale"]}, {"format_version": "1"}), "scale must be"),
    ],
)
def test_a_damaged_file_or_a_newer_one_is_refused(reference, tmp_path, content, reason):
    written = content if isinstance(content, bytes) else content(load(reference.to_bytes()))
    (tmp_path / EMBEDDING_REFERENCE_FILE).write_bytes(written)
    with pytest.raises(ContractError, match=reason):
        read_embedding_reference(tmp_path)


def test_what_goes_not_together_is_refused(reference):
    for given in ({"center": np.zeros(3)}, {"distances": np.array([2.0, 1.0])}, {"scale": np.array([np.nan, 1.0])}):
        with pytest.raises(ContractError):
            replace(reference, **given)
