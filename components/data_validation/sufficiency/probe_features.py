"""A sample of an example table to the matrix that a cheap probe takes, whatever the modality.

Nothing here looks at the labels, so that permuting them later is an honest null.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from components.data_validation.sufficiency.cheap_probes import Matrix
from components.data_validation.sufficiency.probe_sample import Examples, ProbeSample
from components.data_validation.sufficiency.tabular_encoding import encode_column, standardised
from components.shared.contracts.embeddings_table import EmbeddingsTable

MAX_COLUMNS = 500
MAX_WIDTH = 256
_NUM_HASHES = 2**15
_MAX_CHARACTERS = 2000
_IMAGES_A_BATCH = 64
_MAX_REMARKS = 20


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProbeFeatures:
    """What a cheap probe sees."""

    matrix: Matrix  # shape (M, D), float; D may be 0
    kept: np.ndarray  # shape (N,), bool: which of the sample's rows these are; the others could not be read
    made_of: str  # what the columns are, in words
    remarks: tuple[str, ...] = ()  # what was left out or assumed, one sentence each


def probe_features(
    table: Examples, sample: ProbeSample, *, embeddings: EmbeddingsTable | None = None, seed: int
) -> ProbeFeatures:
    """Features of a sample of an example table; vectors of the same examples, where given, replace the payload.

    Only columns with the role `feature` take part in a tabular problem; personal data never do.
    """
    if embeddings is not None:
        return _embedding_features(table, sample, embeddings, seed)
    by_modality = {"tabular": _tabular_features, "text": _text_features, "image": _image_features}
    return by_modality[table.info.modality](table, sample, seed)


def text_features(texts: list[str]) -> sparse.csr_matrix:
    """TF-IDF of hashed character 1- to 3-grams, which need no language's words, of the first 2,000 characters.

    Shape (N, 32768), float64, rows of length 1, or 0 for an empty text.
    """
    hashing = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=_NUM_HASHES, alternate_sign=False, norm=None
    )
    counts = hashing.transform([text[:_MAX_CHARACTERS] for text in texts])
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts).tocsr()


def _tabular_features(table: Examples, sample: ProbeSample, seed: int) -> ProbeFeatures:
    names = table.info.columns_of("feature")
    remarks = []
    if len(names) > MAX_COLUMNS:
        remarks.append(f"of {len(names):,} feature columns, {MAX_COLUMNS} drawn at random take part")
        drawn = np.random.default_rng(seed).choice(len(names), MAX_COLUMNS, replace=False)
        names = tuple(names[place] for place in sorted(drawn))
    rows = _rows(table, sample, names)
    encoded = [encode_column(name, rows.column(name)) for name in names]
    said = [column.remark for column in encoded if column.remark]
    remarks += said[:_MAX_REMARKS]
    if len(said) > _MAX_REMARKS:
        remarks.append(f"and {len(said) - _MAX_REMARKS:,} more columns like these")
    matrix = np.concatenate([np.zeros((len(sample.rows), 0), np.float32), *(c.values for c in encoded)], axis=1)
    used = sum(column.values.shape[1] > 0 for column in encoded)
    return _narrowed(matrix, np.ones(len(sample.rows), bool), f"{used:,} feature columns", remarks, seed)


def _text_features(table: Examples, sample: ProbeSample, seed: int) -> ProbeFeatures:
    texts = [text or "" for text in _rows(table, sample, ("text",)).column("text").to_pylist()]
    kept = np.array([bool(text.strip()) for text in texts], dtype=bool)
    remarks = [] if kept.all() else [f"{int((~kept).sum()):,} texts are empty and left out"]
    used = [text for text, keep in zip(texts, kept, strict=True) if keep]
    matrix = text_features(used) if used else np.zeros((0, 0), np.float32)
    made_of = "character 1- to 3-grams of the text"
    return ProbeFeatures(matrix=matrix, kept=kept, made_of=made_of, remarks=tuple(remarks))


def _image_features(table: Examples, sample: ProbeSample, seed: int) -> ProbeFeatures:
    from components.data_validation.sufficiency.image_probe_features import (  # loads TensorFlow
        image_features,
        NUM_FEATURES,
    )

    parts = [(np.zeros((0, NUM_FEATURES), np.float32), np.zeros(0, bool))]
    for batch in sample.iter_batches(table, ["image"], batch_rows=_IMAGES_A_BATCH):
        parts.append(image_features(batch.column(0).to_pylist()))
    kept = np.concatenate([readable for _, readable in parts])
    lost = int((~kept).sum())
    remarks = [f"{lost:,} images could not be decoded here and are left out (WebP often cannot)"] if lost else []
    matrix = standardised(np.concatenate([features for features, _ in parts])[kept])
    return _narrowed(matrix, kept, "edge directions and colours of images at 64 px", remarks, seed)


def _embedding_features(table: Examples, sample: ProbeSample, embeddings: EmbeddingsTable, seed: int) -> ProbeFeatures:
    ids = _rows(table, sample, ("example_id",)).column("example_id").to_pylist()
    places = {example_id: place for place, example_id in enumerate(ids)}
    vectors = np.zeros((len(ids), embeddings.embedding_size), np.float32)
    kept = np.zeros(len(ids), bool)
    for batch_ids, batch_vectors in embeddings.iter_batches(splits=["train"]):
        for number, example_id in enumerate(batch_ids):
            if example_id in places:
                vectors[places[example_id]] = batch_vectors[number]
                kept[places[example_id]] = True
    lost = int((~kept).sum())
    remarks = [f"{lost:,} examples have no embedding and are left out"] if lost else []
    return _narrowed(standardised(vectors[kept]), kept, f"embeddings by {embeddings.embedder}", remarks, seed)


def _narrowed(matrix: np.ndarray, kept: np.ndarray, made_of: str, remarks: list[str], seed: int) -> ProbeFeatures:
    """A matrix of at most `MAX_WIDTH` columns: wider ones are projected on their principal axes."""
    width = min(MAX_WIDTH, len(matrix))
    if matrix.shape[1] > width > 0:
        remarks = [*remarks, f"{matrix.shape[1]:,} encoded columns are projected on {width} principal axes"]
        solver = PCA(width, svd_solver="randomized", random_state=seed)
        matrix = solver.fit_transform(matrix).astype(np.float32)
    return ProbeFeatures(matrix=matrix, kept=kept, made_of=made_of, remarks=tuple(remarks))


def _rows(table: Examples, sample: ProbeSample, columns: tuple[str, ...]) -> pa.Table:
    batches = list(sample.iter_batches(table, columns))
    schema = pa.schema([table.schema.field(name) for name in columns])
    return pa.Table.from_batches(batches) if batches else schema.empty_table()
