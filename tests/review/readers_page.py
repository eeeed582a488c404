"""The readers' page of a ward as a real process, and clients signed in to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from ward import PASSWORDS

from ichset.config import Config
from ichset.review.private import private_folder, write_private

BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Page:
    """A running readers' page."""

    config: Config
    process: subprocess.Popen[str]
    url: str
    log: Path

    def client(self, user: str | None = None) -> httpx.Client:
        """A browser-like client; signed in as `user`, with the CSRF header set."""
        client = httpx.Client(base_url=self.url, timeout=30)
        if user:
            form = client.get("/").text
            token = re.search(r'name="token" value="(\w+)"', form).group(1)
            answer = client.post("/sign-in", data={"token": token, "user": user, "password": PASSWORDS[user]})
            assert answer.status_code == 303, answer.text
            client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf"]
        return client


def start_page(config: Config, path: Path) -> Page:
    """Serve the page of the config at `path`, as an operator would; errors go to page.log beside it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    log = path.with_name("page.log")
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", "from ichset.cli.review import review; review()", "--config", str(path), "--port", "0"],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        )  # fmt: skip
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, (line, log.read_text())
    return Page(config, process, found.group(), log)


def stop_page(page: Page) -> None:
    page.process.terminate()
    page.process.wait(20)
    page.process.stdout.close()


def add_accounts(config: Config) -> None:
    """Accounts for all; their hashes carry cheap parameters, which the page takes from the hash itself."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    hashes = {name: hasher.hash(password) for name, password in PASSWORDS.items()}
    write_private(private_folder(config.project.work) / "users.json", json.dumps(hashes).encode())
