"""Where a model's embeddings of held-out rows lie, so that a served row which lies far from them is known.

`embedding_reference.safetensors` among a bundle's files: `center` and `scale`, shape (D,), and `distances`, shape (Q,),
the quantiles 0 to 1 of how far these rows themselves lie. Shapes: N rows, D numbers of an embedding.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from safetensors import safe_open, SafetensorError
from safetensors.numpy import save

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.errors import ContractError

EMBEDDING_REFERENCE_FILE = "embedding_reference.safetensors"
FORMAT_VERSION = 1
# Fewer rows say nothing of the hundredth that lies farthest.
MIN_ROWS = 100
_NUM_QUANTILES = 1001
_NAMES = ("center", "distances", "scale")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EmbeddingReference:
    """Embeddings of held-out rows, summarised.

    Attributes
    ----------
    center, scale
        Shape (D,), float32: mean and standard deviation of each number; one that never varied has the others' root mean
        square for its scale.
    distances
        Shape (Q,), float32, ascending: quantiles of the rows' own distances, at equal steps from 0 to 1.

    Raises
    ------
    ContractError
        If shapes do not go together, or a number is not finite, or a scale not above 0.
    """

    center: np.ndarray
    scale: np.ndarray
    distances: np.ndarray

    def __post_init__(self) -> None:
        shapes = (self.center.shape, self.scale.shape, self.distances.shape)
        if self.center.ndim != 1 or shapes[0] != shapes[1] or self.distances.ndim != 1 or len(self.distances) < 2:
            raise ContractError(f"center and scale must be (D,) and distances (Q,) of 2 or more, got {shapes}")
        if not all(np.isfinite(values).all() for values in (self.center, self.scale, self.distances)):
            raise ContractError("center, scale and distances must be finite numbers")
        if not (self.scale > 0).all() or (np.diff(self.distances) < 0).any():
            raise ContractError("scale must be above 0, and distances must ascend")

    @classmethod
    def fitted(cls, embeddings: np.ndarray) -> Self:
        """The reference of rows that the model was not fitted to.

        Parameters
        ----------
        embeddings
            Shape (N, D), float, finite; N at least `MIN_ROWS`.

        Raises
        ------
        ValueError
            If there are fewer rows, or a number is not finite.
        """
        if embeddings.ndim != 2 or len(embeddings) < MIN_ROWS or not np.isfinite(embeddings).all():
            raise ValueError(f"embeddings must be finite, of {MIN_ROWS} rows or more, got {embeddings.shape}")
        center = embeddings.mean(axis=0, dtype=np.float64)
        spread = embeddings.std(axis=0, dtype=np.float64)
        usual = np.sqrt(np.mean(spread**2)) or 1.0
        scale = np.where(spread > 0.0, spread, usual)
        distances = np.quantile(_distances(embeddings, center, scale), np.linspace(0.0, 1.0, _NUM_QUANTILES))
        given = {"center": center, "scale": scale, "distances": distances}
        return cls(**{name: values.astype(np.float32) for name, values in given.items()})

    def distances_of(self, embeddings: np.ndarray) -> np.ndarray:
        """How far rows lie from the center, in scales: the root mean square over the numbers of an embedding.

        Parameters
        ----------
        embeddings
            Shape (N, D), float.

        Returns
        -------
        np.ndarray
            Shape (N,), float64, 0 or more; infinite for an embedding that is not finite.

        Raises
        ------
        ValueError
            If embeddings have another D.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != len(self.center):
            raise ValueError(f"embeddings must be (N, {len(self.center)}), got {embeddings.shape}")
        found = _distances(embeddings, self.center, self.scale)
        return np.where(np.isfinite(found), found, np.inf)

    def distance_at(self, quantile: float) -> float:
        """The distance beyond which a share of `1 - quantile` of the held-out rows lies; `quantile` from 0 to 1."""
        return float(np.interp(quantile, np.linspace(0.0, 1.0, len(self.distances)), self.distances))

    def to_bytes(self) -> bytes:
        """The file's content."""
        tensors = {"center": self.center, "distances": self.distances, "scale": self.scale}
        return save(tensors, metadata={"format_version": str(FORMAT_VERSION)})


def read_embedding_reference(bundle: str | Path) -> EmbeddingReference | None:
    """A bundle's reference; None where it has none: models of earlier releases, or of few held-out rows.

    Raises
    ------
    ContractError
        If the file is damaged or of a newer version.
    """
    file = Path(bundle) / EMBEDDING_REFERENCE_FILE
    if not file.is_file():
        return None
    try:
        with safe_open(str(file), framework="numpy") as opened:
            version = (opened.metadata() or {}).get("format_version", "")
            found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # it is no mapping
    except (SafetensorError, OSError) as error:
        raise ContractError(f"{file} must be a safetensors file: {error}") from error
    check_format_version(
        int(version) if version.isdigit() else None,
        newest=FORMAT_VERSION,
        contract="the embedding reference",
        where=file,
    )
    if sorted(found) != sorted(_NAMES):
        raise ContractError(f"{file} must hold {', '.join(_NAMES)}, got {', '.join(sorted(found))}")
    try:
        return EmbeddingReference(**found)
    except ContractError as error:
        raise ContractError(f"{file} is damaged: {error}") from error


def _distances(embeddings: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        found: np.ndarray = np.sqrt(np.mean(((embeddings.astype(np.float64) - center) / scale) ** 2, axis=1))
    return found
