"""What a reader does in the browser: sign in, press keys, save. Every fault of the page is kept in `tab.faults`."""

from __future__ import annotations

from typing import Any

from readers_page import Page
from ward import PASSWORDS

SCREEN = {"width": 1366, "height": 640}  # what a 1366 x 768 screen leaves inside a browser's own bars
SHOWN = """() => !document.querySelector('#done').hidden
    || (document.querySelector('#desk').dataset.token && !document.querySelector('#view.busy'))"""


def sign_in(browser: Any, page: Page, user: str, language: str = "en") -> Any:
    """A tab of a browser of this reader's own, on the start page."""
    context = browser.new_context(viewport=SCREEN, locale=language)
    tab = context.new_page()
    tab.faults = []
    tab.on("console", lambda message: tab.faults.append(message.text) if message.type in ("error", "warning") and own(message.text) else None)
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    tab.on("request", lambda request: tab.faults.append(request.url) if not request.url.startswith(page.url) else None)
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto(page.url)
    tab.fill("[name=user]", user)
    tab.fill("[name=password]", PASSWORDS[user])
    tab.keyboard.press("Enter")
    tab.wait_for_selector("header .who")
    return tab


def own(message: str) -> bool:
    """The browser's advice about reading the canvas back concerns this test, not the page."""
    return "willReadFrequently" not in message


def open_case(tab: Any, page: Page, name: str = "image") -> None:
    tab.goto(f"{page.url}/read/{name}")
    shown(tab)


def shown(tab: Any) -> None:
    tab.wait_for_function(SHOWN)


def press(tab: Any, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def save(tab: Any) -> None:
    before = tab.evaluate("document.querySelector('#desk').dataset.saved ?? ''")
    press(tab, "Enter")
    tab.wait_for_function("before => (document.querySelector('#desk').dataset.saved ?? '') !== before", arg=before)
    shown(tab)


def drawn(tab: Any) -> None:
    """Wait until what the keys asked for is on the screen."""
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def go_to(tab: Any, slice_: int) -> None:
    """Scroll to a slice, counted from 0, by keyboard."""
    press(tab, "Home", *["ArrowDown"] * slice_)
    drawn(tab)
    tab.wait_for_function("wanted => document.querySelector('#picture').dataset.slice === wanted", arg=str(slice_))
