"""A hostile reader, a hostile web site and a hostile client: what they can learn, send and hold up."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from readers_page import Page

from ichset.review import guard, patience
from ichset.review.accounts import FREE_TRIES, MADE_UP_NAMES, Accounts
from ichset.review.guard import Guard
from ichset.review.private import private_folder
from ichset.review.turns import SERIES_AT_ONCE, Busy, Turns

NO = {"answers": {"ich": 0}}


def first_case(client: httpx.Client) -> str:
    return str(client.get("/api/image/next").json()["token"])


def raw(page: Page, data: bytes) -> bytes:
    """What the server answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", httpx.URL(page.url).port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_foreign_case_is_answered_to_the_byte_like_one_that_does_not_exist(untouched: Page) -> None:
    one, two = untouched.client("reader-1"), untouched.client("reader-2")
    foreign, made_up = first_case(one), "0" * 32
    for path in ("/api/image/case/{}", "/api/image/case/{}/study/{}/series/1", "/api/text/case/{}"):
        for method in ("GET", "HEAD", "POST"):
            answers = [two.request(method, path.replace("{}", token), json=NO if method == "POST" else None) for token in (foreign, made_up)]
            first, second = ((answer.status_code, answer.content, sorted(answer.headers.items())) for answer in answers)
            assert [(k, v) for k, v in first[2] if k != "date"] == [(k, v) for k, v in second[2] if k != "date"]
            assert first[:2] == second[:2] and answers[0].status_code in (404, 405)


def test_nothing_private_may_be_stored_or_named_by_a_validator(untouched: Page) -> None:
    client = untouched.client("reader-1")
    token = first_case(client)
    for path in ("/", "/read/image", "/api/me", "/api/image/next", f"/api/image/case/{token}", f"/api/image/case/{token}/study/{token}/series/1"):
        answer = client.get(path)
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
        assert not {"etag", "last-modified", "server", "x-powered-by"} & set(answer.headers)


def test_how_much_the_others_have_read_cannot_be_told(ward: Callable[..., Page]) -> None:
    page = ward(studies=3)
    one, two = page.client("reader-1"), page.client("reader-2")
    before = two.get("/api/image/next").json()
    for _ in range(2):
        assert one.post(f"/api/image/case/{first_case(one)}", json={**NO, "comment": "WITNESS"}).status_code == 200
    assert two.get("/api/image/next").json() == before
    saved = two.post(f"/api/image/case/{before['token']}", json=NO).json()
    assert len(saved["saved"]) == 16 and saved["progress"] == {"read": 1, "total": 3}
    mine = two.get(f"/api/image/case/{before['token']}").json()
    assert "sequence" not in mine["mine"] and mine["mine"]["version"] == saved["saved"]
    other = one.get(f"/api/image/case/{one.get('/api/image/next').json()['last']}").json()["mine"]["version"]
    for version in (other, "0" * 16, None):  # a correction needs the version of one's own standing read
        again = two.post(f"/api/image/case/{before['token']}", json={"answers": {"ich": 1}, "corrects": version})
        assert (again.status_code, again.json()["error"]) == (409, "already_other")
    assert two.post(f"/api/image/case/{before['token']}", json={"answers": {"ich": 1}, "corrects": saved["saved"]}).status_code == 200


def test_of_equal_saves_at_once_exactly_one_is_recorded(ward: Callable[..., Page]) -> None:
    page = ward(studies=1)
    client = page.client("reader-1")
    token = first_case(client)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(f"/api/image/case/{token}", json=NO).status_code, range(8)))
    assert sorted(answers) == [200] + [409] * 7
    assert len((page.config.project.work / "readings" / "image.jsonl").read_bytes().splitlines()) == 1


BODIES = (
    b"[" * 30_000, b'{"answers":{"ich":0},"comment":"\\ud800"}', b'{"answers":{"ich":0},"seconds":NaN}', b'{"answers":{"ich":0},"seconds":1e999}',
    b"\xff\xfe", b"answers=1", b'{"answers":{"ich":0},"corrects":"' + b"x" * 65 + b'"}', b'{"answers":{"ich":0},"key_slices":{"ich":["1:1 "]}}',
)  # fmt: skip


def test_strange_bodies_and_requests_are_refused_without_a_trace(untouched: Page) -> None:
    client = untouched.client("reader-1")
    token = first_case(client)
    for body in BODIES:
        answer = client.post(f"/api/image/case/{token}", content=body)
        assert answer.status_code == 422 and set(answer.json()) == {"error", "detail"}, body[:40]
    host = f"Host: 127.0.0.1:{httpx.URL(untouched.url).port}\r\n".encode()
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    strange = {
        b"GET /api/me HTTP/1.1\r\n" + host + upgrade + b"\r\n": b"401",
        b"GET /api/me HTTP/1.1\r\n" + host + b"Host: evil.example\r\n\r\n": b"400",
        b"GET /api/me HTTP/1.0\r\n\r\n": b"421",
        b"GET /static/../../private.py HTTP/1.1\r\n" + host + b"\r\n": b"404",
        b"GET /static/%2e%2e/private.py HTTP/1.1\r\n" + host + b"\r\n": b"404",
        b"GET //evil.example/ HTTP/1.1\r\n" + host + b"\r\n": b"404",
        b"POST /sign-in HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": b"400",
        b"POST /sign-in HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n" * 1: b"4",
    }
    for request, status in strange.items():
        answer = raw(untouched, request)
        assert not answer or answer.split(b" ")[1].startswith(status), (request[:60], answer[:80])
        assert b"101" not in answer[:12] and b"Traceback" not in answer
    for origin in ("http://127.0.0.1:1", "http://localhost:1", "https://127.0.0.1", "null", "http://[::1"):
        assert client.post("/language", data={"language": "ru"}, headers={"Origin": origin}).status_code == 403, origin
    assert "reader" not in untouched.log.read_text() and token not in untouched.log.read_text()


def test_a_copied_or_planted_cookie_gains_nothing(untouched: Page) -> None:
    client = untouched.client("reader-1")
    stolen, token = client.cookies["ichset_session"], client.headers["X-CSRF-Token"]
    again = untouched.client("reader-1")
    assert again.cookies["ichset_session"] != stolen  # a session is made at sign-in, never taken over
    client.post("/sign-out", data={"token": token})
    replay = httpx.Client(base_url=untouched.url, cookies={"ichset_session": stolen}, headers={"X-CSRF-Token": token})
    assert [replay.get("/api/me").status_code, replay.post("/api/image/case/" + "0" * 32, json=NO).status_code] == [401, 401]
    assert again.get("/api/me").status_code == 200
    crossed = httpx.Client(base_url=untouched.url, cookies={"ichset_form": "attacker"})
    form = {"token": "0" * 64, "user": "reader-1", "password": "a long password of reader-1"}
    assert crossed.post("/sign-in", data=form).status_code == 403


# --- clients that hold things up ---
@pytest.fixture
def small_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A guarded server with little patience; its port."""
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)

    async def app(scope: object, receive: Callable[..., object], send: Callable[..., object]) -> None:
        while (await receive()).get("more_body"):  # type: ignore[attr-defined, misc]
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[misc]
        await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[misc]

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Guard(app, ()), http=patience.PatientProtocol, ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(20)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET / HT", b""),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\n", b"HTTP/1.1 200"),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 408"),
    ],
    ids=["nothing", "half a head", "half a second head", "half a body"],
)
def test_a_client_that_dawdles_is_let_go(small_server: int, sent: bytes, answer: bytes) -> None:
    with socket.create_connection(("127.0.0.1", small_server), timeout=20) as connection:
        connection.sendall(sent)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(4096):  # ends only when the server closes; otherwise the test times out
                got += piece
    assert got.startswith(answer) and bool(got) == bool(answer)


def test_one_person_cannot_fill_the_memory_with_series() -> None:
    turns = Turns()
    taken = [turns.take("reader-1") for _ in range(SERIES_AT_ONCE)]
    with pytest.raises(Busy):
        turns.take("reader-1")
    turns.take("reader-2")
    taken[0]()
    turns.take("reader-1")


def test_a_pause_does_not_tell_which_accounts_exist(tmp_path: Path) -> None:
    accounts = Accounts(private_folder(tmp_path), ("reader-1",), clock=lambda: 0.0)
    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # the cost is not the matter here
    accounts._nobody = accounts._hasher.hash("nobody")
    for _ in range(FREE_TRIES):
        assert not accounts.paused("reader-1") and not accounts.paused("nobody")
        assert not accounts.verify("reader-1", "x") and not accounts.verify("nobody", "x")
    assert accounts.paused("reader-1") and accounts.paused("nobody")
    for number in range(MADE_UP_NAMES + 50):
        accounts.verify(f"made up {number}", "x")
    assert len(accounts._wrong) <= MADE_UP_NAMES + 1 and accounts.paused("reader-1")
