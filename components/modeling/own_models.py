"""Models of a team's own: a function named by its import path builds them, where it is allowed to.

A bundle names the function that builds its network. Loading a bundle must never run what somebody wrote into it, so a
function counts only where the environment names it: the image that holds the code also holds the permission.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from torch import nn

from components.modeling.backbone_config import is_own_model
from components.modeling.features import Features
from components.shared.fingerprints import fingerprint_bytes, fingerprint_json

ALLOWED_VARIABLE = "PLUSZERO_OWN_MODELS"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnModelConfig:
    """What a team's `build(config)` is told.

    Attributes
    ----------
    modality
        `image`, `text` or `tabular`.
    num_classes
        K, the number of logits that `forward` must return.
    features
        How examples are prepared: `features.image_size`, for one.
    options
        The `training.options` of the problem file.
    load_pretrained
        Whether training starts now, so that published weights make sense; False when a bundle's weights follow.
    """

    modality: str
    num_classes: int
    features: Features
    options: Mapping[str, Any] = field(default_factory=dict)
    load_pretrained: bool = True


def build_own_model(path: str, config: OwnModelConfig) -> nn.Module:
    """Build a network with a team's own function.

    Parameters
    ----------
    path
        `<package.module>:<function>`.
    config
        What the function is told.

    Returns
    -------
    torch.nn.Module
        `forward` takes the tensors of the features and returns logits of the shape (B, K).

    Raises
    ------
    ValueError
        If the environment does not allow the function, it cannot be imported, or it returns no module.
    """
    check_allowed(path)
    module_name, _, function_name = path.partition(":")
    try:
        build = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the model {path} must be a function that can be imported, but: {error}; is its code in the image, and "
            "its folder on PYTHONPATH?"
        ) from error
    network = build(config)
    if not isinstance(network, nn.Module):
        raise ValueError(f"the model {path} must return a torch.nn.Module, got {type(network).__name__}")
    return network


def own_model_fingerprint(name: str) -> str | None:
    """Fingerprint of the code behind a model of one's own: every Python file of its top-level package.

    Parameters
    ----------
    name
        A backbone's name.

    Returns
    -------
    str or None
        None where the backbone is one of this project's.
    """
    if not is_own_model(name):
        return None
    top = name.partition(":")[0].partition(".")[0]
    found = importlib.util.find_spec(top)
    if found is None or (found.origin is None and not found.submodule_search_locations):
        return None
    folders = [Path(folder) for folder in found.submodule_search_locations or ()]
    files = [(file.relative_to(folder), file) for folder in folders for file in sorted(folder.rglob("*.py"))]
    single = Path(str(found.origin))
    named = files or [(Path(single.name), single)]
    return fingerprint_json([[str(name), fingerprint_bytes(file.read_bytes())] for name, file in named])


def check_allowed(path: str) -> None:
    """Check that the environment allows a function.

    Raises
    ------
    ValueError
        If it does not.
    """
    allowed = [name.strip() for name in os.environ.get(ALLOWED_VARIABLE, "").split(",") if name.strip()]
    if path not in allowed:
        raise ValueError(
            f"the model {path} runs code that is not this project's, which must be allowed: "
            f"set {ALLOWED_VARIABLE}={path} where that code may run; it is {', '.join(allowed) or 'empty'}"
        )
