"""A table from outside, handed to the steps of a run."""

from pathlib import Path
import tempfile

from components.shared.contracts.example_table import ExampleTable
from components.shared.runtime.atomic_files import atomic_folder
from components.shared.runtime.local_files import linked_file, local_files
from components.shared.tables.sources import local_copy


def handed_on(uri: str, path: str | Path, *, what: str) -> ExampleTable:
    """The example table at a path, a `pvc://` or an fsspec URI, in a folder of its own; one disk holds it once.

    Parameters
    ----------
    path
        The folder: files that lie on the same disk are linked.
    what
        What should be there, for errors: "the pool".

    Raises
    ------
    FileNotFoundError
        If there is none.
    ContractError
        If it is damaged.
    ValueError
        If its store cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch, atomic_folder(path) as folder:
        found = local_copy(uri, scratch, what=what)
        ExampleTable(found)
        for name, file in local_files(found):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            linked_file(file, folder / name)
    return ExampleTable(path)
