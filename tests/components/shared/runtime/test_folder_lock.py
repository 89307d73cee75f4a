"""A folder is held by one at a time."""

import threading

from components.shared.runtime.folder_lock import folder_lock


def test_a_second_holder_waits_for_the_first(tmp_path):
    order = []
    is_waiting = threading.Event()

    def second():
        is_waiting.set()
        with folder_lock(tmp_path / "store") as is_held:
            order.append(("second", is_held))

    other = threading.Thread(target=second)
    with folder_lock(tmp_path / "store") as is_held:
        other.start()
        is_waiting.wait()
        other.join(timeout=0.2)
        order.append(("first", is_held))
    other.join()
    assert order == [("first", True), ("second", True)]


def test_the_lock_is_free_after_an_error_and_leaves_nothing(tmp_path):
    for _ in range(2):
        try:
            with folder_lock(tmp_path / "store") as is_held:
                assert is_held
                raise KeyError
        except KeyError:
            pass
    assert list((tmp_path / "store").iterdir()) == []
