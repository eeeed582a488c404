"""What the pages and the JSON interface share: the site's state, and who is asking."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ichset.config import Config
from ichset.errors import CurationError
from ichset.review.accounts import Accounts, names
from ichset.review.private import private_folder, server_secret
from ichset.review.sessions import Session, Sessions
from ichset.review.turns import Turns

SESSION_COOKIE, FORM_COOKIE, LANGUAGE_COOKIE = "ichset_session", "ichset_form", "ichset_language"


class Denied(CurationError):
    """Not signed in, or a change without the session's token."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code, self.status, self.detail = code, status, ""


class Site:
    """What the endpoints share: config, accounts, sessions, and the desk (made on first use: it loads the tables' library)."""

    def __init__(self, config: Config) -> None:
        self.config = config
        folder = private_folder(config.project.work)
        secret = server_secret(folder)
        self.accounts = Accounts(folder, names(config))
        self.sessions = Sessions(folder, secret, self.accounts, config.review.session_minutes)
        self._folder, self._secret = folder, secret
        self.turns = Turns()
        self._desk: Any = None

    @property
    def desk(self) -> Any:
        from ichset.review.desk import Desk

        if self._desk is None:
            self._desk = Desk(self.config, self._folder, self._secret)
        return self._desk

    def warm_up(self) -> None:
        """Load what the first case needs while the reader is still on the start page. Failures show when it is opened."""
        import pydicom  # noqa: F401 -- its import takes most of a second

        with suppress(CurationError):
            self.desk.tables.reports()

    def session(self, request: Request) -> Session | None:
        return self.sessions.check(request.cookies.get(SESSION_COOKIE))

    def signed_in(self, request: Request) -> Session:
        """The session of a request. A change must also carry the session's token. Raises Denied."""
        session = self.session(request)
        if session is None:
            raise Denied("signed_out", 401)
        if request.method not in ("GET", "HEAD") and not self.sessions.csrf_holds(session.id, request.headers.get("x-csrf-token")):
            raise Denied("csrf", 403)
        return session

    def set_cookie(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="strict", secure=self.config.review.https)


def site_of(request: Request) -> Site:
    """The site that a request is asked of."""
    site: Site = request.app.state.site
    return site


def form_cookie() -> str:
    """A random name for one browser's sign-in form."""
    return secrets.token_hex(16)
