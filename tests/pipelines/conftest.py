"""What the tests of pipelines share."""

from collections.abc import Iterator
import sys
from types import FrameType, SimpleNamespace

import pytest


def _two_frames() -> list[tuple[FrameType, str, int, str]]:
    """What `inspect.stack` says of its caller and of that one's caller, without looking for sources."""
    called = sys._getframe(1)
    frames = [frame for frame in (called, called.f_back) if frame is not None]
    return [(frame, frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) for frame in frames]


@pytest.fixture(scope="session", autouse=True)
def compiling_is_quick() -> Iterator[None]:
    """Let kfp name the method that was called from two frames.

    Each setting of a task makes it walk the whole stack and look for the sources of every frame among all modules:
    milliseconds in a command of its own, but 15 seconds a compilation below pytest, where thousands are loaded.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kfp.dsl.pipeline_task.inspect", SimpleNamespace(stack=_two_frames))
        yield
