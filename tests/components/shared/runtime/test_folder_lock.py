"""A folder is held by one at a time."""

import errno
import fcntl
import os
import stat
import threading

import pytest

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


@pytest.fixture
def nfs(monkeypatch):
    """Locks as NFS has them: of files that may be written, not of folders; or none."""
    real = fcntl.flock

    def mount(*, has_locks):
        def flock(handle, operation):
            if not has_locks:
                raise OSError(errno.ENOLCK, "No locks available")
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise OSError(errno.EBADF, "Bad file descriptor")
            real(handle, operation)

        monkeypatch.setattr(fcntl, "flock", flock)

    return mount


def test_on_nfs_a_file_beside_the_folder_is_held(nfs, tmp_path, caplog):
    nfs(has_locks=True)
    test_a_second_holder_waits_for_the_first(tmp_path)
    assert list((tmp_path / "store").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [".store.lock"]
    assert "has no locks" not in caplog.text


def test_without_any_locks_the_work_goes_on_and_says_what_may_happen(nfs, tmp_path, caplog):
    nfs(has_locks=False)
    with folder_lock(tmp_path / "store") as is_held:
        assert not is_held
    assert f"the file system of {tmp_path / 'store'} has no locks: two runs that write there at once may" in caplog.text
