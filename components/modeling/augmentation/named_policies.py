"""Augmentation policies by name, or a custom one, as the data that feature store and bundle keep.

`none` leaves images as they are. `light` and `standard` hold nothing that can change a label: small moves, turns, zooms
and changes of light. `heavy` is for photos: it mirrors, crops, recolours, blurs and covers parts.
"""

from collections.abc import Mapping
import re
from typing import Any

from components.modeling.augmentation.policy_reading import Policy, policy_data
from components.modeling.augmentation.policy_transforms import CLASS_KEY
from components.modeling.augmentation.policy_trial import try_augmentation_policy
from components.shared.contracts.augmentation_policy_files import is_policy_file, read_policy_file, SUFFIXES
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json

_REPLICATE = 1  # cv2.BORDER_REPLICATE
_CUSTOM = "own"
_NAME = re.compile(r"[\w][\w .-]{0,63}")


def _affine(*, scale: list[float], move: float, rotate_deg: float, p: float, **further: Any) -> dict[str, Any]:
    """`Affine` with moves as shares of the image; the pixels of the border are repeated."""
    ranges = {"scale": scale, "translate_percent": [-move, move], "rotate": [-rotate_deg, rotate_deg]}
    return {"Affine": {**ranges, "border_mode": _REPLICATE, "p": p, **further}}


_BLUR_OR_NOISE = [
    {"GaussianBlur": {"sigma_limit": [0.5, 1.5], "p": 0.5}},
    {"GaussNoise": {"std_range": [0.02, 0.08], "p": 0.5}},
]
_HOLES = {"num_holes_range": [1, 3], "hole_height_range": [0.08, 0.25], "hole_width_range": [0.08, 0.25]}
_NAMED: dict[str, list[dict[str, Any]]] = {
    "light": [
        _affine(scale=[0.95, 1.05], move=0.03, rotate_deg=5, p=0.5),
        {"RandomBrightnessContrast": {"brightness_limit": 0.1, "contrast_limit": 0.1, "p": 0.3}},
    ],
    "standard": [
        _affine(scale=[0.9, 1.1], move=0.06, rotate_deg=10, p=0.8),
        {"RandomBrightnessContrast": {"brightness_limit": 0.2, "contrast_limit": 0.2, "p": 0.5}},
    ],
    "heavy": [
        {"OneOf": {"transforms": _BLUR_OR_NOISE, "p": 0.2}},
        {"CoarseDropout": {**_HOLES, "p": 0.3}},
        {"HorizontalFlip": {"p": 0.5}},
        _affine(scale=[0.85, 1.2], move=0.1, rotate_deg=20, p=0.7, shear=[-8, 8]),
        {"CropAndPad": {"percent": [-0.2, 0.0], "keep_size": True, "p": 0.5}},
        {"ColorJitter": {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.05, "p": 0.8}},
        {"ToGray": {"p": 0.1}},
    ],
}

NO_POLICY = "none"
POLICY_NAMES = (NO_POLICY, *_NAMED)


def named_policy(name: str) -> Policy | None:
    """An augmentation policy of this project, as `Augmenter` reads it; None for `none`.

    Raises
    ------
    ValueError
        If the name is none of `POLICY_NAMES`.
    """
    if name not in POLICY_NAMES:
        raise ValueError(f"the augmentation policy must be one of {', '.join(POLICY_NAMES)}, got {name!r}")
    return _identified(policy_data(_NAMED[name]), name) if name in _NAMED else None


def read_policy(content: Any, *, name: str = _CUSTOM, image_size: int | None = None) -> Policy:
    """A custom augmentation policy from what YAML or JSON held.

    Parameters
    ----------
    content
        A list of transforms, a mapping with `name` and `transforms`, or what `albumentations.to_dict` wrote; see
        `policy_reading`.
    name
        What it is called where `content` does not say.
    image_size
        Side of the images that it is meant for, pixels. None demands that it keeps any size.

    Returns
    -------
    dict
        What `albumentations.to_dict` writes, as JSON values, with `name` and `version`, a fingerprint of the
        transforms.

    Raises
    ------
    ContractError
        If a transform is unknown or needs more than an image, a parameter is unknown or wrong, or a transform returns
        another size or type: the message names the transform and the parameter.
    """
    given = content.get("name", name) if isinstance(content, Mapping) else name
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise ContractError(
            f"a policy's name must be letters, digits, spaces, dots and dashes, at most 64, got {given!r}"
        )
    policy = _identified(policy_data(content), given)
    try_augmentation_policy(policy, image_size=image_size)
    if given in POLICY_NAMES and policy != named_policy(given):
        raise ContractError(f"a policy of one's own must not be called {given!r}, which is a policy of this project")
    return policy


def policy_from(value: Any, *, image_size: int | None = None) -> Policy | None:
    """The augmentation policy that a problem file asks for, as feature store and bundle keep it; None for none.

    Parameters
    ----------
    value
        One of `POLICY_NAMES`, the path or fsspec URI of a YAML or JSON file, or a policy itself as `read_policy` takes
        it. None is `none`.
    image_size
        Side of the images that it is meant for, pixels. None demands that it keeps any size.

    Raises
    ------
    ValueError
        If it is neither, cannot be read, or is wrong: see `read_policy`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        return read_policy(value, image_size=image_size)
    if value in POLICY_NAMES:
        return named_policy(value)
    if not is_policy_file(value):
        raise ValueError(
            f"augmentation must be one of {', '.join(POLICY_NAMES)}, or a file that ends in {', '.join(SUFFIXES)}, "
            f"got {value!r}"
        )
    content = read_policy_file(value)
    try:
        return read_policy(content, image_size=image_size)
    except ContractError as error:
        raise ContractError(f"{value}: {error}") from error


def single_transforms(policy: Policy) -> list[tuple[str, Policy]]:
    """Every transform of a policy, also inside compositions: its name, and a policy that always applies it alone."""
    found = []
    for node in _leaf_nodes(policy["transform"]):
        root = {CLASS_KEY: "Compose", "p": 1.0, "transforms": [{**node, "p": 1.0}]}
        name = str(node[CLASS_KEY]).rsplit(".", 1)[-1]
        found.append((name, {"__version__": policy.get("__version__"), "transform": root, "name": name}))
    return found


def _leaf_nodes(node: Policy) -> list[Policy]:
    if "transforms" not in node:
        return [node]
    return [leaf for inner in node["transforms"] for leaf in _leaf_nodes(inner)]


def _identified(written: Policy, name: str) -> Policy:
    return {**written, "name": name, "version": fingerprint_json(written["transform"])}
