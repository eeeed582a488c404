"""Three people read a round through the page in a real browser; what they see is what the files hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from browsing import go_to, open_case, press, save, sign_in
from readers_page import Page
from ward import has_blood, head, study_name

from ichset.readings import open_round


def truth(tab: Any) -> bool:
    """Whether the case on screen bleeds, read from the picture itself: bright pixels inside the brain window."""
    return bool(
        tab.evaluate("""async () => {
        const view = document.querySelector('#view'), canvas = document.querySelector('#picture');
        const c = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2 - 40, 90, 90).data;
        let bright = 0;
        for (let i = 0; i < c.length; i += 4) bright += c[i] > 225;
        return bright > 150;
    }""")
    )


def read_all(tab: Any, answer: Callable[[bool], tuple[str, ...]]) -> int:
    """Read with the keyboard alone until nothing is left."""
    count = 0
    while tab.locator("#done").is_hidden():
        go_to(tab, 3)
        press(tab, *answer(truth(tab)))
        save(tab)
        count += 1
    return count


def test_three_people_read_the_image_round_to_the_full_consensus(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=6, slices=9)
    one, two = sign_in(browser, page, "reader-1"), sign_in(browser, page, "reader-2", "ru")
    for tab in (one, two):
        open_case(tab, page)
    first = iter([True])  # reader 1 also marks a key slice and a confidence, once
    assert read_all(one, lambda blood: ("p", *(("Shift+P", "Shift+Digit4") if next(first, False) else ())) if blood else ("n",)) == 6
    assert read_all(two, lambda blood: ("p", "f") if blood else ("n",)) == 6  # also sees a fracture: three disagreements
    expert = sign_in(browser, page, "expert")
    open_case(expert, page)
    seen = expert.inner_text("body")
    assert "reader-1" not in seen and "reader-2" not in seen and "Reader A" in seen
    assert read_all(expert, lambda blood: ("p",)) == 3
    opened = open_round(page.config.project.work / "readings", "image", page.config.read_image, page.config.project.seed)
    judged = opened.consensus()
    assert {study: one.answers["ich"] for study, one in judged.items()} == {study_name(n): int(has_blood(n)) for n in range(6)}
    assert {one.judged_by for study, one in judged.items() if one.answers["ich"]} == {"expert"}
    slices = [entry.decision.key_slices for entry in opened.log.entries() if entry.decision.key_slices]
    assert slices == [{"intracerebral": ("1:4",)}]  # the fourth slice in space, though its file is the sixth of nine
    lead = sign_in(browser, page, "lead")
    assert re.search(r"Images\s+judged 6 / 6", lead.inner_text("main"))
    for tab in (one, two, expert, lead):
        assert tab.faults == []


# --- the picture ---
def formula(hu: np.ndarray, width: int, level: int) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1 in floating point, written independently of the page."""
    grey = ((hu.astype(float) - (level - 0.5)) / (width - 1) + 0.5) * 255
    return np.clip(np.floor(grey + 0.5), 0, 255).astype(int)


READ_BACK = """() => {
    const canvas = document.querySelector('#picture'), {x, y} = canvas.dataset;
    return [...canvas.getContext('2d').getImageData(Number(x), Number(y), 64, 64).data];
}"""


@pytest.mark.parametrize("language", ["en"])
def test_canvas_pixels_are_the_windowed_hounsfield_units(ward: Callable[..., Page], browser: Any, language: str) -> None:
    page = ward(studies=2, slices=9)
    tab = sign_in(browser, page, "reader-1", language)
    open_case(tab, page)
    press(tab, "Digit0", *["ArrowDown"] * 4)
    config = page.config
    study = open_round(config.project.work / "readings", "image", config.read_image, config.project.seed).order("reader-1")[0]
    hu = head(9, 64, study == study_name(0))[4]
    for key, (width, level) in {"1": (80, 40), "2": (200, 80), "3": (40, 40), "4": (2800, 600), "5": (400, 50)}.items():
        press(tab, key)
        state = "(d => `${d.width} ${d.scale} ${d.slice}`)(document.querySelector('#picture').dataset)"
        wanted = f"() => {state} === '{width} 1 4'"
        tab.wait_for_function(wanted)
        rgba = np.array(tab.evaluate(READ_BACK)).reshape(64, 64, 4)
        for channel in range(3):
            assert (rgba[..., channel] == formula(hu, width, level)).all()
        assert (rgba[..., 3] == 255).all()
    press(tab, "1", "i")
    tab.wait_for_function("() => document.querySelector('#corner-sw').textContent.includes('inverted')")
    assert (np.array(tab.evaluate(READ_BACK)).reshape(64, 64, 4)[..., 0] == 255 - formula(hu, 80, 40)).all()


def test_the_report_is_hidden_until_the_read_is_saved_and_then_closes_it(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=2)
    tab = sign_in(browser, page, "reader-1")
    open_case(tab, page)
    assert tab.locator("#report").is_hidden() and tab.locator("#show-report").is_hidden()
    press(tab, "n")
    save(tab)
    press(tab, "z")
    tab.wait_for_selector("#show-report:visible")
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.click("#show-report")
    tab.wait_for_selector("#report:visible")
    assert "this read is closed" in tab.inner_text("#problem")
    assert tab.locator("#save").is_disabled()


def test_two_tabs_and_edits_after_adjudication_are_refused_in_words(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=1)
    tab = sign_in(browser, page, "reader-1")
    other = tab.context.new_page()
    for one in (tab, other):
        open_case(one, page)
    press(tab, "n")
    save(tab)
    press(other, "y", "Enter")
    other.wait_for_function("() => document.querySelector('#problem').textContent.includes('perhaps in another tab')")
    assert len(page.client("reader-1").get("/api/image/next").json()["last"]) == 32
    press(tab, "z")  # a correction before adjudication is possible
    tab.wait_for_selector("#skip:visible")
    press(tab, "y")
    save(tab)
    two = sign_in(browser, page, "reader-2")
    open_case(two, page)
    press(two, "n")
    save(two)
    press(tab, "z")
    tab.wait_for_selector("#skip:visible")
    expert = sign_in(browser, page, "expert")
    open_case(expert, page)
    press(expert, "y")
    save(expert)
    press(tab, "n", "Enter")
    tab.wait_for_function("() => document.querySelector('#problem').textContent.includes('The expert has settled')")


CONTRAST = """() => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
    const pen = canvas.getContext('2d', {willReadFrequently: true});
    const rgb = colour => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const ground = e => {
        for (; e; e = e.parentElement) {
            const colour = rgb(getComputedStyle(e).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const e of document.querySelectorAll('body *')) {
        const text = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!text || !e.checkVisibility() || e.disabled || e.closest('option')) continue;
        const [high, low] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
        const name = `${e.tagName} ${e.textContent.slice(0, 30)}`;
        if ((high + 0.05) / (low + 0.05) < 4.5) found.push(['contrast', name]);
        const box = e.getBoundingClientRect();
        const below = document.body.classList.contains('reading') && box.bottom > innerHeight + 1;
        if (box.right > innerWidth + 1 || below) found.push(['outside', name]);
        if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline') found.push(['clipped', name]);
    }
    return found;
}"""


@pytest.mark.parametrize("language", ["en", "ru"])
def test_all_text_is_readable_and_fits_a_hospital_screen(ward: Callable[..., Page], browser: Any, language: str) -> None:
    """WCAG 2 contrast of at least 4.5 to 1 and nothing outside the screen, on every page of every role."""
    page = ward(studies=2)
    tab = sign_in(browser, page, "reader-1", language)
    assert tab.evaluate(CONTRAST) == []
    open_case(tab, page, "text")
    assert tab.evaluate(CONTRAST) == []
    open_case(tab, page)
    press(tab, "Enter", "a", "s", "Shift+S", "v", "v")
    assert tab.evaluate(CONTRAST) == []
    for user, key in (("reader-1", "y"), ("reader-2", "n")):
        tab = sign_in(browser, page, user, language)
        open_case(tab, page)
        while tab.locator("#done").is_hidden():
            press(tab, key)
            save(tab)
    expert = sign_in(browser, page, "expert", language)
    open_case(expert, page)
    assert expert.evaluate(CONTRAST) == []
    assert sign_in(browser, page, "lead", language).evaluate(CONTRAST) == []
