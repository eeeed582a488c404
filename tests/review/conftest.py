"""Fixtures: a ward with its page running, and a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from readers_page import BROWSER_FLAGS, Page, add_accounts, lent_page, start_page
from ward import make_ward


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Make a ward and serve its page."""
    pages: list[Page] = []

    def make(**size: int) -> Page:
        config = make_ward(tmp_path, **size)
        add_accounts(config)
        pages.append(lent_page(config))
        return pages[-1]

    yield make
    for page in pages:
        page.stop()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page on which nobody has read anything, for tests that leave it so."""
    folder = tmp_path_factory.mktemp("untouched")
    config = make_ward(folder, studies=4)
    add_accounts(config)
    page = start_page(config, folder / "ward.toml")
    yield page
    page.stop()


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=BROWSER_FLAGS)
        yield opened
        opened.close()
