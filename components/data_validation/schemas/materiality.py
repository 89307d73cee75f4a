"""When a difference between two splits matters: it needs to be more than chance, and large enough to care about.

Splits of one source differ by chance alone. A difference blocks only with two keys: the chance of seeing it in a
random split is small, all comparisons counted, and its size is material.
"""

from dataclasses import dataclass
import math

from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.verdict import Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Materiality:
    """The sizes from which a difference matters; shares and rates lie between 0 and 1.

    Attributes
    ----------
    false_alarm_rate
        Chance, over all comparisons of a run, that a random split of one source is called different.
    unseen_share, unseen_share_watched
        Share of a split's rows with categories that training never saw, for columns that a model reads, and for those
        that it does not read (derived, slice and sensitive ones).
    missing_change_warning, missing_change_blocking
        Difference between two splits' shares of missing values.
    imbalance_ratio
        Training examples of the largest class for one of the smallest.
    any_unseen_class_blocks
        Whether a class that the reference never had blocks whatever its chance, as it does between splits. Where False,
        one that chance explains is a warning: a sample of later data may well be the first to hold a rare class.
    """

    false_alarm_rate: float = 0.01
    unseen_share: float = 0.01
    unseen_share_watched: float = 0.10
    missing_change_warning: float = 0.05
    missing_change_blocking: float = 0.20
    imbalance_ratio: float = 10.0
    any_unseen_class_blocks: bool = True

    def __post_init__(self) -> None:
        shares = (
            self.false_alarm_rate,
            self.unseen_share,
            self.unseen_share_watched,
            self.missing_change_warning,
            self.missing_change_blocking,
        )
        if any(not 0.0 < share < 1.0 for share in shares):
            raise ValueError(f"rates and shares must lie between 0 and 1, got {shares}")
        if self.imbalance_ratio <= 1.0:
            raise ValueError(f"imbalance_ratio must be above 1, got {self.imbalance_ratio}")


def unseen_chance(count: int, *, num_reference: int, num_current: int) -> float:
    """Chance, 0 to 1, that all `count` rows of a category fall into the current split when rows are split at random.

    It is the product over i of (num_current - i) / (num_reference + num_current - i), i from 0 to count - 1.
    """
    if count > num_current:
        raise ValueError(f"count must be at most num_current, got {count} of {num_current}")
    chance = 1.0
    for i in range(count):
        chance *= (num_current - i) / (num_reference + num_current - i)
        if chance < 1e-30:
            return 0.0
    return chance


def share_change_chance(count_a: int, total_a: int, count_b: int, total_b: int) -> float:
    """Chance, 0 to 1 and two-sided, of a difference at least this large between two shares of one population.

    The pooled two-proportion z test with Yates' continuity correction: Fleiss, Levin and Paik, Statistical Methods for
    Rates and Proportions, 3rd ed., section 3.3. Both totals are 1 or more.
    """
    pooled = (count_a + count_b) / (total_a + total_b)
    if pooled in (0.0, 1.0):
        return 1.0
    correction = (1 / total_a + 1 / total_b) / 2
    difference = max(abs(count_a / total_a - count_b / total_b) - correction, 0.0)
    error = math.sqrt(pooled * (1 - pooled) * (1 / total_a + 1 / total_b))
    return math.erfc(difference / error / math.sqrt(2))


def unseen_severity(
    share: float, chance: float, *, role: ColumnRole, whole_groups: bool, materiality: Materiality
) -> Severity:
    """Severity of categories that training never saw, by their share of the rows and the chance of the least likely.

    An unseen label blocks whatever its share, for the model cannot predict it; whatever its chance too where
    `any_unseen_class_blocks`. With `whole_groups` the chance is not known, and nothing but a label blocks.
    """
    if role == "label":
        expected = not materiality.any_unseen_class_blocks and chance >= materiality.false_alarm_rate
        return "warning" if expected else "blocking"
    if chance >= materiality.false_alarm_rate or share < materiality.unseen_share:
        return "note"
    bound = materiality.unseen_share if role == "feature" else materiality.unseen_share_watched
    return "blocking" if share >= bound and not whole_groups else "warning"


def missing_severity(
    change: float, chance: float, *, role: ColumnRole, whole_groups: bool, materiality: Materiality
) -> Severity:
    """Severity of a changed share of missing values, by the absolute difference, 0 to 1, and its chance.

    Only a feature's change blocks, since a model reads features; with `whole_groups` nothing does.
    """
    if chance >= materiality.false_alarm_rate or change < materiality.missing_change_warning:
        return "note"
    blocks = role == "feature" and not whole_groups and change >= materiality.missing_change_blocking
    return "blocking" if blocks else "warning"
