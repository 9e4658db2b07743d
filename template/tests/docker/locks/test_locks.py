"""For which database migrate waits, which lock and which driver it takes, and what it makes of a URL.

No database is needed.
"""

import contextlib
import io
import socket
import ssl
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest.mock import patch

from docker_roles import lock_mysql, lock_postgres, migrate
from docker_roles.connection import choose
from docker_roles.lock_mysql import Tls, split
from docker_roles.lock_postgres import plain_url
from docker_roles.migrate import lock_for


class TheUrlOfMysql(unittest.TestCase):
    """What every driver gets."""

    def test_is_decoded(self) -> None:
        """Percent-encoding is the URL's alone."""
        where, options = split(
            "mysql+pymysql://sh%40p:p%40ss%3Aw%2F%C3%B6%25rd@db:3307/my%20stories?charset=utf8mb4"
        )
        self.assertEqual(
            where,
            {"user": "sh@p", "password": "p@ss:w/ö%rd", "host": "db", "port": 3307, "database": "my stories"},
        )
        self.assertEqual(options, {"charset": "utf8mb4"})

    def test_may_lack_most_of_it(self) -> None:
        """What is not said is left to the driver."""
        self.assertEqual(split("mysql://db/shop"), ({"host": "db", "database": "shop"}, {}))


class TheUrlOfPostgres(unittest.TestCase):
    """What libpq and asyncpg get."""

    def test_names_no_driver(self) -> None:
        """Options that libpq knows stay; Django's and asyncpg's are for these alone."""
        for url, expected in {
            "postgres://u:p%40@db/x": "postgresql://u:p%40@db/x",
            "postgresql+psycopg://u:p@db:5432/x?sslmode=verify-full&sslrootcert=/ca.pem": "postgresql://u:p@db:5432/x?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgis://u:p@db/x?conn_max_age=60&sslmode=require&pool=true": "postgresql://u:p@db/x?sslmode=require",
            "postgresql+asyncpg://u:p@db/x?ssl=require&prepared_statement_cache_size=0": "postgresql://u:p@db/x?sslmode=require",
            "postgresql+asyncpg://u:p@db/x?prepared_statement_cache_size=0": "postgresql://u:p@db/x",
        }.items():
            with self.subTest(url):
                self.assertEqual(plain_url(url), expected)


class Encryption(unittest.TestCase):
    """What the options of a URL mean."""

    def test_is_the_drivers_affair_where_nothing_is_said(self) -> None:
        """Neither forced nor forbidden."""
        for options in ({}, {"charset": "utf8mb4"}, {"ssl": "false"}, {"ssl_mode": "PREFERRED"}):
            with self.subTest(options):
                self.assertIsNone(Tls.parse(options))

    def test_is_as_strict_as_the_options_say(self) -> None:
        """Certificate first, then the name in it."""
        for options, expected in (
            ({"ssl": "true"}, (False, False)),
            ({"ssl-mode": "REQUIRED"}, (False, False)),
            ({"ssl_ca": "/ca.pem"}, (True, True)),
            ({"ssl_ca": "/ca.pem", "ssl_check_hostname": "false"}, (True, False)),
            ({"ssl_ca": "/ca.pem", "ssl_verify_cert": "false"}, (False, False)),
            ({"ssl_mode": "VERIFY_CA", "ssl_ca": "/ca.pem"}, (True, False)),
            ({"ssl_mode": "verify_identity"}, (True, True)),
            ({"ssl_verify_cert": "true"}, (True, True)),
        ):
            with self.subTest(options):
                tls = Tls.parse(options)
                self.assertIsNotNone(tls)
                self.assertEqual((tls.verify_cert, tls.verify_identity), expected)

    def test_is_the_same_in_a_context(self) -> None:
        """For the drivers that are written in Python."""
        for tls, mode, hostname in (
            (Tls(verify_cert=True, verify_identity=True), ssl.CERT_REQUIRED, True),
            (Tls(verify_cert=True), ssl.CERT_REQUIRED, False),
            (Tls(), ssl.CERT_NONE, False),
        ):
            with self.subTest(tls):
                context = tls.context()
                self.assertEqual((context.verify_mode, context.check_hostname), (mode, hostname))


class TheDriver(unittest.TestCase):
    """Chosen among those that are there."""

    def setUp(self) -> None:
        """An empty folder on the path, in which a module is a file."""
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(patch.object(sys, "path", [str(self.folder), *sys.path]))

    def test_is_the_one_that_the_url_names(self) -> None:
        """Whatever the order."""
        for name in ("first_driver", "second_driver"):
            (self.folder / f"{name}.py").touch()
        drivers = {"first_driver": 1, "second_driver": 2}
        self.assertEqual(choose(drivers, "second_driver"), 2)
        self.assertEqual(choose(drivers, ""), 1)

    def test_is_another_where_that_one_is_not_there(self) -> None:
        """Nor is a package that a submodule would be in."""
        (self.folder / "third_driver.py").touch()
        drivers = {"no_such_driver": 1, "no_such_package.connector": 2, "third_driver": 3}
        self.assertEqual(choose(drivers, "no_such_driver"), 3)
        self.assertIsNone(choose({"no_such_driver": 1}, "no_such_driver"))


class TheLock(unittest.TestCase):
    """Chosen by the kind of database."""

    def said_of(self, url: str) -> str:
        """Returns what is said while the lock of this URL is held."""
        with contextlib.redirect_stdout(io.StringIO()) as said, lock_for(url, 1):
            pass
        return said.getvalue()

    def test_is_none_without_a_driver_and_says_so(self) -> None:
        """With the names of those that would do."""
        with patch.object(lock_mysql, "DRIVERS", {"no_such_driver": None}):
            self.assertIn("none of no_such_driver is installed", self.said_of("mysql://db/shop"))
            self.assertIn("none of no_such_driver is installed", self.said_of("mariadb+asyncmy://db/shop"))
        with patch.object(lock_postgres, "DRIVERS", {"no_such_driver": None}):
            self.assertIn("none of no_such_driver is installed", self.said_of("postgresql+asyncpg://db/shop"))

    def test_is_none_where_there_is_no_database(self) -> None:
        """Nor for one that nobody here knows."""
        for url in ("", "sqlite://", "oracle://db/shop"):
            with self.subTest(url):
                self.assertIn("runs without a lock", self.said_of(url))

    def test_is_a_file_beside_sqlite(self) -> None:
        """Which is the same for both ways to write the path."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.assertEqual(self.said_of(f"sqlite+aiosqlite:///{folder}/shop.db?timeout=5"), "")
        self.assertEqual([path.name for path in Path(folder).iterdir()], ["shop.db.migrate-lock"])


class TheDatabase(unittest.TestCase):
    """For which migrate waits. Here it is a server that says one thing to each client."""

    def wait(
        self, *answers: bytes, profiles: str = "redis, postgres", seconds: float = 5
    ) -> tuple[list[bytes], str]:
        """Waits for such a server, and returns what it was told, and what was said."""
        told: list[bytes] = []
        server = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            for answer in answers:
                client, _ = server.accept()
                with client:
                    told.append(client.recv(100))
                    client.sendall(answer)
            server.close()

        threading.Thread(target=serve, daemon=True).start()
        where = {"postgres": ("localhost", server.getsockname()[1], b"hello")}
        with (
            patch.object(migrate, "DATABASES", where),
            patch.dict("os.environ", {"MIGRATE_WAITS_FOR": profiles}),
            contextlib.redirect_stdout(io.StringIO()) as said,
            contextlib.redirect_stderr(said),
        ):
            migrate.wait_for_database(seconds)
        return told, said.getvalue()

    def test_is_ready_when_it_asks_for_a_login(self) -> None:
        """Or has another objection than that it starts; MariaDB sends its version first."""
        for answer in (b"R\0\0\0\x17", b"E\0\0\0\x40SFATAL\0C28000\0\0", b"\x4a\0\0\0\x0a11.8.3-MariaDB"):
            with self.subTest(answer):
                self.assertEqual(
                    self.wait(b"E\0\0\0\x40SFATAL\0C57P03\0\0", b"", answer),
                    ([b"hello"] * 3, "migrate: waiting for postgres\n"),
                )

    def test_may_run_with_all_profiles(self) -> None:
        """As Compose reads it."""
        self.assertEqual(self.wait(b"R", profiles="*"), ([b"hello"], ""))

    def test_is_missed_after_a_while(self) -> None:
        """A server that has gone refuses connections; the migration says more, and comes next."""
        told, said = self.wait(b"E\0\0\0\x40SFATAL\0C57P03\0\0", seconds=0.5)
        self.assertEqual(told, [b"hello"])
        self.assertIn("migrate: postgres has taken no connection for 0 seconds", said)

    def test_may_be_elsewhere(self) -> None:
        """Then its profile is off."""
        self.assertEqual(self.wait(b"R", profiles="redis"), ([], ""))


if __name__ == "__main__":
    unittest.main()
