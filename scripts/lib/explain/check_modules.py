"""Lists the Python files of the application in an image, and imports every module among them.

``npm run check-image`` hands this to Python in a container that sees only what the image has. The arguments
are paths that are not imported (tests). The answer is one JSON object on standard output:

    files     the files that are there, relative to /app
    broken    what needs a module that is not there, by file or setting
    notes     what could not be imported for another reason: it needs a database or its
              framework (Alembic's env.py)
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path("/app")
NOT_SOURCE = {".git", ".venv", "venv", "node_modules", "__pycache__"}
# A module that starts a server when it is imported would never return.
SECONDS = 30

broken: list[dict[str, str]] = []
notes: list[dict[str, str]] = []


def module_name(file: Path, roots: list[Path]) -> str | None:
    """Returns the name by which Python imports a file, or None for a file that has no such name."""
    # The nearest folder on Python's path counts: src/shop.py is "shop" if "src" and "." are on it.
    above = sorted((root for root in roots if file.is_relative_to(root)), key=lambda root: len(root.parts))
    if not above or file.name == "__main__.py":
        return None
    parts = [part for part in file.relative_to(above[-1]).with_suffix("").parts if part != "__init__"]
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def import_entry(value: str) -> None:
    """Imports what WEB_APP or CELERY_APP names: module, module:object or module.object."""
    name = value.partition(":")[0]
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name or not module or not hasattr(importlib.import_module(module), attribute):
            raise


def attempt(what: str, load: Callable[[str], object], name: str, folder: Path = FOLDER) -> None:
    """Imports a name, and notes the error if that fails."""
    # A script finds its neighbours when it is run, so it should find them when it is imported.
    beside = f"{folder}/"
    sys.path.append(beside)
    signal.alarm(SECONDS)
    try:
        load(name)
    # A module may end the program, and some libraries have errors that are not an Exception.
    except BaseException as error:  # noqa: BLE001
        said = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
        if isinstance(error, KeyboardInterrupt):
            said = f"not imported within {SECONDS} seconds"
        (broken if isinstance(error, ImportError) else notes).append({"what": what, "error": said})
    finally:
        signal.alarm(0)
        sys.path[:] = [path for path in sys.path if path != beside]


def main(left_out: list[str]) -> None:
    """Imports the entry points first, because they set up frameworks such as Django."""
    answer = os.fdopen(os.dup(1), "w")
    # What modules print goes to standard error, so that it does not mix with the answer.
    os.dup2(2, 1)
    sys.argv = ["check_modules"]
    # Raises what Ctrl-C raises. That is not an Exception, and modules catch those.
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    found = (path.relative_to(FOLDER) for path in FOLDER.rglob("*.py") if path.is_file())
    files = sorted(file for file in found if not NOT_SOURCE.intersection(file.parts))
    for setting in ("CELERY_APP", "WEB_APP"):
        value = os.environ.get(setting, "")
        if value and not (setting == "WEB_APP" and os.environ.get("WEB_COMMAND")):
            attempt(f"{setting}={value}", import_entry, value)
    # "python -" puts the working folder first on the path.
    paths = [Path(path).resolve() for path in sys.path]
    roots = [path.relative_to(FOLDER) for path in paths if path.is_relative_to(FOLDER)]
    for file in files:
        name = module_name(file, roots)
        if name and not any(file.is_relative_to(path) for path in left_out):
            attempt(str(file), importlib.import_module, name, (FOLDER / file).parent)
    json.dump({"files": [str(file) for file in files], "broken": broken, "notes": notes}, answer)
    answer.flush()
    # Threads that a module has started must not keep this from ending.
    os._exit(0)


main(sys.argv[1:])
