from collections import Counter
import json
import os
from pathlib import Path
import threading
import uuid

import fsspec
import numpy as np
import pytest

from components.shared.contracts import champion as module
from components.shared.contracts.bundle import bundle_version, BundleConfig, write_bundle
from components.shared.contracts.champion import Champion, CHAMPION_FILE, ChampionMovedError, promote, read_champion
from components.shared.contracts.releases import open_releases
from components.shared.runtime.errors import ContractError

GOLDEN = Path(__file__).parent / "golden" / "champion_v1.json"
GOOD = json.loads(GOLDEN.read_text())


def publish(releases, folder, value: float) -> str:
    """Write a small bundle as a release; returns its version."""
    config = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})
    write_bundle(folder, config, {"weight": np.full(3, value, np.float32)})
    version = bundle_version(folder)
    releases.filesystem.makedirs(releases.folder, exist_ok=True)
    releases.filesystem.put(f"{folder}/", f"{releases.folder}/{version}/", recursive=True)
    return version


@pytest.fixture(params=["local", "memory"])
def releases(request, tmp_path):
    root = str(tmp_path / "models") if request.param == "local" else f"memory://models-{uuid.uuid4().hex}"
    return open_releases(root, "pets")


@pytest.fixture
def versions(releases, tmp_path) -> list[str]:
    return [publish(releases, tmp_path / f"bundle-{number}", number) for number in range(3)]


def test_nothing_is_champion_before_the_first_promotion(releases, versions):
    assert read_champion(releases) is None


def test_a_promotion_says_which_who_when_and_why_and_what_was_before(releases, versions):
    first, second, _ = versions
    promote(releases, first, expected=None, promoted_by="kim", reason="the first")
    written = promote(releases, second, expected=first, promoted_by="이영희", reason="정확도 0.98")

    assert read_champion(releases) == written
    assert (written.version, written.former_version) == (second, first)
    assert (written.promoted_by, written.reason) == ("이영희", "정확도 0.98")
    content = json.loads(releases.filesystem.cat_file(f"{releases.folder}/{CHAMPION_FILE}"))
    assert set(content) == set(GOOD)
    assert (content["format_version"], content["version"]) == (1, second)


def test_promoting_the_champion_again_changes_nothing(releases, versions):
    before = promote(releases, versions[0], expected=None, promoted_by="kim", reason="the first")
    again = promote(releases, versions[0], expected=versions[0], promoted_by="lee", reason="once more")
    assert again == before == read_champion(releases)


@pytest.mark.parametrize("expected", [None, 2])
def test_a_champion_that_moved_since_the_caller_looked_is_not_overwritten(releases, versions, expected):
    promote(releases, versions[0], expected=None, promoted_by="kim", reason="the first")
    seen = None if expected is None else versions[expected]
    with pytest.raises(
        ChampionMovedError,
        match=f"must still be {seen or 'none'}, but it is {versions[0]}, promoted by kim at .*: look",
    ):
        promote(releases, versions[1], expected=seen, promoted_by="lee", reason="better")
    assert read_champion(releases).version == versions[0]


def test_an_unknown_version_is_refused_with_those_there_are(releases, versions):
    with pytest.raises(
        ValueError, match=f"version must be a release of pets, which are {sorted(versions)[0]}, .*got 'v7'"
    ):
        promote(releases, "v7", expected=None, promoted_by="kim", reason="x")
    assert read_champion(releases) is None


def test_a_folder_that_holds_another_version_is_refused(releases, versions):
    filesystem, folder = releases.filesystem, releases.folder
    filesystem.copy(f"{folder}/{versions[0]}", f"{folder}/renamed", recursive=True)
    with pytest.raises(
        ContractError, match=f"must hold the bundle of version renamed, but it holds version {versions[0]}"
    ):
        promote(releases, "renamed", expected=None, promoted_by="kim", reason="x")
    assert read_champion(releases) is None


@pytest.mark.parametrize(("who", "reason", "name"), [(" ", "better", "promoted_by"), ("kim", "", "reason")])
def test_nobody_and_no_reason_are_refused(releases, versions, who, reason, name):
    with pytest.raises(ValueError, match=f"{name} must be said in words"):
        promote(releases, versions[0], expected=None, promoted_by=who, reason=reason)
    assert read_champion(releases) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "must be JSON in UTF-8"),
        (b"\xff\xfe", "must be JSON in UTF-8"),
        (b'{"format_version": 1, "vers', "must be JSON in UTF-8"),
        (b"[" * 100_000, "must be JSON in UTF-8"),
        (b"[]", "must be a JSON object, got list"),
        ({"format_version": 2}, "must have a format_version from 1 to 1, got 2"),
        ({"reason": ...}, "'reason' is missing or unknown"),
        ({"colour": "red"}, "'colour' is missing or unknown"),
        ({"version": "../other"}, "version must be the name of a release"),
        ({"version": 7}, "version must be the name of a release"),
        ({"former_version": ""}, "former_version must be the name of a release or null"),
        ({"promoted_at": "yesterday"}, "promoted_at must be a time in UTC"),
        ({"promoted_at": "2026-05-01T09:30:00"}, "promoted_at must be a time in UTC"),
        ({"promoted_by": None}, "promoted_by must be said in words"),
    ],
)
def test_a_damaged_pointer_is_refused_in_one_sentence_that_names_it(releases, content, sentence):
    if isinstance(content, dict):
        changed = {name: value for name, value in {**GOOD, **content}.items() if value is not ...}
        content = json.dumps(changed).encode()
    releases.filesystem.makedirs(releases.folder, exist_ok=True)
    releases.filesystem.pipe_file(f"{releases.folder}/{CHAMPION_FILE}", content)
    with pytest.raises(ContractError, match=sentence) as refusal:
        read_champion(releases)
    assert releases.uri_of(CHAMPION_FILE) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_pointer_of_format_version_1_is_read(releases):
    releases.filesystem.makedirs(releases.folder, exist_ok=True)
    releases.filesystem.pipe_file(f"{releases.folder}/{CHAMPION_FILE}", GOLDEN.read_bytes())
    assert read_champion(releases) == Champion(
        version="0123456789abcdef",
        promoted_by="kim",
        promoted_at="2026-05-01T09:30:00+00:00",
        reason="better on Korean comments",
        former_version=None,
    )


def test_a_promotion_that_fails_while_it_writes_leaves_the_old_pointer(tmp_path, monkeypatch):
    releases = open_releases(str(tmp_path / "models"), "pets")
    first, second = (publish(releases, tmp_path / f"bundle-{number}", number) for number in range(2))
    before = promote(releases, first, expected=None, promoted_by="kim", reason="the first")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match=r"champion must be a file that can be written: .*No space left"):
        promote(releases, second, expected=first, promoted_by="kim", reason="better")
    assert read_champion(releases) == before
    assert sorted(path.name for path in (tmp_path / "models" / "pets").iterdir()) == sorted(
        [CHAMPION_FILE, first, second]
    )


def rivals(releases, versions: list[str], *, rounds: int) -> list[tuple[str | None, str]]:
    """Promote one of the versions after the other as long as nobody comes between; returns what it wrote, in order."""
    written = []
    for number in range(rounds):
        before = read_champion(releases)
        former, version = before.version if before else None, versions[number % len(versions)]
        if version == former:
            continue
        try:
            promote(releases, version, expected=former, promoted_by="kim", reason="x" * (number * 997 % 5000 + 1))
        except ChampionMovedError:
            continue
        written.append((former, version))
    return written


def test_promotions_at_once_never_mix_and_in_a_folder_each_follows_the_one_before(releases, versions):
    ended, seen, steps, failures = threading.Event(), set(), [], []

    def read():
        while not ended.is_set():
            try:
                seen.add(read_champion(releases))
            except ValueError as error:
                failures.append(error)

    def write():
        steps.extend(rivals(releases, versions, rounds=25))

    reader, writers = threading.Thread(target=read), [threading.Thread(target=write) for _ in range(3)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    reader.join()

    assert not failures
    assert len(seen) > 1
    last = read_champion(releases).version
    if releases.is_local:
        # Each promotion found the version that another one left: steps out of a version and into it match.
        left, reached = zip(*steps, strict=True)
        assert Counter([*left, last]) == Counter([*reached, None])
        assert {path.name for path in Path(releases.folder).iterdir()} == {CHAMPION_FILE, *versions}


def test_stores_whose_pointer_cannot_be_read_are_told_in_one_sentence(tmp_path):
    (tmp_path / "models" / "pets" / CHAMPION_FILE).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"the champion pointer .*champion must be a file that can be read"):
        read_champion(open_releases(str(tmp_path / "models"), "pets"))


def test_a_store_that_was_written_to_meanwhile_refuses_the_first_promotion(tmp_path, monkeypatch):
    releases = open_releases(f"memory://models-{uuid.uuid4().hex}", "pets")
    version = publish(releases, tmp_path / "bundle", 0)
    path = f"{releases.folder}/{CHAMPION_FILE}"
    check = module._check_expected

    def late(*arguments):
        check(*arguments)
        fsspec.filesystem("memory").pipe_file(path, json.dumps(GOOD).encode())

    monkeypatch.setattr(module, "_check_expected", late)
    with pytest.raises(ChampionMovedError, match="another version was promoted at the same time"):
        promote(releases, version, expected=None, promoted_by="kim", reason="x")
    assert read_champion(releases).version == GOOD["version"]
