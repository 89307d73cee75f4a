"""The page of sentences that people read is what the corpus says today."""

from tools.language_bias_sentences import FILE, page


def test_the_page_is_up_to_date():
    assert FILE.read_text(encoding="utf-8") == page(), "run `make docs`"
