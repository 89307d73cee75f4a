"""Values that look missing."""

import pyarrow as pa

from components.shared.tables.missing_words import missing_words, missing_words_among, missing_words_sentences

VALUES = ["?", "?", "NA", "n/A", "-", "Null", "none", "NaN", "<NA>", "--", "nano", "Canada", "0", None]
FOUND = {"?": 2, "NA": 1, "n/A": 1, "-": 1, "Null": 1, "none": 1, "NaN": 1, "<NA>": 1}


def test_words_for_missing_are_found_in_any_case_and_no_others():
    assert missing_words(pa.array(VALUES)) == FOUND
    assert missing_words_among({**FOUND, "--": 1, "nano": 1, "Canada": 5}) == FOUND


def test_words_that_mean_something_else_are_passed_over():
    assert missing_words(pa.array(["none", "None", "?"]), but=("none",)) == {"?": 1}


def test_a_sentence_says_column_value_count_and_the_line_to_write():
    sentences = missing_words_sentences({"work": {"?": 1836, "NA": 1}, "job": {}, "home": {"?": 3}}, known=["-1"])
    assert sentences == {
        "work": "column 'work' holds '?' 1,836 times, 'NA' once: if that means a missing value, write "
        'table: {missing: ["-1", "?", "NA"]} in the problem file',
        "home": "column 'home' holds '?' 3 times: if that means a missing value, write "
        'table: {missing: ["-1", "?", "NA"]} in the problem file',
    }
