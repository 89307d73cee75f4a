"""The programs of a Kubernetes node, built from pinned Go modules and kept by a digest of what they are built from."""

from collections.abc import Callable, Sequence
import os
from pathlib import Path
import platform
import resource
import shutil
import signal
import subprocess
import time

from components.shared.runtime.folder_lock import folder_lock
from tests.cluster.go_modules import GO_MODULES, GoModule, KUEUE

CACHE_VARIABLE = "PLUSZERO_CLUSTER_CACHE"
# Go's own caches while it builds, and the programs.
DISK_TO_BUILD_BYTES = 12 * 10**9
UNUSED_DAYS = 30


class BuildError(RuntimeError):
    """A program could not be built."""


def cache_folder() -> Path:
    """Where programs are kept: `PLUSZERO_CLUSTER_CACHE`, else a folder of the user's own cache."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(CACHE_VARIABLE) or caches / "pluszero-mlops" / "cluster").resolve()


def programs(say: Callable[[str], None] = print, *, modules: Sequence[GoModule] = GO_MODULES) -> list[Path]:
    """Folders that hold every program of some modules, built where they are not kept yet.

    Parameters
    ----------
    say
        Gets one line a program that is built: its size, and the time and work that it took.
    modules
        What a node and its tests need, by default.

    Raises
    ------
    BuildError
        If Go cannot build a program, or the disk is too full to try.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folders = module_folders(modules)
    with folder_lock(cache):
        missing = [(module, folders[module.name]) for module in modules if not folders[module.name].is_dir()]
        if missing:
            _build_all(missing, cache, say)
        for folder in folders.values():
            os.utime(folder)
        _remove_unused(cache)
    return list(folders.values())


def module_folders(modules: Sequence[GoModule] = (*GO_MODULES, KUEUE)) -> dict[str, Path]:
    """Where what is built of each module is kept, by the module's name, whether it is there yet or not."""
    go = _go_and_platform()
    return {module.name: cache_folder() / f"{module.name}-{module.digest(go)}" for module in modules}


def _go_and_platform() -> str:
    asked = ["go", "env", "GOVERSION", "GOOS", "GOARCH"]
    return subprocess.run(asked, capture_output=True, text=True, check=True, env=_environment(Path("/"))).stdout


def go_architecture() -> str:
    """This machine's, as Go and container images name it."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return names.get(platform.machine(), platform.machine())


def _build_all(missing: Sequence[tuple[GoModule, Path]], cache: Path, say: Callable[[str], None]) -> None:
    free = shutil.disk_usage(cache).free
    if free < DISK_TO_BUILD_BYTES:
        raise BuildError(
            f"building the cluster's programs takes {DISK_TO_BUILD_BYTES / 1e9:.0f} GB of free disk in {cache}, "
            f"there are {free / 1e9:.0f} GB; free some, or name another folder by {CACHE_VARIABLE}"
        )
    for left in cache.glob("*.unfinished"):
        _remove_behind(left)
    begun, work = time.monotonic(), _work_s()
    go_caches = cache / "go"
    peak = 0
    try:
        for module, folder in missing:
            _build(module, folder, go_caches, say)
            peak = max(peak, folder_bytes(cache))
    finally:
        for folder in (go_caches, *cache.glob("*.unfinished")):
            _remove_behind(folder)
    say(
        f"Programs built in {time.monotonic() - begun:.0f} s ({_work_s() - work:.0f} s of work): "
        f"{folder_bytes(cache) / 1e9:.1f} GB in {cache}, {peak / 1e9:.1f} GB while building"
    )


def _build(module: GoModule, folder: Path, go_caches: Path, say: Callable[[str], None]) -> None:
    """Build a module's programs into `folder`, which is there only when all of them are."""
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for path, package in module.packages.items():
        begun, work = time.monotonic(), _work_s()
        program = unfinished / path
        program.parent.mkdir(parents=True, exist_ok=True)
        options = ["-mod=readonly", "-modcacherw", "-buildvcs=false", "-trimpath", "-ldflags", module.linker_flags()]
        _run(["go", "build", *options, "-o", str(program), package], module.sources, _environment(go_caches))
        took, worked = time.monotonic() - begun, _work_s() - work
        say(f"{module.name}: {path}, {program.stat().st_size / 1e6:.0f} MB in {took:.0f} s ({worked:.0f} s of work)")
    for path, kept in module.manifests.items():
        asked = ["go", "list", "-mod=readonly", "-modcacherw", "-m", "-f", "{{.Dir}}", kept.module]
        source = _run(asked, module.sources, _environment(go_caches)).splitlines()[-1]
        shutil.copytree(Path(source) / kept.path, unfinished / path)
    unfinished.rename(folder)


def _environment(go_caches: Path) -> dict[str, str]:
    """Go's own settings (its proxy among them), with caches that can be removed and no cgo."""
    ours = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    caches = {"GOCACHE": str(go_caches / "build"), "GOMODCACHE": str(go_caches / "modules")}
    return {**os.environ, **ours, **caches}


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a build says, which ends with all its compilers when this process is interrupted."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        output, _ = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode != 0:
        said = [line for line in output.splitlines() if line.strip() and not line.startswith("go: downloading")]
        raise BuildError(f"{' '.join(command[:2])} {command[-1]} failed: {' | '.join(said[-5:])}")
    return output


def _remove_behind(folder: Path) -> None:
    """Remove a folder without waiting: Go's caches are many files, which take some disks minutes."""
    if not folder.exists():
        return
    # Under a name that no build looks at, and the next one removes where this is ended.
    away = folder.with_name(f"{folder.name}.{os.getpid()}-{time.monotonic_ns()}.unfinished")
    folder.rename(away)
    quiet = subprocess.DEVNULL
    subprocess.Popen(["rm", "-rf", str(away)], start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet)


def _remove_unused(cache: Path) -> None:
    """Remove programs of other versions that nobody has started for a month."""
    for folder in cache.glob("*-????????????????"):
        if time.time() - folder.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(folder, ignore_errors=True)


def folder_bytes(folder: Path) -> int:
    """What a folder takes on disk, in bytes."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def _work_s() -> float:
    """CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
