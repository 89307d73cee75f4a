from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data_validation.quality.personal_data_masking import (
    anomalies_without_values,
    findings_without_values,
    statistics_without_values,
)
from components.shared.contracts.verdict import Finding, ResponsibleValue

SECRET = "kim@example.org"


def finding(column: str, name: str) -> Finding:
    values = (ResponsibleValue(value=SECRET, reference_share=0.0, current_share=0.5),)
    return Finding(
        kind="data_drift",
        severity="blocking",
        column=column,
        name=name,
        statistic="L-infinity distance",
        value=0.5,
        message=f"most of all {SECRET}",
        remedy="look",
        values=values,
    )


def test_findings_about_a_hidden_column_keep_what_was_measured_and_no_value():
    shown, hidden = findings_without_values([finding("k", "DATA_DRIFT"), finding("mail", "DATA_DRIFT")], {"mail"})
    assert shown == finding("k", "DATA_DRIFT")
    assert (hidden.severity, hidden.value, hidden.values) == ("blocking", 0.5, ())
    assert "L-infinity distance: 0.5" in hidden.message
    assert SECRET not in str(hidden)


def test_anomalies_and_statistics_of_a_hidden_column_hold_no_value():
    anomalies = anomalies_pb2.Anomalies()
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add()
    for name in ("k", "mail"):
        info = anomalies.anomaly_info[name]
        info.path.step.append(name)
        info.description = SECRET
        info.reason.add(description=SECRET)
        feature = dataset.features.add()
        feature.path.step.append(name)
        feature.string_stats.unique = 7
        feature.string_stats.top_values.add(value=SECRET)
        feature.string_stats.rank_histogram.buckets.add(label=SECRET)
    held, counted = anomalies_without_values(anomalies, {"mail"}), statistics_without_values(statistics, {"mail"})
    assert SECRET in str(held.anomaly_info["k"])
    assert SECRET not in str(held.anomaly_info["mail"])
    assert SECRET in str(counted.datasets[0].features[0])
    assert SECRET not in str(counted.datasets[0].features[1])
    assert counted.datasets[0].features[1].string_stats.unique == 7
    assert SECRET in str(statistics.datasets[0].features[1])
