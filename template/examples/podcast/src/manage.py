"""What is done once: ``python manage.py migrate``."""

import sys

from core.celery_worker import settings
from core.store import Store

USAGE = 2


def main(arguments: list[str]) -> int:
    """Runs a command and returns the exit code."""
    if arguments != ["migrate"]:
        print("Usage: python manage.py migrate", file=sys.stderr)
        return USAGE
    added = Store(settings.database).migrate()
    print(f"{settings.database}: {added} versions added" if added else f"{settings.database} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
