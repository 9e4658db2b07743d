"""A named lock of MariaDB and MySQL, which belongs to the whole server."""

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from docker_roles.connection import Ask, LockTimeoutError, choose, plain
from docker_roles.tls import Tls

SCHEMES = {"mysql", "mariadb"}
# One name for each database; the server allows 64 characters.
LOCK_NAME = "CONCAT('migrate:', MD5(COALESCE(DATABASE(), '')))"
# The server closes a connection that is idle for this long, and releases the lock. This is the maximum.
WAIT_SECONDS = 31_536_000

# What every driver knows by the same name: host, port, user …
Where = dict[str, Any]
Connect = Callable[[Where, Tls | None], AbstractContextManager[Ask]]


def split(url: str) -> tuple[Where, dict[str, str]]:
    """Returns what the URL says about the server, percent-decoded, and its options."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    said = {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.removeprefix("/")),
        "unix_socket": options.get("unix_socket"),
    }
    return {name: value for name, value in said.items() if value}, options


def _pymysql(where: Where, tls: Tls | None) -> AbstractContextManager[Ask]:
    secure = {"ssl": tls.context()} if tls else {}
    return plain(importlib.import_module("pymysql").connect(**where, **secure, autocommit=True))


def _mysqldb(where: Where, tls: Tls | None) -> AbstractContextManager[Ask]:
    module = importlib.import_module("MySQLdb")
    secure: dict[str, Any] = {}
    if tls:
        files = {"ca": tls.ca, "capath": tls.capath, "cert": tls.cert, "key": tls.key}
        secure["ssl"] = {name: path for name, path in files.items() if path}
        # Older versions only take the files. With MariaDB's C library, VERIFY_CA also checks the host name.
        if module.version_info >= (2, 1):
            mode = "VERIFY_CA" if tls.verify_cert else "REQUIRED"
            secure["ssl_mode"] = "VERIFY_IDENTITY" if tls.verify_identity else mode
    return plain(module.connect(**where, **secure, autocommit=True))


def _mysql_connector(where: Where, tls: Tls | None) -> AbstractContextManager[Ask]:
    secure: dict[str, Any] = {}
    if tls:
        files = {"ssl_ca": tls.ca, "ssl_cert": tls.cert, "ssl_key": tls.key}
        secure = {name: path for name, path in files.items() if path}
        secure |= {"ssl_verify_cert": tls.verify_cert, "ssl_verify_identity": tls.verify_identity}
    module = importlib.import_module("mysql.connector")
    return plain(module.connect(**where, **secure, autocommit=True))


@contextmanager
def _asyncmy(where: Where, tls: Tls | None) -> Iterator[Ask]:
    secure = {"ssl": tls.context()} if tls else {}
    with closing(asyncio.new_event_loop()) as loop:
        run = loop.run_until_complete

        async def connect() -> Any:
            module = importlib.import_module("asyncmy")
            return await module.connect(**where, **secure, autocommit=True)

        async def ask(statement: str) -> Any:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
                row = await cursor.fetchone() if cursor.description else None
                return row[0] if row else None

        connection = run(connect())
        try:
            yield lambda statement: run(ask(statement))
        finally:
            run(connection.ensure_closed())


# By module name; SQLAlchemy's URLs use other names for some of them.
DRIVERS: dict[str, Connect] = {
    "pymysql": _pymysql,
    "MySQLdb": _mysqldb,
    "mysql.connector": _mysql_connector,
    "asyncmy": _asyncmy,
}
MODULES = {"mysqldb": "MySQLdb", "mysqlconnector": "mysql.connector"}


def connect(url: str) -> AbstractContextManager[Ask] | None:
    """Connects with the driver that the URL names, or else an installed one. Returns None without any."""
    driver = url.partition("://")[0].partition("+")[2]
    open_server = choose(DRIVERS, MODULES.get(driver, driver))
    if open_server is None:
        return None
    where, options = split(url)
    return open_server(where, Tls.parse(options))


@contextmanager
def hold(connection: AbstractContextManager[Ask], seconds: float) -> Iterator[None]:
    """Holds the lock. Raises LockTimeoutError after that many seconds."""
    with connection as ask:
        ask(f"SET SESSION wait_timeout = {WAIT_SECONDS}")
        if ask(f"SELECT GET_LOCK({LOCK_NAME}, {seconds:.3f})") != 1:
            raise LockTimeoutError
        yield
