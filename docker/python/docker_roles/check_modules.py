"""Lists the Python files of the application in this image, and imports every module among them.

``npm run check-image`` runs it without network, volumes and mounted source, so that it sees what the image
has, and what a module does when it is imported changes nothing. The arguments are paths that are not imported
(tests). The answer is one JSON object on standard output:

    files     what is there, seen from /app
    broken    what needs a module that is not there, by file or setting
    notes     what could not be imported for another reason: it wants a database, or its framework (the env.py
              of Alembic), or it is no module at all. That says nothing about the image.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

FOLDER = Path(os.environ.get("CHECK_FOLDER", "/app"))
# Nobody's modules, or somebody else's.
FOREIGN = {".git", ".venv", "node_modules", "__pycache__"}
# A module that serves for ever when it is imported is one that needs a guard.
SECONDS = 30


class TookTooLongError(BaseException):
    """An import did not end. No Exception, because modules catch those."""


@contextlib.contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Ends what takes longer."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLongError(f"not imported within {seconds} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def python_files(folder: Path) -> list[Path]:
    """Returns the Python files below a folder, seen from it and in order."""
    files = (path.relative_to(folder) for path in folder.rglob("*.py") if path.is_file())
    return sorted(file for file in files if not FOREIGN.intersection(file.parts))


def module_name(file: Path, roots: list[Path]) -> str | None:
    """Returns the name by which Python imports a file, or None for one that has no such name."""
    # The nearest folder that Python imports from: src/shop.py is "shop" where both are one.
    above = sorted((root for root in roots if file.is_relative_to(root)), key=lambda root: len(root.parts))
    if not above:
        return None
    parts = list(file.relative_to(above[-1]).with_suffix("").parts)
    if parts[-1] in {"__init__", "__main__"}:
        # A __main__ is a program by its name, and its package is imported with the others.
        parts = parts[:-1] if parts[-1] == "__init__" else []
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def import_entry(value: str) -> None:
    """Imports what WEB_APP or CELERY_APP names: module, module:object or module.object."""
    name = value.partition(":")[0]
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        module = name.rpartition(".")[0]
        if error.name != name or not module:
            raise
        if not hasattr(importlib.import_module(module), name.rpartition(".")[2]):
            raise


def is_beside(error: ImportError, folder: Path) -> bool:
    """Tells whether a script misses its neighbour, which it would find if it were run and not imported."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return False
    neighbour = folder.joinpath(*error.name.split("."))
    return neighbour.is_dir() or neighbour.with_suffix(".py").is_file()


class Check:
    """What has been found so far."""

    def __init__(self) -> None:
        self.broken: list[dict[str, str]] = []
        self.notes: list[dict[str, str]] = []

    def attempt(self, what: str, load: Callable[[str], object], name: str, folder: Path = FOLDER) -> None:
        """Imports a name and keeps what it says when that fails."""
        try:
            with limit(SECONDS):
                load(name)
        except ImportError as error:
            kind = self.notes if is_beside(error, folder) else self.broken
            kind.append({"what": what, "error": describe(error)})
        # A module may end the program, and libraries have errors that are no Exception.
        except BaseException as error:  # noqa: BLE001
            self.notes.append({"what": what, "error": describe(error)})


def describe(error: BaseException) -> str:
    """Returns kind and first line of an error."""
    return f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")


def main(left_out: list[str]) -> None:
    """Imports the entry points first, because frameworks such as Django are set up by them."""
    answer = os.fdopen(os.dup(1), "w")
    # What modules print goes where it does not mix with the answer.
    os.dup2(2, 1)
    sys.argv = ["check_modules"]
    check = Check()
    files = python_files(FOLDER)
    for setting in ("CELERY_APP", "WEB_APP"):
        value = os.environ.get(setting, "")
        if value and not (setting == "WEB_APP" and os.environ.get("WEB_COMMAND")):
            check.attempt(f"{setting}={value}", import_entry, value)
    # "python -m" has put the working folder in front.
    paths = [Path(path).resolve() for path in sys.path]
    roots = [path.relative_to(FOLDER) for path in paths if path.is_relative_to(FOLDER)]
    for file in files:
        name = module_name(file, roots)
        if name and not any(file.is_relative_to(path) for path in left_out):
            check.attempt(str(file), importlib.import_module, name, (FOLDER / file).parent)
    json.dump({"files": [str(file) for file in files], "broken": check.broken, "notes": check.notes}, answer)
    answer.flush()
    # Threads that a module has started do not keep this from ending.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
