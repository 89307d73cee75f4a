import logging
import subprocess
import sys

import pytest

from components.shared.runtime.redaction import (
    mask_record,
    masked,
    masked_html,
    masked_personal,
    masked_strings,
    masked_uris,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kim@example.com", "<e-mail>"),
        ("메일은 hong_gildong@naver.com, 전화는 010-1234-5678로", "메일은 <e-mail>, 전화는 <phone>로"),
        ("cat/kim_010-1234-5678.jpg", "cat/kim_<phone>.jpg"),
        ("two: 010-1234-5678 010-8765-4321", "two: <phone> <phone>"),
        ("01023456789, +82 10 1234 5678, (415) 555-2671", "<phone>, <phone>, <phone>"),
        ("900101-1234567 and 9001011234568", "<resident number> and <resident number>"),
        ("4539 5787 6362 1486, 5105-1051-0510-5100, 378282246310005", "<card>, <card>, <card>"),
        ("got 'a@b.io' in row 3", "got '<e-mail>' in row 3"),
    ],
)
def test_values_become_placeholders_and_the_rest_stays(text, shown):
    assert masked(text) == masked_personal(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-15 10:11:12.123456+09:00",
        "0.45395787636214867",
        "1700000000000 ms, 20240115101112",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
        "4539 5787 6362 1487",  # no check digit
        "9001011234567",
        "991332-1234567",
        "git@github.com:owner/name.git",
        "logo@2x.png",
        "react@18.2.0",
        "fingerprint 4539578763621486a0",
        "3+4 1000 2000",
    ],
)
def test_other_numbers_and_names_stay(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://AKIA123:abc/def+g@bucket/data", "s3://<secret>@bucket/data"),
        ("https://user:pw@host:8080/x", "https://<secret>@host:8080/x"),
        ("https://ghp_token@github.com/x", "https://<secret>@github.com/x"),
        ("https://h/x?sig=a%2Bb&se=2026&token=c#f", "https://h/x?sig=<secret>&se=2026&token=<secret>#f"),
        ("https://h/x?X-Amz-Signature=ab&X-Amz-Date=9", "https://h/x?X-Amz-Signature=<secret>&X-Amz-Date=9"),
        ("'s3://key:secret@b/x' is not there", "'s3://<secret>@b/x' is not there"),
        ("http://host:8080/path@v1", "http://host:8080/path@v1"),
        ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
        ("ssh://git@github.com/x", "ssh://git@github.com/x"),
        ("https://h/x?design=flat&monkey=1", "https://h/x?design=flat&monkey=1"),
    ],
)
def test_passwords_and_tokens_of_uris_are_masked(text, shown):
    assert masked_uris(text) == masked(text) == shown


def test_a_page_keeps_its_tags_and_pictures():
    page = '<p title="a@b.io">x &lt;010-1234-5678&gt;</p><img src="data:x,a@b.io" alt="kim@b.io"><title>a@b.io</title>'
    assert masked_html(page) == (
        '<p title="&lt;e-mail&gt;">x &lt;&lt;phone&gt;&gt;</p><img src="data:x,a@b.io" alt="&lt;e-mail&gt;">'
        "<title>&lt;e-mail&gt;</title>"
    )
    plain = "<p>caf&eacute; &amp; 3 &lt; 4</p>"
    assert masked_html(plain) == plain


def test_texts_of_json_values_are_masked_whatever_their_depth():
    assert masked_strings({"a": ["x a@b.io", {"n": 3, "b": True, "c": None}]}) == {
        "a": ["x <e-mail>", {"n": 3, "b": True, "c": None}]
    }


def test_a_log_record_with_its_arguments_and_its_traceback_is_masked(caplog):
    try:
        raise ValueError("got 'a@b.io'")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "row %s", ("010-1234-5678",), sys.exc_info())
    assert mask_record(record)
    shown = logging.Formatter().format(record)
    assert shown.startswith("row <phone>")
    assert shown.endswith("ValueError: got '<e-mail>'")


def test_an_error_that_nobody_catches_is_printed_masked(repository):
    code = "import components.shared.runtime.errors\nraise ValueError('got ' + 'a' + chr(64) + 'b.io')"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("Traceback")
    assert done.stderr.splitlines()[-1] == "ValueError: got <e-mail>"


def test_a_long_text_without_anything_is_masked_in_no_time():
    text = "a.b-c_" * 200_000 + "@" + "1234 567 " * 100_000
    assert masked(text) == text
