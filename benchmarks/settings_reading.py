"""Reading settings: what it costs beside PyYAML's own loader, also for texts that are made to cost much.

`python -m benchmarks.settings_reading` prints for each text its size, the CPU milliseconds of `yaml.safe_load` and of
ours, and their ratio; "refused" stands where a reader answers with an error. There is no bar: what a text may cost is
counted in calls by `tests/components/test_settings_fuzz.py`.
"""

from collections.abc import Callable
import json
import time
from typing import Any

import typer
import yaml

from components.shared.runtime.settings_text import MAX_BYTES, written_settings

_ALIASES = "\n".join([f"a0: &a0 [{'x, ' * 9}x]", *(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]" for i in range(1, 9))])
TEXTS = {
    "a problem file": "label: {column: paid}\ntask: classification\ntraining: {max_epochs: 3}\n",
    "4,000 keys": "\n".join(f"key_{number}: {number}" for number in range(4_000)),
    "the same as JSON": json.dumps({f"key_{number}": number for number in range(4_000)}),
    "aliases of aliases": _ALIASES,
    "too many values": "- a\n" * 200_000,
    "too deep": "[" * 200_000,
    "one long text": "text: " + "x" * (MAX_BYTES - 10),
    "dashes": "-" * 100_000,
}


def main(repeats: int = 3) -> None:
    """Print the cost of every text."""
    readers: dict[str, Callable[[str], Any]] = {
        "yaml": yaml.safe_load,
        "ours": lambda text: written_settings(text, where=""),
    }
    typer.echo(f"{'text':20} {'bytes':>9} {'yaml ms':>10} {'ours ms':>10} {'ours / yaml':>12}")
    for name, text in TEXTS.items():
        seconds, refused = zip(*(_cost(reader, text, repeats) for reader in readers.values()), strict=True)
        told = "".join(
            f", {reader}: refused" for reader, is_refused in zip(readers, refused, strict=True) if is_refused
        )
        times = " ".join(f"{1000 * second:10.1f}" for second in seconds)
        typer.echo(f"{name:20} {len(text):9,} {times} {seconds[1] / seconds[0]:12.2f}{told}")


def _cost(read: Callable[[str], Any], text: str, repeats: int) -> tuple[float, bool]:
    """The least CPU seconds of some readings, and whether the reader refused."""
    least, is_refused = float("inf"), False
    for _ in range(repeats):
        began = time.process_time()
        try:
            read(text)
        except (ValueError, yaml.YAMLError, RecursionError):
            is_refused = True
        least = min(least, time.process_time() - began)
    return least, is_refused


if __name__ == "__main__":
    typer.run(main)
