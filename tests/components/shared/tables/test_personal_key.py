import hashlib
import hmac
import re
import stat
import threading

import pyarrow as pa
import pytest

from components.shared.tables.personal_key import KEY_FILE, KEY_VARIABLE, keyed_hash, keyed_hashes, personal_key

KEY = "0123456789abcdef"


@pytest.fixture
def without_key(monkeypatch, tmp_path):
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_hash_is_hmac_sha256_of_the_value(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    expected = hmac.new(KEY.encode(), "홍길동".encode(), hashlib.sha256).hexdigest()
    assert keyed_hash(" 홍길동 ") == f"pii-{expected[:24]}"


def test_another_key_gives_another_hash(monkeypatch):
    first = keyed_hash("a")
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert keyed_hash("a") != first


def test_a_hash_stays_what_it_is():
    assert keyed_hash(keyed_hash("a")) == keyed_hash("a")
    assert keyed_hash("pii-123") != "pii-123"


def test_a_value_has_one_hash_whatever_type_a_table_gives_it():
    arrays = [
        pa.array([1012345678, None]),
        pa.array([1012345678.0, float("nan")]),
        pa.array(["1012345678", None]),
        pa.array([" 1012345678 ", None]).dictionary_encode(),
    ]
    assert {tuple(keyed_hashes(array).to_pylist()) for array in arrays} == {(keyed_hash("1012345678"), None)}
    assert keyed_hashes(pa.array([1.5])).to_pylist() == [keyed_hash("1.5")]


def test_a_key_is_made_once_for_its_owner_alone_and_out_of_gits_sight(without_key):
    key = personal_key()
    file = without_key / KEY_FILE
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (file.parent / ".gitignore").read_text() == "*\n"
    assert personal_key() == key == file.read_text().strip()
    assert keyed_hash("a") == keyed_hash("a")
    assert [path.name for path in file.parent.iterdir() if path.name not in (".gitignore", "pii-key")] == []


def test_of_several_that_make_a_key_at_once_all_have_the_same(without_key):
    found = []
    threads = [threading.Thread(target=lambda: found.append(personal_key(without_key))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_key_of_the_environment_comes_first_and_leaves_no_file(monkeypatch, without_key):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert personal_key() == KEY
    assert not (without_key / KEY_FILE).exists()


def test_a_short_key_is_refused(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(ValueError, match=r"PLUSZERO_PII_KEY must hold a key of at least 16 characters, got 5$"):
        keyed_hash("a")


def test_the_pod_of_a_step_must_be_given_the_key(monkeypatch, without_key):
    monkeypatch.setenv("KFP_POD_NAME", "training-abc")
    with pytest.raises(ValueError, match=r"PLUSZERO_PII_KEY must be set .* put the project's key into a secret"):
        personal_key()
    assert not (without_key / KEY_FILE).exists()
