"""Lines come once, whatever part of the log is read again."""

from components.training.kubeflow_job.pod_logs import PodLog

EARLY, LATE = "2026-05-01T00:00:01.000000000Z", "2026-05-01T00:00:02.000000000Z"


def text(*lines):
    return "".join(f"{stamp} {line}\n" for stamp, line in lines)


def test_a_line_that_is_read_again_is_not_new():
    log = PodLog()
    assert log.new_lines(text((EARLY, "a"))) == ["a"]
    assert log.new_lines(text((EARLY, "a"), (LATE, "b"))) == ["b"]
    assert log.new_lines(text((LATE, "b"))) == []


def test_lines_of_one_stamp_are_told_apart_by_their_number():
    log = PodLog()
    assert log.new_lines(text((EARLY, "a"), (EARLY, "a"))) == ["a", "a"]
    assert log.new_lines(text((EARLY, "a"), (EARLY, "a"), (EARLY, "a"), (LATE, "b"))) == ["a", "b"]


def test_an_empty_answer_forgets_nothing():
    log = PodLog()
    log.new_lines(text((EARLY, "a")))
    assert log.new_lines("") == []
    assert log.new_lines(text((EARLY, "a"), (EARLY, "b"))) == ["b"]


def test_a_progress_bar_is_one_line():
    assert PodLog().new_lines(text((EARLY, "10%\r50%\r100%\r"))) == ["100%"]


def test_lines_without_a_word_stay():
    assert PodLog().new_lines(text((EARLY, ""), (LATE, "  indented"))) == ["", "  indented"]


def test_what_an_answer_covered_is_not_asked_again():
    log = PodLog()
    assert log.window() == {"tail_lines": 2000}
    # An answer that never came: the whole is asked again.
    assert log.window() == {"tail_lines": 2000}
    log.new_lines("")
    assert log.window()["since_seconds"] in (10, 11)
