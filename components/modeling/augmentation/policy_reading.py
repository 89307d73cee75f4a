"""A custom augmentation policy, YAML or JSON, as albumentations' dictionary.

Two forms are read: a list of transforms, each a name or a mapping of one name to its parameters, alone or under
`transforms` beside a `name`; and the dictionary that `albumentations.to_dict` writes. Errors name the transform and the
parameter.
"""

from collections.abc import Mapping
import json
from typing import Any

from components.modeling.augmentation.policy_transforms import (
    build_transform,
    CLASS_KEY,
    COMPOSITIONS,
    inherited_parameters,
    written_transform,
)
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.shared.runtime.errors import ContractError

Policy = dict[str, Any]

_KEYS = ("name", "version", "transforms", "p")
_KEYS_OF_ALBUMENTATIONS = ("name", "version", "transform", "__version__")
_OTHER_TARGETS = ("bbox_params", "keypoint_params", "additional_targets", "mask_interpolation")
_MAX_DEPTH = 8
_FORM = "a list of transforms such as [{HorizontalFlip: {p: 0.5}}, {Affine: {rotate: [-10, 10]}}]"


def policy_data(content: Any) -> Policy:
    """Albumentations' dictionary of a policy, every parameter given, as JSON values: reading it again changes nothing.

    ContractError if the form is none of the two, or a transform or parameter is wrong.
    """
    root = _root(content)
    # Once more, for albumentations turns whole numbers into others only where they are given.
    transform = _written(_plain(_written(root)))
    return {"__version__": albumentations.__version__, "transform": _plain(transform)}


def _root(content: Any) -> Any:
    if not isinstance(content, Mapping):
        return {CLASS_KEY: "Compose", "transforms": content}
    if CLASS_KEY in content:
        return _composed(content)
    known = _KEYS_OF_ALBUMENTATIONS if "transform" in content else _KEYS
    unknown = [key for key in content if key not in known]
    if unknown:
        raise ContractError(f"a policy's keys must be name and transforms, got {unknown[0]!r}; write {_FORM}")
    if "transform" in content:
        return _composed(content["transform"])
    return {CLASS_KEY: "Compose", "transforms": content.get("transforms"), "p": content.get("p", 1.0)}


def _composed(transform: Any) -> Any:
    name, _ = _named(transform)
    return transform if name == "Compose" else {CLASS_KEY: "Compose", "transforms": [transform]}


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def _written(content: Any) -> Policy:
    return _read(content, depth=0)[1]


def _read(content: Any, *, depth: int) -> tuple[Any, Policy]:
    """A transform, and the same as data."""
    if depth > _MAX_DEPTH:
        raise ContractError(f"transforms must hold one another at most {_MAX_DEPTH} deep")
    name, parameters = _named(content)
    if name not in COMPOSITIONS:
        if "transforms" in parameters:
            raise ContractError(f"the transform {name} holds no others; those that do are {', '.join(COMPOSITIONS)}")
        transform = build_transform(name, parameters)
        return transform, written_transform(transform, parameters)
    inner = _read_list(
        parameters.pop("transforms", None), "the policy" if depth == 0 else f"the transform {name}", depth
    )
    if name == "Compose":
        _drop_other_targets(parameters)
        parameters = {"p": 1.0, **parameters}
    transform = build_transform(name, parameters, [transform for transform, _ in inner])
    return transform, {**transform.to_dict_private(), "transforms": [written for _, written in inner]}


def _read_list(content: Any, holder: str, depth: int) -> list[tuple[Any, Policy]]:
    if not isinstance(content, list | tuple):
        raise ContractError(f"{holder} must hold {_FORM}, got {content!r}")
    if not content:
        raise ContractError(f"{holder} must hold one transform at least, got none; for no augmentation ask for none")
    return [_read(item, depth=depth + 1) for item in content]


def _named(content: Any) -> tuple[Any, dict[str, Any]]:
    """A transform's name and parameters."""
    if isinstance(content, str):
        return content, {}
    if isinstance(content, Mapping) and CLASS_KEY in content:
        name = str(content[CLASS_KEY]).removeprefix("albumentations.")
        left_out = {CLASS_KEY} if name in COMPOSITIONS else {CLASS_KEY, *inherited_parameters(name)}
        return name, {key: value for key, value in content.items() if key not in left_out}
    if not isinstance(content, Mapping) or len(content) != 1:
        raise ContractError(
            f"a transform must be a name, or one name with its parameters, got {content!r}; write {_FORM}"
        )
    [(name, parameters)] = content.items()
    if not isinstance(parameters, Mapping | None):
        raise ContractError(f"the parameters of {name} must be a mapping such as {{p: 0.5}}, got {parameters!r}")
    return name, dict(parameters or {})


def _drop_other_targets(parameters: Policy) -> None:
    parameters.pop("is_check_shapes", None)
    for key in _OTHER_TARGETS:
        if parameters.pop(key, None):
            raise ContractError(f"the parameter {key} of Compose must be left out: a policy sees the image alone")
