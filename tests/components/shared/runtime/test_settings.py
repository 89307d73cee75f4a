"""From a text to a model: what it takes, and the sentence about what it does not."""

from collections.abc import Mapping
from dataclasses import asdict, field, FrozenInstanceError, replace
import pickle
import subprocess
import sys
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt, MaxLen, MinLen
import pytest

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import (
    Name,
    Names,
    parse_settings,
    partial_model,
    PositiveNumber,
    read_settings,
    settings_from,
    settings_model,
    Share,
)
from components.shared.runtime.settings_words import Words


@settings_model
class Inner:
    rate: PositiveNumber = 1.0
    count: Annotated[int, Ge(1)] | None = 5
    names: Names = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count == 13:
            raise ContractError("count must not be 13")
        if self.count == 14:
            raise ContractError("inner.count must not be 14")
        if self.count == 15:
            raise ContractError("the count must not be 15")


@settings_model
class Outer:
    inner: Inner = field(default_factory=Inner)
    kind: Literal["image", "text"] | None = None
    share: Share = 0.5
    column: Name | None = None
    inners: tuple[Inner, ...] = ()
    mark: Annotated[str, MinLen(1), MaxLen(1), Words("one character")] | None = None
    is_on: bool = False
    note: str = ""
    part: Annotated[float, Ge(0), Lt(1)] = 0.0
    few: Annotated[int, Le(9)] = 0


def parsed(text):
    return parse_settings(Outer, text, where="mine.yaml")


def test_an_empty_text_gives_the_defaults():
    assert parsed("") == parsed("inner:\nshare:") == Outer()


def test_every_kind_of_value_is_read():
    text = "inner: {rate: 1e-3, count: 3, names: [a, 1], options: {a: null, b: [1.0, 2]}}\nkind: text\ncolumn: 2020"
    found = parsed(text)
    assert (found.inner.rate, found.inner.count, found.inner.names) == (0.001, 3, ("a", "1"))
    assert found.inner.options == {"a": None, "b": [1.0, 2]}
    assert isinstance(found.inner.options["b"][0], float)
    assert (found.kind, found.column) == ("text", "2020")
    assert parsed("inners: [{rate: 2}, {}]").inners == (Inner(rate=2.0), Inner())


@pytest.mark.parametrize("written", ["3", "3.0", "3e0", "0.3E1"])
def test_a_whole_number_is_whole_however_it_is_written(written):
    count = parsed(f"inner: {{count: {written}}}").inner.count
    assert (count, type(count)) == (3, int)


def test_none_is_a_value_where_the_model_says_so():
    assert parsed("inner: {count: null, rate: null}").inner == Inner(count=None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: text\ninner:\n  rate: fast", "mine.yaml, line 3: inner.rate must be a number above 0, got 'fast'"),
        ("inner: {rate: '2'}", "mine.yaml: inner.rate must be a number above 0, got '2'"),
        ("inner: {rate: 0}", "mine.yaml: inner.rate must be a number above 0, got 0"),
        ("inner: {rate: true}", "mine.yaml: inner.rate must be a number above 0, got True"),
        ("inner: {count: 1.5}", "mine.yaml: inner.count must be a whole number of at least 1, got 1.5"),
        ("few: 10", "mine.yaml: few must be a whole number of at most 9, got 10"),
        ("share: 1.5", "mine.yaml: share must be a number from 0 to 1, got 1.5"),
        ("part: 1", "mine.yaml: part must be a number from 0 to below 1, got 1"),
        ("kind: video", "mine.yaml: kind must be one of image, text, got 'video'"),
        ("mark: ab", "mine.yaml: mark must be one character, got 'ab'"),
        ("is_on: 1", "mine.yaml: is_on must be true or false, got 1"),
        ("is_on: 'true'", "mine.yaml: is_on must be true or false, got 'true'"),
        ("note: 5", "mine.yaml: note must be text, got 5"),
        ("inner: [1]", "mine.yaml: inner must be a mapping of keys to values, got [1]"),
        ("inner: {options: 1}", "mine.yaml: inner.options must be a mapping of keys to values, got 1"),
        ("inners: 5", "mine.yaml: inners must be a list of mappings, got 5"),
        ("inners:\n  - {}\n  - rate: -1", "mine.yaml, line 3: inners[1].rate must be a number above 0, got -1"),
        ("- a", "mine.yaml must be a mapping of keys to values, got ['a']"),
        ("hello", "mine.yaml must be a mapping of keys to values, got 'hello'"),
        (
            "inner: {names: [a, 1.5]}",
            "mine.yaml: inner.names must be a list of names (quote true, false and numbers with a point), "
            "got ['a', 1.5]",
        ),
        (
            "column: true",
            "mine.yaml: column must be a name (quote true, false and numbers with a point), got True",
        ),
        (
            "inner:\n  rates: 3",
            "mine.yaml, line 2: unknown key 'inner.rates'; known keys are rate, count, names, options; "
            "did you mean 'rate'?",
        ),
        ("inner: {zzz: 3}", "mine.yaml: unknown key 'inner.zzz'; known keys are rate, count, names, options"),
        ("inner:\n  count: 13", "mine.yaml, line 2: inner.count must not be 13"),
        ("note: x\ninner:\n  count: 14", "mine.yaml, line 3: inner.count must not be 14"),
        ("note: x\ninner:\n  count: 15", "mine.yaml, line 2: the count must not be 15"),
        ("few: 10\nshare: 2", "mine.yaml, line 1: few must be a whole number of at most 9, got 10"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_line_and_key(text, sentence):
    with pytest.raises(ContractError) as caught:
        parsed(text)
    assert str(caught.value) == sentence


def test_long_values_and_keys_are_cut():
    for text in (f"note: [{'x' * 5000}]", f"{'x' * 1000}: 1"):
        with pytest.raises(ContractError) as caught:
            parsed(text)
        assert len(str(caught.value)) < 300


def test_a_file_is_named(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("note: a\nshare: 2\n")
    with pytest.raises(ContractError) as caught:
        read_settings(Outer, file, what="the settings")
    assert str(caught.value) == f"{file}, line 2: share must be a number from 0 to 1, got 2"


def test_plain_values_are_checked_like_a_text():
    assert settings_from(Inner, {"rate": 2, "names": ["a"]}) == Inner(rate=2.0, names=("a",))
    with pytest.raises(ContractError, match=r"^inner\.rate must be a number above 0, got '2'$"):
        settings_from(Inner, {"rate": "2"}, key="inner")
    with pytest.raises(ContractError, match=r"^inner must be plain values: .*not JSON serializable$"):
        settings_from(Inner, {"options": {"a": {1, 2}}}, key="inner")
    with pytest.raises(ContractError, match=r"^inner\.rate must be a number above 0, got None$"):
        settings_from(Inner, {"rate": None}, key="inner", empty_is_unset=False)


def test_code_that_makes_a_model_gets_the_same_sentences():
    assert Inner(names=["a"]).names == ("a",)
    for make in (lambda: Inner(rate=0.0), lambda: replace(Inner(), rate=0.0)):
        with pytest.raises(ContractError, match=r"^rate must be a number above 0, got 0\.0$"):
            make()
    with pytest.raises(ContractError, match="^count must not be 13$"):
        Inner(count=13)
    with pytest.raises(ContractError, match=r"^unknown key 'rat'; known keys are rate, .*; did you mean 'rate'\?$"):
        Inner(rat=1)


def test_a_model_is_a_frozen_dataclass():
    inner = Inner(rate=2.0, options={"a": 1})
    with pytest.raises(FrozenInstanceError):
        inner.rate = 3.0
    assert asdict(inner) == {"rate": 2.0, "count": 5, "names": (), "options": {"a": 1}}
    assert pickle.loads(pickle.dumps(inner)) == inner
    assert not hasattr(inner, "__dict__")


def test_of_a_partial_model_only_what_is_given_is_there():
    Part = partial_model("Part", Inner, without=("names",), more=Mapping[str, Any])
    assert parse_settings(Part, "", where="mine.yaml") == {}
    found = parse_settings(Part, "rate: 2\ncount:\nmore: {a: null}", where="mine.yaml", key="inner")
    assert found == {"rate": 2.0, "count": None, "more": {"a": None}}
    with pytest.raises(ContractError, match=r"^mine\.yaml: inner\.rate must be a number above 0, got 'x'$"):
        parse_settings(Part, "rate: x", where="mine.yaml", key="inner")
    with pytest.raises(ContractError, match=r"unknown key 'inner\.names'; known keys are rate, count, options, more$"):
        parse_settings(Part, "names: [a]", where="mine.yaml", key="inner")


def test_reading_a_problem_needs_no_heavy_library():
    code = (
        "import sys, components.shared.contracts.problem as problem\n"
        "problem.parse_problem('label: {column: a}')\n"
        "heavy = {'torch', 'kfp', 'pandas', 'sklearn', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
