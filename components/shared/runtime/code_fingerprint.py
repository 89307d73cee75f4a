"""Fingerprint of the code that a job runs: its function, what that function names, and every module it imports.

A changed line in a module changes the fingerprints of those jobs only that import it, directly or not; a changed
comment changes none.
"""

import ast
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
import re

from components.shared.runtime.fingerprints import fingerprint_bytes, fingerprint_json

_ROOT = Path(__file__).resolve().parents[3]
_PACKAGE = "components"
_NOT_CODE = (".py", ".pyc", ".md")
# A module may also be started by name: python -m components.serving.
_MODULE_NAME = re.compile(r"components(\.\w+)+")


def job_fingerprint(module: str, function: str) -> str:
    """Fingerprint of one job's code, such as `components.training.jobs` and `train_model`.

    Returns
    -------
    str
        32 hexadecimal characters, the same on every machine with the same code and Python version.

    Raises
    ------
    ValueError
        If there is no such module or function.
    """
    parts = _reached_statements(_syntax(_text(module)), function)
    if not parts:
        raise ValueError(f"{module} must define {function}, but does not")
    reached: dict[str, str] = {}
    queue = sorted(_ours({name for part in parts for name in _named_modules(part)}))
    while queue:
        name = queue.pop()
        if name not in reached:
            text = _text(name)
            reached[name] = _module_fingerprint(name, text)
            queue.extend(_ours(_modules_named_in(text)))
    return fingerprint_json({"job": [ast.dump(part) for part in parts], "modules": reached})


def _file(module: str) -> Path:
    path = _ROOT.joinpath(*module.split("."))
    package = path / "__init__.py"
    # A folder alone says nothing: an older checkout may have left one beside a module of its name.
    return package if package.is_file() else path.with_suffix(".py")


def _text(module: str) -> str:
    file = _file(module)
    if not file.is_file():
        raise ValueError(f"{module} must be a module of this project, but there is no {file.relative_to(_ROOT)}")
    return file.read_text(encoding="utf-8")


# Whatever follows from a text alone is worked out once: many jobs reach the same modules.
@cache
def _syntax(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def _syntax_fingerprint(text: str) -> str:
    return fingerprint_bytes(ast.dump(_syntax(text)).encode())


@cache
def _modules_named_in(text: str) -> frozenset[str]:
    return frozenset(_named_modules(_syntax(text)))


def _module_fingerprint(module: str, text: str) -> str:
    """Fingerprint of a module's syntax and, for a package, of the data files that lie in it."""
    file = _file(module)
    data: list[str] = []
    if file.name == "__init__.py":
        data = [f"{path.name} {fingerprint_bytes(path.read_bytes())}" for path in _data_files(file.parent)]
    return fingerprint_json({"syntax": _syntax_fingerprint(text), "data": data})


def _data_files(folder: Path) -> list[Path]:
    """Files of a package that are not code, without those of its sub-packages."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            found.extend(_data_files(path))
        elif path.is_file() and path.suffix not in _NOT_CODE:
            found.append(path)
    return found


def _named_modules(node: ast.AST) -> set[str]:
    """Modules that a piece of code imports, or may start by name."""
    found: set[str] = set()
    for item in ast.walk(node):
        if isinstance(item, ast.Import):
            found.update(alias.name for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and item.module and item.level == 0:
            found.add(item.module)
            found.update(f"{item.module}.{alias.name}" for alias in item.names)
        elif isinstance(item, ast.Constant) and isinstance(item.value, str) and _MODULE_NAME.fullmatch(item.value):
            found.update((item.value, f"{item.value}.__main__"))
    return found


def _ours(names: Collection[str]) -> set[str]:
    """Those that are modules of this project, with the packages that hold them."""
    ours = {name for name in names if name.split(".")[0] == _PACKAGE and _file(name).is_file()}
    return ours | {parent for name in ours for parent in _parents(name)}


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _reached_statements(tree: ast.Module, function: str) -> list[ast.stmt]:
    """Top-level statements of a module that a function needs, its own included, in the module's order."""
    by_name: dict[str, ast.stmt] = {}
    statements = [*_statements(tree)]
    for statement in statements:
        for name in _bound_names(statement):
            by_name[name] = statement
    if function not in by_name:
        return []
    reached: set[str] = set()
    queue = [function]
    while queue:
        name = queue.pop()
        if name in reached or name not in by_name:
            continue
        reached.add(name)
        queue.extend(item.id for item in ast.walk(by_name[name]) if isinstance(item, ast.Name))
    kept = {id(by_name[name]) for name in reached}
    return [_only(statement, reached) for statement in statements if id(statement) in kept]


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Top-level statements; those under an `if` (for type checkers, or old releases) count too."""
    for statement in tree.body:
        yield from statement.body if isinstance(statement, ast.If) else [statement]


def _only(statement: ast.stmt, names: set[str]) -> ast.stmt:
    """An import statement reduced to the names that are needed; any other statement as it is."""
    if isinstance(statement, ast.ImportFrom):
        kept = [alias for alias in statement.names if (alias.asname or alias.name) in names]
        return ast.ImportFrom(module=statement.module, names=kept, level=statement.level)
    return statement


def _bound_names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []
