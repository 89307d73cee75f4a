"""What each of TFDV's anomaly types means in plain words: its kind, how severe it is, and what to do about it.

TFDV's own descriptions speak of features, fractions and norms, and some are empty. The names stay TFDV's, so that its
documentation can be searched for them.
"""

from dataclasses import dataclass

from components.shared.contracts.verdict import FindingKind, Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class AnomalyWords:
    """How a finding speaks of one type of anomaly; empty `words` leave TFDV's description.

    Against a schema inferred from a sample, what a sample settles blocks (columns, types, shapes), and what it does not
    settle (values, ranges) is a warning. A reviewed schema is stricter.
    """

    kind: FindingKind
    severity: Severity
    remedy: str
    words: str = ""


def anomaly_words(name: str) -> AnomalyWords:
    """Plain words for a name of TFMD's `AnomalyInfo.Type`; an unknown one is a warning without words."""
    return _WORDS.get(name, _UNKNOWN)


def anomaly_sentence(name: str, column: str, detail: str, *, where: str = "") -> str:
    """One sentence about an anomaly of a column; `where` follows the column's name: " of the test split".

    `detail` holds the offending values, or TFDV's description; it is left out where the words say it all.
    """
    words = anomaly_words(name).words or "does not fit the schema"
    detail = "" if name in _COMPLETE else detail.rstrip(". ")
    return f"column {column!r}{where} {words}" + (f": {detail}" if detail else "")


def is_known(name: str) -> bool:
    """Whether this type of anomaly has words of its own."""
    return name in _WORDS


# TFDV's description of these repeats the words.
_COMPLETE = {
    "SCHEMA_MISSING_COLUMN",
    "SCHEMA_NEW_COLUMN",
    "FEATURE_TYPE_NOT_PRESENT",
    "FEATURE_TYPE_NO_VALUES",
    "FEATURE_TYPE_NO_UNIQUE",
    "FLOAT_TYPE_HAS_NAN",
    "FLOAT_TYPE_HAS_INF",
    "INVALID_FEATURE_SHAPE",
}

_UNKNOWN = AnomalyWords(
    kind="schema_drift", severity="warning", remedy="repair the data, or change the schema where it is wrong"
)


def _group(kind: FindingKind, severity: Severity, remedy: str, words: dict[str, str]) -> dict[str, AnomalyWords]:
    return {name: AnomalyWords(kind=kind, severity=severity, remedy=remedy, words=text) for name, text in words.items()}


_COLUMNS = _group(
    "schema_drift",
    "blocking",
    "repair the data processing so that the column is there under this name, or take it out of the schema",
    {"SCHEMA_MISSING_COLUMN": "is missing from the table altogether"},
) | _group(
    "schema_drift",
    "warning",
    "add the column to the schema if it is meant to be there, else leave it out",
    {"SCHEMA_NEW_COLUMN": "is not in the schema"},
)

_TYPES = _group(
    "schema_drift",
    "blocking",
    "repair the data processing so that the column has one type everywhere, or change the schema and train again",
    {
        "UNEXPECTED_DATA_TYPE": "has another type than the schema says",
        "BOOL_TYPE_BYTES_NOT_INT": "holds bytes where 0 and 1 are expected",
        "BOOL_TYPE_BYTES_NOT_STRING": "holds bytes where a word for true or false is expected",
        "BOOL_TYPE_FLOAT_NOT_INT": "holds fractional numbers where 0 and 1 are expected",
        "BOOL_TYPE_FLOAT_NOT_STRING": "holds fractional numbers where a word for true or false is expected",
        "BOOL_TYPE_INT_NOT_STRING": "holds whole numbers where a word for true or false is expected",
        "BOOL_TYPE_STRING_NOT_INT": "holds text where 0 and 1 are expected",
        "BOOL_TYPE_UNEXPECTED_FLOAT": "holds numbers other than 0 and 1",
        "ENUM_TYPE_BYTES_NOT_STRING": "holds bytes where categories are expected",
        "ENUM_TYPE_FLOAT_NOT_STRING": "holds fractional numbers where categories are expected",
        "ENUM_TYPE_INT_NOT_STRING": "holds whole numbers where categories are expected",
        "FLOAT_TYPE_NOT_FLOAT": "holds other values than the fractional numbers that are expected",
        "FLOAT_TYPE_STRING_NOT_FLOAT": "holds text that cannot be read as a number",
        "FLOAT_TYPE_NON_STRING": "holds other values than the numbers written as text that are expected",
        "FLOAT_TYPE_UNKNOWN_TYPE_NUMBER": "has a type that is not known",
        "INT_TYPE_INT_EXPECTED": "holds other values than the whole numbers that are expected",
        "INT_TYPE_NOT_INT_STRING": "holds text that cannot be read as a whole number",
        "INT_TYPE_NOT_STRING": "holds other values than the text that is expected",
        "INT_TYPE_STRING_EXPECTED": "holds other values than the whole numbers written as text that are expected",
        "INT_TYPE_UNKNOWN_TYPE_NUMBER": "has a type that is not known",
        "STRING_TYPE_NOW_FLOAT": "holds fractional numbers where text is expected",
        "STRING_TYPE_NOW_INT": "holds whole numbers where text is expected",
    },
)

_VALUES = _group(
    "schema_drift",
    "warning",
    "correct the values at their source, or add them to the schema and train on examples that have them",
    {
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES": "holds values that the schema does not list",
        "ENUM_TYPE_INVALID_UTF8": "holds text that is not UTF-8",
        "BOOL_TYPE_UNEXPECTED_STRING": "holds other words than those for true and false",
        "BOOL_TYPE_BIG_INT": "holds whole numbers above 1 where 0 and 1 are expected",
        "BOOL_TYPE_SMALL_INT": "holds whole numbers below 0 where 0 and 1 are expected",
        "FLOAT_TYPE_BIG_FLOAT": "holds numbers above the schema's maximum",
        "FLOAT_TYPE_SMALL_FLOAT": "holds numbers below the schema's minimum",
        "INT_TYPE_BIG_INT": "holds whole numbers above the schema's maximum",
        "INT_TYPE_SMALL_INT": "holds whole numbers below the schema's minimum",
        "FEATURE_TYPE_HIGH_UNIQUE": "has more different values than the schema allows",
        "FEATURE_TYPE_LOW_UNIQUE": "has fewer different values than the schema asks for",
        "SEMANTIC_DOMAIN_UPDATE": "holds values of another meaning than the schema says",
        "SEQUENCE_VALUE_TOO_FEW_OCCURRENCES": "",
        "SEQUENCE_VALUE_TOO_MANY_OCCURRENCES": "",
        "SEQUENCE_VALUE_TOO_SMALL_FRACTION": "",
        "SEQUENCE_VALUE_TOO_LARGE_FRACTION": "",
        "FEATURE_COVERAGE_TOO_LOW": "holds too many words that the schema's vocabulary lacks",
        "FEATURE_COVERAGE_TOO_SHORT_AVG_TOKEN_LENGTH": "holds words that are shorter on average than the schema asks",
        "NLP_WRONG_LOCATION": "",
    },
)

_QUALITY = _group(
    "quality",
    "warning",
    "find out why the values are missing or undefined, and repair or collect them",
    {
        "FEATURE_TYPE_LOW_FRACTION_PRESENT": "lacks a value in more rows than the schema allows",
        "FEATURE_TYPE_LOW_NUMBER_PRESENT": "has a value in fewer rows than the schema asks for",
        "FEATURE_TYPE_NOT_PRESENT": "has no value in any row",
        "FEATURE_TYPE_NO_VALUES": "has only empty lists",
        "FLOAT_TYPE_HAS_NAN": "holds values that are not a number (NaN)",
        "FLOAT_TYPE_HAS_INF": "holds infinite values",
        "LOW_SUPPORTED_IMAGE_FRACTION": "holds too many images that cannot be read",
        "MAX_IMAGE_BYTE_SIZE_EXCEEDED": "holds images of more bytes than the schema allows",
        "SPARSE_FEATURE_MISSING_VALUE": "has indices without values",
        "SPARSE_FEATURE_MISSING_INDEX": "has values without indices",
        "SPARSE_FEATURE_LENGTH_MISMATCH": "has other numbers of indices than of values",
        "WEIGHTED_FEATURE_MISSING_VALUE": "has weights without values",
        "WEIGHTED_FEATURE_MISSING_WEIGHT": "has values without weights",
        "WEIGHTED_FEATURE_LENGTH_MISMATCH": "has other numbers of weights than of values",
        "STATS_NOT_AVAILABLE": "has no statistics that this check could read",
    },
) | _group(
    "quality",
    "warning",
    "repair the data, or the check where it is wrong",
    {"CUSTOM_VALIDATION": "fails a check of the user's own"},
)

_SIZES = _group(
    "quality",
    "warning",
    "find out whether rows were lost, repeated or not yet collected",
    {
        "NO_DATA_IN_SPAN": "the table has no rows",
        "DATASET_LOW_NUM_EXAMPLES": "",
        "DATASET_HIGH_NUM_EXAMPLES": "",
        "COMPARATOR_LOW_NUM_EXAMPLES": "",
        "COMPARATOR_HIGH_NUM_EXAMPLES": "",
        "COMPARATOR_CONTROL_DATA_MISSING": "cannot be compared: the other side has no values",
        "COMPARATOR_TREATMENT_DATA_MISSING": "cannot be compared: this side has no values",
    },
)

_SHAPES = _group(
    "schema_drift",
    "blocking",
    "repair the data processing so that every row has as many values as the schema says",
    {
        "INVALID_FEATURE_SHAPE": "has not in every row as many values as the schema says",
        "FEATURE_TYPE_LOW_NUMBER_VALUES": "has rows with fewer values than the schema asks for",
        "FEATURE_TYPE_HIGH_NUMBER_VALUES": "has rows with more values than the schema allows",
        "FEATURE_TYPE_UNEXPECTED_REPEATED": "has rows with several values where one is expected",
        "VALUE_NESTEDNESS_MISMATCH": "has lists nested to another depth than the schema says",
        "EMBEDDING_SHAPE_INVALID": "holds embeddings of another length than the schema says",
    },
)

# The schema's author made a mistake: nothing is wrong with the data.
_MISTAKES = _group(
    "schema_drift",
    "blocking",
    "correct the schema",
    {
        "DOMAIN_INVALID_FOR_TYPE": "has a domain in the schema that does not go with its type",
        "FEATURE_MISSING_NAME": "has no name in the schema",
        "FEATURE_MISSING_TYPE": "has no type in the schema",
        "INVALID_SCHEMA_SPECIFICATION": "is described in the schema by values that contradict each other",
        "INVALID_DOMAIN_SPECIFICATION": "names a domain that the schema does not hold or that is not valid",
        "BOOL_TYPE_INVALID_CONFIG": "has words for true and false in the schema that do not go with its type",
        "FEATURE_TYPE_NO_UNIQUE": "has a bound on different values in the schema, but these are counted for text alone",
        "SPARSE_FEATURE_NAME_COLLISION": "has the name of a sparse feature of the schema",
        "WEIGHTED_FEATURE_NAME_COLLISION": "has the name of a weighted feature of the schema",
        "DERIVED_FEATURE_BAD_LIFECYCLE": "is derived, but the schema gives it another stage",
        "DERIVED_FEATURE_INVALID_SOURCE": "is derived from a column that the schema does not hold",
    },
)

_DISTANCES = _group(
    "data_drift",
    "warning",
    "look at the two distributions; where the change is real, collect recent examples and train again",
    {
        "COMPARATOR_L_INFTY_HIGH": "",
        "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": "",
        "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH": "",
    },
) | _group(
    "data_skew",
    "warning",
    "make training and serving compute the column in the same way",
    {"SCHEMA_TRAINING_SERVING_SKEW": "differs between training and serving"},
)

_OTHER = dict.fromkeys(("UNKNOWN_TYPE", "MULTIPLE_REASONS"), _UNKNOWN)

# The anomalies that say: the values are of another type.
TYPE_CHANGED = frozenset(_TYPES)

_WORDS = {
    **_COLUMNS,
    **_TYPES,
    **_VALUES,
    **_QUALITY,
    **_SIZES,
    **_SHAPES,
    **_MISTAKES,
    **_DISTANCES,
    **_OTHER,
}
