"""What is outside: the database, the queue and the object store, of whichever provider."""

from collections.abc import Iterator
from contextlib import contextmanager


class OutsideError(Exception):
    """A service outside cannot be used. The message is one line, names the setting and holds no secret."""

    def __init__(self, service: str, setting: str, cause: BaseException) -> None:
        self.service = service
        reason = " ".join(str(cause).split()) or type(cause).__name__
        super().__init__(f"{service} cannot be used ({setting}): {reason}")


@contextmanager
def using(service: str, setting: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turns what the library of a service raises into an OutsideError."""
    try:
        yield
    except kinds as error:
        raise OutsideError(service, setting, error) from error
