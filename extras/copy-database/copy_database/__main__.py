"""The command: see the package. The target is in DATABASE_URL, so its password is in no argument list."""

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from types import FrameType
from typing import NoReturn

import sqlalchemy as sa

from copy_database.databases import (
    connect,
    count,
    dialect_of,
    open_source,
    reflect,
)
from copy_database.plan import Plan, is_version_table, make_plan
from copy_database.report import MIGRATION_FAILED, CopyError, Reporter
from copy_database.transfer import Transfer
from docker_roles.connection import LockTimeoutError
from docker_roles.migrate import lock_for, wait_for_database


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m copy_database", description=__doc__)
    parser.add_argument("--from", dest="source", required=True, metavar="URL", help="sqlite:////data/shop.db")
    parser.add_argument("--dry-run", action="store_true", help="look at everything, write nothing")
    parser.add_argument("--empty-target", action="store_true", help="delete the rows that are there")
    parser.add_argument("--accept-rounding", action="store_true", help="round what is too exact")
    parser.add_argument("--skip", default="", metavar="TABLES", help="leave these out: a,b")
    parser.add_argument("--verbose", action="store_true", help="show every finding")
    return parser.parse_args()


def _migrate() -> None:
    """Creates the tables with the application's own migrations. Standard output is for the report alone."""
    command = os.environ.get("MIGRATE_COMMAND", "")
    if not command:
        print("MIGRATE_COMMAND is empty: the tables have to be there already.", file=sys.stderr)
    elif subprocess.run(["sh", "-c", command], check=False, stdout=sys.stderr).returncode != 0:
        raise CopyError("The migrations of the application failed on the target.", exit_code=MIGRATION_FAILED)


def _versions(connection: sa.Connection, metadata: sa.MetaData) -> str:
    tables = [table for table in metadata.tables.values() if is_version_table(table)]
    return ", ".join(
        sorted(str(one) for table in tables for one in connection.execute(sa.select(table)).scalars())
    )


def _refuse_rows(target: sa.Connection, plan: Plan) -> None:
    filled = {table.name: count(target, table.name) for table in plan.tables}
    if rows := ", ".join(f"{name} {number}" for name, number in filled.items() if number):
        raise CopyError(
            f"The target is not empty. Rows there: {rows}.",
            "A migration may have written them. --empty-target deletes them, in the copy's own transaction.",
        )


def _refuse_cascades(target: sa.Connection, there: sa.MetaData, plan: Plan) -> None:
    """Refuses if other tables' rows refer to rows to be deleted: ON DELETE may delete or change them too."""
    for table in there.tables.values():
        for key in table.foreign_key_constraints if table.name not in plan.names else ():
            refers = sa.select(table).where(*[column.is_not(None) for column in key.columns]).exists()
            if key.referred_table.name in plan.names and target.execute(sa.select(refers)).scalar():
                raise CopyError(
                    f"{table.name} is not copied, and its rows in the target refer to rows of "
                    f"{key.referred_table.name} that would be deleted.",
                    f"Copy {table.name} as well, or empty it in the target first.",
                )


def _prepare(
    arguments: argparse.Namespace, source: sa.Connection, target: sa.Connection
) -> tuple[Plan, bool]:
    """Creates the tables. Returns what to copy, and whether it may replace the rows that are there."""
    here, there = reflect(source), reflect(target)
    had_tables = bool(here.tables.keys() & there.tables.keys())
    # Locks of this transaction would block the migration.
    target.rollback()
    if not arguments.dry_run:
        _migrate()
        there = reflect(target)
    skip = [name for name in arguments.skip.split(",") if name]
    if not here.tables.keys() & there.tables.keys():
        if not arguments.dry_run:
            raise CopyError(
                "MIGRATE_COMMAND has made no table of the source in the target.",
                "Does the application read DATABASE_URL, or a name in .env.app that refers to it?",
            )
        print("The target has no tables yet, so the source's own types are checked.", file=sys.stderr)
        return make_plan(here, here, "sqlite", skip), True
    versions, others = _versions(source, here), _versions(target, there)
    # At different migrations the same name may mean different things.
    if versions and others and versions != others:
        raise CopyError(
            f"The source is at migration {versions}, and the target at {others}.",
            "Bring the source up to date first, with DATABASE_URL naming it: npm run migrate",
        )
    plan = make_plan(here, there, dialect_of(target), skip)
    # Rows that the migration has just written may be replaced: the source has its own.
    if had_tables and not arguments.empty_target:
        _refuse_rows(target, plan)
        return plan, False
    _refuse_cascades(target, there, plan)
    return plan, True


def _run(arguments: argparse.Namespace, report: Reporter) -> None:
    url = os.environ.get("DATABASE_URL", "")
    seconds = float(os.environ.get("MIGRATE_LOCK_TIMEOUT") or 300)
    started = time.monotonic()
    wait_for_database()
    with closing(connect(url)) as target, lock_for(url, seconds), open_source(arguments.source) as source:
        plan, may_replace = _prepare(arguments, source, target)
        transfer = Transfer(source, target, plan, report, arguments.accept_rounding)
        rows = transfer.check()
        if not arguments.dry_run:
            transfer.copy(replace=may_replace)
    report.emit("done", rows=rows, tables=len(plan.tables), seconds=round(time.monotonic() - started, 1))


def _stop(signum: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signum)


def main() -> int:
    """Copies, and returns the exit code."""
    # Raise an exception: it rolls the transaction back, and ends a running migration.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    arguments = _arguments()
    report = Reporter(show_all=arguments.verbose)
    try:
        _run(arguments, report)
    except CopyError as error:
        failure = error
    except LockTimeoutError:
        failure = CopyError("A migration holds the lock.")
    except sa.exc.DBAPIError as error:
        # Without SQLAlchemy's own message, which repeats the values of the statement.
        message = f"The database has ended the copy: {str(error.orig).strip()}"
        failure = CopyError(message, "The target is as it was before.")
    else:
        return 0
    report.emit("failed", message=str(failure), hint=failure.hint)
    return failure.exit_code


if __name__ == "__main__":
    sys.exit(main())
