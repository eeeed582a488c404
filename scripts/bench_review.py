"""Times of the readers' page in a real browser: start, opening a 40-slice series, scrolling at 30 slices a second.

Usage: PYTHONPATH=src:tests/review python scripts/bench_review.py [CHROMIUM]
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright
from readers_page import BROWSER_FLAGS, add_accounts, start_page, stop_page
from ward import PASSWORDS, make_ward

SHOWN = "() => document.querySelector('#view')?.dataset.shown && Number(document.querySelector('#picture').dataset.drawn) > 0"
SCROLL = """async () => {
    const canvas = document.querySelector('#picture');
    const send = code => document.body.dispatchEvent(new KeyboardEvent('keydown', {code, bubbles: true}));
    let missed = 0, steps = 0, direction = 'ArrowDown';
    const frame = () => new Promise(requestAnimationFrame);
    const waits = [];
    for (const end = performance.now() + 4000; performance.now() < end; steps++) {
        const slice = Number(canvas.dataset.slice);
        direction = slice === 39 ? 'ArrowUp' : slice === 0 ? 'ArrowDown' : direction;
        const due = performance.now() + 1000 / 30;
        send(direction);
        do await frame(); while (Number(canvas.dataset.slice) === slice && performance.now() < due + 200);
        waits.push(performance.now() - (due - 1000 / 30));
        if (performance.now() > due + 5) missed++;
        while (performance.now() < due - 4) await frame();
    }
    waits.sort((a, b) => a - b);
    return {steps, missed, median_ms: waits[waits.length >> 1], worst_ms: waits[waits.length - 1]};
}"""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-review-"))
    config = make_ward(folder, studies=2, slices=40, size=512)
    add_accounts(config)
    begun = time.perf_counter()
    page = start_page(config, folder)
    httpx.get(page.url)
    result: dict[str, object] = {"first_answer_s": round(time.perf_counter() - begun, 3)}
    with sync_playwright() as playwright:
        executable = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_FLAGS)
        tab = browser.new_context(viewport={"width": 1366, "height": 640}).new_page()
        tab.goto(page.url)
        tab.fill("[name=user]", "reader-1")
        tab.fill("[name=password]", PASSWORDS["reader-1"])
        tab.keyboard.press("Enter")
        tab.wait_for_selector("header .who")
        time.sleep(3)  # a reader takes as long on the start page; the server loads its libraries meanwhile
        begun = time.perf_counter()
        tab.goto(page.url + "/read/image")
        tab.wait_for_function(SHOWN)
        result["open_40_slices_s"] = round(time.perf_counter() - begun, 3)
        result["scroll"] = tab.evaluate(SCROLL)
        browser.close()
    stop_page(page)
    shutil.rmtree(folder)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
