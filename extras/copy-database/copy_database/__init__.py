"""Copies a SQLite database into PostgreSQL or MariaDB, all of it or nothing.

``python -m docker_roles.copy_database --from sqlite:////data/shop.db`` copies into DATABASE_URL. It reads the
source in one snapshot, has MIGRATE_COMMAND make the tables, looks at every value before the first row is
written, copies in one transaction, and compares both sides before it commits. extras/copy-database/README.md says
what each report means.
"""

import sys

try:
    from sqlalchemy import Uuid as _Uuid  # noqa: F401 - of 2.0
except ImportError:
    sys.exit("copy_database: the application's image has no SQLAlchemy 2.0 or newer, which the copy needs.")
