"""Renders every overlay with the images of a release, one file each.

    PLUSZERO_IMAGE_LIST=build/images.txt python -m tools.release_manifests

`kubectl apply -f build/manifests-standalone.yaml` then does what `kubectl apply -k manifests/overlays/standalone` does.
"""

import argparse
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

import yaml

from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.container_images import image
from pipelines.local.image_engine import BuildError
from pipelines.local.image_source import REPOSITORY

OVERLAYS = REPOSITORY / "manifests" / "overlays"
_BASE_IMAGES = {f"localhost/pluszero-mlops-{name}": name for name in ("serving", "serving-cpu")}


def release_manifests(folder: Path) -> list[Path]:
    """Write `manifests-OVERLAY.yaml` for every overlay, with the serving images that `image` names.

    One that lies in another is called after both: `manifests-prod-gpu-workspace.yaml`.

    Raises
    ------
    BuildError
        If there is no kubectl, or an overlay does not render.
    """
    if shutil.which("kubectl") is None:
        raise BuildError("manifests must be rendered by kubectl 1.21 or newer, but there is none: install it")
    folder.mkdir(parents=True, exist_ok=True)
    return [_rendered(file.parent, folder) for file in sorted(OVERLAYS.rglob("kustomization.yaml"))]


def _rendered(overlay: Path, folder: Path) -> Path:
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, check=False)
    name_of_overlay = "-".join(overlay.relative_to(OVERLAYS).parts)
    if done.returncode:
        raise BuildError(f"the overlay {name_of_overlay} must render, but kubectl says: {done.stderr.strip()}")
    objects = list(yaml.safe_load_all(done.stdout))
    for found in objects:
        for container in _containers(found):
            name = _BASE_IMAGES.get(container["image"].rpartition(":")[0])
            if name is not None:
                container["image"] = image(name)
    target = folder / f"manifests-{name_of_overlay}.yaml"
    write_text(target, yaml.safe_dump_all(objects, sort_keys=False, width=1000, explicit_start=True))
    return target


def _containers(found: dict[str, Any]) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = found["spec"]["containers"] if found["kind"] == "ServingRuntime" else []
    return containers


def main() -> int:
    """Render all overlays; 0 when all are written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build", help="Folder for the YAML.")
    try:
        written = release_manifests(parser.parse_args().output)
    except (BuildError, ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for file in written:
        print(f"  {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
