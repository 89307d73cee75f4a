"""Pins that still hold stay, a lock says what cannot be solved, and the locks on disk fit together."""

import base64
import hashlib
import re
import zipfile

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.version import Version
import pytest

from tools import lock as locking
from tools.lock import check_cpu, differing, LockError, main, resolve
from tools.locked import image_pins, images, parse_lock, read_lock, torch_variants, WITH_TORCH
from tools.sbom import sbom_path


@pytest.fixture
def index(tmp_path):
    """A folder of wheels, and the options that have nothing else looked at."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, version, needs in (
        ("apple", "1.0", "seed<3"),
        ("apple", "2.0", "seed<3"),
        ("seed", "1.0", None),
        ("seed", "2.0", None),
        ("seed", "3.0", None),
    ):
        write_wheel(folder, name, version, needs)
    return folder


def write_wheel(folder, name, version, needs):
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in files.items()
    }
    record = "".join(f"{path},sha256={digest},{len(files[path])}\n" for path, digest in digests.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(path, text)


def resolved(index, *wanted, kept="", constraints=(), options=()):
    only = ["--no-index", "--find-links", str(index), "--python-version", "3.13", *options]
    pins = parse_lock(resolve(wanted, kept=kept, constraints=constraints, options=only))
    return {name: pin.version for name, pin in pins.items()}


def test_without_pins_the_newest_that_fit_together_are_taken(index):
    assert resolved(index, "apple>=1,<3") == {"apple": "2.0", "seed": "2.0"}


def test_a_pin_that_still_holds_stays(index):
    assert resolved(index, "apple>=1,<3", kept="apple==1.0\nseed==1.0\n") == {"apple": "1.0", "seed": "1.0"}


def test_a_pin_that_does_not_hold_any_more_moves_alone(index):
    assert resolved(index, "apple>=2,<3", kept="apple==1.0\nseed==1.0\n") == {"apple": "2.0", "seed": "1.0"}


def test_a_constraint_beats_a_pin_of_before(index):
    kept = "apple==2.0\nseed==2.0\n"
    assert resolved(index, "apple>=1,<3", kept=kept, constraints=["seed==1.0"]) == {"apple": "2.0", "seed": "1.0"}


def test_a_second_time_gives_the_same_bytes(index):
    options = ["--no-index", "--find-links", str(index), "--python-version", "3.13", "--generate-hashes"]
    first = resolve(["apple>=1,<3"], options=options)
    assert resolve(["apple>=1,<3"], kept=first, options=options) == first


def test_a_lock_names_the_file_by_its_hash(index):
    options = ["--no-index", "--find-links", str(index), "--python-version", "3.13", "--generate-hashes"]
    pin = parse_lock(resolve(["seed==3.0"], options=options))["seed"]
    wheel = index / "seed-3.0-py3-none-any.whl"
    assert pin.hashes == (hashlib.sha256(wheel.read_bytes()).hexdigest(),)


def test_what_has_no_solution_is_said_with_the_reason(index):
    with pytest.raises(LockError, match=r"must have a solution, but uv finds none: [\s\S]*apple[\s\S]*seed"):
        resolved(index, "apple>=1,<3", "seed>=3")


def test_an_entry_that_pins_nothing_is_refused():
    with pytest.raises(ValueError, match=r"must pin one version, as in name==1.0, got 'seed>=1'"):
        parse_lock("apple==1.0\nseed>=1\n")


def test_a_package_that_is_pinned_twice_is_refused():
    with pytest.raises(ValueError, match="must hold my-seed once, but holds it twice"):
        parse_lock("my-seed==1.0\nMy_Seed==2.0\n")


def test_a_marker_and_hashes_are_read():
    pin = parse_lock(f"Seed.X==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:{'ab' * 32}\n")["seed-x"]
    assert (pin.version, pin.hashes) == ("1.0", ("ab" * 32,))


CUDA = "numpy==2.4.6\nnvidia-nccl-cu13==2.0\ntorch==2.14.1\ntorchvision==0.29.1\n"


def test_a_cpu_build_of_the_same_release_fits():
    check_cpu(parse_lock("numpy==2.4.6\ntorch==2.14.1+cpu\ntorchvision==0.29.1+cpu\n"), parse_lock(CUDA))


@pytest.mark.parametrize(
    ("cpu", "sentence"),
    [
        (
            "torch==2.13.0+cpu\n",
            r"must hold torch 2\.14\.1\+cpu like torch-cu13\.txt, got 2\.13\.0\+cpu: name an",
        ),
        ("torch==2.14.1\n", r"must hold torch 2\.14\.1\+cpu like torch-cu13\.txt, got 2\.14\.1"),
        ("numpy==2.3.0\ntorch==2.14.1+cpu\n", r"must hold numpy 2\.4\.6 like torch-cu13\.txt, got 2\.3\.0"),
        ("seed==1.0\ntorch==2.14.1+cpu\n", r"must hold seed nothing like torch-cu13\.txt, got 1\.0"),
    ],
)
def test_a_cpu_build_that_the_other_locks_do_not_fit_is_refused(cpu, sentence):
    with pytest.raises(LockError, match=sentence):
        check_cpu(parse_lock(cpu), parse_lock(CUDA))


def test_files_that_would_change_are_named(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        (folder / "sbom").mkdir(parents=True)
        (folder / "same.txt").write_text("same", encoding="utf-8")
        (folder / "other.txt").write_text(folder.name, encoding="utf-8")
    (new / "sbom" / "more.json").write_text("{}", encoding="utf-8")
    assert differing(old, new) == ["other.txt", "sbom/more.json"]


def test_a_missing_solution_ends_the_command_with_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(locking, "declared", lambda extras: [Requirement("no-such-package-of-ours==1")])
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert main(["--check"]) == 2
    assert "error: the requirements must have a solution, but uv finds none" in capsys.readouterr().err


@pytest.mark.parametrize("image", WITH_TORCH)
@pytest.mark.parametrize("variant", torch_variants())
def test_no_package_is_in_two_layers_of_an_image(image, variant):
    assert not read_lock(image).keys() & read_lock(f"torch-{variant}").keys()


def test_every_cuda_variant_is_of_its_cuda():
    for variant, release in (("cu12", "12."), ("cu13", "13.")):
        pins = read_lock(f"torch-{variant}")
        runtime = pins.get("nvidia-cuda-runtime-cu12") or pins["nvidia-cuda-runtime"]
        assert runtime.version.startswith(release)


@pytest.mark.parametrize("image", [image for image in images() if image != "serving-cpu"])
def test_an_image_holds_kfp_without_what_only_compiling_needs(image):
    pins = image_pins(image)
    assert {"kfp", "docstring-parser", "typing-extensions"} <= pins.keys()
    assert not {"kfp-pipeline-spec", "kfp-server-api"} & pins.keys()


def test_the_image_without_torch_holds_a_part_of_the_serving_image_and_no_cuda():
    pins, serving = image_pins("serving-cpu"), image_pins("serving-cu13")
    assert {name: pin.version for name, pin in pins.items()}.items() <= {
        name: pin.version for name, pin in serving.items()
    }.items()
    assert "onnxruntime" in pins
    assert not any(name.startswith(("torch", "triton", "nvidia-", "cuda-", "kfp")) for name in pins)


def test_the_runtime_that_computes_graphs_reports_to_nobody():
    # From 1.29 on its wheels for Linux hold an uploader, which is on unless the environment says otherwise.
    version = read_lock("constraints")["onnxruntime"].version
    assert Version(version) < Version("1.29")


@pytest.mark.parametrize("image", images())
def test_a_bill_of_materials_is_valid_and_says_nothing_of_when_and_where(image):
    text = sbom_path(image).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"purl"', '"url"', 1)) is not None
    assert not re.search(r'"timestamp"|/[a-z]+/[a-z]+/.*python|\.local', text)
