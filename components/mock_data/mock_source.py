"""What a mock is made of: the schema's columns by the role of each, and what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.mock_data.column_rules import check_num_rows, column_rules, ColumnRule
from components.mock_data.column_statistics import column_statistics, ColumnStatistics
from components.mock_data.measure_facts import IMAGE_MEASURES, MeasureFacts
from components.mock_data.mock_columns import TableFacts
from components.mock_data.mock_labels import label_column, label_distribution, LabelDistribution
from components.shared.contracts.problem import Modality, Problem
from components.shared.tables.text_measures import TEXT_MEASURES

SOURCE_NAME = "source_name"
_MADE_BY_INGESTION = ("example_id", "split")
_MEASURES: dict[Modality, tuple[str, ...]] = {
    "image": tuple(IMAGE_MEASURES),
    "text": tuple(TEXT_MEASURES),
    "tabular": (),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class MockSettings:
    """How a mock is made.

    Attributes
    ----------
    seed
        Decides everything random: the same seed gives the same bytes. The relation of label and payload does not
        depend on it: two seeds give two samples of one world.
    signal
        Share of the examples whose payload follows their label, 0 to 1; that of the others follows chance.
    environment
        The schema's environment: without the label where it does not expect it, as in `SERVING`.
    modality, label
        None infers them from the schema.
    """

    num_examples: int = 400
    seed: int = 0
    signal: float = 1.0
    environment: str = "TRAINING"
    modality: Modality | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if self.num_examples < 1:
            raise ValueError(f"num_examples must be at least 1, got {self.num_examples}")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if not 0.0 <= self.signal <= 1.0:
            raise ValueError(f"signal must lie in 0..1, got {self.signal}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MockPlan:
    """What is to be made.

    Attributes
    ----------
    label, text
        Names of columns in the source; `text` is None where there is no text.
    label_rule
        What the schema demands of the label; None where it demands nothing.
    label_statistics
        What is known of it; None where nothing is, or where it is personal data.
    table
        The columns beside label and text.
    roles
        Columns under the keys of a problem file: `features`, `slices`, `sensitive`, `pii`.
    """

    modality: Modality
    label: str
    label_rule: ColumnRule | None
    label_statistics: ColumnStatistics | None
    labels: LabelDistribution
    is_labelled: bool
    text: str | None
    measures: MeasureFacts
    table: TableFacts
    roles: Mapping[str, tuple[str, ...]]


def mock_plan(
    schema: schema_pb2.Schema,
    settings: MockSettings,
    *,
    statistics: statistics_pb2.DatasetFeatureStatistics | None = None,
    problem: Problem | None = None,
) -> MockPlan:
    """Plan a mock; see `make_mock_source`."""
    problem = problem or Problem()
    check_num_rows(schema, settings.num_examples)
    rules = column_rules(schema, settings.environment)
    known = {} if statistics is None else column_statistics(statistics)
    modality = settings.modality or problem.modality or _modality(rules)
    said = problem.label.column if problem.label.column in {feature.name for feature in schema.feature} else None
    label = label_column(schema, settings.label or said)
    text = (problem.text or "text") if modality == "text" else None
    measured = {name: rule for name, rule in rules.items() if name in _MEASURES[modality]}
    others = _others(rules, modality, label, text)
    roles = _roles(others, known, modality, problem)
    # Unlabelled data show classes too, so the label's rule is taken from all environments.
    label_rule = None if label is None else column_rules(schema, None).get(label)
    label_statistics = None if label is None or label in problem.pii else known.get(label)
    return MockPlan(
        modality=modality,
        label=label or "label",
        label_rule=label_rule,
        label_statistics=label_statistics,
        labels=label_distribution(label_rule, label_statistics),
        is_labelled=label is None or label in rules,
        text=text,
        measures=MeasureFacts(rules=measured, statistics=known),
        table=TableFacts(
            rules=others if modality != "image" else {},
            statistics=known,
            personal=roles["pii"],
            features=roles["features"],
        ),
        roles=roles,
    )


def _modality(rules: Mapping[str, ColumnRule]) -> Modality:
    for modality in ("image", "text"):
        if any(name in rules for name in _MEASURES[modality]):
            return modality
    return "tabular"


def _others(
    rules: Mapping[str, ColumnRule], modality: Modality, label: str | None, text: str | None
) -> dict[str, ColumnRule]:
    """Columns beside label, payload and measures."""
    known = {label, text, "image" if modality == "image" else None, *_MADE_BY_INGESTION, *_MEASURES[modality]}
    others = {name: rule for name, rule in rules.items() if name not in known}
    if modality == "tabular" and not others:
        raise ValueError("the schema must describe a feature beside the label, but describes none")
    if foreign := [name for name in others if modality == "image" and name != SOURCE_NAME]:
        raise ValueError(
            f"the schema of images must describe only label, {SOURCE_NAME}, {', '.join(IMAGE_MEASURES)}, "
            f"but describes {foreign[0]!r}"
        )
    return others


def _roles(
    others: Mapping[str, ColumnRule], known: Mapping[str, ColumnStatistics], modality: Modality, problem: Problem
) -> dict[str, tuple[str, ...]]:
    personal = [name for name in others if name in problem.pii or (name in known and known[name].is_masked)]
    named = {"pii": personal, "sensitive": problem.sensitive, "slices": problem.slices}
    roles: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for role, names in named.items():
        roles[role] = tuple(name for name in names if name in others and name not in taken)
        taken |= set(roles[role])
    rest = tuple(name for name in others if name not in taken)
    if modality == "tabular":
        return {"features": rest, **roles}
    # What a schema describes beside a text or an image is examined only where it is a slice.
    return {"features": (), **roles, "slices": (*roles["slices"], *rest)}
