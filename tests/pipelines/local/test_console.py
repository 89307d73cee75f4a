"""A line a step."""

import io
from pathlib import Path

from components.reporting.run_pages.step import Step
from pipelines.local.console import Console


def step(**changes):
    return Step(**{"name": "train model", "log": Path("log"), "status": "succeeded", "cached": False, **changes})


def said(*events):
    stream = io.StringIO()
    watcher = Console(stream).watcher()
    for event, *arguments in events:
        getattr(watcher, event)(*arguments)
    return stream.getvalue()


def test_a_finished_step_is_one_line_with_its_time():
    text = said(("started", step()), ("progressed", step(), "Epoch 1: 10%|#"), ("ended", step(duration_s=3.21)))
    assert text.splitlines() == ["  ✓ train model                3.2 s"]


def test_a_cached_step_says_so():
    assert "cached" in said(("started", step()), ("ended", step(cached=True)))


def test_a_failed_step_says_why():
    lines = said(("started", step()), ("ended", step(status="failed", error="the loss must stay finite"))).splitlines()
    assert lines[0].startswith("  ✗ train model")
    assert lines[1].strip() == "the loss must stay finite"
