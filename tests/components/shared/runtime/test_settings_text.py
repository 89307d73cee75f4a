"""How a text of settings is read: one grammar, and one sentence with the line for what is refused."""

import json
import time

import pytest

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import read_written_settings, settings_yaml, written_settings

# Each line refers to the one before nine times: 9^9 values.
BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


def read(text):
    return written_settings(text, where="mine.yaml").content


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("10", 10),
        ("-3", -3),
        ("0.1", 0.1),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("1.5e+3", 1500.0),
        ("'10'", "10"),
        ('"1e-3"', "1e-3"),
        ("01", "01"),
        ("+5", "+5"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        (".NaN", ".NaN"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ("yes please", "yes please"),
        ("y", "y"),
    ],
)
def test_a_value_has_one_meaning(written, value):
    found = read(f"key: {written}")["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("number", [10, 0.1, 1e-05, 1e16, -3])
def test_json_writes_the_same_numbers(number):
    assert read(json.dumps({"key": number})) == {"key": number}


def test_keys_are_text():
    assert read("1: a\nno: b\n1e3: c\n2024-01-01: d") == {"1": "a", "no": "b", "1e3": "c", "2024-01-01": "d"}


@pytest.mark.parametrize("text", ["", "  \n", "# nothing", "---\n", "---\n...\n"])
def test_a_text_without_a_value_is_none(text):
    assert read(text) is None


def test_json_is_read_where_it_is_no_yaml():
    assert read('{\n\t"a": [1, 2.0, true, null],\n\t"b": "\\ud83d\\ude00"\n}') == {"a": [1, 2.0, True, None], "b": "😀"}
    assert read(json.dumps({"k" * 2000: "한국어 😀"})) == {"k" * 2000: "한국어 😀"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "mine.yaml, line 3: a must be given once, but line 1 has it too"),
        ("s:\n  a: 1\n  a: 1", "mine.yaml, line 3: s.a must be given once, but line 2 has it too"),
        ('{"a": 1, "a": 2}', "mine.yaml: a must be given once, but line 1 has it too"),
        ('{"a": "\\ud83d\\ude00", "a": 2}', "mine.yaml: a must be given once, but it is there twice"),
        ("a: &x 1\nb: *x", "mine.yaml, line 1: an alias or anchor"),
        ("a: *x\nb: 1", "mine.yaml, line 1: an alias or anchor"),
        ("a:\n  <<: {b: 1}", "mine.yaml, line 2: a merge key"),
        ("a: 1\nb: !!int 5", "mine.yaml, line 2: a tag must be left out, got 'tag:yaml.org,2002:int'"),
        ("a: !secret x", "mine.yaml: a tag must be left out, got '!secret'"),
        ("a: 1\n---\nb: 2", "mine.yaml, line 2: settings must be one document"),
        ("? [a]\n: 1", "mine.yaml, line 1: a key must be text"),
        (
            "a:\n  - yes",
            "mine.yaml, line 2: a[0] must not be a bare yes: quote it to mean the word, or write true or false",
        ),
        ("a: Off", "mine.yaml: a must not be a bare Off"),
        ("a: 1\nb: 1e999", "mine.yaml, line 2: b must be a number that can be held, got 1e999"),
        ("a: " + "9" * 5000, "mine.yaml: a must be a number of at most 18 digits, got 9999"),
        (
            '{"a": "\\ud83d\\ude00", "b": ' + "9" * 5000 + "}",
            "mine.yaml: a value must be a number of at most 18 digits",
        ),
        ('{"a": "\\ud83d\\ude00", "b": NaN}', "mine.yaml: a value must be a number that can be held, got NaN"),
        ("a: 1\nb: \0", r"mine.yaml must be YAML, which is text, but line 2 holds the character '\x00'"),
        ('a: "\\0"', "mine.yaml: text must not hold NUL characters"),
        ('{"a": "\\ud83d"}', "mine.yaml: text must not hold NUL characters or halves of surrogate pairs"),
        ("a: [1\n\n", "mine.yaml must be YAML or JSON, but line 1 is not: 'a: [1' (did not find expected ',' or ']')"),
        ("name,age\na: b\nc: d: e", "mine.yaml must be YAML or JSON, but line 2 is not: 'a: b'"),
        ("a:\n\t- b", "mine.yaml must be YAML or JSON, but line 2 is not: '- b'"),
        ("a: b: c", "mine.yaml must be YAML or JSON, but line 1 is not: 'a: b: c' (mapping values are not allowed"),
    ],
)
def test_what_is_refused_is_one_sentence_with_its_line(text, sentence):
    with pytest.raises(ContractError) as caught:
        read(text)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "alias or anchor"),
        ("- " * 1900, "nest at most 20 deep"),
        ("[" * 21 + "]" * 21, "nest at most 20 deep"),
        ("[" * 1_000_000, "nest at most 20 deep"),
        ("{a: " * 200_000, "nest at most 20 deep"),
        ('{"a": "\\ud83d\\ude00", "b": ' + "[" * 500_000, "must be YAML or JSON"),
        ('{"a": "\\ud83d\\ude00", "b": ' + "[" * 100 + "]" * 100 + "}", "nest at most 20 deep"),
        ("? " * 400_000, "a key must be text"),
        ("- a\n" * 250_000, "at most 20,000 keys and values"),
        ("a: 1\n" * 200_000, "a must be given once"),
        ("x" * (1 << 21), "at most 1 MiB, got 2,097,152 bytes"),
        ("'" + "x\n" * 500_000, "must be YAML or JSON"),
        ("k" * 1_000_000 + ": 1", "must be YAML or JSON"),
        (": " * 400_000, "must be YAML or JSON"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_a_text_that_would_take_long_is_refused_at_once(text, words):
    began = time.process_time()
    with pytest.raises(ContractError, match=words) as caught:
        read(text)
    assert time.process_time() - began < 1.0
    assert len(str(caught.value)) < 300


def test_twenty_levels_and_nineteen_hundred_dashes_in_a_word_are_read():
    assert read("[" * 20 + "]" * 20)
    assert read("a: " + "-" * 1900 + "x") == {"a": "-" * 1900 + "x"}


def test_lines_lead_to_the_key_or_the_one_above():
    written = written_settings("a:\n  b: 1\n  c:\n    - x\n    - y\n", where="mine.yaml")
    assert str(written.error(("a", "c", 1), "wrong")) == "mine.yaml, line 5: wrong"
    assert str(written.error(("a", "d"), "wrong")) == "mine.yaml, line 1: wrong"
    assert str(written.error((), "wrong")) == "mine.yaml: wrong"
    section = written.section("a")
    assert (section.content, section.key) == ({"b": 1, "c": ["x", "y"]}, "a")
    assert str(section.error(("b",), f"{section.dotted(('b',))} is wrong")) == "mine.yaml, line 2: a.b is wrong"
    assert written.section("z").content is None


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path):
    file = tmp_path / "mine.yaml"
    for encoding in ("utf-8", "utf-8-sig"):
        file.write_text("text: 문서", encoding)
        assert read_written_settings(file, what="the settings").content == {"text": "문서"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("a: 1\ntext: 문서".encode("cp949"), "must be YAML in UTF-8, but line 2 is not: save it as UTF-8"),
        ("a: 1".encode("utf-16"), "must be YAML in UTF-8, but line 1 is not"),
        (b"\x89PNG\r\n\x1a\n", "must be YAML in UTF-8, but line 1 is not"),
        (b"PK\x03\x04", r"but line 1 holds the character '\x03'"),
        (b" " * ((1 << 20) + 1), "must be at most 1 MiB, got 1,048,577 bytes"),
    ],
)
def test_a_file_that_is_no_settings_is_named(tmp_path, data, words):
    file = tmp_path / "mine.yaml"
    file.write_bytes(data)
    with pytest.raises(ContractError) as caught:
        read_written_settings(file, what="the settings")
    assert str(caught.value).startswith(f"{file} ")
    assert words in str(caught.value)


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    file = tmp_path / "huge.yaml"
    with open(file, "wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ContractError, match="must be at most 1 MiB, got 1,099,511,627,776 bytes"):
        read_written_settings(file, what="the settings")
    with pytest.raises(FileNotFoundError, match="the settings must exist, but there is no file at"):
        read_written_settings(tmp_path, what="the settings")


@pytest.mark.parametrize(
    "value",
    ["1e5", "1E5", "1e-3", ".5", "5.", "10", "01", "yes", "Off", "true", "null", "~", "", "2024-01-01", "a: b", "<<",
     "=", "1_000", ".inf", "- a", "# no", "&a", "*a", "!a", "한국어 😀", "two\nlines", "tab\t", " blank ", 1e-05, 1e16,
     10,     0.1, "\x85", "a\u2028b", "a\rb", "\x01", True, None, [], {}, ["x", {"y": 1}]],
)  # fmt: skip
def test_what_is_written_is_read_again(value):
    content = {"key": value, "list": [value, value]}
    assert read(settings_yaml(content)) == content


def test_a_key_that_cannot_be_printed_is_shown_escaped():
    with pytest.raises(ValueError, match="at most 18 digits") as caught:
        written_settings('"": {"\\n": 1000000000000000000}', where="t.yaml")
    assert "\n" not in str(caught.value)
