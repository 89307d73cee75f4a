import pytest

from components.active_learning.label_requests import LabelRequest
from components.active_learning.queue.answers import Answer
from components.active_learning.queue.checking import checked_answers
from components.active_learning.queue.examples import QueueExample

CHECK = "c0123456789abcdef"


def example(example_id: str = "a", **values: object) -> QueueExample:
    request = LabelRequest(
        example_id=example_id,
        strategy="random",
        why="",
        score=0.0,
        predicted="",
        probability=0.0,
        model_version="",
        round_number=1,
    )
    return QueueExample(request=request, check=CHECK, values=values)


def kinds(asked: QueueExample, classes=("no", "yes"), **told) -> list[str]:
    answer = Answer(**{"file": "f", "row": 2, "example_id": "a", "label": classes[0], "annotator": "x", **told})
    return [fault.kind for fault in checked_answers([answer], [asked], classes).faults]


@pytest.mark.parametrize(
    ("example_id", "written"), [("00123", "123"), ("1234567890123456", "1.23457E+15"), ("1e5", "100000")]
)
def test_an_identifier_that_a_spreadsheet_took_for_a_number_is_known_by_its_check(example_id, written):
    assert kinds(example(example_id), example_id=written, check=CHECK) == []
    assert kinds(example(example_id), example_id=written) == ["unknown_id"]
    assert kinds(example(example_id), example_id="7", check=CHECK) == ["unknown_id"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.5, "1.50"),
        (1.5, "1,5"),
        (True, "TRUE"),
        (None, ""),
        ("2026-01-05", "5.1.2026"),
        ("two  words\r\nand a line", "two words\nand a line"),
        ("가", "\u1100\u1161"),
        ("x" * 40_000, "x" * 32_767),
    ],
)
def test_what_saving_does_to_a_value_is_no_change(value, written):
    assert kinds(example(column=value), values={"column": written}) == []


@pytest.mark.parametrize(("value", "written"), [(1.5, "1.6"), ("a text", "a test"), ("a text", ""), (True, "FALSE")])
def test_a_changed_value_is_found(value, written):
    assert kinds(example(column=value), values={"column": written}) == ["changed_content"]


def test_a_class_that_is_a_number_is_known_however_it_is_written():
    assert kinds(example(), classes=("01", "02"), label="1") == ["spelled_otherwise"]
    assert kinds(example(), classes=("1", "01"), label="1.0") == ["unknown_label"]


def test_classes_that_differ_in_case_alone_are_told_apart():
    assert kinds(example(), classes=("us", "US"), label="us") == []
    assert kinds(example(), classes=("us", "US"), label="Us") == ["unknown_label"]


def test_faults_quote_no_personal_data():
    told = Answer(file="f", row=2, example_id="a", label="call 010-1234-5678", annotator="x")
    [fault] = checked_answers([told], [example()], ("no", "yes")).faults
    assert "1234" not in str(fault)
    assert str(fault).startswith("f, row 2: one of no, yes was expected, got ")


def test_of_long_texts_the_place_of_the_difference_is_quoted():
    text = " ".join(f"word{number}" for number in range(500))
    told = Answer(
        file="f",
        row=2,
        example_id="a",
        label="no",
        annotator="x",
        values={"text": text.replace("word400", "nothing400")},
    )
    [fault] = checked_answers([told], [example(text=text)], ("no", "yes")).faults
    assert "word400" in fault.expected
    assert "nothing400" in fault.found
    assert len(fault.found) < 100
