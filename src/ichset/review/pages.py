"""The HTML pages: sign in, the start page, the reading page, the lead's view."""

from __future__ import annotations

from functools import cache
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from anyio import to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ichset.review.site import FORM_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE, form_cookie, site_of
from ichset.review.words import LANGUAGES, choose, words

# The key that toggles a label, by its place on the keyboard (so that it works under a Russian layout).
LABEL_KEYS = {
    "epidural": "E", "subarachnoid": "A", "subdural": "S", "intracerebral": "P",
    "intraventricular": "V", "multiple": "M", "fracture": "F", "combined": "O",
}  # fmt: skip


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("ichset.review"), autoescape=select_autoescape(), undefined=StrictUndefined)


def _page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    site = site_of(request)
    language = choose(request.cookies.get(LANGUAGE_COOKIE), site.config.review.language, request.headers.get("accept-language", ""))
    spoken = words(language)
    session = site.session(request)
    common = {
        "t": spoken.__getitem__, "language": language, "languages": LANGUAGES, "user": session.user if session else None,
        "csrf": site.sessions.csrf(session.id) if session else "",
    }  # fmt: skip
    return HTMLResponse(_templates().get_template(template).render({**common, **values}), status)


def message(request: Request, code: str, status: int) -> HTMLResponse:
    """One sentence and the way back."""
    return _page(request, "message.html", status, message=code if code in words("en") else "fault")


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=10)
    except ValueError:  # more fields than any form of ours has
        return {}
    return {key: values[0] for key, values in fields.items()}


def _back(path: str) -> Response:
    return RedirectResponse(path, 303)


async def start(request: Request) -> Response:
    """What the signed-in person can do, or the sign-in form."""
    site = site_of(request)
    session = site.session(request)
    if session is None:
        return _sign_in_form(request)
    if session.user == site.config.review.lead:
        return _back("/lead")

    def rounds() -> list[dict[str, Any]]:
        from ichset.review.desk import ROUNDS

        listed = []
        for name in ROUNDS:
            if role := site.desk.role(name, session.user):
                opened = site.desk.round(name) is not None
                progress = site.desk.progress(name, session.user) if opened else {"read": 0, "total": 0}
                listed.append({"name": name, "role": role, "opened": opened, **progress})
        return listed

    return _page(request, "start.html", rounds=await run_in_threadpool(rounds))


def _sign_in_form(request: Request, problem: str | None = None, status: int = 200) -> Response:
    site = site_of(request)
    name = request.cookies.get(FORM_COOKIE) or form_cookie()
    response = _page(request, "sign_in.html", status, problem=problem, form_token=site.sessions.csrf("form " + name))
    site.set_cookie(response, FORM_COOKIE, name)
    return response


async def sign_in(request: Request) -> Response:
    site, form = site_of(request), await _form(request)
    if not site.sessions.csrf_holds("form " + request.cookies.get(FORM_COOKIE, ""), form.get("token")):
        return _sign_in_form(request, "form_expired", 403)
    user = form.get("user", "").strip()
    if site.accounts.paused(user):
        return _sign_in_form(request, "paused", 429)
    if not await to_thread.run_sync(site.accounts.verify, user, form.get("password", ""), limiter=site.turns.hashing):
        return _sign_in_form(request, "wrong_password", 403)
    Thread(target=site.warm_up, daemon=True).start()
    response = _back("/")
    site.set_cookie(response, SESSION_COOKIE, site.sessions.begin(user), site.config.review.session_minutes * 60)
    return response


async def sign_out(request: Request) -> Response:
    site, form = site_of(request), await _form(request)
    session = site.session(request)
    if session is not None and site.sessions.csrf_holds(session.id, form.get("token")):
        site.sessions.end(session)
    response = _back("/")
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")
    return response


async def language(request: Request) -> Response:
    """Change the language of this browser; nothing else depends on it."""
    site, form = site_of(request), await _form(request)
    chosen, back = form.get("language", ""), form.get("back", "/")
    response = _back(back if back in ("/", "/lead", "/read/text", "/read/image") else "/")
    if chosen in LANGUAGES:
        site.set_cookie(response, LANGUAGE_COOKIE, chosen, 365 * 86_400)
    return response


async def read(request: Request) -> Response:
    """The reading page of a round: a shell that the scripts fill."""
    site, name = site_of(request), request.path_params["name"]
    session = site.session(request)
    if session is None:
        return _back("/")
    if name not in ("text", "image") or site.desk.role(name, session.user) is None:
        return message(request, "not_found", 404)
    from ichset.contracts import LABELS
    from ichset.readings.decision import EXCLUSIONS

    kinds = [label for label in LABELS if label != "ich"]
    return _page(request, "read.html", name=name, labels=kinds, keys=LABEL_KEYS, exclusions=EXCLUSIONS)


async def lead(request: Request) -> Response:
    site = site_of(request)
    session = site.session(request)
    if session is None:
        return _back("/")
    if session.user != site.config.review.lead:
        return message(request, "not_found", 404)

    def overviews() -> list[Any]:
        from ichset.review.desk import ROUNDS
        from ichset.review.lead import overview

        return [found for name in ROUNDS if (found := overview(site.desk, name))]

    return _page(request, "lead.html", rounds=await run_in_threadpool(overviews))


ROUTES = (
    ("GET", "/", start),
    ("POST", "/sign-in", sign_in),
    ("POST", "/sign-out", sign_out),
    ("POST", "/language", language),
    ("GET", "/read/{name:str}", read),
    ("GET", "/lead", lead),
)
