"""Times of the readers' page in a real browser: start, opening a 40-slice series, scrolling at 30 slices a second.

Usage: python scripts/bench_review.py [CHROMIUM]

The floors are measured in the same run: a bare server of the same kind, and the series' files decoded without being sent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "review"))

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


BARE = """
import socket, uvicorn
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_config=None)).run(sockets=[server])
"""


def bare_server_s() -> float:
    """The floor of a start: Python, uvicorn and one line of answer."""
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        httpx.get(f"http://127.0.0.1:{process.stdout.readline().strip()}/")
        taken = time.perf_counter() - begun
        process.kill()
    return taken


def read_files_s(folder: Path) -> float:
    """The floor of opening: the series' files read and decoded, nothing sent or drawn."""
    import pydicom

    from ichset.volume import from_datasets

    begun = time.perf_counter()
    from_datasets([pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))])
    return time.perf_counter() - begun


def open_series(tab: Tab, url: str, password: str) -> float:
    tab.goto(url)
    tab.fill("[name=user]", "reader-1")
    tab.fill("[name=password]", password)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("header .who")
    time.sleep(3)  # a reader takes as long on the start page; the server loads its libraries meanwhile
    begun = time.perf_counter()
    tab.goto(url + "/read/image")
    tab.wait_for_function(SHOWN)
    return time.perf_counter() - begun


def main() -> None:
    from readers_page import BROWSER_FLAGS, add_accounts, start_page
    from ward import PASSWORDS, make_ward

    executable = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium")
    if executable is None:
        sys.exit("no chromium on PATH; Debian: apt-get install chromium")
    folder = Path(tempfile.mkdtemp(prefix="bench-review-"))
    config = make_ward(folder, studies=2, slices=40, size=512)
    add_accounts(config)
    bare = bare_server_s()
    begun = time.perf_counter()
    page = start_page(config, folder / "ward.toml")
    httpx.get(page.url)
    first = time.perf_counter() - begun
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_FLAGS)
        tab = browser.new_context(viewport={"width": 1366, "height": 640}).new_page()
        opened = open_series(tab, page.url, PASSWORDS["reader-1"])
        scroll = tab.evaluate(SCROLL)
        browser.close()
    page.stop()
    read = read_files_s(next((config.project.work / "retrieved").glob("*/1")))
    shutil.rmtree(folder)
    slot = 1000 / 30
    table = (
        ("measure", "ours", "floor", "ratio", "goal"),
        ("first answer after start, s", f"{first:.2f}", f"{bare:.2f} bare server", f"{first / bare:.1f}", "1.5"),
        ("open a 40-slice series, s", f"{opened:.2f}", f"{read:.2f} files decoded", f"{opened / read:.1f}", "1.0"),
        ("key to drawn slice, median ms", f"{scroll['median_ms']:.0f}", f"{slot:.0f} the slot", f"{scroll['median_ms'] / slot:.2f}", "33"),
        ("key to drawn slice, worst ms", f"{scroll['worst_ms']:.0f}", f"{slot:.0f} the slot", f"{scroll['worst_ms'] / slot:.2f}", "33"),
        ("slices later than their slot", f"{scroll['missed']} of {scroll['steps']}", "0", "", "0"),
    )
    for row in table:
        sys.stdout.write(f"{row[0]:<32}{row[1]:>12}{row[2]:>22}{row[3]:>8}{row[4]:>7}\n")
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    sys.stdout.write(f"load a core: {load:.1f}. No peer is compared: no open tool found shows DICOM to readers who are blind to each other.\n")


if __name__ == "__main__":
    main()
