from components.data_validation.quality.split_checks import split_findings
from components.data_validation.schemas.materiality import Materiality

EVEN = {"cat": 50, "dog": 50}


def names_of(train: dict, validation: dict, test: dict, classes=("cat", "dog")) -> dict[str, str]:
    counts = {"train": train, "validation": validation, "test": test}
    return {finding.name: finding.severity for finding in split_findings(counts, classes, materiality=Materiality())}


def test_even_classes_in_every_split_have_no_findings():
    assert names_of(EVEN, EVEN, EVEN) == {}


def test_an_empty_train_or_test_split_blocks_and_an_empty_validation_split_warns():
    assert names_of({}, EVEN, EVEN) == {"EMPTY_SPLIT": "blocking"}
    assert names_of(EVEN, EVEN, {}) == {"EMPTY_SPLIT": "blocking"}
    assert names_of(EVEN, {}, EVEN) == {"EMPTY_SPLIT": "warning"}


def test_a_test_split_without_labels_blocks():
    assert names_of(EVEN, EVEN, {"": 40}) == {"NO_LABELLED_EXAMPLES": "blocking"}


def test_unlabelled_examples_beside_labelled_ones_are_no_finding():
    assert names_of({**EVEN, "": 500}, EVEN, EVEN) == {}


def test_a_class_with_one_training_example_blocks():
    names = names_of({"cat": 9, "dog": 1}, EVEN, EVEN)
    assert names == {"CLASS_WITH_TOO_FEW_TRAINING_EXAMPLES": "blocking"}


def test_a_class_of_the_test_split_without_training_examples_blocks():
    names = names_of(EVEN, EVEN, {**EVEN, "bird": 5})
    assert names["CLASS_WITH_TOO_FEW_TRAINING_EXAMPLES"] == "blocking"


def test_training_on_one_class_alone_blocks():
    assert names_of({"cat": 50}, {"cat": 9}, {"cat": 9}, classes=("cat",)) == {"SINGLE_CLASS": "blocking"}


def test_a_class_that_is_absent_from_the_test_split_warns_and_is_named():
    counts = {"train": EVEN, "validation": EVEN, "test": {"cat": 5}}
    (finding,) = split_findings(counts, ("cat", "dog"), materiality=Materiality())
    assert (finding.name, finding.severity, finding.kind) == ("CLASS_ABSENT_FROM_SPLIT", "warning", "data_skew")
    assert "'dog'" in finding.message


def test_ten_to_one_is_imbalance_and_nine_to_one_is_not():
    assert names_of({"cat": 100, "dog": 10}, EVEN, EVEN) == {"CLASS_IMBALANCE": "warning"}
    assert names_of({"cat": 90, "dog": 10}, EVEN, EVEN) == {}


def test_many_rare_classes_are_one_finding_that_names_the_first_ten():
    train = {**EVEN, **{f"rare{number:02}": 1 for number in range(25)}}
    findings = split_findings(
        {"train": train, "validation": train, "test": train}, tuple(train), materiality=Materiality()
    )
    (finding,) = [item for item in findings if item.name == "CLASS_WITH_TOO_FEW_TRAINING_EXAMPLES"]
    assert "'rare09' and 15 more" in finding.message
