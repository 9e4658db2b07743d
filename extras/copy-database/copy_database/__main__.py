"""The command: see the package. DATABASE_URL is the target, so that its password is in no argument list."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from types import FrameType
from typing import NoReturn

import sqlalchemy as sa

from copy_database.check import Options, Plan, check, count, is_version_table, make_plan
from copy_database.databases import (
    connect,
    dialect_of,
    open_source,
    path_of,
    reflect,
    refuse_tables_without_transactions,
)
from copy_database.report import DOES_NOT_FIT, FAILED, MIGRATION_FAILED, CopyError, Reporter, warn
from copy_database.transfer import transfer
from docker_roles.connection import LockTimeoutError
from docker_roles.locks import lock_for


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m copy_database", description=__doc__)
    parser.add_argument("--from", dest="source", required=True, metavar="URL", help="sqlite:////data/shop.db")
    parser.add_argument("--check", action="store_true", help="look at everything, write nothing")
    parser.add_argument("--empty-target", action="store_true", help="delete the rows that are there")
    parser.add_argument(
        "--accept-rounding", action="store_true", help="round what is more exact than its column"
    )
    parser.add_argument("--skip", default=[], type=_names, metavar="TABLES", help="leave these out: a,b")
    parser.add_argument("--all", action="store_true", help="show every finding")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser.parse_args()


def _migrate() -> None:
    """Has the application's own migrations make the tables. Standard output belongs to the report."""
    command = os.environ.get("MIGRATE_COMMAND", "")
    if not command:
        warn("MIGRATE_COMMAND is empty, so the tables have to be there already.")
        return
    if subprocess.run(["sh", "-c", command], check=False, stdout=sys.stderr).returncode != 0:
        raise CopyError("The migrations of the application failed on the target.", exit_code=MIGRATION_FAILED)


def _versions(connection: sa.Connection, metadata: sa.MetaData) -> dict[str, set[str]]:
    tables = [table for table in metadata.tables.values() if is_version_table(table)]
    return {table.name: set(connection.execute(sa.select(table)).scalars()) for table in tables}


def _compare_versions(source: Mapping[str, set[str]], target: Mapping[str, set[str]]) -> None:
    """Both sides have to be at the same migration: otherwise the same name may mean something else."""
    if source == target:
        return
    if not source or not target:
        side = "source" if source else "target"
        warn(f"Only the {side} says at which migration it is, so that is not compared.")
        return

    def shown(versions: Mapping[str, set[str]]) -> str:
        return ", ".join(sorted(version for some in versions.values() for version in some)) or "none"

    raise CopyError(
        f"The source is at migration {shown(source)}, and the target at {shown(target)}.",
        "Bring the source up to date first, with DATABASE_URL naming it: npm run migrate",
    )


def _refuse_rows(target: sa.Connection, plan: Plan) -> None:
    filled = {table.name: count(target, table.name) for table in plan.tables}
    rows = ", ".join(f"{name} {number}" for name, number in filled.items() if number)
    if rows:
        raise CopyError(
            f"The target is not empty. Rows there: {rows}.",
            "With --empty-target they are deleted, in the same transaction as the copy.",
        )


def _prepare(
    arguments: argparse.Namespace, source: sa.Connection, target: sa.Connection
) -> tuple[Plan, bool]:
    """Has the tables made, and says what is to be copied, and whether it takes the place of what is there."""
    here, there = reflect(source), reflect(target)
    had_tables = _common(here, there)
    # No lock of ours may be in the way of the migration.
    target.rollback()
    if not arguments.check:
        _migrate()
        there = reflect(target)
        if not _common(here, there):
            raise CopyError(
                "MIGRATE_COMMAND has made no table in the target that the source has.",
                "Does the application read DATABASE_URL, or a name in .env.app that refers to it?",
            )
    options = Options(dialect_of(target), arguments.skip, rounds=arguments.accept_rounding)
    if not _common(here, there):
        warn("The target has no tables yet: the types of the source are judged by, and later its own.")
        options = replace(options, dialect="sqlite")
        return make_plan(source, here, here, options), True
    _compare_versions(_versions(source, here), _versions(target, there))
    plan = make_plan(source, here, there, options)
    refuse_tables_without_transactions(target, [table.name for table in plan.tables])
    # What a migration has just written is not in the way: the source has its own.
    may_replace = arguments.empty_target or not had_tables
    if not may_replace:
        _refuse_rows(target, plan)
    return plan, may_replace


def _common(here: sa.MetaData, there: sa.MetaData) -> bool:
    return bool(set(here.tables) & set(there.tables))


def _run(arguments: argparse.Namespace, report: Reporter) -> None:
    path = path_of(arguments.source)
    url = os.environ.get("DATABASE_URL", "")
    seconds = float(os.environ.get("MIGRATE_LOCK_TIMEOUT") or 300)
    started = time.monotonic()
    with closing(connect(url)) as target, lock_for(url, seconds), open_source(path) as source:
        plan, may_replace = _prepare(arguments, source, target)
        check(source, target, plan, report)
        if report.findings:
            raise CopyError(
                f"Not everything fits ({report.findings} found). Nothing was copied.",
                "extras/copy-database/README.md says what to do about each kind.",
                DOES_NOT_FIT,
            )
        if arguments.check:
            rows = {table.name: count(source, table.name) for table in plan.tables}
        else:
            rows = transfer(source, target, plan, report, replace=may_replace)
    line = f"{sum(rows.values())} rows in {len(rows)} tables {'fit' if arguments.check else 'copied'}"
    elapsed = round(time.monotonic() - started, 1)
    report.emit("done", line, rows=sum(rows.values()), tables=len(rows), seconds=elapsed)


def _stop(signum: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signum)


def main() -> int:
    """Copies, and returns the exit code."""
    # As an exception: the transaction is rolled back, and a migration under way is ended.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    arguments = _arguments()
    report = Reporter(as_json=arguments.json, show_all=arguments.all)
    try:
        _run(arguments, report)
    except CopyError as error:
        report.emit("failed", f"{error} {error.hint}".strip(), message=str(error), hint=error.hint)
        return error.exit_code
    except LockTimeoutError:
        report.emit("failed", "A migration holds the lock.", message="A migration holds the lock.", hint="")
        return FAILED
    except sa.exc.DBAPIError as error:
        # Without SQLAlchemy's own words, which repeat the values of a statement.
        message = f"The database has ended the copy: {str(error.orig).strip()}"
        report.emit("failed", message, message=message, hint="The target is as it was before.")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
