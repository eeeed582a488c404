"""The page in a real browser: what is seen is what the files hold, what is refused is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from browsing import drawn, open_case, press, save, sign_in
from readers_page import Page
from ward import head, study_name

from ichset.readings import open_round
from ichset.readings.rounds import keep_round


# --- the picture ---
def formula(hu: np.ndarray, width: int, level: int) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1 in floating point, written independently of the page."""
    grey = ((hu.astype(float) - (level - 0.5)) / (width - 1) + 0.5) * 255
    return np.clip(np.floor(grey + 0.5), 0, 255).astype(int)


READ_BACK = """() => {
    const canvas = document.querySelector('#picture'), {x, y} = canvas.dataset;
    return [...canvas.getContext('2d').getImageData(Number(x), Number(y), 64, 64).data];
}"""


def test_canvas_pixels_are_the_windowed_hounsfield_units(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=2, slices=9)
    tab = sign_in(browser, page, "reader-1")
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


SCROLL = """() => new Promise(done => {
    let [frames, code] = [0, 'ArrowDown'];
    const step = () => {
        if (frames % 5 === 0) code = code === 'ArrowDown' ? 'ArrowUp' : 'ArrowDown';
        document.body.dispatchEvent(new KeyboardEvent('keydown', {code, bubbles: true}));
        frames++ < 90 ? requestAnimationFrame(step) : done();
    };
    step();
})"""


def test_the_next_case_is_fetched_once_the_reader_rests_on_a_slice(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=2, slices=9)
    tab = sign_in(browser, page, "reader-1")
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url) if "/series/" in request.url else None)
    open_case(tab, page)
    tab.evaluate(SCROLL)  # while frames are wanted, the server decodes nothing else
    assert len(asked) == 1
    for _ in range(400):
        tab.wait_for_timeout(50)
        if len(asked) > 1:
            break
    tab.wait_for_timeout(1500)
    assert len(set(asked)) == len(asked) == 2


def test_the_report_is_hidden_until_the_read_is_saved_and_then_closes_it(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=2)
    tab = sign_in(browser, page, "reader-1")
    open_case(tab, page)
    assert tab.locator("#report").is_hidden() and tab.locator("#show-report").is_hidden()
    press(tab, "n")
    save(tab)
    press(tab, "z")
    tab.wait_for_selector("#show-report:visible")
    tab.click("#show-report")
    tab.wait_for_selector("#report:visible")
    assert "this read is closed" in tab.inner_text("#problem")
    assert tab.locator("#save").is_disabled()


def fetched(page: Page, mark: str) -> None:
    """The round as `retrieve` leaves it: series 1 of each study is the one called `mark`."""
    folder = page.config.project.work / "readings"
    found = open_round(folder, "image", page.config.read_image, page.config.project.seed)
    assert found is not None
    found.pictures = {study: {"1": mark} for study in found.studies}
    keep_round(folder, found)


def test_marks_made_before_a_study_was_fetched_anew_are_refused(ward: Callable[..., Page], browser: Any) -> None:
    page = ward(studies=1)
    fetched(page, "soft kernel")
    tab = sign_in(browser, page, "reader-1")
    open_case(tab, page)
    press(tab, "s", "Shift+S")
    drawn(tab)
    fetched(page, "bone kernel")
    press(tab, "Enter")
    tab.wait_for_function("() => document.querySelector('#problem').textContent.includes('fetched again meanwhile')")
    open_case(tab, page)
    press(tab, "s", "Shift+S")
    save(tab)
    fetched(page, "thin slices")
    open_case(tab, page)
    assert not tab.is_visible("#done")  # what was marked is no more: the case is open again


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


def read_everything(page: Page, user: str, ich: int) -> None:
    client = page.client(user)
    while not (case := client.get("/api/image/next").json()).get("done"):
        body = {"answers": {"ich": ich, "subdural": ich}, "comment": "A long remark, as people write them: look again." * ich}
        assert client.post(f"/api/image/case/{case['token']}", json=body).status_code == 200


def test_all_text_is_readable_and_fits_a_hospital_screen(ward: Callable[..., Page], browser: Any) -> None:
    """WCAG 2 contrast of at least 4.5 to 1 and nothing outside the screen, on every page of every role, in both languages."""
    page = ward(studies=2)

    tabs = {user: sign_in(browser, page, user) for user in ("reader-1", "expert", "lead")}

    def look(user: str, *rounds: str) -> None:
        tab = tabs[user]
        for language in ("en", "ru"):
            tab.goto(page.url)
            tab.click(f"[name=language][value={language}]")
            tab.wait_for_selector(f"html[lang={language}]")
            assert tab.evaluate(CONTRAST) == [], (user, language)
            for name in rounds:
                open_case(tab, page, name)
                drawn(tab)
                press(tab, "Enter", "b", "a", "s", "Shift+S", "v", "v", "h", "l", "ArrowRight", "l")
                assert tab.evaluate(CONTRAST) == [], (user, language, name)
        assert tab.faults == []

    look("reader-1", "text", "image")
    for user, value in (("reader-1", 1), ("reader-2", 0)):
        read_everything(page, user, value)
    look("reader-1", "image")  # all is read
    look("expert", "image")
    look("lead")
