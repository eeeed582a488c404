"""The application: pages, the JSON interface behind them, and refusals in words."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ichset.config import Config
from ichset.errors import CurationError
from ichset.review import api, pages
from ichset.review.guard import Guard
from ichset.review.site import Site


def make_app(config: Config) -> Guard:
    """The guarded ASGI application of one config."""
    site = Site(config)
    app = Starlette(
        routes=[
            *(Route(path, endpoint, methods=[method]) for method, path, endpoint in (*pages.ROUTES, *api.ROUTES)),
            Mount("/static", StaticFiles(directory=Path(str(files("ichset.review").joinpath("static"))))),
        ],
        exception_handlers={CurationError: _in_words, 404: _not_found, 405: _not_found, Exception: _fault},
    )
    app.state.site = site
    app.router.redirect_slashes = False
    return Guard(app, config.review.hosts)


async def _in_words(request: Request, error: Exception) -> Response:
    """A refusal as its code; any other operator's error without its text, which may name a path."""
    code, status = getattr(error, "code", "fault"), getattr(error, "status", 500)
    return _page(request, code, status) or JSONResponse({"error": code, "detail": getattr(error, "detail", "")}, status)


async def _not_found(request: Request, __: Exception) -> Response:
    return _page(request, "not_found", 404) or JSONResponse({"error": "not_found"}, 404)


async def _fault(request: Request, _: Exception) -> Response:
    """A fault of ours, which the guard logs by its kind and place."""
    return _page(request, "fault", 500) or JSONResponse({"error": "fault"}, 500)


def _page(request: Request, code: str, status: int) -> Response | None:
    """The same in words, where a person's browser asks for a page."""
    from ichset.review import pages

    wanted = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
    return pages.message(request, code, status) if wanted else None
