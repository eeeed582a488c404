"""The page's words in English and Russian: one JSON file a language, the same keys in both."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "ru")


@cache
def words(language: str) -> dict[str, str]:
    """Key -> text, with {name} places."""
    loaded: dict[str, str] = json.loads(files("ichset.review").joinpath(f"static/words/{language}.json").read_text("utf-8"))
    return loaded


def choose(cookie: str | None, configured: str, accepted: str) -> str:
    """The reader's own choice, else the config's, else the first language of the browser that we have, else English."""
    if cookie in LANGUAGES:
        return cookie
    if configured in LANGUAGES:
        return configured
    asked = (part.split(";")[0].strip().lower()[:2] for part in accepted.split(","))
    return next((language for language in asked if language in LANGUAGES), "en")
