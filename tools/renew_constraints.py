"""Writes the pins of both local environments anew, keeping those that still hold."""

from pathlib import Path
import subprocess
import sys
import tempfile

from setup_environments import requirements, ROOT

_PINS = {
    "docker/constraints.txt": (
        ("training", "serving", "pipelines", "dev"),
        ["--universal", "--python-version", "3.11"],
    ),
    "docker/constraints-validation.txt": (
        ("validation", "dev-validation"),
        ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_35"],
    ),
}


def main() -> int:
    """Renew every file of pins; 0 when all were written."""
    for name, (extras, options) in _PINS.items():
        with tempfile.NamedTemporaryFile("w", suffix=".in") as wanted:
            wanted.write("\n".join(requirements(extras)) + "\n")
            wanted.flush()
            command = [
                sys.executable,
                "-m",
                "uv",
                "pip",
                "compile",
                "--quiet",
                "--no-header",
                "--no-annotate",
                *options,
            ]
            done = subprocess.run([*command, wanted.name, "--output-file", str(Path(ROOT, name))], check=False)
        if done.returncode:
            return done.returncode
        print(f"  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
