"""The distances that a schema's drift and skew comparators measured, as findings.

Their thresholds are the schema's and know no sample size, so they are warnings; `components.drift` has the calibrated
alarm.
"""

from collections.abc import Iterator
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_validation.schemas.anomaly_words import anomaly_words
from components.shared.contracts.verdict import Finding

Measurement: TypeAlias = anomalies_pb2.DriftSkewInfo.Measurement

_NAMES = {
    "L_INFTY": "COMPARATOR_L_INFTY_HIGH",
    "JENSEN_SHANNON_DIVERGENCE": "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
    "NORMALIZED_ABSOLUTE_DIFFERENCE": "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
}
_WORDS = {
    "L_INFTY": "L-infinity distance",
    "JENSEN_SHANNON_DIVERGENCE": "Jensen-Shannon divergence",
    "NORMALIZED_ABSOLUTE_DIFFERENCE": "normalized absolute difference",
}
DISTANCE_NAMES = frozenset(_NAMES.values())


def distance_findings(anomalies: anomalies_pb2.Anomalies) -> Iterator[Finding]:
    """A warning for each distance in `drift_skew_info` above its threshold, under TFDV's name.

    It is of `data_drift` against earlier data, and of `data_skew` against served data.
    """
    for info in anomalies.drift_skew_info:
        for is_skew, measurements in ((False, info.drift_measurements), (True, info.skew_measurements)):
            for measurement in measurements:
                if measurement.value > measurement.threshold:
                    yield _finding(info.path.step[-1], measurement, is_skew=is_skew)


def _finding(column: str, measurement: Measurement, *, is_skew: bool) -> Finding:
    kind = Measurement.Type.Name(measurement.type)
    words = anomaly_words("SCHEMA_TRAINING_SERVING_SKEW" if is_skew else _NAMES[kind])
    other = "served data" if is_skew else "earlier data"
    return Finding(
        kind=words.kind,
        severity=words.severity,
        column=column,
        name=_NAMES[kind],
        statistic=_WORDS[kind],
        value=measurement.value,
        threshold=measurement.threshold,
        message=f"column {column!r} differs between this table and {other}: the {_WORDS[kind]} is "
        f"{measurement.value:.4g}, the schema's threshold {measurement.threshold:.4g}",
        remedy=words.remedy,
    )
