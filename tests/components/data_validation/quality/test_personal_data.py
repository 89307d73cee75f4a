import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.quality.personal_data import PersonalDataCounter
from components.shared.runtime.personal_forms import resident_number_plausible


def counts_of(values: list[str | None], kind: pa.DataType | None = None) -> dict[str, int]:
    counter = PersonalDataCounter()
    counter.add(pa.record_batch([pa.array(values, kind or pa.string())], ["memo"]), ["memo"])
    return counter.counts().get("memo", {})


def digits(number: str) -> np.ndarray:
    return np.array([[int(digit) for digit in number]])


def resident_number(birth: str, century_digit: int, serial: int) -> str:
    """A number with its check digit, by the rule's own words."""
    first = f"{birth}{century_digit}{serial:05}"
    total = sum(int(digit) * weight for digit, weight in zip(first, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=True))
    return f"{first}{(11 - total % 11) % 10}"


@pytest.mark.parametrize(
    "text",
    [
        "kim@example.com",
        "write to first.last+tag@mail.example.co.kr, please",
        "메일은 hong_gildong@naver.com으로",
        "<a@b.io>",
    ],
)
def test_an_e_mail_address_is_noticed(text):
    assert counts_of([text]) == {"e-mail address": 1}


@pytest.mark.parametrize(
    "text",
    [
        "010-1234-5678",
        "010 1234 5678",
        "010.1234.5678",
        "01023456789",
        "연락처: 010-1234-5678로 주세요",
        "02-123-4567",
        "031-234-5678",
        "(02) 1234-5678",
        "070-1234-5678",
        "+82-10-1234-5678",
        "+82 10 1234 5678",
        "+821012345678",
        "+82 (0)2 123 4567",
        "+1 415-555-2671",
        "+1 (415) 555-2671",
        "(415) 555-2671",
        "+44 20 7946 0958",
        "+33 6 12 34 56 78",
        "+14155552671",
        "call 011-234-5678.",
    ],
)
def test_a_telephone_number_is_noticed(text):
    assert counts_of([text]) == {"telephone number": 1}


@pytest.mark.parametrize(
    "text",
    ["900101-1234567", "주민번호 900101-1234568 입니다", "9001011234568", "000229-3234567", "211231-4123456"],
)
def test_a_resident_registration_number_is_noticed(text):
    assert counts_of([text]) == {"resident registration number": 1}


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15",
        "2024-01-15 10:11:12.123456+09:00",
        "20240115101112",
        "01/02/2024 - 03/04/2024",
        "12,345,678.90",
        "1234567.8901",
        "0.0123456789012",
        "-122.4194155, 37.7749295",
        "37.5665 126.9780",
        "+37.5665-126.9780/",
        "192.168.100.200",
        "010.123.045.067",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
        "9783161484100",
        "0306406152",
        "8801234567893",
        "1400269520123",
        "1700000000000",
        "ORD-2024-000123",
        "20240115-0001234",
        "ORD900101-1234567",
        "240115-0000123",
        "2401150000123",
        "991332-1234567",
        "900230-1234567",
        "901301-2345678",
        "850101-3234567",
        "9001011234567",
        "1588-1234",
        "123-45-67890",
        "00000012345",
        "12345678901",
        "@handle and @another.handle",
        "user@localhost",
        "git@github.com:owner/name.git",
        "logo@2x.png",
        "react@18.2.0",
        "a @ b.com",
        "3+4 1000 2000",
        "+10000000",
        "+5 %",
        "x 1234 5678 9012 3456",
        "v1.2.3-010",
        "",
    ],
)
def test_dates_prices_codes_and_positions_are_not_personal_data(text):
    assert counts_of([text]) == {}


def test_the_check_digit_agrees_with_the_written_rule():
    number = resident_number("900101", 1, 23456)
    assert number == "9001011234568"
    assert resident_number_plausible(digits(number), always_checked=True).all()
    wrong = [number[:12] + str(last) for last in range(10) if str(last) != number[12]]
    assert not any(resident_number_plausible(digits(other), always_checked=True).any() for other in wrong)


def test_a_foreigners_check_digit_is_two_larger():
    citizen, foreigner = resident_number("850615", 1, 12345), resident_number("850615", 5, 12345)
    shifted = foreigner[:12] + str((int(foreigner[12]) + 2) % 10)
    assert resident_number_plausible(digits(citizen), always_checked=True).all()
    assert resident_number_plausible(digits(shifted), always_checked=True).all()
    assert not resident_number_plausible(digits(foreigner), always_checked=True).any()


def test_births_without_a_check_digit_count_with_a_hyphen_only():
    assert counts_of(["211231-4123456"]) == {"resident registration number": 1}
    assert counts_of(["2112314123456"]) == {}


def test_a_leap_day_needs_a_leap_year():
    assert resident_number_plausible(digits("0002293000000"), always_checked=False).all()
    assert not resident_number_plausible(digits("0102293000000"), always_checked=False).any()
    assert not resident_number_plausible(digits("0002291000000"), always_checked=False).any()


def test_a_column_of_bar_codes_is_not_taken_for_resident_numbers():
    generator = np.random.default_rng(0)
    codes = [f"880{rest:010}" for rest in generator.integers(0, 10**10, 5_000)]
    plausible = [code for code in codes if resident_number_plausible(digits(code), always_checked=True).any()]
    assert plausible, "some bar codes must pass the check by chance, or this test shows nothing"
    assert counts_of(codes) == {}


def test_long_numbers_of_an_order_column_are_not_taken_for_mobile_numbers():
    assert counts_of([f"{row:011}" for row in range(0, 10**11, 10**11 // 5000)]) == {}


def test_rows_are_counted_however_batches_are_cut_and_merged():
    texts = ["a@b.com", "a@b.com", None, "010-1234-5678", "nothing", "c@d.org and 010-9999-8888"] * 20
    whole, halves = PersonalDataCounter(), [PersonalDataCounter(), PersonalDataCounter()]
    batch = pa.record_batch([pa.array(texts)], ["memo"])
    whole.add(batch, ["memo"])
    halves[0].add(batch.slice(0, 47), ["memo"])
    halves[1].add(batch.slice(47), ["memo"])
    halves[0].merge(halves[1])
    assert whole.counts() == halves[0].counts() == {"memo": {"e-mail address": 60, "telephone number": 40}}
    assert whole.findings() == halves[0].findings()


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_the_encoding_of_the_texts_does_not_matter(kind):
    assert counts_of(["a@b.com", None, "x"], kind) == {"e-mail address": 1}


def test_columns_without_text_are_passed_over():
    counter = PersonalDataCounter()
    counter.add(pa.record_batch([pa.array([9001011234568])], ["number"]), ["number"])
    assert counter.findings() == []


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="'note' is not in list"):
        PersonalDataCounter().add(pa.record_batch([pa.array(["a"])], ["memo"]), ["note"])


def test_one_address_in_many_rows_is_a_note_and_ten_are_a_warning():
    def severity(found: int, rows: int) -> str:
        counter = PersonalDataCounter()
        texts = [f"user{row}@example.com" if row < found else "plain" for row in range(rows)]
        counter.add(pa.record_batch([pa.array(texts)], ["memo"]), ["memo"])
        (finding,) = counter.findings()
        return finding.severity

    assert severity(1, 1000) == "note"
    assert severity(10, 10_000) == "warning"
    assert severity(1, 100) == "warning"


def test_a_finding_names_kinds_and_counts_and_never_a_value():
    counter = PersonalDataCounter()
    texts = ["hong@example.com", "hong@example.com", "010-1234-5678"] + ["plain"] * 97
    counter.add(pa.record_batch([pa.array(texts)], ["memo"]), ["memo"])
    (finding,) = counter.findings()
    assert (finding.kind, finding.name, finding.column) == ("quality", "PERSONAL_DATA", "memo")
    assert "e-mail addresses in 2 and telephone numbers in 1 of its 100 rows" in finding.message
    assert "`pii`" in finding.remedy
    assert not any(part in str(finding) for part in ("hong", "1234"))
