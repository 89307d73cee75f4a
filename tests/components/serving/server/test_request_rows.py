import struct

import pytest

from components.serving.server.request_rows import byte_strings, instances_of, row_count, Tensor, utf8_text


def test_byte_strings_reads_what_the_extension_writes():
    assert byte_strings(struct.pack("<I", 3) + b"abc" + struct.pack("<I", 0), at_most=2) == [b"abc", b""]
    assert byte_strings(b"", at_most=2) == []


def test_a_surrogate_alone_is_no_text_and_is_named():
    assert utf8_text("새 🐈", where="text 1") == "새 🐈"
    assert utf8_text("새".encode(), where="text 1") == "새"
    with pytest.raises(ValueError, match="text 2 must be UTF-8 text, but character 2 is none"):
        utf8_text("a\ud800", where="text 2")
    with pytest.raises(ValueError, match="text 2 must be UTF-8 text, but byte 3 is none"):
        utf8_text(b"ab\xff", where="text 2")


def test_rows_are_counted_from_shapes_of_one_value_a_row():
    def tensor(*shape):
        return Tensor(name="x", datatype="FP64", shape=shape, data=[])

    assert row_count(tensor(3), at_most=3, what="rows") == 3
    assert row_count(tensor(3, 1), at_most=3, what="rows") == 3
    for shape, reason in [((3, 2), r"\[N\] or \[N, 1\], got \[3, 2\]"), ((4,), "1 to 3 rows, got 4"), ((0,), "got 0")]:
        with pytest.raises(ValueError, match=reason):
            row_count(tensor(*shape), at_most=3, what="rows")


def test_instances_are_a_list_of_a_bounded_length():
    assert instances_of({"instances": [1, None]}, at_most=2, what="rows") == [1, None]
    for payload, reason in [
        ([], "JSON object"),
        ({"instances": {}}, "must be a list"),
        ({"instances": [1] * 3}, "1 to 2 rows, got 3"),
    ]:
        with pytest.raises(ValueError, match=reason):
            instances_of(payload, at_most=2, what="rows")
