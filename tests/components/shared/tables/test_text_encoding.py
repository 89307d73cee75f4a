import io

import pytest

from components.shared.tables.text_encoding import first_bad_line, recognised_encoding

TEXT = "이름,값\n홍길동,3\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a,b\n1,2\n", "utf-8"),
        (TEXT.encode("utf-8"), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16"),
        (TEXT.encode("cp949"), "cp949"),
        (TEXT.encode("euc-kr"), "cp949"),
        ("뷁,똠\n".encode("cp949"), "cp949"),
        (b"", "utf-8"),
    ],
)
def test_an_encoding_is_recognised(data, encoding):
    assert recognised_encoding(io.BytesIO(data), uri="x.csv") == encoding


def test_korean_far_behind_the_beginning_is_seen():
    data = b"a,b\n" * 1_000_000 + "가,2\n".encode("cp949")
    assert recognised_encoding(io.BytesIO(data), uri="x.csv") == "cp949"


def test_a_character_across_two_chunks_is_no_mistake():
    data = b"x" * ((1 << 20) - 1) + "가".encode()
    assert recognised_encoding(io.BytesIO(data), uri="x.csv") == "utf-8"


@pytest.mark.parametrize("data", [b"\xff\xff\x00\x01", "값가".encode()[:-1], "é,à\n".encode("latin-1")])
def test_bytes_that_are_no_text_are_refused(data):
    with pytest.raises(ValueError, match=r"x\.csv must be text in UTF-8, UTF-16 or CP949"):
        recognised_encoding(io.BytesIO(data), uri="x.csv")


UTF8, CP949 = TEXT.encode(), "박영희,4\n".encode("cp949")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (UTF8 + CP949, "line 3 is not in UTF-8 as the lines before it are"),
        (UTF8 * 500_000 + CP949 + UTF8, "line 1,000,001 is not in UTF-8 as the lines before it are"),
        (CP949 * 5 + UTF8, "line 6 is not in CP949 as the lines before it are"),
        (UTF8 * 2 + "é,1\n".encode("latin-1"), "line 5 is not in UTF-8 as the lines before it are"),
        (b"a,b\n" * 10 + "é,à\n".encode("latin-1"), "is none of them, as line 11 shows"),
    ],
)
def test_the_line_where_an_encoding_changes_is_named(data, message):
    with pytest.raises(ValueError, match=message):
        recognised_encoding(io.BytesIO(data), uri="x.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949", "latin-1"])
def test_the_first_line_that_does_not_decode_is_found(encoding):
    good = "a,b\n1,2\n".encode(encoding)
    assert first_bad_line(io.BytesIO(good), encoding) is None
    if encoding == "utf-8":
        assert first_bad_line(io.BytesIO(good + b"\xff\n" + good), encoding) == 3
