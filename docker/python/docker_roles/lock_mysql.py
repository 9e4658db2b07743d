"""A named lock of MariaDB and MySQL, which belongs to the whole server."""

import asyncio
import importlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from docker_roles.connection import Ask, LockTimeoutError, choose, plain

# The last ones are django-environ's and dj-database-url's.
SCHEMES = {"mysql", "mariadb", "mysql2", "mysqlgis", "mysql-connector"}
# One name for each database; the server allows 64 characters.
LOCK_NAME = "CONCAT('migrate:', MD5(COALESCE(DATABASE(), '')))"
# The server closes a connection that is idle for this long, and releases the lock. This is the maximum.
WAIT_SECONDS = 31_536_000


@dataclass(frozen=True)
class Tls:
    """What a URL's options say about TLS, for drivers that do not read them themselves."""

    # Paths, by the names ca, capath, cert and key.
    files: dict[str, str] = field(default_factory=dict)
    verify_cert: bool = False
    verify_identity: bool = False

    @classmethod
    def parse(cls, options: dict[str, str]) -> "Tls | None":
        """Reads the drivers' names (ssl_ca …) and the command line's (ssl-mode). Returns None without any.

        If the URL names a CA, the server's certificate and its host name are checked.
        """
        found = {key.lower().replace("-", "_"): value for key, value in options.items()}

        def is_on(name: str, *, default: bool) -> bool:
            return found[name].lower() in {"1", "true", "yes", "on"} if name in found else default

        mode = found.get("ssl_mode", found.get("sslmode", "")).upper()
        names = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key")
        files = {name.removeprefix("ssl_"): found[name] for name in names if name in found}
        verify_cert = "ca" in files or "capath" in files or mode.startswith("VERIFY_")
        verify_cert = is_on("ssl_verify_cert", default=verify_cert)
        verify_identity = verify_cert and mode != "VERIFY_CA"
        verify_identity = is_on("ssl_verify_identity", default=verify_identity)
        verify_identity = is_on("ssl_check_hostname", default=verify_identity)
        wanted = bool(files) or verify_cert or mode == "REQUIRED" or is_on("ssl", default=False)
        return cls(files, verify_cert=verify_cert, verify_identity=verify_identity) if wanted else None

    def context(self) -> ssl.SSLContext:
        """Returns these options as an SSL context, for drivers that are written in Python."""
        context = ssl.create_default_context(cafile=self.files.get("ca"), capath=self.files.get("capath"))
        context.check_hostname = self.verify_identity
        context.verify_mode = ssl.CERT_REQUIRED if self.verify_cert or self.verify_identity else ssl.CERT_NONE
        if cert := self.files.get("cert"):
            context.load_cert_chain(cert, self.files.get("key"))
        return context


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
        secure["ssl"] = tls.files
        # Older versions only take the files. With MariaDB's C library, VERIFY_CA also checks the host name.
        if module.version_info >= (2, 1):
            mode = "VERIFY_CA" if tls.verify_cert else "REQUIRED"
            secure["ssl_mode"] = "VERIFY_IDENTITY" if tls.verify_identity else mode
    return plain(module.connect(**where, **secure, autocommit=True))


def _mysql_connector(where: Where, tls: Tls | None) -> AbstractContextManager[Ask]:
    secure: dict[str, Any] = {}
    if tls:
        secure = {f"ssl_{name}": path for name, path in tls.files.items() if name != "capath"}
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
