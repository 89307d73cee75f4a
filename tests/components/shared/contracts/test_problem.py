import json

import pytest

from components.shared.contracts.fairness_spec import FairnessSpec, parse_fairness
from components.shared.contracts.problem import parse_problem, Problem, read_problem
from components.shared.contracts.target_spec import CostSpec, OperatingPointSpec, parse_target, TargetSpec

EVERYTHING = """
modality: tabular
label: {expression: "tips > 0.2 * fare", classes: [mean, generous], version: 3}
features: [fare, miles]
id: trip
time: start
group: driver
slices: [company]
sensitive: [sex]
pii: [phone]
ignore: [note]
table: {format: csv, delimiter: ";", quoting: false, encoding: cp949}
split: {train: 0.8, validation: 0.1, test: 0.1}
target: {metric: macro_f1, minimum: 0.9}
"""


def test_an_empty_file_means_that_everything_is_inferred():
    assert parse_problem("") == Problem()
    assert parse_problem("# only a comment\n") == Problem()
    assert (Problem().split.train, Problem().target.metric) == (0.7, "accuracy")


def test_every_key_is_read():
    problem = parse_problem(EVERYTHING)
    assert problem.modality == "tabular"
    assert (problem.label.expression, problem.label.version) == ("tips > 0.2 * fare", 3)
    assert problem.label.classes == ("mean", "generous")
    assert (problem.table.delimiter, problem.table.quoting, problem.table.encoding) == (";", False, "cp949")
    assert (problem.split.train, problem.target.minimum) == (0.8, 0.9)
    assert problem.named_columns() == (
        "trip", "start", "driver", "fare", "miles", "company", "sex", "phone", "note",
    )  # fmt: skip


def test_whole_numbers_are_class_names_and_fractions_are_numbers():
    problem = parse_problem("label: {classes: [0, 1]}\nsplit: {train: 1, validation: 0, test: 0}")
    assert problem.label.classes == ("0", "1")
    assert problem.split.train == 1.0


def test_a_section_left_empty_keeps_its_defaults():
    assert parse_problem("label:\nsplit:\n") == Problem()


def test_the_problem_as_a_dictionary_has_every_key():
    content = parse_problem(EVERYTHING).to_dict()
    assert content["split"] == {
        "train": 0.8, "validation": 0.1, "test": 0.1, "test_file": None, "salt": "", "by": None, "like": None,
    }  # fmt: skip
    assert content["text"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modalty: image", r"unknown key 'modalty'; known keys are modality, task, label.*; did you mean 'modality'\?"),
        ("label: {colum: x}", r"unknown key 'label\.colum'; known keys are column, expression"),
        ("1: 2", "unknown key '1'"),
        ("modality: sound", "modality must be one of image, text, tabular, got 'sound'"),
        ("modality: 3", "modality must be one of image, text, tabular, got 3"),
        ("features: fare", "features must be a list of names .*, got 'fare'"),
        ("label: {classes: [yes, no]}", r"label\.classes\[0\] must not be a bare yes: quote it"),
        ("label: {classes: [true, false]}", r"label\.classes must be a list of names .*, got \[True, False\]"),
        ("label: {classes: [0.5, 1.0]}", r"label\.classes must be a list of names \(quote .*, got \[0\.5, 1\.0\]"),
        ("label: {column: 1.5}", r"label\.column must be a name \(quote .*, got 1\.5"),
        ("pii: [[a]]", "pii must be a list of names"),
        ("label: tips", "label must be a mapping of keys to values, got 'tips'"),
        ("- image", "^mine.yaml must be a mapping of keys to values"),
        ("label: {version: 1.5}", r"label\.version must be a whole number of at least 1, got 1\.5"),
        ("label: {version: true}", r"label\.version must be a whole number of at least 1, got True"),
        ("label: {version: 0}", r"label\.version must be a whole number of at least 1, got 0"),
        ("label: {column: a, expression: b}", "label must have a column or an expression, not both"),
        ("label:\n  expression: tips >", r"line 2: label\.expression 'tips >' must be a condition"),
        ("label: {expression: '" + "-" * 1900 + "x > 0'}", "it must be nested at most 150 levels deep"),
        ("label: {expression: '" + "x" * 3000 + "'}", r"label\.expression must have at most 2000 characters, got 3000"),
        ("label: {classes: [a, a]}", r"label\.classes must not repeat a class"),
        ("table: {quoting: maybe}", r"table\.quoting must be true or false, got 'maybe'"),
        ("table: {format: xlsx}", r"table\.format must be one of csv, tsv, jsonl, parquet, got 'xlsx'"),
        ("table: {delimiter: '::'}", r"table\.delimiter must be one character, got '::'"),
        ("split: {train: 0.5, validation: 0.1, test: 0.1}", r"must add up to 1, got .* which add up to 0\.7"),
        ("split: {train: 0.0, validation: 0.5, test: 0.5}", r"split\.train must be above 0, got 0"),
        ("split: {train: 1.5, validation: -0.5, test: 0.0}", r"split\.train must be a number from 0 to 1, got 1\.5"),
        ("split: {train: .nan}", r"split\.train must be a number from 0 to 1, got '\.nan'"),
        ("split: {train: most}", r"split\.train must be a number from 0 to 1, got 'most'"),
        ("split: {train: 0.9, validation: 0.2, test_file: t.csv}", "must add up to at most 1"),
        ("split: {by: date}", r"split\.by must be one of time, got .date."),
        ("split: {by: time}", "needs a column of times, but the problem file names none: set time"),
        ("time: t\nsplit: {by: time, like: runs/a}", r"split\.by: time must stand without split\.like"),
        ("time: t\nsplit: {by: time, test_file: t.csv}", r"split\.by: time must stand without split\.test_file"),
        ("target: {metric: beauty}", r"target\.metric must be one of accuracy, .*, got 'beauty'"),
        ("target: {minimum: 95}", r"target\.minimum must be a number from 0 to 1, got 95"),
        ("a: [1", "must be YAML or JSON, but line 1 is not: 'a: \\[1'"),
        ("!!python/object/apply:os.system [ls]", "a tag must be left out"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_file_and_key(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_problem(text, where="mine.yaml")
    assert str(caught.value).startswith("mine.yaml")
    assert "\n" not in str(caught.value)


def test_a_predefined_test_file_frees_the_fractions():
    problem = parse_problem("split: {train: 0.9, validation: 0.1, test_file: test.tsv}")
    assert problem.split.test_file == "test.tsv"


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path):
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "problem.yaml").write_text("text: 문서", encoding)
        assert read_problem(tmp_path / "problem.yaml").text == "문서"


def test_a_missing_file_and_another_encoding_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the problem file must exist, but there is no file at .*none\.yaml"):
        read_problem(tmp_path / "none.yaml")
    (tmp_path / "problem.yaml").write_bytes("text: 문서".encode("cp949"))
    with pytest.raises(ValueError, match=r"problem\.yaml must be YAML in UTF-8"):
        read_problem(tmp_path / "problem.yaml")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("", TargetSpec()),
        ('{"metric": "macro_f1", "minimum": 0.9}', TargetSpec(metric="macro_f1", minimum=0.9)),
        ('{"metric": "accuracy", "minimum": null}', TargetSpec()),
        ('{"minimum": 1}', TargetSpec(minimum=1.0)),
        ('{"minimum": 0.9, "strict": true, "margin": 0.02}', TargetSpec(minimum=0.9, strict=True, margin=0.02)),
        ('{"beat_baseline": true}', TargetSpec(beat_baseline=True)),
        (
            '{"metric": "recall", "minimum": 0.9, "at": {"precision": 0.5, "positive": "dog"}}',
            TargetSpec(metric="recall", minimum=0.9, at=OperatingPointSpec(precision=0.5, positive="dog")),
        ),
        (
            '{"metric": "precision", "minimum": 0.9, "at": {"cost": {"false_positive": 1, "false_negative": 5}}}',
            TargetSpec(
                metric="precision",
                minimum=0.9,
                at=OperatingPointSpec(cost=CostSpec(false_positive=1.0, false_negative=5.0)),
            ),
        ),
    ],
)
def test_a_target_is_read_from_json(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy", "target must be a mapping of keys to values, got 'accuracy'"),
        ("[1]", "must be a mapping"),
        ('{"minimun": 0.9}', "unknown key 'target.minimun'"),
        ('{"metric": "beauty"}', "target.metric must be one of"),
        ('{"minimum": 90}', "target.minimum must be a number from 0 to 1"),
        ('{"minimum": "high"}', "target.minimum must be a number"),
        ('{"margin": 2}', "target.margin must be a number from 0 to 1, got 2"),
        ('{"strict": "very"}', "target.strict must be true or false"),
        ('{"metric": "recall", "minimum": 0.9}', "must come with target.at, such as {precision: 0.5}"),
        ('{"metric": "recall", "at": {"precision": 0.5}}', "target.minimum must be given for recall"),
        ('{"metric": "recall", "minimum": 0.9, "at": {"recall": 0.5}}', "must ask for another figure"),
        ('{"metric": "recall", "minimum": 0.9, "at": {}}', "one of precision, recall and cost, got none of them"),
        (
            '{"metric": "recall", "minimum": 0.9, "at": {"precision": 0.5, "recall": 0.5}}',
            "one of precision, recall and cost, got precision and recall",
        ),
        ('{"at": {"precision": 0.5}}', "target.at must be absent for accuracy"),
        (
            '{"metric": "recall", "minimum": 0.9, "at": {"cost": {"false_positive": 1}}}',
            "false_negative",
        ),
    ],
)
def test_a_target_that_is_none_is_refused(text, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        parse_target(text)


def test_recall_and_precision_are_metrics_of_classes_alone():
    target = TargetSpec(metric="recall", minimum=0.9, at=OperatingPointSpec(precision=0.5))
    assert target.for_task(is_regression=False) is target
    with pytest.raises(ValueError, match="must be one of rmse, mae, r2 where the label is a number, got 'recall'"):
        target.for_task(is_regression=True)


def test_a_strict_target_without_a_metric_is_strict_for_numbers_too():
    asked = TargetSpec(strict=True, margin=0.05, beat_baseline=True).for_task(is_regression=True)
    assert asked == TargetSpec(metric="rmse", strict=True, margin=0.05, beat_baseline=True)


def test_personal_columns_are_hashed_unless_the_file_keeps_them():
    problem = parse_problem("pii: {phone: keep, name: hash, agent: keep}")
    assert (tuple(problem.pii), problem.pii_keep) == (("name",), ("phone", "agent"))
    assert problem.named_columns() == ("name", "phone", "agent")
    assert problem.to_dict()["pii"] == {"name": "hash", "phone": "keep", "agent": "keep"}
    assert parse_problem(json.dumps(problem.to_dict())) == problem
    assert parse_problem("pii: [phone]").to_dict()["pii"] == ["phone"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pii: {phone: hide}", r"pii\.phone must be hash or keep, got 'hide'"),
        ("pii: {phone: [keep]}", r"pii\.phone must be hash or keep, got \['keep'\]"),
        ("pii_keep: [phone]", "unknown key 'pii_keep'"),
        ("pii: phone", "pii must be a list of names, or a mapping of names to hash or keep"),
    ],
)
def test_another_treatment_of_personal_columns_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_problem(text)


def test_limits_of_fairness_are_read_from_the_problem_file_and_from_json():
    problem = parse_problem("sensitive: [sex]\nfairness: {metric: selection_rate, min_ratio: 0.8, min_group_size: 50}")
    assert problem.fairness == FairnessSpec(metric="selection_rate", min_ratio=0.8, min_group_size=50)
    assert parse_fairness('{"metric": "mean_error", "max_difference": 4}').max_difference == 4.0
    assert parse_fairness("") == FairnessSpec()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sensitive: [sex]\nfairness: {max_difference: 0.1}", "fairness.metric must come with a limit"),
        ("sensitive: [sex]\nfairness: {metric: accuracy}", "must come with max_difference or min_ratio, got neither"),
        ("fairness: {metric: accuracy, min_ratio: 0.8}", "fairness must come with columns .* sensitive names none"),
        ("sensitive: [sex]\nfairness: {metric: accuracy, max_difference: 5}", "of a rate must be at most 1, got 5"),
        ("sensitive: [sex]\nfairness: {metric: mean_error, min_ratio: 0.8}", "min_ratio must be absent for mean_error"),
        ("sensitive: [sex]\nfairness: {metric: beauty, min_ratio: 0.8}", "fairness.metric must be one of accuracy"),
        ("sensitive: [sex]\nfairness: {min_group_size: 1}", "fairness.min_group_size must be"),
        (
            "task: regression\nsensitive: [sex]\nfairness: {metric: accuracy, max_difference: 0.1}",
            "fairness.metric must be one of mean_error, mean_absolute_error where the label is a number",
        ),
    ],
)
def test_limits_of_fairness_that_are_none_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_problem(text)
