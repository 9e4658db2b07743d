"""Copies a SQLite database into PostgreSQL or MariaDB, all of it or nothing.

``npm run copy-database`` mounts this package into the application's image and runs it there: ``python -m
copy_database --from sqlite:////data/shop.db`` copies into DATABASE_URL. It reads one snapshot of the source,
has MIGRATE_COMMAND make the tables, looks at every value before it writes the first row, copies in one
transaction, and compares both sides before it commits. README.md says what each report means.
"""

import sys

try:
    from sqlalchemy import Uuid as _Uuid  # noqa: F401 - since 2.0
except ImportError:
    sys.exit("copy_database: the application's image has no SQLAlchemy 2.0 or newer, which the copy needs.")
