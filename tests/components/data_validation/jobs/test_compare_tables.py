"""Planted changes, each found and named as its own kind, through the job that the command line calls."""

from collections.abc import Callable
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.comparison.dataset_comparison import ComparisonOptions
from components.data_validation.jobs.compare_tables import compare_tables, ComparisonPaths, ComparisonResult
from components.drift.drift_settings import DriftSettings
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.problem import LabelSpec, parse_problem, Problem
from components.shared.contracts.verdict import Finding, read_verdict

Columns = dict[str, np.ndarray]
NUM_ROWS = 1500
PROBLEM = Problem(label=LabelSpec(column="paid"))


def trips(seed: int, num_rows: int = NUM_ROWS) -> Columns:
    """Trips of a made-up taxi company; `paid` hangs on miles, company and hour."""
    rng = np.random.default_rng(seed)
    miles = rng.lognormal(1.0, 0.6, num_rows)
    hour = rng.integers(0, 24, num_rows)
    company = rng.choice(["ace", "blue", "city"], num_rows, p=[0.5, 0.3, 0.2])
    score = miles / 3 + (company == "ace") + (hour > 18) + rng.normal(0, 1, num_rows)
    return {
        "trip_miles": miles,
        "speed": rng.normal(12, 3, num_rows),
        "hour": hour,
        "company": company,
        "zone": rng.integers(100, 140, num_rows),
        "paid": np.where(score > 2.0, "yes", "no"),
    }


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., ComparisonResult]:
    """Write two sides as CSV, and compare them."""

    def run(reference: Columns, current: Columns, *, problem: Problem = PROBLEM, **arguments) -> ComparisonResult:
        uris = []
        for name, columns in (("reference.csv", reference), ("current.csv", current)):
            pa_csv.write_csv(pa.table(columns), tmp_path / name)
            uris.append(str(tmp_path / name))
        return compare_tables(
            reference_uri=uris[0],
            current_uri=uris[1],
            paths=ComparisonPaths.under(tmp_path / "out"),
            problem=problem,
            **arguments,
        )

    return run


def blocking(result: ComparisonResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity == "blocking"]


def kinds(result: ComparisonResult) -> set[tuple[str, str]]:
    return {(finding.kind, finding.column) for finding in blocking(result)}


def test_later_rows_of_the_same_source_pass(compare, tmp_path):
    result = compare(trips(0), trips(1))
    assert (result.passed, result.outcome, blocking(result)) == (True, "passed", [])
    assert (result.num_reference, result.num_current, result.num_columns) == (NUM_ROWS, NUM_ROWS, 6)
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    assert (verdict.check, verdict.passed, verdict.reason) == ("comparison", True, result.reason)
    for side in ("reference", "current"):
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.ParseFromString((tmp_path / "out" / "statistics" / f"{side}.pb").read_bytes())
        assert statistics.datasets[0].num_examples == NUM_ROWS
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == result.metrics
    assert (tmp_path / "out" / "report.html").stat().st_size < 300_000


def test_a_renamed_column_is_schema_drift_that_names_both(compare):
    current = trips(1)
    current["miles_of_trip"] = current.pop("trip_miles")
    result = compare(trips(0), current)
    assert kinds(result) == {("schema_drift", "trip_miles")}
    (finding,) = blocking(result)
    assert finding.columns == ("trip_miles", "miles_of_trip")
    assert "looks like it" in finding.message


def test_numbers_turned_into_texts_are_schema_drift(compare):
    current = trips(1)
    current["zone"] = np.array([f"zone {number}" for number in current["zone"]])
    assert kinds(compare(trips(0), current)) == {("schema_drift", "zone")}


def test_a_new_category_is_schema_drift_with_its_count(compare):
    current = trips(1)
    current["company"] = np.where(np.arange(NUM_ROWS) % 20 == 0, "dawn", current["company"])
    result = compare(trips(0), current)
    assert ("schema_drift", "company") in kinds(result)
    assert "'dawn' (75)" in result.reason


def test_one_row_of_a_new_category_is_a_note_that_is_not_significant(compare):
    current = trips(1)
    current["company"] = np.where(np.arange(NUM_ROWS) == 0, "dawn", current["company"])
    result = compare(trips(0), current)
    assert result.passed
    (finding,) = [finding for finding in result.findings if finding.kind == "schema_drift"]
    assert (finding.severity, finding.column, finding.significant) == ("note", "company", False)
    assert finding.name == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"


def test_a_changed_unit_is_data_drift_that_names_the_units(compare):
    current = trips(1)
    current["trip_miles"] = current["trip_miles"] * 1.609344
    result = compare(trips(0), current)
    assert kinds(result) == {("data_drift", "trip_miles")}
    assert "miles to kilometres" in result.reason
    assert "one unit" in blocking(result)[0].remedy


def test_half_a_class_gone_is_data_skew_of_the_label(compare):
    current = trips(1)
    kept = (current["paid"] == "no") | (np.random.default_rng(2).random(NUM_ROWS) < 0.4)
    result = compare(trips(0), {name: values[kept] for name, values in current.items()})
    assert ("data_skew", "paid") in kinds(result)
    skew = next(finding for finding in blocking(result) if finding.kind == "data_skew")
    assert skew.values[0].value == "yes"
    assert skew.values[0].current_share < 2 / 3 * skew.values[0].reference_share


def test_a_sensitive_group_that_is_collected_less_is_data_skew(compare):
    current = trips(1)
    kept = (current["company"] != "city") | (np.random.default_rng(2).random(NUM_ROWS) < 0.4)
    problem = parse_problem("{label: {column: paid}, sensitive: [company]}")
    result = compare(trips(0), {name: values[kept] for name, values in current.items()}, problem=problem)
    skew = next(finding for finding in blocking(result) if finding.kind == "data_skew")
    assert (skew.column, skew.name, skew.values[0].value) == ("company", "GROUP_SHARE_FELL", "city")


PINNED = parse_problem(
    "{label: {column: paid}, slices: [{name: city by night, where: company == 'city' and hour >= 12}]}"
)


def test_a_pinned_slice_that_is_collected_less_is_data_skew(compare):
    current = trips(1)
    within = (current["company"] == "city") & (current["hour"] >= 12)
    kept = ~within | (np.random.default_rng(2).random(NUM_ROWS) < 0.3)
    result = compare(trips(0), {name: values[kept] for name, values in current.items()}, problem=PINNED)
    skew = next(finding for finding in blocking(result) if finding.column == "slice: city by night")
    assert (skew.kind, skew.name, skew.values[0].value) == ("data_skew", "GROUP_SHARE_FELL", "city by night")
    assert 0.08 < skew.values[0].reference_share < 0.12
    assert skew.values[0].current_share < 0.05


def test_a_pinned_slice_that_is_as_frequent_as_ever_is_no_finding(compare):
    result = compare(trips(0), trips(1), problem=PINNED)
    assert result.passed
    assert not [finding for finding in result.findings if finding.column.startswith("slice")]


def test_a_pinned_slice_that_cannot_be_told_is_said(compare):
    current = trips(1)
    del current["hour"]
    result = compare(trips(0), current, problem=PINNED)
    assert any(
        "the pinned slice 'city by night' is not watched: current.csv has no column 'hour'" in remark
        for remark in result.remarks
    )


def test_rows_of_the_reference_repeated_in_the_current_side_are_a_quality_problem(compare):
    reference, current = trips(0), trips(1)
    for name, values in current.items():
        values[:75] = reference[name][:75]
    result = compare(reference, current)
    assert kinds(result) == {("quality", "")}
    assert blocking(result)[0].name == "ROWS_LEAK_BETWEEN_SPLITS"


def test_a_changed_label_version_is_a_declared_concept_drift(compare):
    result = compare(trips(0), trips(1), current_problem=Problem(label=LabelSpec(column="paid", version=2)))
    assert kinds(result) == {("concept_drift", "paid")}
    assert "version 1 to 2" in result.reason


def test_a_column_that_gives_the_label_away_is_a_quality_problem(compare):
    sides = [trips(seed) for seed in (0, 1)]
    for side in sides:
        side["receipt"] = np.where(side["paid"] == "yes", "printed", "none")
    result = compare(*sides)
    assert kinds(result) == {("quality", "receipt")}
    assert blocking(result)[0].name == "FEATURE_GIVES_LABEL_AWAY"


def test_a_telephone_number_in_a_text_is_noticed_and_shown_nowhere(compare, tmp_path):
    sides = [trips(seed) for seed in (0, 1)]
    for side in sides:
        side["remark"] = np.array(
            [f"please call {f'010-1234-{row:04}' if row < 50 else 'the office'} about it" for row in range(NUM_ROWS)]
        )
    problem = parse_problem("{label: {column: paid}, modality: text, text: remark}")
    result = compare(*sides, problem=problem, options=ComparisonOptions(drift=DriftSettings(), leakage=False))
    (finding,) = [finding for finding in result.findings if finding.name == "PERSONAL_DATA"]
    assert (finding.severity, finding.column, finding.kind) == ("warning", "remark", "quality")
    for name in ("report.html", "verdict.json"):
        assert "010-1234" not in (tmp_path / "out" / name).read_text("utf-8")


def test_missing_values_that_grow_are_a_quality_problem(tmp_path):
    reference, current = pa.table(trips(0)), pa.table(trips(1))
    speed = pa.array(current["speed"].to_pylist(), mask=np.arange(NUM_ROWS) % 3 == 0)
    current = current.set_column(current.schema.get_field_index("speed"), "speed", speed)
    for name, table in (("reference", reference), ("current", current)):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    result = compare_tables(
        reference_uri=str(tmp_path / "reference.parquet"),
        current_uri=str(tmp_path / "current.parquet"),
        paths=ComparisonPaths.under(tmp_path / "out"),
        problem=PROBLEM,
    )
    assert kinds(result) == {("quality", "speed")}
    assert blocking(result)[0].value == pytest.approx(1 / 3, abs=0.01)


def test_a_mismatch_of_training_and_serving_is_data_skew_and_an_absent_label_is_not(compare):
    current = trips(1)
    del current["paid"]
    current["speed"] = current["speed"] + 3
    result = compare(trips(0), current, options=ComparisonOptions(relation="serving"))
    assert kinds(result) == {("data_skew", "speed")}
    assert blocking(result)[0].name == "TRAINING_SERVING_SKEW"


def test_the_same_example_with_another_feature_is_a_mismatch_by_key(compare):
    reference = {**trips(0), "trip_id": np.arange(NUM_ROWS)}
    current = {name: values[200:1000].copy() for name, values in reference.items()}
    current["speed"][::20] += 0.01
    problem = parse_problem("{id: trip_id, label: {column: paid}}")
    result = compare(reference, current, problem=problem, options=ComparisonOptions(relation="serving"))
    (finding,) = blocking(result)
    assert (finding.kind, finding.column, finding.name) == ("data_skew", "speed", "FEATURE_MISMATCH_BY_KEY")
    assert finding.value == 0.05


def test_columns_that_change_together_alone_are_found_jointly(compare):
    reference, current = trips(0), trips(1)
    rng = np.random.default_rng(3)
    for side, sign in ((reference, 1.0), (current, -1.0)):
        base = rng.normal(size=NUM_ROWS)
        side["speed"] = base
        side["trip_miles"] = sign * 0.9 * base + np.sqrt(1 - 0.81) * rng.normal(size=NUM_ROWS)
    result = compare(reference, current)
    (finding,) = blocking(result)
    assert (finding.kind, finding.name, finding.subtype) == ("data_drift", "JOINT_DRIFT", "joint")


def test_too_few_rows_are_an_insufficient_sample_and_no_pass(compare, tmp_path):
    few = {name: values[:60] for name, values in trips(1).items()}
    result = compare(trips(0), few)
    assert (result.passed, result.outcome) == (False, "insufficient_sample")
    assert "each side must have 200 rows" in result.reason
    assert read_verdict(tmp_path / "out" / "verdict.json").outcome == "insufficient_sample"
    lower = ComparisonOptions(drift=DriftSettings(min_sample=50))
    assert compare(trips(0), few, options=lower).outcome == "passed"


def test_darker_photos_and_comments_in_another_language_are_data_drift(tmp_path):
    from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
    from components.shared.tables.text_measures import TEXT_MEASURES, text_measures

    rng = np.random.default_rng(0)

    def write(name: str, modality: str, payload: pa.Array, derived: dict[str, pa.Array]) -> str:
        info = ExampleTableInfo(
            modality=modality, class_names=("a", "b"), column_roles=dict.fromkeys(derived, "derived")
        )
        with ExampleTableWriter(
            tmp_path / name, info, extra_columns={key: value.type for key, value in derived.items()}
        ) as writer:
            count = len(payload)
            base = {
                "example_id": pa.array([f"{name}-{row}" for row in range(count)]),
                "split": pa.array(["train"] * count),
                "label": pa.array(rng.choice(["a", "b"], count)),
                modality: payload,
                **derived,
            }
            writer.write(pa.RecordBatch.from_arrays(list(base.values()), list(base)))
        return str(tmp_path / name)

    def compared(reference: str, current: str) -> ComparisonResult:
        paths = ComparisonPaths.under(tmp_path / "out")
        return compare_tables(reference_uri=reference, current_uri=current, paths=paths)

    photos = pa.array([rng.bytes(20) for _ in range(400)], pa.binary())
    bright, dark = (pa.array(rng.normal(level, 0.1, 400)) for level in (0.5, 0.4))
    result = compared(
        write("bright", "image", photos, {"brightness": bright}), write("dark", "image", photos, {"brightness": dark})
    )
    assert ("data_drift", "brightness") in kinds(result)
    korean = pa.array([" ".join(rng.choice(["영화", "정말", "재미있다", "별로"], 4)) for _ in range(400)])
    english = pa.array([" ".join(rng.choice(["film", "really", "wonderful", "poor"], 4)) for _ in range(400)])
    result = compared(
        write("korean", "text", korean, text_measures(korean)),
        write("english", "text", english, text_measures(english)),
    )
    assert {("data_drift", "share_hangul"), ("data_drift", "share_latin")} <= kinds(result)
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert korean[0].as_py() in report
    assert english[0].as_py() in report
    assert set(TEXT_MEASURES) >= {"share_hangul", "share_latin"}


def test_a_seed_gives_the_same_verdict_twice(compare, tmp_path):
    results = []
    for _ in range(2):
        compare(trips(0), trips(1))
        results.append((tmp_path / "out" / "verdict.json").read_text())
    assert results[0] == results[1]


def test_what_takes_no_part_is_said(compare, tmp_path):
    sides = [
        {
            **trips(seed),
            "order_id": np.arange(NUM_ROWS) + seed,
            "trip_start_timestamp": 1_500_000_000 + np.arange(NUM_ROWS),
        }
        for seed in (0, 1)
    ]
    compare(*sides)
    remarks = " ".join(read_verdict(tmp_path / "out" / "verdict.json").remarks)
    assert "'order_id' is no feature: it looks like an identifier" in remarks
    assert "'trip_start_timestamp' is no feature: it looks like a time" in remarks


def test_a_column_that_the_problem_file_names_must_be_there(compare):
    with pytest.raises(ValueError, match="must name columns of the tables, got 'fare'"):
        compare(trips(0), trips(1), problem=Problem(ignore=("fare",)))


def test_addresses_in_a_column_that_nobody_named_are_written_nowhere(compare, tmp_path):
    people = np.random.default_rng(7).integers(0, 60, (2, NUM_ROWS))
    sides = [
        trips(seed) | {"contact": np.array([f"{prefix}{number}@secret.example" for number in people[seed]])}
        for seed, prefix in enumerate(("user", "guest"))
    ]
    result = compare(*sides)
    # All addresses are one placeholder: who writes is no drift, and the column is reported for what it holds.
    assert not {("schema_drift", "contact"), ("data_drift", "contact")} & kinds(result)
    assert [finding.name for finding in result.findings if finding.column == "contact"] == ["PERSONAL_DATA"]
    written = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert len(written) == 7
    assert not [file.name for file in written if b"secret.example" in file.read_bytes()]


def test_an_identifier_that_is_personal_data_is_not_shown_in_a_mismatch(compare, tmp_path):
    names = np.array([f"kim{number}@secret.example" for number in range(NUM_ROWS)])
    problem = parse_problem("id: mail\npii: [mail]\nlabel: {column: paid}")
    sides = [trips(seed) | {"mail": names} for seed in (0, 1)]
    result = compare(*sides, problem=problem, options=ComparisonOptions(relation="serving"))
    assert ("data_skew", "speed") in kinds(result)
    assert "secret.example" not in (tmp_path / "out" / "verdict.json").read_text()


def test_whole_numbers_stored_as_fractions_are_a_note_and_true_fractions_a_warning(compare):
    stored, broken = trips(1), trips(1)
    stored["hour"] = np.char.add(stored["hour"].astype(str), ".0")  # as pandas writes them where some are missing
    broken["hour"] = broken["hour"] + 0.5 * (np.arange(NUM_ROWS) == 7)
    found = {}
    for name, current in (("stored", stored), ("broken", broken)):
        findings = compare(trips(0), current).findings
        found[name] = [finding.severity for finding in findings if finding.name == "UNEXPECTED_DATA_TYPE"]
    assert found == {"stored": ["note"], "broken": ["warning"]}


def test_a_rare_class_that_sampling_explains_warns_and_a_new_one_blocks(compare):
    rare, new = trips(1), trips(1)
    rare["paid"] = np.where(np.arange(NUM_ROWS) == 5, "later", rare["paid"])
    new["paid"] = np.where(np.arange(NUM_ROWS) % 10 == 5, "later", new["paid"])
    severities = [
        [f.severity for f in compare(trips(0), side).findings if f.name == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"]
        for side in (rare, new)
    ]
    assert severities == [["warning"], ["blocking"]]


def test_a_column_of_a_thousand_categories_that_are_all_replaced_has_drifted(compare):
    codes = np.random.default_rng(3).integers(0, 1000, (3, 4000))
    sides = [trips(seed, 4000) | {"shop": np.char.add("s", codes[seed].astype(str))} for seed in (0, 1)]
    other = trips(2, 4000) | {"shop": np.char.add("t", codes[2].astype(str))}
    assert compare(*sides).passed
    assert ("data_drift", "shop") in kinds(compare(sides[0], other))


def test_a_column_that_went_missing_is_not_called_a_change_of_how_columns_hang_together(compare):
    current = trips(1) | {"company": np.full(NUM_ROWS, "")}
    assert kinds(compare(trips(0), current)) == {("quality", "company")}


def test_a_rate_of_one_in_a_thousand_can_be_asked_for(compare):
    options = ComparisonOptions(drift=DriftSettings(false_alarm_rate=0.001))
    assert compare(trips(0), trips(1), options=options).passed


def test_a_small_group_that_fell_by_chance_is_not_what_a_drift_is_put_down_to(compare):
    rng = np.random.default_rng(5)
    small = np.array([f"g{number}" for number in range(25)])
    shares = [np.append(np.full(25, (1 - large) / 25), large) for large in (0.25, 0.42)]
    sides = [trips(i, 600) | {"site": rng.choice([*small, "large"], 600, p=shares[i])} for i in (0, 1)]
    findings = compare(*sides, problem=Problem(label=LabelSpec(column="paid"), slices=("site",))).findings
    (found,) = [finding for finding in findings if finding.column == "site" and finding.severity == "blocking"]
    assert (found.name, found.values[0].value) == ("DATA_DRIFT", "large")


def test_long_texts_are_shortened_in_findings(compare):
    rng = np.random.default_rng(6)
    sides = [
        trips(i) | {"form": rng.choice(["A" * 5000, "B" * 5000], NUM_ROWS, p=p)}
        for i, p in enumerate([(0.8, 0.2), (0.5, 0.5)])
    ]
    (found,) = [finding for finding in blocking(compare(*sides)) if finding.column == "form"]
    assert len(found.message) < 400
    assert {len(value.value) for value in found.values} == {40}


def test_runs_of_a_rare_value_in_time_are_no_unseen_category(tmp_path):
    # One value at a time for 50 rows: the current side's last run is a value that the reference never had.
    rng = np.random.default_rng(8)
    shifts = np.repeat([f"s{number}" for number in [0, 1, 2, 3, 1, 0, 2, 3, 0, 2, 1, 3, 0, 1, 2, 3, 1, 0, 2, 9]], 50)
    uris = []
    for name, rows in (("early", slice(0, 500)), ("late", slice(500, 1000))):
        table = pa.table({"at": np.arange(1000)[rows], "x": rng.normal(size=500), "shift": shifts[rows]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        uris.append(str(tmp_path / f"{name}.parquet"))
    severities = {}
    for problem in ("time: at", "ignore: [at]"):
        result = compare_tables(
            reference_uri=uris[0],
            current_uri=uris[1],
            paths=ComparisonPaths.under(tmp_path / "out"),
            problem=parse_problem(problem),
        )
        severities[problem] = [f.severity for f in result.findings if f.name == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"]
    assert severities == {"time: at": ["note"], "ignore: [at]": ["blocking"]}


def test_a_label_that_is_defined_anew_is_computed_anew(compare, tmp_path):
    problems = [parse_problem(f"{{label: {{expression: trip_miles > {bound}, version: {bound}}}}}") for bound in (1, 3)]
    result = compare(trips(0), trips(1), problem=problems[0], current_problem=problems[1])
    assert {("concept_drift", "label"), ("data_skew", "label")} <= kinds(result)


def test_a_column_that_had_no_value_and_has_some_now_is_a_warning(tmp_path):
    empty = pa.table({**trips(0), "tolls": pa.nulls(NUM_ROWS, pa.float64())})
    filled = pa.table({**trips(1), "tolls": np.random.default_rng(0).exponential(size=NUM_ROWS)})
    for name, side in (("reference", empty), ("current", filled)):
        pa_csv.write_csv(side, tmp_path / f"{name}.csv")
    result = compare_tables(
        reference_uri=str(tmp_path / "reference.csv"),
        current_uri=str(tmp_path / "current.csv"),
        paths=ComparisonPaths.under(tmp_path / "out"),
        problem=PROBLEM,
    )
    about = [finding for finding in result.findings if finding.column == "tolls" and finding.severity != "note"]
    assert "had none in the reference" in about[0].message


def test_a_column_of_the_labels_expression_that_became_text_is_schema_drift_and_no_crash(compare, tmp_path):
    current = trips(1)
    current["trip_miles"] = np.array([f"{miles:.1f} mi" for miles in current["trip_miles"]])
    problem = parse_problem("{label: {expression: trip_miles > 2}}")
    result = compare(trips(0), current, problem=problem)
    assert ("schema_drift", "trip_miles") in kinds(result)
    assert any("the label is not computed" in remark for remark in result.remarks)
    with pytest.raises(ValueError, match=r"reference\.csv: label\.expression .* mixes texts and numbers"):
        compare(current, trips(0), problem=problem)


def test_raw_rows_are_compared_with_an_example_table_after_their_repairs(tmp_path):
    stored, raw = trips(1), trips(2)
    names = [name for name in stored if name != "paid"]
    info = ExampleTableInfo(modality="tabular", class_names=("no", "yes"), column_roles=dict.fromkeys(names, "feature"))
    columns = {name: pa.array(stored[name]) for name in names}
    types = {name: values.type for name, values in columns.items()}
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns=types) as writer:
        base = {
            "example_id": pa.array([str(number) for number in range(NUM_ROWS)]),
            "split": pa.array(["train"] * NUM_ROWS),
            "label": pa.array(stored["paid"]),
        }
        writer.write(pa.RecordBatch.from_arrays([*base.values(), *columns.values()], [*base, *columns]))
    raw["km"] = raw.pop("trip_miles") * 1.609344
    raw["label"] = raw.pop("paid")
    pa_csv.write_csv(pa.table(raw), tmp_path / "raw.csv")

    def kinds(repairs: str) -> set[str]:
        result = compare_tables(
            reference_uri=str(tmp_path / "examples"),
            current_uri=str(tmp_path / "raw.csv"),
            paths=ComparisonPaths.under(tmp_path / f"out{len(repairs)}"),
            problem=parse_problem(f"repairs: [{repairs}]"),
        )
        assert result is not None
        findings = read_verdict(ComparisonPaths.under(tmp_path / f"out{len(repairs)}").verdict).findings
        return {f"{item.kind} of {item.column}" for item in findings if item.severity != "note"}

    assert "schema_drift of trip_miles" in kinds("")
    assert "data_drift of trip_miles" in kinds("{column: km, rename: trip_miles}")
    repaired = kinds("{column: km, rename: trip_miles}, {column: trip_miles, scale: 0.62137119}")
    assert not {item for item in repaired if "miles" in item or "km" in item}
