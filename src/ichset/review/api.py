"""The JSON interface. Every answer is about the signed-in person's own cases; a foreign one is the same as none."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ichset.review.site import Denied, site_of


class ReadForm(BaseModel):
    """A read as the page sends it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answers: dict[str, Annotated[int, Field(ge=0, le=1)] | None]
    exclude: str | None = None
    confidence: int | None = None
    comment: str = Field("", max_length=2000)
    key_slices: dict[str, list[str]] = Field(default_factory=dict)
    pictures: dict[str, Annotated[str, Field(max_length=64)]] = Field({}, max_length=1000)  # as the case was sent
    seconds: float | None = Field(None, ge=0, le=86_400)
    corrects: str | None = Field(None, max_length=64)  # version of the own read that this one replaces


async def me(request: Request) -> Response:
    """Who is signed in, and the token for changes."""
    site = site_of(request)
    session = site.signed_in(request)
    return JSONResponse({"user": session.user, "csrf": site.sessions.csrf(session.id)})


async def next_case(request: Request) -> Response:
    """The first case still to be read, or the progress when none is left."""
    site, name = site_of(request), request.path_params["name"]
    user = site.signed_in(request).user

    def answer() -> dict[str, Any]:
        from ichset.review.cases import case

        waiting = site.desk.queue(name, user)
        if waiting:
            return case(site.desk, name, user, waiting[0])
        desk = site.desk
        return {"done": True, "role": desk.role(name, user), "last": desk.last(name, user), "progress": desk.progress(name, user)}

    return JSONResponse(await run_in_threadpool(answer))


async def one_case(request: Request) -> Response:
    site, user = site_of(request), site_of(request).signed_in(request).user
    name, token = request.path_params["name"], request.path_params["token"]

    def answer() -> dict[str, Any]:
        from ichset.review.cases import case

        return case(site.desk, name, user, token)

    return JSONResponse(await run_in_threadpool(answer))


async def save(request: Request) -> Response:
    """Record a read; the answer is sent after it is on the disk."""
    site, user = site_of(request), site_of(request).signed_in(request).user
    name, token, body = request.path_params["name"], request.path_params["token"], await request.body()

    def answer() -> dict[str, Any]:
        from ichset.readings.decision import BadDecision, Decision
        from ichset.readings.pictures import stamped
        from ichset.review.cases import check_key_slices
        from ichset.review.desk import Refused

        study = site.desk.study(name, user, token)
        try:
            form = ReadForm.model_validate_json(body)
            slices = {label: tuple(refs) for label, refs in form.key_slices.items() if refs}
            decision = stamped(
                Decision(study, user, form.answers, form.exclude, form.confidence, form.comment.strip(), slices, form.seconds), form.pictures
            )
        except ValidationError:
            raise Refused("bad_read", 422) from None
        except BadDecision as error:
            raise Refused("bad_read", 422, str(error)) from None
        if decision.exclude is None and "ich" not in form.answers:
            raise Refused("no_answer", 422)
        check_key_slices(site.desk, study, decision)
        saved = site.desk.record(name, decision, form.corrects)
        return {"saved": site.desk.version(name, saved), "progress": site.desk.progress(name, user)}

    return JSONResponse(await run_in_threadpool(answer))


async def report(request: Request) -> Response:
    """Open a hidden report: closes the own read."""
    site, user = site_of(request), site_of(request).signed_in(request).user
    name, token = request.path_params["name"], request.path_params["token"]

    def answer() -> dict[str, Any]:
        from ichset.review.cases import open_report

        return open_report(site.desk, name, user, token)

    return JSONResponse(await run_in_threadpool(answer))


async def series(request: Request) -> Response:
    """The slices of one series (see `pictures.encode_series`)."""
    site, user = site_of(request), site_of(request).signed_in(request).user
    token, related, ordinal = (request.path_params[key] for key in ("token", "related", "series"))
    turn = site.turns.take(user)

    def answer() -> bytes:
        from ichset.review.cases import pictured_study, series_list
        from ichset.review.desk import Refused
        from ichset.review.pictures import encode_series, series_folders
        from ichset.volume import GeometryError

        study = pictured_study(site.desk, user, token, related)
        folder = site.desk.tables.retrieved().get(study)
        there = series_folders(site.desk.work, folder) if folder else {}
        if ordinal not in there or ordinal not in {one["series"] for one in series_list(site.desk, study)}:
            raise Refused("no_series", 404)
        try:
            return encode_series(there[ordinal])
        except GeometryError as error:
            raise Refused("no_volume", 422, error.reason) from None

    try:
        data = await to_thread.run_sync(answer, limiter=site.turns.decoding)
    except BaseException:
        turn()
        raise
    return Response(data, media_type="application/octet-stream", background=BackgroundTask(turn))


async def lead_export(request: Request) -> Response:
    """All reads of a round as CSV, for the lead alone."""
    site, name = site_of(request), request.path_params["name"]
    if site.signed_in(request).user != site.config.review.lead:
        raise Denied("not_yours", 404)

    def answer() -> str:
        from ichset.review.desk import Refused
        from ichset.review.lead import export

        if site.desk.round(name) is None:
            raise Refused("not_yours", 404)
        return export(site.desk, name)

    text = await run_in_threadpool(answer)
    return Response("\ufeff" + text, media_type="text/csv", headers={"content-disposition": f'attachment; filename="reads-{name}.csv"'})


_CASE = "/api/{name:str}/case/{token:str}"
ROUTES = (
    ("GET", "/api/me", me),
    ("GET", "/api/{name:str}/next", next_case),
    ("GET", _CASE, one_case),
    ("POST", _CASE, save),
    ("POST", _CASE + "/report", report),
    ("GET", "/api/image/case/{token:str}/study/{related:str}/series/{series:int}", series),
    ("GET", "/lead/export/{name:str}.csv", lead_export),
)
