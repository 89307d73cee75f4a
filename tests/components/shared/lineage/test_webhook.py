"""Messages to a webhook."""

import socket

import pytest

from components.shared.lineage.webhook import post_message
from tests.webhook import listening_webhook


@pytest.fixture
def webhook(monkeypatch):
    """A webhook that the environment names."""
    with listening_webhook() as server:
        monkeypatch.setenv("PLUSZERO_WEBHOOK_URL", server.url)
        yield server


def test_a_message_is_json_with_a_text_and_fields(webhook):
    post_message("실패했습니다", {"passed": False, "run": "7d0c"})
    assert webhook.messages == [("application/json", {"text": "실패했습니다", "passed": False, "run": "7d0c"})]


def test_a_server_that_fails_is_asked_once_more(webhook, caplog):
    webhook.answers[:] = [503]
    post_message("it failed", {})
    assert len(webhook.messages) == 2
    assert caplog.messages == []


@pytest.mark.parametrize("answer", [302, 404])
def test_a_refusal_or_a_redirect_is_one_warning(webhook, caplog, answer):
    webhook.answers[:] = [answer]
    post_message("it failed", {})
    assert len(webhook.messages) == 1
    assert caplog.messages == [
        f"The webhook was not told of the failed run, and all else goes on: it answered {answer}"
    ]


@pytest.mark.parametrize("url", ["hooks.example/hidden-path", "file:///hidden-path", "http://ho st/hidden-path"])
def test_an_address_that_cannot_be_used_is_a_warning_that_does_not_quote_it(monkeypatch, caplog, url):
    monkeypatch.setenv("PLUSZERO_WEBHOOK_URL", url)
    post_message("it failed", {})
    assert len(caplog.messages) == 1
    assert "hidden-path" not in caplog.text


def test_a_webhook_out_of_reach_is_a_warning(monkeypatch, caplog):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("PLUSZERO_WEBHOOK_URL", f"http://127.0.0.1:{port}/hidden-path")
    post_message("it failed", {})
    (message,) = caplog.messages
    assert message.endswith("it cannot be reached: Connection refused")


def test_without_an_address_nothing_is_posted(webhook, monkeypatch):
    monkeypatch.delenv("PLUSZERO_WEBHOOK_URL")
    post_message("it failed", {})
    assert webhook.messages == []
