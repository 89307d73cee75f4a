"""Whether a step that was promised a GPU has one that works, within half a minute and before anything is computed."""

from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from components.modeling.gpu import probe as probe_module
from components.shared.contracts.verdict import Finding

LIMIT_S = 25.0
# The oldest driver that runs what a CUDA of this major version was built for (NVIDIA, "CUDA Compatibility", table 2).
MINIMUM_DRIVERS = {12: (525, 60, 13), 13: (580, 65, 6)}

_MIN_SHARED_MEMORY_BYTES = 1 << 30
_MIN_DISK_BYTES = 5 << 30
_MIN_GPU_BYTES = 2 << 30
_ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)$")
_PROBE = Path(probe_module.__file__)
_KILL_WAIT_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PreflightCheck:
    """One check: its name, what was measured, and a finding where it failed."""

    name: str
    measured: str
    finding: Finding | None = None


class NoGpuError(ValueError):
    """A step that insists on a GPU has none that works."""


def gpu_preflight(
    folders: Sequence[str | Path] = (), *, limit_s: float = LIMIT_S, probe: Sequence[str] | None = None
) -> list[PreflightCheck]:
    """Check driver, GPU, shared memory and disk.

    Parameters
    ----------
    folders
        Where the step will write; each must have free disk.
    limit_s
        How long the machine may take to answer, seconds; this finds a driver that hangs.
    probe
        The command that prints the facts; `probe.py` by default.

    Returns
    -------
    list of PreflightCheck
        In the order they are judged; the first failed one ends those of the GPU.
    """
    command = [*(probe or [sys.executable, "-P", str(_PROBE)]), *map(str, folders)]
    facts, trouble = _facts(command, limit_s)
    return judge(facts, trouble)


def require_gpu(folders: Sequence[str | Path] = ()) -> None:
    """Stop a step that needs a GPU: NoGpuError says what is wrong and what to do."""
    for check in gpu_preflight(folders):
        found = check.finding
        if found is not None:
            raise NoGpuError(f"the step must have a GPU that works, but: {found.message}; {found.remedy}")


def judge(facts: Mapping[str, Any], trouble: str = "") -> list[PreflightCheck]:
    """Checks of the facts that `probe.py` printed; `trouble` says how the probe failed, empty if it did not."""
    checks = [_shared_memory(facts), *_disks(facts)] if "folders_free_bytes" in facts else []
    for check in (_driver, _visible, _capability, _computes, _memory):
        checks.append(check(facts, trouble))
        if checks[-1].finding is not None:
            break
    return checks


def _facts(command: list[str], limit_s: float) -> tuple[dict[str, Any], str]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    trouble = ""
    try:
        output, errors = process.communicate(timeout=limit_s)
        if process.returncode:
            last = [line for line in errors.decode(errors="replace").splitlines() if line.strip()][-1:]
            trouble = f"asking for the GPU ended with status {process.returncode}: {''.join(last)}"
    except subprocess.TimeoutExpired as stopped:
        output, trouble = stopped.stdout or b"", f"the GPU did not answer within {limit_s:g} s"
        process.kill()
        # A process inside a driver that hangs cannot be killed; it must not hang us too.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_KILL_WAIT_S)
    facts: dict[str, Any] = {}
    for line in output.splitlines():
        with contextlib.suppress(ValueError):
            facts |= json.loads(line)
    return facts, trouble


def _failed(name: str, message: str, remedy: str) -> PreflightCheck:
    finding = Finding(kind="quality", severity="blocking", name=name, message=message, remedy=remedy)
    return PreflightCheck(name=name, measured=message, finding=finding)


def _shared_memory(facts: Mapping[str, Any]) -> PreflightCheck:
    free = facts.get("shared_memory_bytes")
    if free is None or free < _MIN_SHARED_MEMORY_BYTES:
        return _failed(
            "shared memory",
            f"/dev/shm must have 1 GiB free, but has {_gib(free)}",  # noqa: S108 - it is that folder
            "mount memory there (an emptyDir of medium Memory; --shm-size with docker)",
        )
    return PreflightCheck(name="shared memory", measured=f"{_gib(free)} free")


def _disks(facts: Mapping[str, Any]) -> list[PreflightCheck]:
    checks = []
    for folder, free in facts["folders_free_bytes"].items():
        if free is None or free < _MIN_DISK_BYTES:
            message = f"{folder} must have 5 GiB of free disk, but has {_gib(free)}"
            checks.append(_failed("disk", message, "free some, or mount a larger volume"))
        else:
            checks.append(PreflightCheck(name="disk", measured=f"{folder}: {_gib(free)} free"))
    return checks


def _driver(facts: Mapping[str, Any], trouble: str) -> PreflightCheck:
    name, driver = "driver", facts.get("driver")
    if trouble and "devices" not in facts:
        return _failed(name, trouble, "look at the node's driver (nvidia-smi, dmesg), and drain the node if it hangs")
    if driver is None:
        files = facts.get("device_files") or []
        seen = f"device files {', '.join(files)} are there" if files else "there is no device file either"
        return _failed(
            name,
            f"no NVIDIA driver answers, and {seen}",
            "give the step a GPU (resource limit nvidia.com/gpu) on a node with NVIDIA's driver and device plugin",
        )
    cuda = facts.get("cuda")
    if not cuda:
        return _failed(name, "this torch is built without CUDA", "use the image `training`, or a CUDA build of torch")
    minimum = MINIMUM_DRIVERS.get(int(cuda.split(".")[0]))
    if minimum and _version(driver) < minimum:
        wanted = f"{minimum[0]}.{minimum[1]:02d}.{minimum[2]:02d}"
        return _failed(
            name,
            f"the driver must be {wanted} or newer for CUDA {cuda}, but is {driver}",
            "update the node's driver, or use images that are built for an older CUDA (make images CUDA=cu12)",
        )
    return PreflightCheck(name=name, measured=f"{driver}, for CUDA {cuda}")


def _visible(facts: Mapping[str, Any], trouble: str) -> PreflightCheck:
    found = facts["devices"]
    if not found:
        return _failed(
            "GPU",
            f"torch sees no GPU: {facts['error'] or 'there is none'}",
            "look at CUDA_VISIBLE_DEVICES and at the step's resource limit nvidia.com/gpu",
        )
    return PreflightCheck(name="GPU", measured=", ".join(device["name"] for device in found))


def _capability(facts: Mapping[str, Any], trouble: str) -> PreflightCheck:
    name = "compute capability"
    for device in facts["devices"]:
        major, minor = device["capability"]
        if not runs_on(facts["architectures"], (major, minor)):
            return _failed(
                name,
                f"{device['name']} has compute capability {major}.{minor}, for which this torch has no code "
                f"({' '.join(facts['architectures'])})",
                "use a newer GPU, or images that are built for an older CUDA (make images CUDA=cu12)",
            )
    shown = ", ".join("{}.{}".format(*device["capability"]) for device in facts["devices"])
    return PreflightCheck(name=name, measured=shown)


def _computes(facts: Mapping[str, Any], trouble: str) -> PreflightCheck:
    if facts["error"] or not all(device.get("computes") for device in facts["devices"]):
        return _failed(
            "computes",
            f"a small product of matrices fails: {facts['error'] or 'the result is wrong'}",
            "look at the node's GPU (nvidia-smi, dmesg), and drain the node",
        )
    return PreflightCheck(name="computes", measured="a small product of matrices is right")


def _memory(facts: Mapping[str, Any], trouble: str) -> PreflightCheck:
    for device in facts["devices"]:
        if device["free_bytes"] < min(_MIN_GPU_BYTES, device["total_bytes"] // 2):
            return _failed(
                "GPU memory",
                f"{device['name']} must have 2 GiB free, but has {_gib(device['free_bytes'])} "
                f"of {_gib(device['total_bytes'])}",
                "stop what else uses it, or take a node of its own",
            )
    return PreflightCheck(
        name="GPU memory", measured=", ".join(f"{_gib(d['free_bytes'])} free" for d in facts["devices"])
    )


def runs_on(architectures: Sequence[str], capability: tuple[int, int]) -> bool:
    """Whether code for these architectures (`sm_90`: machine code, `compute_90`: PTX) runs on a GPU.

    References
    ----------
    NVIDIA, CUDA C++ Programming Guide, "Compute Capability": machine code runs on the same major version and the same
    or a later minor one; PTX on every later GPU; code of a suffix `a` on exactly its own.
    """
    for architecture in architectures:
        found = _ARCHITECTURE.match(architecture)
        if found is None:
            continue
        kind, built, suffix = found[1], (int(found[2]), int(found[3])), found[4]
        if suffix == "a":
            fits = built == capability
        elif kind == "sm":
            fits = built[0] == capability[0] and built[1] <= capability[1]
        else:
            fits = built <= capability
        if fits:
            return True
    return False


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _gib(size: int | None) -> str:
    return "none" if size is None else f"{size / (1 << 30):.1f} GiB"
