"""Runs the tests of the application on data of their own: ``python -m docker_roles.test COMMAND…``.

Tests empty tables and queues, and those of the stack are in use. So DATABASE_URL gets another database of the
same server, whose name ends in ``_test``, and REDIS_URL gets another number. Variables that name the same
ones are changed too. Exit code 64: DATABASE_URL names a server but no database, so the other one has no name.
"""

import os
import re
import sys
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from docker_roles import lock_mysql, lock_postgres

USAGE = 64


def create_beside(url: str) -> None:
    """Creates the database of the tests if it is missing. SQLite creates its own when that is opened."""
    kind = url.partition("://")[0].partition("+")[0]
    name = unquote(urlsplit(url).path.removeprefix("/")) + "_test"
    literal = "'{}'".format(name.replace("'", "''"))
    for server, databases, quote in (
        (lock_postgres, "pg_database WHERE datname", '"'),
        (lock_mysql, "information_schema.schemata WHERE schema_name", "`"),
    ):
        if kind in server.SCHEMES and (connection := server.connect(url)):
            with connection as ask:
                # IF NOT EXISTS, in place of a question, makes some drivers warn of a database that is there.
                if not ask(f"SELECT count(*) FROM {databases} = {literal}"):  # noqa: S608 escaped
                    ask(f"CREATE DATABASE {quote}{name.replace(quote, 2 * quote)}{quote}")


def change_variables(pattern: str, change: Callable[[re.Match[str]], str]) -> str:
    """Changes what matches in every variable. Returns the names of the changed variables."""
    new = {name: re.sub(pattern, change, value) for name, value in os.environ.items()}
    changed = sorted(name for name, value in new.items() if value != os.environ[name])
    os.environ.update(new)
    return ", ".join(changed)


def use_own_database(url: str) -> str:
    """Puts the tests' database into every variable that names this one. Returns what to print."""
    base, _, options = url.partition("?")
    _, mark, rest = base.partition("://")
    if not rest.strip("/") or rest.endswith(":memory:"):
        return "whatever database the application names, because DATABASE_URL names none"
    if not re.search(r"/[^/:]+$", rest) or "dbname" in dict(parse_qsl(options)):
        print(
            "test: DATABASE_URL does not end in the name of a database, so the tests cannot have their "
            "own. Correct it, or run the command itself on the stack's data: run --rm web pytest",
            file=sys.stderr,
        )
        sys.exit(USAGE)
    names = change_variables(re.escape(mark + rest) + r"(?![\w.%/-])", lambda found: f"{found[0]}_test")
    try:
        create_beside(url)
    except Exception as error:  # noqa: BLE001 any driver: its message says enough
        said, secret = str(error).strip(), urlsplit(url).password
        for part in {secret, unquote(secret)} if secret else ():
            said = said.replace(part, "***")
        return f"a database whose name ends in _test ({names}), which could not be made here: {said}"
    return f"a database whose name ends in _test ({names})"


def use_own_queue(url: str) -> str:
    """Puts another number into every variable that names this Redis. Returns what to print."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "valkey", "valkeys"}:
        return "the stack's own Redis, because REDIS_URL is not redis://host/number"
    pattern = rf"\b(?:redis|valkey)s?://{re.escape(parts.netloc)}(?![\w.:@-])[^\s\"',;]*"
    known = " ".join(os.environ.values())
    used = {number for url in re.findall(pattern, known) for number in re.findall(r"(?:/|\bdb=)(\d+)", url)}
    number = next(number for number in range(15, -1, -1) if str(number) not in used)

    def renumber(found: re.Match[str]) -> str:
        same = urlsplit(found[0])
        options = urlencode([(key, value) for key, value in parse_qsl(same.query) if key != "db"])
        return same._replace(path=f"/{number}", query=options).geturl()

    return f"number {number} of Redis ({change_variables(pattern, renumber)})"


def named_by_host(*urls: str) -> str:
    """Returns the variables that name the server of one of these URLs and nothing else, so they stay."""
    hosts = {urlsplit(url).hostname for url in urls} - {None}
    return ", ".join(sorted(name for name, value in os.environ.items() if value in hosts))


def main() -> None:
    """Changes the variables, then runs the command in place of this process."""
    database, queue = (os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL"))
    said = [use_own_database(database)] + ([use_own_queue(queue)] if queue else [])
    # These files hold the stack's own values, and an application may read them itself.
    for name in ("DATABASE_URL_FILE", "REDIS_URL_FILE"):
        os.environ.pop(name, None)
    print(f"test: runs on {', and on '.join(said)}.", file=sys.stderr, flush=True)
    if hosts := named_by_host(database, queue):
        print(
            f"test: {hosts} still name the stack's server: with them, tests reach its data.", file=sys.stderr
        )
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 the entrypoint's own words


if __name__ == "__main__":
    main()
