"""What this machine knows of its GPU, as JSON lines: `python probe.py FOLDER...`.

It runs as its own process, because a driver that hangs blocks its caller. Facts are printed as they are found, so that
those before a hang are known.
"""

import ctypes
import json
import os
from pathlib import Path
import sys
from typing import Any

_NVML_STRING_BYTES = 96


def main(folders: list[str]) -> None:
    """Print one line of facts after the other."""
    say(
        folders_free_bytes={folder: free_bytes(folder) for folder in folders}, shared_memory_bytes=shared_memory_bytes()
    )
    say(device_files=sorted(map(str, Path("/dev").glob("nvidia[0-9]*"))), driver=driver_version())
    import torch

    # Unlike get_arch_list, it does not ask the driver.
    say(cuda=torch.version.cuda, architectures=(torch._C._cuda_getArchFlags() or "").split())
    say(**devices(torch))


def say(**facts: Any) -> None:
    """Print facts as one line of JSON."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def free_bytes(folder: str) -> int | None:
    """Free disk that a user may take, bytes; None where there is no such folder."""
    existing = next((path for path in (Path(folder), *Path(folder).parents) if path.is_dir()), None)
    if existing is None:
        return None
    disk = os.statvfs(existing)
    return disk.f_bavail * disk.f_frsize


def shared_memory_bytes() -> int | None:
    """Free shared memory, bytes; None where there is none."""
    return free_bytes("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108 - it is that folder


def driver_version() -> str | None:
    """Version of the NVIDIA driver, asked of the driver itself; None where there is none."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if library.nvmlInit_v2() != 0:
        return None
    text = ctypes.create_string_buffer(_NVML_STRING_BYTES)
    failed = library.nvmlSystemGetDriverVersion(text, _NVML_STRING_BYTES)
    library.nvmlShutdown()
    return None if failed else text.value.decode("ascii", errors="replace")


def devices(torch: Any) -> dict[str, Any]:
    """The devices that torch sees, each tried with a small computation, or the error it ended with."""
    found: list[dict[str, Any]] = []
    try:
        torch.cuda.init()
        for number in range(torch.cuda.device_count()):
            about = {
                "name": torch.cuda.get_device_name(number),
                "capability": list(torch.cuda.get_device_capability(number)),
            }
            found.append(about)
            about["free_bytes"], about["total_bytes"] = torch.cuda.mem_get_info(number)
            ones = torch.ones(256, 256, device=f"cuda:{number}")
            about["computes"] = bool(((ones @ ones) == 256).all().item())
    except (RuntimeError, AssertionError) as error:
        return {"devices": found, "error": str(error).strip().splitlines()[0]}
    return {"devices": found, "error": ""}


if __name__ == "__main__":
    main(sys.argv[1:])
