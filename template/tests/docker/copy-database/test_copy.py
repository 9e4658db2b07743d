"""The whole copy, into a real database: once for each URL in TEST_TARGETS, which blanks separate."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import shop
from shop import Bench

TARGETS = os.environ.get("TEST_TARGETS", "").split()


@pytest.fixture(
    params=TARGETS or [pytest.param("", marks=pytest.mark.skip("TEST_TARGETS is empty"))],
    ids=lambda url: url.partition(":")[0],
)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    """A shop in SQLite, and an empty target."""
    target = sa.create_engine(request.param, poolclass=sa.NullPool)
    shop.drop_all(target)
    path = tmp_path / "shop's ü.db"
    source = shop.create(f"sqlite:///{path}")
    yield Bench(path, request.param, source, target, capfd)
    shop.drop_all(target)


def is_mariadb(bench: Bench) -> bool:
    return bench.target.dialect.name == "mysql"


def test_everything_arrives_as_the_application_stored_it(bench: Bench) -> None:
    shop.fill(bench.source)
    outcome = bench.copy()
    assert outcome.code == 0, outcome.output
    with bench.source.connect() as connection:
        for table in (shop.customer, shop.order, shop.hen, shop.egg):
            expected = [
                tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            found = bench.rows(table)
            if table is shop.customer:
                # Only in PostgreSQL the column has a time zone.
                at = list(table.columns.keys()).index("zoned")
                found = [
                    (*row[:at], row[at] and row[at].replace(tzinfo=None), *row[at + 1 :]) for row in found
                ]
            assert found == expected
    assert [(one["table"], one["rows"]) for one in outcome.of("table")][-1] == ("order", 2)
    assert outcome.of("done")[0]["rows"] == 6


def test_the_next_number_follows_the_last_that_was_ever_given_away(bench: Bench) -> None:
    shop.fill(bench.source, 1)
    bench.sql("DELETE FROM zz_customer WHERE id = 100")
    assert bench.copy().code == 0
    with bench.target.begin() as connection:
        new = sa.insert(shop.customer).values(name="new", active=True)
        assert connection.execute(new).inserted_primary_key == (101,)
        assert connection.execute(sa.insert(shop.hen).values(egg_id=5)).inserted_primary_key == (2,)


HOSTILE = """
UPDATE zz_customer SET born = '31.12.1999' WHERE id = 101;
UPDATE zz_customer SET balance = 12.345 WHERE id = 104;
UPDATE zz_customer SET note = CAST(x'6162ff' AS TEXT) WHERE id = 109;
UPDATE zz_customer SET recommended_by = 9999 WHERE id = 116;
INSERT INTO "order" ("customer id", "place %") VALUES (4242, 1);
CREATE TABLE forgotten (id INTEGER PRIMARY KEY);
INSERT INTO forgotten VALUES (1);
ALTER TABLE egg ADD COLUMN colour TEXT
"""
FOUND = {
    ("zz_customer", "id=101", "born", "date"),
    ("zz_customer", "id=104", "balance", "decimals"),
    ("zz_customer", "id=109", "note", "utf-8"),
    ("zz_customer", "id=116", "recommended_by", "orphan"),
    ("order", "customer id=4242, place %=1", "customer id", "orphan"),
    ("forgotten", "", "", "missing"),
    ("egg", "", "colour", "missing"),
}


def test_whatever_does_not_fit_is_named_one_by_one_and_nothing_is_written(bench: Bench) -> None:
    shop.fill(bench.source, 30)
    bench.sql(*HOSTILE.strip().split(";\n"))
    # A check makes no table, so it cannot know what only the target has.
    outcome = bench.copy("--dry-run")
    assert (outcome.code, outcome.findings) == (8, {one for one in FOUND if one[3] != "missing"})
    assert sa.inspect(bench.target).get_table_names() == []
    outcome = bench.copy()
    assert (outcome.code, outcome.findings) == (8, FOUND)
    assert len(outcome.of("finding")) == len(FOUND)
    assert bench.is_empty()


def test_a_column_that_is_wrong_throughout_is_counted(bench: Bench) -> None:
    shop.fill(bench.source, 50)
    bench.sql("UPDATE zz_customer SET born = 'x' || id WHERE id >= 100")
    outcome = bench.copy()
    assert (len(outcome.of("finding")), outcome.of("more")[0]["count"]) == (20, 30)
    assert len(bench.copy("--verbose").of("finding")) == 50


def test_names_that_only_the_target_takes_for_the_same_are_found(bench: Bench) -> None:
    shop.fill(bench.source, 5)
    bench.sql(
        "UPDATE zz_customer SET name = 'Bob' WHERE id = 100",
        "UPDATE zz_customer SET name = 'bob ' WHERE id = 101",
        "UPDATE zz_customer SET name = 'böb' WHERE id = 102",
        "UPDATE zz_customer SET name = 'rob' WHERE id = 103",
    )
    outcome = bench.copy()
    if is_mariadb(bench):
        same = {("zz_customer", f"id={n}", "", "refused") for n in (101, 102)}
        assert (outcome.code, outcome.findings) == (8, same)
        # The message names the key, and not the value.
        assert "Duplicate entry … for key 'name'" in outcome.of("finding")[0]["text"]
        assert bench.is_empty()
    else:
        assert outcome.code == 0, outcome.output


def test_what_only_the_target_refuses_is_named_with_its_row(bench: Bench) -> None:
    shop.fill(bench.source, 1500)
    bench.environment["SHOP_SQL"] = "ALTER TABLE zz_customer ADD CONSTRAINT never CHECK (name <> 'c1134')"
    outcome = bench.copy()
    assert (outcome.code, outcome.findings) == (8, {("zz_customer", "id=1234", "", "refused")})
    assert bench.is_empty()


def test_what_is_too_exact_is_rounded_where_that_was_said(bench: Bench) -> None:
    shop.fill(bench.source, 2)
    bench.sql("UPDATE zz_customer SET balance = 1.005 + 0.0004 WHERE id = 100")
    assert bench.copy().findings == {("zz_customer", "id=100", "balance", "decimals")}
    outcome = bench.copy("--accept-rounding")
    assert outcome.code == 0, outcome.output
    assert [(one["column"], one["count"]) for one in outcome.of("rounded")] == [("balance", 1)]
    balances = {
        row[0]: row[shop.customer.columns.keys().index("balance")] for row in bench.rows(shop.customer)
    }
    assert str(balances[100]) == "1.01"


def test_rows_in_the_target_are_neither_mixed_nor_lost(bench: Bench) -> None:
    shop.fill(bench.source)
    engine = shop.create(bench.url)
    with engine.begin() as connection:
        connection.execute(sa.insert(shop.customer).values(id=1, name="theirs", active=True))
    outcome = bench.copy()
    assert (outcome.code, "zz_customer 1" in outcome.message) == (1, True)
    # A copy that fails half way leaves them, although it was told to delete them.
    bench.environment["SHOP_SQL"] = "ALTER TABLE hen ADD CONSTRAINT never CHECK (egg_id <> 5)"
    assert bench.copy("--empty-target").code == 8
    assert [row[1] for row in bench.rows(shop.customer)] == ["theirs"]
    bench.environment["SHOP_SQL"] = "ALTER TABLE hen DROP CONSTRAINT never"
    outcome = bench.copy("--empty-target")
    assert outcome.code == 0, outcome.output
    assert [row[0] for row in bench.rows(shop.customer)] == [0, 7]


def test_rows_that_a_migration_wrote_give_way_to_the_sources(bench: Bench) -> None:
    shop.fill(bench.source)
    bench.sql("UPDATE zz_customer SET active = 2 WHERE id = 0")
    bench.environment["SHOP_SQL"] = "INSERT INTO zz_customer (id, name, active) VALUES (7, 'default', '1')"
    assert bench.copy().code == 8
    # The tables are there now, and it is unknown who wrote the row.
    bench.environment["SHOP_SQL"] = ""
    outcome = bench.copy("--dry-run")
    assert (outcome.code, "A migration may have written" in outcome.output) == (1, True)
    assert bench.copy("--dry-run", "--empty-target").code == 8
    bench.sql("UPDATE zz_customer SET active = 1 WHERE id = 0")
    assert bench.copy("--empty-target").code == 0
    assert [row[1] for row in bench.rows(shop.customer)] == [one["name"] for one in shop.CUSTOMERS]
    shop.drop_all(bench.target)
    bench.environment["SHOP_SQL"] = "INSERT INTO zz_customer (id, name, active) VALUES (7, 'default', '1')"
    assert bench.copy().code == 0


def test_a_target_that_changes_what_is_written_is_found_out(bench: Bench) -> None:
    shop.fill(bench.source, 3)
    bend = "CREATE TRIGGER bend BEFORE INSERT ON zz_customer FOR EACH ROW"
    body = "$$ BEGIN NEW.note = 'bent'; RETURN NEW; END $$"
    function = f"CREATE FUNCTION bend() RETURNS trigger LANGUAGE plpgsql AS {body}"
    postgres = f"{function};;{bend} EXECUTE FUNCTION bend()"
    bench.environment["SHOP_SQL"] = f"{bend} SET NEW.note = 'bent'" if is_mariadb(bench) else postgres
    outcome = bench.copy()
    assert (outcome.code, "not the same on both sides" in outcome.message) == (1, True)
    assert bench.is_empty()


def test_what_is_written_into_the_source_meanwhile_is_not_mixed_in(bench: Bench) -> None:
    shop.fill(bench.source, 5000)
    bench.sql("PRAGMA journal_mode = WAL")
    process = bench.start()
    assert process.stdout is not None
    next(line for line in process.stdout if '"event"' in line)
    with sqlite3.connect(bench.path) as writer:
        writer.execute("INSERT INTO zz_customer (id, name, active) VALUES (90000, 'late', 1)")
    process.communicate()
    assert process.returncode == 0
    assert len(bench.rows(shop.customer)) == 5002


def test_a_table_can_stay_behind_and_keeps_its_rows(bench: Bench) -> None:
    shop.fill(bench.source)
    bench.sql("CREATE TABLE forgotten (id INTEGER)", "INSERT INTO forgotten VALUES (1)")
    assert bench.copy("--skip", "forgotten,order").code == 0
    assert bench.rows(shop.order) == []
    assert len(bench.rows(shop.customer)) == 2
    # Their customers would be deleted, and with them these rows.
    with bench.target.begin() as connection:
        connection.execute(sa.insert(shop.order), {"customer id": 7, "place %": 3, "Größe": "M"})
    outcome = bench.copy("--skip", "forgotten,order", "--empty-target")
    assert (outcome.code, "order is not copied" in outcome.message) == (1, True)
    assert len(bench.rows(shop.order)) == 1


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"SHOP_VERSION": "0002"}, 1, "0001, and the target at 0002"),
        ({"MIGRATE_COMMAND": "exit 3"}, 6, "migrations of the application failed"),
        ({"MIGRATE_COMMAND": ""}, 1, "has made no table"),
        ({"DATABASE_URL": "sqlite:////tmp/x.db"}, 1, "neither PostgreSQL nor MariaDB"),
        ({"DATABASE_URL": "postgresql://shop:x@db:hunter2/shop"}, 1, "no URL that SQLAlchemy can read"),
        ({"DATABASE_URL": "postgresql+psycopg://shop:hunter2@127.0.0.1:1/shop"}, 1, "cannot be reached"),
        ({"DATABASE_URL": "mysql+oursql://shop:hunter2@db/shop"}, 1, "has no driver"),
    ],
)
def test_what_cannot_be_is_one_sentence_without_a_password(
    bench: Bench, change: dict[str, str], code: int, message: str
) -> None:
    shop.fill(bench.source)
    bench.environment.update(change)
    outcome = bench.copy()
    assert (outcome.code, message in outcome.message) == (code, True), outcome.output
    assert not any(word in outcome.output for word in ("hunter2", "Traceback"))


def test_a_source_that_is_not_there_is_not_made(bench: Bench) -> None:
    bench.path.unlink()
    outcome = bench.copy()
    assert (outcome.code, "There is no file" in outcome.message) == (1, True)
    assert not bench.path.exists()
