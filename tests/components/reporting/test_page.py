import math
import re
from xml.etree import ElementTree

from markupsafe import Markup
import numpy as np
import pytest

from components.reporting.charts import bar_chart, heatmap, line_chart
from components.reporting.page import Picture, Report, report_body

HOSTILE = "<script>alert('x')</script>\"&"
PNG = bytes.fromhex("89504e470d0a1a0a")


def _full_report(text: str) -> Report:
    report = Report(text, subtitle=text)
    report.verdict(True, text)
    report.verdict(False, text)
    report.heading(text)
    report.paragraph(text, tone="warn")
    report.facts({text: text})
    report.table([text, "n"], [[text, 1]], caption=text)
    report.figure(line_chart({text: ([0, 1], [0, 1])}, x_label=text, y_label=text), caption=text)
    report.figure(bar_chart({text: {text: 1.0}}, y_label=text), caption=text)
    report.figure(heatmap([[1]], rows=[text], columns=[text], row_label=text, column_label=text), caption=text)
    report.gallery([Picture(data=PNG, caption=text, alternative=text, tone="bad")], caption=text)
    report.details(text, Markup("<p>inside</p>"))
    report.code(text, caption=text)
    return report


def test_hostile_text_is_escaped_in_every_block() -> None:
    html = _full_report(HOSTILE).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 15


def test_hostile_text_does_not_break_out_of_attributes() -> None:
    html = _full_report('" onload="alert(1)').html()
    assert not re.search(r'<[^>]*" onload="alert', html)


def test_a_page_needs_nothing_from_a_network() -> None:
    html = _full_report("cat").html()
    links = re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<)]*", html.replace("http://www.w3.org/2000/svg", ""))
    assert links == []
    assert "<script" not in html
    assert "@import" not in html
    assert all(source.startswith("data:") for source in re.findall(r'(?:src|href)="([^"]*)"', html))


def test_blocks_keep_their_order() -> None:
    report = Report("title")
    report.heading("first")
    report.paragraph("second")
    report.heading("third")
    html = report.html()
    assert html.index("first") < html.index("second") < html.index("third")


def test_a_verdict_says_passed_or_failed() -> None:
    report = Report("title")
    report.verdict(True, "all is well")
    report.verdict(False, "all is lost")
    html = report.html()
    assert re.search(r"Passed</strong>\s+all is well", html)
    assert re.search(r"Failed</strong>\s+all is lost", html)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (np.float32("nan"), "–"),
        (0.98125, "0.9812"),
        (np.float32(0.5), "0.5"),
        (1234, "1,234"),
        (np.int64(1234), "1,234"),
        (123456.7, "123,457"),
        (True, "yes"),
        (False, "no"),
        ("text", "text"),
    ],
)
def test_values_are_shown_for_people(value: object, shown: str) -> None:
    report = Report("title")
    report.facts({"fact": value})
    assert f"<dd>{shown}</dd>" in report.html()


def test_numbers_are_aligned_to_the_right_even_where_one_is_missing() -> None:
    report = Report("title")
    report.table(["name", "value"], [["a", 1.5], ["b", None]])
    html = report.html()
    assert '<th scope="col">name</th>' in html
    assert '<th scope="col" class="number">value</th>' in html


def test_an_empty_table_shows_its_head() -> None:
    report = Report("title")
    report.table(["name"], [])
    assert '<th scope="col">name</th>' in report.html()


def test_a_row_with_too_few_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="must have 2 cells"):
        Report("title").table(["a", "b"], [["only one"]])


def test_the_body_of_a_page_embeds_into_another() -> None:
    inner = Report("inner title")
    inner.paragraph("inner paragraph")
    outer = Report("outer title")
    outer.details("inner", report_body(inner.html()))
    html = outer.html()
    assert '<p class="plain">inner paragraph</p>' in html
    assert "inner title" not in html
    assert html.count("<html") == 1


def test_embedding_keeps_hostile_text_escaped() -> None:
    outer = Report("outer")
    outer.details("inner", report_body(_full_report(HOSTILE).html()))
    assert "<script" not in outer.html()


def test_a_page_that_is_not_ours_has_no_body() -> None:
    with pytest.raises(ValueError, match=r"components\.reporting wrote"):
        report_body("<html><body>hello</body></html>")


def test_a_page_is_written_in_utf8(tmp_path) -> None:
    path = tmp_path / "deep" / "report.html"
    Report("고양이와 개").write(path)
    text = path.read_text(encoding="utf-8")
    assert '<meta charset="utf-8">' in text
    assert "고양이와 개" in text


def test_a_page_fits_a_phone_and_follows_a_dark_theme() -> None:
    html = Report("title").html()
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize(
    ("data", "kind"), [(PNG, "png"), (b"\xff\xd8\xff\xe0", "jpeg"), (b"RIFF\x00\x00\x00\x00WEBP", "webp")]
)
def test_pictures_are_embedded_with_their_type(data: bytes, kind: str) -> None:
    picture = Picture(data=data, caption="", alternative="")
    assert picture.uri.startswith(f"data:image/{kind};base64,")


def test_pictures_have_alternative_text() -> None:
    report = Report("title")
    report.gallery([Picture(data=PNG, caption="cat", alternative="a grey cat")])
    assert 'alt="a grey cat"' in report.html()


def test_tags_are_balanced() -> None:
    html = _full_report("cat & dog").html()
    body = str(report_body(html)).replace(' loading="lazy">', ' loading="lazy"/>')
    ElementTree.fromstring(f"<main>{body}</main>")


def test_words_anywhere_on_a_page_quote_no_personal_data() -> None:
    report = Report("of s3://key:pw@bucket/x", subtitle="010-1234-5678")
    report.verdict(False, "got 'a@b.io'")
    report.table(["a@b.io"], [["900101-1234567"]], caption="4539 5787 6362 1486")
    report.gallery([Picture(data=PNG, caption="a@b.io.png", alternative="a@b.io")])
    report.details("a@b.io", Markup("<svg><title>a@b.io</title><text>010-1234-5678</text></svg>"))
    html = report.html()
    assert not any(planted in html for planted in ("a@b.io", "010-1234", "900101", "4539", "pw@"))
    assert html.count("&lt;e-mail&gt;") == 6
