"""Runs the tests of the application on data of their own: ``python -m docker_roles.test COMMAND…``.

Tests empty tables and queues, and the ones of the stack are in use. So DATABASE_URL gets another database of
the same server, whose name ends in ``_test``, and REDIS_URL another number. Variables that name the same
ones follow.
"""

import os
import re
import sys
from urllib.parse import unquote, urlsplit

from docker_roles import lock_mysql, lock_postgres
from docker_roles.connection import choose
from docker_roles.tls import Tls


def create_beside(url: str) -> None:
    """Creates the database of the tests, unless it is there. SQLite's is made by whoever opens it."""
    kind, _, driver = url.partition("://")[0].partition("+")
    name = unquote(urlsplit(url).path.removeprefix("/")) + "_test"
    literal = "'{}'".format(name.replace("'", "''"))
    if kind in {"postgresql", "postgres"} and (open_postgres := choose(lock_postgres.DRIVERS, driver)):
        with open_postgres(url) as ask:
            if not ask(f"SELECT count(*) FROM pg_database WHERE datname = {literal}"):  # noqa: S608 escaped
                ask('CREATE DATABASE "{}"'.format(name.replace('"', '""')))
    module = lock_mysql.MODULES.get(driver, driver)
    if kind in {"mysql", "mariadb"} and (open_mysql := choose(lock_mysql.DRIVERS, module)):
        where, options = lock_mysql.split(url)
        with open_mysql(where, Tls.parse(options)) as ask:
            # Without the question, some drivers warn of a database that is there.
            if not ask(f"SELECT count(*) FROM information_schema.schemata WHERE schema_name = {literal}"):  # noqa: S608 escaped
                ask("CREATE DATABASE `{}`".format(name.replace("`", "``")))


def use_own_database(url: str) -> str:
    """Puts the tests' database into every variable that names this one. Returns what to say of it."""
    _, mark, rest = url.partition("?")[0].partition("://")
    if not re.search(r"/[^/:]+$", rest):
        return "on whatever database the application names, because DATABASE_URL names none"
    same = re.compile(re.escape(mark + rest) + r"(?=[?\s]|$)")
    for name, value in os.environ.items():
        os.environ[name] = same.sub(lambda found: f"{found[0]}_test", value)
    try:
        create_beside(url)
    except Exception as error:  # noqa: BLE001 any driver: its message says enough
        return f"on a database whose name ends in _test, which could not be made here ({str(error).strip()})"
    return "on a database whose name ends in _test"


def use_own_queue(url: str) -> str:
    """Puts another number into every variable that names this Redis. Returns what to say of it."""
    number = 14 if urlsplit(url).path == "/15" else 15
    same = re.compile(rf"(rediss?://{re.escape(urlsplit(url).netloc)})(?:/\d*)?(?=[?;\s]|$)")
    for name, value in os.environ.items():
        os.environ[name] = same.sub(rf"\1/{number}", value)
    return f"on number {number} of Redis"


def main() -> None:
    """Becomes the command."""
    database, queue = (os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL"))
    said = [use_own_database(database)] + ([use_own_queue(queue)] if queue else [])
    print(f"test: runs {', and '.join(said)}.", file=sys.stderr, flush=True)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 the entrypoint's own words


if __name__ == "__main__":
    main()
