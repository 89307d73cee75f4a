import numpy as np
import pyarrow as pa
import pytest

from components.shared.runtime.redaction import masked_personal
from components.shared.tables.personal_columns import hashed_texts, masked_texts, personal_kind_of_numbers
from components.shared.tables.personal_key import keyed_hash

CARDS = [4539578763621486, 5105105105105100, 4111111111111111, 5555555555554444, 6011111111111117]
RESIDENTS = [9001011234568, 8506152123453, 229300000]


def shown(values, kind=None):
    return masked_texts(pa.array(values, kind or pa.string())).to_pylist()


def mobiles(count):
    return np.random.default_rng(0).integers(1_020_000_000, 1_099_999_999, count)


def test_texts_are_masked_value_by_value():
    values = ["Seoul", None, "call 010-1234-5678", "a@b.io", "900101-1234567", "4539 5787 6362 1486"]
    assert shown(values) == ["Seoul", None, "call <phone>", "<e-mail>", "<resident number>", "<card>"]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_the_encoding_of_the_texts_does_not_matter(kind):
    assert shown(["a@b.io", None, "x"], kind) == ["<e-mail>", None, "x"]


def test_what_holds_nothing_is_the_same_array():
    for array in (pa.array(["a", None]), pa.array([1, 2]), pa.array([], pa.string()), pa.nulls(3, pa.string())):
        assert masked_texts(array) is array


def test_arrow_and_python_recognise_the_same_values():
    texts = ["kim@example.com.", "(a.b@c.co)", "x_010-1234-5678_y", "+1 (415) 555-2671", "a-010-1234-5678", "v1.010"]
    assert shown(texts) == [masked_personal(text) for text in texts]


@pytest.mark.parametrize("width", [11, 13, 16])
def test_codes_of_which_some_look_like_a_number_by_chance_stay(width):
    rng = np.random.default_rng(0)
    codes = ["".join(map(str, digits)) for digits in rng.integers(0, 10, (20_000, width))]
    assert any(masked_personal(code) != code for code in codes), "some must look like one, or this test shows nothing"
    assert shown(codes) == codes


def test_bare_numbers_that_are_all_plausible_are_masked():
    assert shown([str(card) for card in CARDS]) == ["<card>"] * 5
    assert shown(["01023456789", "01098765432", "none"]) == ["<phone>", "<phone>", "none"]


def test_identifiers_are_hashed_as_a_whole_so_that_they_stay_apart():
    values = ["1/a@b.io", "2/a@b.io", "3", None]
    assert hashed_texts(pa.array(values)).to_pylist() == [keyed_hash(values[0]), keyed_hash(values[1]), "3", None]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64()])
def test_columns_of_numbers_are_known_as_a_whole(kind):
    def found(values):
        return personal_kind_of_numbers("value", pa.array([*values, None], pa.int64()).cast(kind))

    assert found(mobiles(200).tolist()) == "telephone number"
    assert found([820_000_000_000 + value for value in mobiles(200).tolist()]) == "telephone number"
    assert found(CARDS * 4) == "payment card number"
    assert found(RESIDENTS[:2] * 10) == "resident registration number"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("price", np.random.default_rng(1).lognormal(10, 2, 5000)),
        ("revenue", np.random.default_rng(1).normal(1.05e9, 3e8, 5000).round()),
        ("order", np.arange(1_050_000_000, 1_050_005_000)),
        ("account", np.random.default_rng(1).integers(10**9, 10**10, 5000)),
        ("barcode", 8_800_000_000_000 + np.random.default_rng(1).integers(0, 10**10, 5000)),
        ("item", np.random.default_rng(1).integers(10**15, 10**16, 5000)),
        ("clicked_at", mobiles(5000)),
        ("event_time", mobiles(5000)),
        ("milliseconds", 1_700_000_000_000 + np.arange(5000)),
        ("mixed", np.concatenate([mobiles(100), np.arange(100.0)])),
        ("few", mobiles(9)),
        ("fraction", mobiles(200) + 0.5),
    ],
)
def test_prices_counters_codes_and_times_are_numbers(name, values):
    assert personal_kind_of_numbers(name, pa.array(values)) is None
