"""Where sessions are kept: Django's own table, written once a request however often the session is saved."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import InterfaceError, OperationalError


class SessionStore(db.SessionStore):
    """One that a deed has saved in its own transaction is not saved again when the answer leaves: where that failed,
    the deed would stand, and nobody would be told whose it is."""

    _saved: tuple[str | None, str] | None = None

    def save(self, must_create: bool = False) -> None:
        if self.session_key is not None and self._saved == self._state():
            return
        try:
            super().save(must_create)
        except UpdateError as error:
            # Django takes every fault for a session that was deleted meanwhile, and would answer 400.
            if isinstance(error.__context__, OperationalError | InterfaceError):
                raise error.__context__ from None
            raise
        self._saved = self._state()

    def _state(self) -> tuple[str | None, str]:
        data: dict[str, Any] = self._get_session()  # type: ignore[attr-defined]  # missing in the stubs
        return self.session_key, repr(sorted(data.items()))
