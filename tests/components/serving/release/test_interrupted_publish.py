"""Publishes that are killed, cut off, or not alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta, UTC
import json
import os
from pathlib import Path
import subprocess
import sys
import threading
import uuid

import fsspec
from fsspec.implementations.memory import MemoryFileSystem
import numpy as np
import pytest

from components.serving.release.staging import LEFT_AFTER_S, staging_beside
from components.serving.release.store import INFERENCE_SERVICE_FILE, publish
from components.shared.contracts.bundle import BundleConfig, CONFIG_FILE, read_weights, WEIGHTS_FILE, write_bundle
from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.contracts.releases import open_releases, release_versions, unfinished_versions
from tests.components.serving.release import publishing
from tests.s3_server import BUCKET, s3_server, Store


@pytest.fixture
def small(tmp_path) -> Path:
    config = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})
    write_bundle(tmp_path / "small", config, {"weight": np.arange(3, dtype=np.float32)})
    return tmp_path / "small"


def in_process(case: str, bundle: Path, scratch: Path) -> object:
    command = [sys.executable, "-m", publishing.__name__, case, str(bundle), str(scratch)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def check_whole(release: Path) -> None:
    read_weights(release)
    assert (release / INFERENCE_SERVICE_FILE).read_text() == f"file://{release.resolve()}\n"


def publish_with(bundle: Path, root: str, evaluation: str = "first") -> str:
    files = {"evaluation.json": evaluation.encode()}
    released = publish(
        bundle, model_root=root, model_name="pets", files=files, inference_service=lambda version, _: f"{version}\n"
    )
    return released.version


def test_a_publish_killed_at_any_moment_leaves_a_whole_release_or_none_and_the_next_one_sweeps(small, tmp_path):
    num_moments = in_process("kills", small, tmp_path / "roots")
    assert num_moments > 20
    numbers = []
    for moment in range(num_moments):
        entries = list((tmp_path / "roots" / str(moment) / "pets").iterdir())
        assert not [path.name for path in entries if path.name.startswith(".")], moment
        for release in entries:
            check_whole(release)
        numbers.append(len(entries))
    assert numbers == sorted(numbers)
    assert {1, 2} == set(numbers)  # the second alone, or the first as well


def test_of_four_that_publish_one_version_at_once_each_succeeds_and_one_made_it(small, tmp_path):
    assert in_process("rivals", small, tmp_path / "root") == [0, 3, 3, 3]
    [release] = (tmp_path / "root" / "pets").iterdir()
    check_whole(release)


def test_what_a_live_publish_is_writing_is_not_swept(small, tmp_path):
    assert in_process("neighbours", small, tmp_path / "root") == [True, 0]
    releases = list((tmp_path / "root" / "pets").iterdir())
    assert len(releases) == 2
    for release in releases:
        check_whole(release)


def test_what_earlier_versions_left_goes_after_a_day(tmp_path):
    old, new = tmp_path / ".staging-old", tmp_path / ".staging-new"
    for folder in (old, new):
        (folder / "bundle").mkdir(parents=True)
    past = datetime.now(UTC).timestamp() - LEFT_AFTER_S - 60
    for path in (old / "bundle", old):
        os.utime(path, (past, past))
    with staging_beside(tmp_path) as staging:
        assert {path.name for path in tmp_path.iterdir()} == {".staging-new", staging.name}
    assert [path.name for path in tmp_path.iterdir()] == [".staging-new"]


def test_a_service_of_other_settings_is_renewed_and_the_release_stays(small, tmp_path):
    given = {"model_root": str(tmp_path / "root"), "model_name": "pets", "files": {}}
    first = publish(small, **given, inference_service=lambda *_: "first")
    second = publish(small, **given, inference_service=lambda *_: "second")
    assert (first.version, first.is_new, second.is_new) == (second.version, True, False)
    assert Path(second.uri, INFERENCE_SERVICE_FILE).read_text() == "second"


class CutOffFileSystem(MemoryFileSystem):
    """Memory that takes so many more files, and then nothing."""

    protocol = ("cutoff", "memory")
    left = 0

    def pipe_file(self, path, value, mode="overwrite", **options):
        if self.left <= 0:
            raise ConnectionResetError("the store hung up")
        type(self).left -= 1
        super().pipe_file(path, value, mode=mode, **options)


@pytest.fixture
def cut_off() -> Iterator[type[CutOffFileSystem]]:
    fsspec.register_implementation("cutoff", CutOffFileSystem, clobber=True)
    yield CutOffFileSystem
    CutOffFileSystem.left = 0


def check_nothing(root: str, target: Path) -> None:
    """Nobody takes what an upload left for a release: neither a listing nor who fetches a bundle."""
    releases = open_releases(root, "pets")
    with pytest.raises(FileNotFoundError, match="must hold releases of pets, but there are none"):
        release_versions(releases)
    for version in unfinished_versions(releases):
        with pytest.raises(FileNotFoundError, match=f"must be a folder with {CONFIG_FILE}"):
            fetch_bundle(releases.uri_of(version), target)


def check_released(root: str, version: str, target: Path) -> None:
    releases = open_releases(root, "pets")
    assert release_versions(releases) == (version,)
    fetch_bundle(releases.uri_of(version), target)
    read_weights(target)
    assert (
        releases.filesystem.cat_file(f"{releases.folder}/{version}/{INFERENCE_SERVICE_FILE}") == f"{version}\n".encode()
    )


def test_an_upload_that_breaks_off_anywhere_is_no_release_and_the_next_one_completes_it(small, tmp_path, cut_off):
    for num_files in range(4):
        name = f"models-{uuid.uuid4().hex}"
        cut_off.left = num_files
        with pytest.raises(ValueError, match=r"must be a folder that can be written: the store hung up"):
            publish_with(small, f"cutoff://{name}")
        check_nothing(f"memory://{name}", tmp_path / f"half-{num_files}")
        version = publish_with(small, f"memory://{name}")
        check_released(f"memory://{name}", version, tmp_path / f"whole-{num_files}")


@pytest.fixture(scope="module", params=[True, False], ids=["s3", "s3-without-conditions"])
def store(request) -> Iterator[Store]:
    """A store with S3's protocol, in use."""
    with s3_server(has_conditions=request.param) as server, pytest.MonkeyPatch.context() as patched:
        settings = {
            "endpoint_url": server.address,
            "key": "test",
            "secret": "test",
            "client_kwargs": {"region_name": "us-east-1"},
        }
        patched.setitem(fsspec.config.conf, "s3", settings)
        yield server


@pytest.fixture
def s3_root() -> str:
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


def uploaded_in_part(store: Store, small: Path, root: str, num_files: int) -> None:
    store.takes_puts = num_files
    with pytest.raises(ValueError, match=r"must be a folder that can be written: .*AccessDenied"):
        publish_with(small, root)
    store.takes_puts = None


with_conditions = pytest.mark.parametrize("store", [True], indirect=True)


@with_conditions
def test_an_upload_to_s3_that_breaks_off_is_no_release_and_the_next_one_completes_it(small, tmp_path, store, s3_root):
    for num_files in (0, 3):  # the config would be the fourth
        uploaded_in_part(store, small, f"{s3_root}/{num_files}", num_files)
        check_nothing(f"{s3_root}/{num_files}", tmp_path / f"half-{num_files}")
        version = publish_with(small, f"{s3_root}/{num_files}")
        check_released(f"{s3_root}/{num_files}", version, tmp_path / f"whole-{num_files}")


@with_conditions
def test_what_an_upload_to_s3_left_goes_after_a_day_and_not_before(small, store, s3_root):
    uploaded_in_part(store, small, s3_root, 2)
    releases = open_releases(s3_root, "pets")
    [left] = unfinished_versions(releases)
    publish_with(small, s3_root, "second")
    assert unfinished_versions(releases) == (left,)

    written = f"{s3_root.removeprefix(f's3://{BUCKET}/')}/pets/{left}/"
    for key in store.times:
        if key.startswith(written):
            store.times[key] -= timedelta(seconds=LEFT_AFTER_S + 60)
    third = publish_with(small, s3_root, "third")
    assert not [key for key in store.objects if key.startswith(written)]
    assert third in release_versions(releases)
    assert len(release_versions(releases)) == 2


@with_conditions
def test_a_release_in_s3_that_lost_a_file_is_refused_by_who_publishes_it_again(small, store, s3_root):
    version = publish_with(small, s3_root)
    del store.objects[f"{s3_root.removeprefix(f's3://{BUCKET}/')}/pets/{version}/{WEIGHTS_FILE}"]
    with pytest.raises(ValueError, match=f"{version} exists and must not change, but it is damaged"):
        publish_with(small, s3_root)


def check_rivals(small: Path, root: str, target: Path, *, is_one_told: bool) -> None:
    """Two publish the same version at once, in threads: both succeed, and one is told that it made it."""
    begin, found = threading.Barrier(2), []

    def upload():
        begin.wait()
        given = {"model_root": root, "model_name": "pets", "files": {"evaluation.json": b"{}" * 1000}}
        found.append(publish(small, **given, inference_service=lambda version, _: f"{version}\n"))

    threads = [threading.Thread(target=upload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len({release.version for release in found}) == 1
    if is_one_told:
        assert sorted(release.is_new for release in found) == [False, True]
    check_released(root, found[0].version, target)


def test_two_that_upload_one_version_to_s3_at_once_both_succeed(small, tmp_path, store, s3_root):
    check_rivals(small, s3_root, tmp_path / "whole", is_one_told=store.has_conditions)


def test_two_that_upload_one_version_to_memory_at_once_both_succeed(small, tmp_path):
    check_rivals(small, f"memory://models-{uuid.uuid4().hex}", tmp_path / "whole", is_one_told=True)
