"""The classes that a problem file names for the analysis: whether the data have them is known before the training.

Nothing else of the target is in it: another minimum asks for no other training.
"""

from collections.abc import Sequence
from dataclasses import asdict, field
import json

from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.target_spec import check_two_classes, TargetSpec
from components.shared.runtime.settings import parse_settings, settings_model


@settings_model
class AskedClasses:
    """What is asked of the classes of a model.

    Attributes
    ----------
    names
        Classes by the keys that name them: `target.at.positive`, `fairness.positive`.
    must_be_two
        Whether a threshold is asked for, which models of two classes have.
    """

    names: dict[str, str] = field(default_factory=dict)
    must_be_two: bool = False

    def check(self, class_names: Sequence[str]) -> None:
        """Raise `ValueError` where the classes are not those that are asked for."""
        if self.must_be_two:
            check_two_classes(class_names)
        for key, name in self.names.items():
            if name not in class_names:
                raise ValueError(f"{key} must be one of {', '.join(class_names)}, got {name!r}")

    def to_json(self) -> str:
        """As `parse_asked_classes` reads it."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)


def asked_classes(target: TargetSpec, fairness: FairnessSpec) -> AskedClasses:
    """What the two sections ask of the classes."""
    named = {
        "target.at.positive": None if target.at is None else target.at.positive,
        "fairness.positive": fairness.positive,
    }
    return AskedClasses(
        names={key: name for key, name in named.items() if name is not None}, must_be_two=target.at is not None
    )


def parse_asked_classes(text: str) -> AskedClasses:
    """Read what `AskedClasses.to_json` wrote; an empty text asks for nothing.

    Raises
    ------
    ContractError
        If it is something else.
    """
    return parse_settings(AskedClasses, text, where="the asked classes", key="asked_classes")
