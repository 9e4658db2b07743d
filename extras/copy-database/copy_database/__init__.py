"""Copies a SQLite database into the one in DATABASE_URL. README.md says how, and what each report means.

``npm run copy-database`` mounts this package into the application's image, and runs it there.
"""

import sys

try:
    from sqlalchemy import Uuid as _Uuid  # noqa: F401 - since 2.0
except ImportError:
    sys.exit("copy_database: the application's image has no SQLAlchemy 2.0 or newer, which the copy needs.")
