"""A copy of a bundle that answers wrong: what a rehearsal must roll back."""

from dataclasses import replace
from pathlib import Path

from components.shared.contracts.bundle import file_listing, read_config, read_weights, WEIGHTS_FILE, write_bundle


def write_mislabelled_twin(bundle: str | Path, path: str | Path) -> None:
    """Write a copy whose class names have each moved to the next class, as after a mistake in their order.

    Raises
    ------
    ValueError
        If the model answers a number: it has no classes.
    ContractError
        If the bundle is damaged.
    """
    config = read_config(bundle)
    if config.is_regression:
        raise ValueError("a model of numbers has no classes to mix up: name a candidate")
    rotated = (*config.class_names[1:], config.class_names[0])
    files = {name: (Path(bundle) / name).read_bytes() for name in file_listing(bundle) if name != WEIGHTS_FILE}
    write_bundle(path, replace(config, class_names=rotated), read_weights(bundle), files=files)
