"""Checkpoint folders and their lock."""

import errno
import fcntl
import multiprocessing
import time

import pytest

from components.training.trainer.checkpoints import run_folder, sole_trainer


def hold(uri, seconds, log):
    with sole_trainer(run_folder(uri, "key")), open(log, "a") as lines:
        lines.write("in\n")
        lines.flush()
        time.sleep(seconds)
        lines.write("out\n")


@pytest.mark.slow
def test_two_trainers_never_work_in_one_folder(tmp_path):
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    trainers = [context.Process(target=hold, args=(str(tmp_path), 0.5, str(log))) for _ in range(3)]
    for trainer in trainers:
        trainer.start()
    for trainer in trainers:
        trainer.join()
    assert log.read_text().split() == ["in", "out"] * 3


@pytest.mark.slow
def test_a_killed_trainer_frees_the_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    killed = context.Process(target=hold, args=(str(tmp_path), 600, str(log)))
    killed.start()
    while not log.exists() or "in" not in log.read_text():
        time.sleep(0.05)
    killed.kill()
    with sole_trainer(run_folder(str(tmp_path), "key")):
        killed.join()
    assert "out" not in log.read_text()


def test_a_file_system_without_locks_is_said_and_trained_on(tmp_path, monkeypatch, caplog):
    def flock(handle, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with sole_trainer(run_folder(str(tmp_path), "key")):
        assert f"the file system of {tmp_path / 'key'} has no locks" in caplog.text


def test_a_folder_that_is_no_folder_is_refused():
    with pytest.raises(ValueError, match="checkpoint_dir must be a folder or a URI"):
        run_folder(" ", "key")


def test_a_folder_behind_a_uri_is_told_apart_by_its_key():
    folder = run_folder("memory://checkpoints/", "key")
    assert folder.last == "memory://checkpoints/key/last.ckpt"
    assert folder.usable() is None
    with sole_trainer(folder):
        pass
