"""The keyboard alone suffices; and a key marks only what the reader has seen, once, however long it is held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from browsing import drawn, go_to, press, save, shown, sign_in
from readers_page import Page

from ichset.readings import open_round
from ichset.readings.log import Entry

MARKED = "document.querySelector('[data-slices=subdural]').textContent"
SAID = "document.querySelector('#problem').textContent"
HELD_DOWN = """code => [false, true, true, true].forEach(repeat =>
    document.body.dispatchEvent(new KeyboardEvent('keydown', {code, repeat, bubbles: true, cancelable: true})))"""
AT_ONCE = """() => [['ArrowDown', false], ['KeyS', true]].forEach(([code, shiftKey]) =>
    document.body.dispatchEvent(new KeyboardEvent('keydown', {code, shiftKey, bubbles: true})))"""
LATE = """() => {  // the key was pressed before the slice was drawn and is only handled afterwards
    const pressed = new KeyboardEvent('keydown', {code: 'KeyS', shiftKey: true, bubbles: true});
    document.body.dispatchEvent(new KeyboardEvent('keydown', {code: 'ArrowDown', bubbles: true}));
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(document.body.dispatchEvent(pressed)))));
}"""


def kept(page: Page, name: str = "image") -> list[Entry]:
    config = page.config
    return list(open_round(config.project.work / "readings", name, config.read_image, config.project.seed).log.entries())


def test_the_image_round_by_keyboard_alone(ward: Callable[..., Page], browser: Any) -> None:
    """From the start page to the last case: all labels, key slices, ruler, exclusion, comment, confidence, undo, correction."""
    page = ward(studies=2)
    tab = sign_in(browser, page, "reader-1")
    for _ in range(12):  # Tab as far as the image round's link
        if tab.evaluate("document.activeElement.getAttribute('href')") == "/read/image":
            break
        press(tab, "Tab")
    press(tab, "Enter")
    tab.wait_for_url("**/read/image")
    shown(tab)
    go_to(tab, 3)
    press(tab, "s", "Shift+S", "PageDown")
    drawn(tab)
    press(tab, "Shift+S", "f", "f", "o", "Shift+Digit4", "t")
    tab.keyboard.type("seen; y n u z")
    press(tab, "Escape", "x", "2", "Escape", "h", "Shift+ArrowRight", "l", "Shift+ArrowRight", "Shift+ArrowDown", "l")
    drawn(tab)
    assert " HU" in tab.inner_text("#corner-se")
    save(tab)
    press(tab, "n")
    save(tab)
    assert tab.is_visible("#done")
    press(tab, "z")  # the last one again, and from it nothing further back
    tab.wait_for_selector("#skip:visible")
    press(tab, "u")
    save(tab)
    first, second, corrected = kept(page)
    assert first.decision.key_slices == {"subdural": ("1:4", "1:8")} and first.decision.exclude == "metal"
    assert (first.decision.answers["fracture"], first.decision.answers["combined"], first.decision.confidence) == (None, 1, 4)
    assert first.decision.comment == "seen; y n u z" and first.decision.answers["ich"] == 1
    assert (second.decision.answers["ich"], corrected.decision.answers["ich"], corrected.decision.supersedes) == (0, None, second.sequence)
    assert tab.faults == []


def test_only_a_slice_that_has_been_seen_is_marked(ward: Callable[..., Page], browser: Any) -> None:
    """A mark that overtakes its picture is refused in words, never put on another slice; a key held down answers once."""
    page = ward(studies=1)
    tab = sign_in(browser, page, "reader-1")
    tab.goto(f"{page.url}/read/image")
    shown(tab)
    drawn(tab)
    tab.evaluate(AT_ONCE)
    assert (tab.evaluate(MARKED), "still changing" in tab.evaluate(SAID)) == ("", True)
    drawn(tab)
    tab.evaluate(LATE)
    assert (tab.evaluate(MARKED), "still changing" in tab.evaluate(SAID)) == ("", True)
    press(tab, "ArrowRight", "Shift+S")  # the other series may be on its way
    shown(tab)
    drawn(tab)
    assert tab.evaluate(MARKED) in ("", "slices 3:1")
    press(tab, *[] if tab.evaluate(MARKED) else ["Shift+S"], "ArrowDown")
    drawn(tab)
    press(tab, "Shift+S")
    assert tab.evaluate(MARKED) == "slices 3:1, 3:2"
    tab.evaluate(HELD_DOWN, "KeyV")
    assert tab.get_attribute("[data-label=intraventricular]", "aria-pressed") == "true"
    tab.evaluate(HELD_DOWN, "ArrowDown")
    drawn(tab)
    assert "(3:6)" in tab.inner_text("#corner-nw")
    save(tab)
    assert kept(page)[0].decision.key_slices == {"subdural": ("3:1", "3:2")}
