"""Whether a folder is a model of Hugging Face's."""

from pathlib import Path

from components.shared.runtime.atomic_files import read_json


def is_hugging_face_folder(path: str | Path) -> bool:
    """Whether a folder is Hugging Face's, not a bundle: its config.json names a type of model."""
    config = Path(path) / "config.json"
    return config.is_file() and "model_type" in read_json(config, what="the model's config")
