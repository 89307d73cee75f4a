"""Hugging Face's hub: models and tokenizers by name, without code from there, and nothing is reported to it."""

from collections.abc import Mapping
import os
from pathlib import Path
from typing import Any

from components.shared.runtime.atomic_files import read_json

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

# Settings that may name code at the hub: a model must not choose what code runs where it is loaded.
_NAMES_CODE = ("auto_map", "attn_implementation", "experts_implementation")


def loaded_by_name(loader: str, name: str, **settings: Any) -> Any:
    """What transformers' `AutoTokenizer`, `AutoConfig` or `AutoModel` finds: at the hub, in its cache, or in a folder.

    ValueError if nothing is there, the hub cannot be reached, or the model needs code of its own.
    """
    import transformers

    try:
        return getattr(transformers, loader).from_pretrained(name, trust_remote_code=False, **settings)
    except (OSError, ValueError, ImportError, KeyError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"the Hugging Face model {name} must be a folder, in the local cache, or at a hub that can be reached, "
            f"with safetensors weights and no code of its own: {first_line}"
        ) from error


def loaded_from_folder(loader: str, folder: str | Path, **settings: Any) -> Any:
    """What transformers' `AutoTokenizer` or `AutoModelFor...` finds in a local folder.

    No network, no pickled weights, no code that the folder or its config names. ValueError if it cannot be loaded so.
    """
    import transformers

    try:
        if loader != "AutoTokenizer":
            written = without_code(read_json(Path(folder) / "config.json", what="the model's config"))
            config = transformers.AutoConfig.for_model(written.pop("model_type"), **written)
            settings = {**settings, "config": config, "use_safetensors": True}
        return getattr(transformers, loader).from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **settings
        )
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"the Hugging Face model in {folder} must be one that transformers knows, with safetensors weights and no "
            f"code of its own: {first_line}"
        ) from error


def without_code(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that may name code, at any depth."""
    return {
        name: without_code(value) if isinstance(value, Mapping) else value
        for name, value in settings.items()
        if str(name).lstrip("_") not in _NAMES_CODE
    }
