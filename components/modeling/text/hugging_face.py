"""Hugging Face's hub: models and tokenizers by name, without code from there, and nothing is reported to it."""

import os
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


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
