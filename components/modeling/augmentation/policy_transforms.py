"""The transforms that an augmentation policy may hold, and what their parameters may be."""

from collections.abc import Iterator, Mapping, Sequence
import difflib
import inspect
import json
from typing import Any
import warnings

import cv2
from pydantic import ValidationError

# Its transforms enter albumentations' registry: so an augmentation policy may name them.
import components.modeling.augmentation.fourier_transforms  # noqa: F401
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.shared.runtime.errors import ContractError

_REGISTRY = albumentations.core.serialization.SERIALIZABLE_REGISTRY

CLASS_KEY = "__class_fullname__"  # of albumentations' own dictionaries
COMPOSITIONS = ("Compose", "Sequential", "OneOf", "SomeOf", "RandomOrder", "OneOrOther", "SelectiveChannelTransform")

# What constructing or applying a transform with a person's values can raise.
TRANSFORM_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, NotImplementedError, cv2.error)

_NEEDS = {
    "Lambda": "it runs code, and a policy is data",
    "ReplayCompose": "nothing reads its record: use Compose",
    "TextImage": "it needs font files and texts, and a policy sees the image alone",
    **dict.fromkeys(
        ("FDA", "HistogramMatching", "PixelDistributionAdaptation", "Mosaic", "OverlayElements"),
        "it needs other images, and a policy sees one image alone",
    ),
    **dict.fromkeys(
        ("MaskDropout", "CropNonEmptyMaskIfExists", "ConstrainedCoarseDropout"),
        "it needs masks, and a policy sees the image alone",
    ),
    **dict.fromkeys(
        ("RandomCropNearBBox", "BBoxSafeRandomCrop", "RandomSizedBBoxSafeCrop", "AtLeastOneBBoxRandomCrop"),
        "it needs bounding boxes, and a policy sees the image alone",
    ),
}
_ABSTRACT = (
    "DualTransform",
    "ImageOnlyTransform",
    "MaxSizeTransform",
    "BboxParams",
    "KeypointParams",
    "BasicTransform",
)
_OF_COMPOSITIONS = ("p", "n", "replace", "channels")


def build_transform(name: Any, parameters: Mapping[str, Any], children: Sequence[Any] = ()) -> Any:
    """A transform of albumentations by its name, with JSON values as parameters; a composition holds `children`.

    ContractError names the transform and the parameter: if it is unknown or needs more than an image, or a value is
    wrong.
    """
    kind = _kind(name)
    known = known_parameters(kind)
    for parameter, value in parameters.items():
        if parameter not in known:
            raise ContractError(
                f"the transform {name} has no parameter {parameter!r}{_similar(str(parameter), known)}; "
                f"it takes {', '.join(known)}"
            )
        _check_json(name, parameter, value)
    share = parameters.get("p", 0.5)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ContractError(f"the parameter p of the transform {name} must be a number from 0 to 1, got {share!r}")
    return _built(kind, str(name), parameters, children)


def transform_names() -> list[str]:
    """Names of the transforms that a policy may hold."""
    names = (name for name, kind in _REGISTRY.items() if not _is_abstract(name) and not _trouble(name, kind))
    return sorted(
        name for name in names if name in COMPOSITIONS or not issubclass(_REGISTRY[name], albumentations.BaseCompose)
    )


def known_parameters(kind: type) -> list[str]:
    """Names of the arguments that a policy may set on a transform's class."""
    names = [name for name in inspect.signature(kind).parameters if name != "strict"]
    return (
        [name for name in names if name in _OF_COMPOSITIONS] if issubclass(kind, albumentations.BaseCompose) else names
    )


def written_transform(transform: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """`__class_fullname__` and parameters of a transform, no composition, that was built with the `given` ones.

    `albumentations.to_dict` also writes arguments of parent classes that the transform does not take, and leaves out
    some that it took; here they are exactly those that it takes.
    """
    written = transform.to_dict_private()
    known = known_parameters(type(transform))
    kept = {name: value for name, value in written.items() if name in known or name == CLASS_KEY}
    return {**{name: value for name, value in given.items() if name not in kept}, **kept}


def inherited_parameters(name: str) -> set[str]:
    """Arguments of a transform's parent classes, which `albumentations.to_dict` writes though it does not take them."""
    kind = _REGISTRY.get(name)
    if kind is None:
        return set()
    taken = {argument for parent in kind.__mro__ for argument in _init_parameters(parent)}
    return taken - set(known_parameters(kind))


def _init_parameters(kind: type) -> list[str]:
    return list(inspect.signature(vars(kind)["__init__"]).parameters) if "__init__" in vars(kind) else []


def leaves(transform: Any) -> Iterator[Any]:
    """Transforms that are no compositions, in the policy's order."""
    if isinstance(transform, albumentations.BaseCompose):
        for inner in transform.transforms:
            yield from leaves(inner)
    else:
        yield transform


def reason_of(error: Exception) -> str:
    """An error of albumentations as one short line."""
    return " ".join(str(error).split()) or type(error).__name__


def _kind(name: Any) -> Any:
    if not isinstance(name, str) or (name not in _REGISTRY and name not in _NEEDS) or _is_abstract(name):
        raise ContractError(
            f"albumentations has no transform {name!r}{_similar(str(name), transform_names())}; "
            f"its names are those of albumentations {albumentations.__version__}"
        )
    trouble = _trouble(name, _REGISTRY.get(name))
    if trouble:
        raise ContractError(f"a policy cannot hold the transform {name}: {trouble}")
    return _REGISTRY[name]


def _is_abstract(name: str) -> bool:
    return name.startswith(("Base", "_")) or name in _ABSTRACT


def _trouble(name: str, kind: Any) -> str:
    if name in _NEEDS:
        return _NEEDS[name]
    if name.endswith("3D") or (isinstance(kind, type) and issubclass(kind, albumentations.Transform3D)):
        return "it needs volumes, and a policy sees one image alone"
    return ""


def _similar(name: str, known: Sequence[str]) -> str:
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.6)
    return f", did you mean {' or '.join(folded[match] for match in close)}?" if close else ""


def _check_json(name: Any, parameter: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"the parameter {parameter} of the transform {name} must be JSON (numbers, words, lists, mappings), "
            f"got {value!r}"
        ) from error


def _built(kind: Any, name: str, parameters: Mapping[str, Any], children: Sequence[Any]) -> Any:
    given = dict(parameters)
    if issubclass(kind, albumentations.BaseCompose):
        given["transforms"] = list(children)
    elif _is_validated(kind):
        given["strict"] = True  # else a value that cannot be checked becomes the default, with a warning
    try:
        with warnings.catch_warnings(action="ignore"):
            return kind(**given)
    except TRANSFORM_ERRORS as error:
        raise ContractError(_wrong_value(name, parameters, error)) from error


def _is_validated(kind: Any) -> bool:
    owner = next(parent for parent in kind.__mro__ if "__init__" in vars(parent))
    return "InitSchema" in vars(owner)


def _wrong_value(name: str, parameters: Mapping[str, Any], error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        found = [(problem["loc"], problem["msg"].removeprefix("Value error, ")) for problem in cause.errors()]
        parameter = next((str(place[0]) for place, _ in found if place), "")
        reasons = list(dict.fromkeys(text for place, text in found if not place or str(place[0]) == parameter))
        reason = " or ".join(reasons[:2])
        if parameter and parameter not in parameters:
            return f"the transform {name} needs the parameter {parameter}: {reason}"
        if parameter:
            return f"the parameter {parameter} of the transform {name} is {parameters[parameter]!r}, but: {reason}"
        return f"the parameters of the transform {name} do not go together: {reason}"
    given = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    return f"the transform {name} cannot be built with {given or 'no parameters'}: {reason_of(error)}"
