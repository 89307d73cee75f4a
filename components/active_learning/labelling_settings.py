"""What one round of labelling is asked for, in one text: how many labels, chosen how, with which help of the model."""

from dataclasses import field
from typing import Annotated

from annotated_types import Ge

from components.active_learning.queue.settings import QueueSettings
from components.active_learning.selection.budget import shares_from
from components.shared.runtime.settings import parse_settings, settings_model


@settings_model
class LabellingSettings:
    """The settings of a round.

    Attributes
    ----------
    budget
        How many examples people are asked about.
    strategies
        Shares of the budget such as `margin=0.8,random=0.2`, or one strategy by name; empty takes the default.
    dropout_passes
        How often each row of the pool is answered with dropout, for `mutual_information`; 0 for not at all.
    pseudo_labels
        Whether the model proposes labels of its own, which the guard admits or refuses.
    queue
        What people see.
    """

    budget: Annotated[int, Ge(1)] = 200
    strategies: str = ""
    dropout_passes: Annotated[int, Ge(0)] = 0
    pseudo_labels: bool = True
    queue: QueueSettings = field(default_factory=QueueSettings)

    def __post_init__(self) -> None:
        shares = shares_from(self.strategies)
        if "mutual_information" in shares and self.dropout_passes < 2:
            raise ValueError(
                f"dropout_passes must be at least 2 for the strategy mutual_information, got {self.dropout_passes}"
            )


def parse_labelling(text: str) -> LabellingSettings:
    """Read the settings from YAML or JSON such as `{budget: 300, strategies: "entropy=0.8,random=0.2"}`.

    An empty text gives the defaults.

    Raises
    ------
    ContractError
        If it is no mapping, or a key or value is unknown.
    """
    return parse_settings(LabellingSettings, text, where="the labelling settings", key="labelling")
