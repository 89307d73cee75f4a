"""Telling a service of others something, which may fail in every way."""

import threading
import time

from components.shared.lineage.telling import tell


def test_an_answer_is_handed_on():
    assert tell(lambda: "12", service="A registry", of="a release", at_most_s=30) == "12"


def test_an_error_is_one_masked_sentence_and_nothing_is_raised(caplog):
    def failing() -> str:
        raise RuntimeError("cannot log in\nat https://kim:hunter2@registry.example/api?token=s3cret")

    assert tell(failing, service="A registry", of="the release 1f", at_most_s=30) is None
    assert caplog.messages == [
        "A registry was not told of the release 1f, and all else goes on: "
        "cannot log in at https://<secret>@registry.example/api?token=<secret>"
    ]


def test_one_that_takes_too_long_is_left_behind(caplog):
    end = threading.Event()
    begun = time.monotonic()
    assert tell(lambda: end.wait(60), service="A registry", of="the release 1f", at_most_s=0.2) is None
    assert time.monotonic() - begun < 30
    end.set()
    assert caplog.messages == [
        "A registry was not told of the release 1f, and all else goes on: it took longer than 0.2 s"
    ]
