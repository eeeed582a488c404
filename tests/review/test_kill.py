"""kill -9 at any moment: a read that was acknowledged is there afterwards, whole and once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from readers_page import add_accounts, forked_page, start_page
from ward import make_ward

from ichset.readings import open_round


def read_until_killed(client: httpx.Client, acknowledged: dict[str, int], wanted: random.Random) -> None:
    try:
        while not (case := client.get("/api/image/next").json()).get("done"):
            value = wanted.randint(0, 1)
            answer = client.post(f"/api/image/case/{case['token']}", json={"answers": {"ich": value}, "comment": case["token"]})
            if answer.status_code == 200:
                acknowledged[case["token"]] = value
    except httpx.TransportError:
        pass  # the server is gone: this read was not acknowledged


def kill_and_check(folder: Path, kills: int) -> None:
    config = make_ward(folder, studies=8 * kills + 20, slices=1, size=2)
    add_accounts(config)
    chance, acknowledged = random.Random(8), {}
    page = start_page(config, folder / "ward.toml")
    client = page.client("reader-1")  # signed in once: the session outlives the server
    process = page.process.pid
    for kill in range(kills):
        reader = threading.Thread(target=read_until_killed, args=(client, acknowledged, chance))
        before = len(acknowledged)
        reader.start()
        while len(acknowledged) == before and reader.is_alive():
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.08))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0) if kill else page.stop()
        reader.join()
        opened = open_round(config.project.work / "readings", "image", config.read_image, config.project.seed)
        kept = {entry.decision.comment: entry.decision.answers["ich"] for entry in opened.log.entries()}
        assert acknowledged.items() <= kept.items()
        assert len(kept) == len(opened.log.entries())  # nothing twice
        client.base_url, process = forked_page(config)
    assert len(acknowledged) >= kills
    assert client.get("/api/image/next").json()["progress"]["read"] == len(kept)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_no_acknowledged_read_is_lost_at_five_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 5)


@pytest.mark.stress
def test_no_acknowledged_read_is_lost_at_fifty_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 50)
