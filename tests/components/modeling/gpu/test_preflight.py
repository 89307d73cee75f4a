"""A machine without a GPU that works is found out, by name and in time, whatever is wrong with it."""

import sys

import pytest
import torch

from components.modeling.gpu.preflight import gpu_preflight, judge, NoGpuError, require_gpu, runs_on

GIB = 1 << 30
H100 = {"name": "H100", "capability": [9, 0], "free_bytes": 70 * GIB, "total_bytes": 80 * GIB, "computes": True}
GOOD = {
    "folders_free_bytes": {"/checkpoints": 50 * GIB},
    "shared_memory_bytes": 8 * GIB,
    "device_files": ["/dev/nvidia0"],
    "driver": "580.95.05",
    "cuda": "13.0",
    "architectures": ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"],
    "devices": [H100],
    "error": "",
}
NAMES = ["shared memory", "disk", "driver", "GPU", "compute capability", "computes", "GPU memory"]


def failed(checks):
    return [(check.name, check.finding.message) for check in checks if check.finding is not None]


def test_a_good_machine_passes_every_check():
    checks = judge(GOOD)
    assert [check.name for check in checks] == NAMES
    assert failed(checks) == []


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        ({"shared_memory_bytes": 64 << 20}, "shared memory", "/dev/shm must have 1 GiB free, but has 0.1 GiB"),
        ({"shared_memory_bytes": None}, "shared memory", "/dev/shm must have 1 GiB free, but has none"),
        ({"folders_free_bytes": {"/x": GIB}}, "disk", "/x must have 5 GiB of free disk, but has 1.0 GiB"),
        ({"driver": None}, "driver", "no NVIDIA driver answers, and device files /dev/nvidia0 are there"),
        (
            {"driver": None, "device_files": [], "devices": []},
            "driver",
            "no NVIDIA driver answers, and there is no device file either",
        ),
        ({"driver": "535.104.05"}, "driver", "the driver must be 580.65.06 or newer for CUDA 13.0, but is 535.104.05"),
        ({"cuda": None}, "driver", "this torch is built without CUDA"),
        ({"devices": [], "error": "No CUDA GPUs are available"}, "GPU", "torch sees no GPU: No CUDA GPUs"),
        ({"devices": [{**H100, "capability": [7, 0]}]}, "compute capability", "H100 has compute capability 7.0, for"),
        ({"devices": [{**H100, "computes": False}]}, "computes", "fails: the result is wrong"),
        ({"error": "uncorrectable ECC error"}, "computes", "fails: uncorrectable ECC error"),
        ({"devices": [{**H100, "free_bytes": GIB}]}, "GPU memory", "must have 2 GiB free, but has 1.0 GiB of 80.0"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(change, name, message):
    checks = judge({**GOOD, **change})
    ((found, sentence),) = failed(checks)
    assert found == name
    assert message in sentence
    assert all(check.finding.remedy for check in checks if check.finding)


def test_an_older_driver_is_enough_for_an_older_cuda():
    assert failed(judge({**GOOD, "driver": "535.104.05", "cuda": "12.8"})) == []


def test_a_small_gpu_needs_half_of_its_memory():
    small = {**H100, "free_bytes": int(1.5 * GIB), "total_bytes": 2 * GIB}
    assert failed(judge({**GOOD, "devices": [small]})) == []


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (["sm_80"], (8, 0), True),
        (["sm_80"], (8, 9), True),
        (["sm_86"], (8, 0), False),
        (["sm_80"], (9, 0), False),
        (["sm_80", "compute_80"], (9, 0), True),
        (["compute_90"], (8, 0), False),
        (["sm_90a"], (9, 0), True),
        (["sm_100a"], (10, 3), False),
        (["sm_120"], (12, 1), True),
        ([], (8, 0), False),
    ],
)
def test_code_runs_on_its_own_and_later_gpus_as_cuda_defines(architectures, capability, runs):
    assert runs_on(architectures, capability) is runs


def script(tmp_path, text):
    path = tmp_path / "probe.py"
    path.write_text(text, encoding="utf-8")
    return [sys.executable, str(path)]


def test_a_driver_that_hangs_does_not_hang_the_step(tmp_path):
    probe = script(
        tmp_path,
        "import time\n"
        'print(\'{"folders_free_bytes": {}, "shared_memory_bytes": 9999999999, "driver": "580.95.05"}\', flush=True)\n'
        "time.sleep(600)\n",
    )
    checks = gpu_preflight(limit_s=1.0, probe=probe)
    assert failed(checks) == [("driver", "the GPU did not answer within 1 s")]
    assert checks[0].measured == "9.3 GiB free"


def test_a_probe_that_crashes_is_a_finding(tmp_path):
    checks = gpu_preflight(probe=script(tmp_path, "import sys; sys.exit('libcuda is broken')"))
    ((name, sentence),) = failed(checks)
    assert name == "driver"
    assert "ended with status 1: libcuda is broken" in sentence


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU: see the next test")
@pytest.mark.slow
def test_a_machine_without_a_gpu_says_so(tmp_path):
    with pytest.raises(NoGpuError, match="the step must have a GPU that works, but: "):
        require_gpu([tmp_path])


@pytest.mark.gpu
def test_a_machine_with_a_gpu_passes(tmp_path):
    assert failed(gpu_preflight([tmp_path])) == []
    require_gpu([tmp_path])
