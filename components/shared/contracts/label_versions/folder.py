"""The folder of a new version: whole or not at all, and never in place of another table."""

from collections.abc import Iterator
import contextlib
from pathlib import Path

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_versions.writing import table_fingerprint
from components.shared.runtime.atomic_files import atomic_folder
from components.shared.runtime.errors import ContractError


@contextlib.contextmanager
def version_folder(path: str | Path, table: ExampleTable) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, which takes its name when the block ends.

    A killed process leaves what was at `path` before: nothing, or the same version, which is kept where it is equal.

    Raises
    ------
    ContractError
        If `path` is that of `table`, or holds something else.
    """
    target = Path(path)
    if target.resolve() == table.path.resolve():
        raise ContractError(f"the new version must get a folder of its own, got that of the table itself, {path}")
    is_there = target.is_dir() and any(target.iterdir())
    if target.is_file() or (is_there and not any(target.glob("shard-*.parquet"))):
        raise ContractError(f"the new version must get a folder of its own, but there is something else at {path}")
    with atomic_folder(target, replace=False) as part:
        yield part
        check_no_other(target, part)


def check_no_other(path: str | Path, part: str | Path) -> None:
    """Check that what is at `path` is no other table than the new version in `part`.

    `version_folder` does so at its end; whoever writes more than the table asks before the rest is written.

    Raises
    ------
    ContractError
        If it is another one.
    """
    if not any(Path(path).glob("shard-*.parquet")):
        return
    if table_fingerprint(ExampleTable(path)) != table_fingerprint(ExampleTable(part)):
        raise ContractError(
            f"the new version must get a folder of its own, but {path} holds another table: give another folder"
        )
