"""A second attack, apart from `test_attempts`: two hundred tries of other kinds, by one who knows the page and has an account."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from readers_page import UNUSED, Page
from ward import PASSWORDS, study_name

from ichset.config import Config
from ichset.review.accounts import Accounts
from ichset.review.private import private_folder, server_secret
from ichset.review.sessions import Sessions

NO = json.dumps({"answers": {"ich": 0}})
REFUSED = frozenset({400, 401, 403, 404, 405, 408, 411, 413, 414, 421, 422, 429, 431})
SECRETS = ("SECRET", "Тайный", "PSEUDONYM", "Traceback", "site-packages", "/work/", "jsonl")


class Intruder:
    """Counts the tries; each must be refused in a few words that give nothing away."""

    def __init__(self, page: Page) -> None:
        self.page, self.tries = page, 0
        self.port = httpx.URL(page.url).port

    def client(self, **cookies: str) -> httpx.Client:
        return httpx.Client(base_url=self.page.url, timeout=30, verify=UNUSED, cookies=cookies)

    def refused(self, answer: httpx.Response, what: object = "") -> None:
        self.tries += 1
        assert answer.status_code in REFUSED, (what, answer.status_code, answer.text[:200])
        assert not any(word in answer.text for word in SECRETS), (what, answer.text[:300])
        if answer.headers.get("content-type", "").startswith("application/json"):
            assert set(answer.json()) <= {"error", "detail"}

    def raw(self, head: str, *headers: str, body: bytes = b"") -> None:
        """These very bytes; no answer at all is a refusal as well."""
        self.tries += 1
        text = "\r\n".join((head, *headers, "", ""))
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(text.encode("latin-1", "replace") + body)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        status = int(answer.split(b" ")[1]) if answer else 400
        assert status in REFUSED, (head, answer[:200])
        assert not any(word.encode() in answer for word in SECRETS)


@pytest.fixture
def intruder(untouched: Page) -> Intruder:
    return Intruder(untouched)


def case_of(client: httpx.Client, name: str = "image") -> dict[str, Any]:
    return dict(client.get(f"/api/{name}/next").json())


def steal_cases(intruder: Intruder) -> None:
    """Tokens of others, in every place of the path, mixed with one's own, written otherwise."""
    one, two, lead = (intruder.page.client(user) for user in ("reader-1", "reader-2", "lead"))
    theirs, mine = case_of(one), case_of(two)
    foreign, own = theirs["token"], mine["token"]
    spelt = [foreign.upper(), foreign[:-1], foreign + "0", " " + foreign, foreign + "%00", foreign + ".json", foreign + ";" + own, foreign + "%0a",
             own.upper(), own[:16] + foreign[16:], own + "/../" + foreign, "%2e/" + own, own[::-1], "-" + own, own + "%20"]  # fmt: skip
    for token in (*spelt, theirs["next"]["token"], study_name(0), study_name(0).lower(), "P0", "0", "null", "undefined", "true", "[]", "{}"):
        intruder.refused(two.get(f"/api/image/case/{token}"), token)
        intruder.refused(two.post(f"/api/image/case/{token}", content=NO), token)
        intruder.refused(two.post(f"/api/image/case/{token}/report", content="{}"), token)
    for series in ("1/../../../key", "..%2f3", "1%00", "01/", "1;3", "0x1", "1e0", "%31%2f", "99999999999999999999", "+1", "1?x=/../2/", "２"):
        answer = two.get(f"/api/image/case/{own}/study/{foreign}/series/{series}")
        intruder.refused(answer, series)
    for path in (f"/api/image/case/{foreign}", f"/api/text/case/{own}", f"/api/expert/case/{own}", f"/api/IMAGE/case/{own}",
                     f"/api/image%2fcase%2f{foreign}",
                 f"/api/image/case/{own}/reads", f"/api/image/case/{own}/study/{own}", f"/api//image/case/{foreign}", "/lead/export/image.csv",
                 "/lead/export/image", "/lead/export/..csv", "/lead/export/text.csv?user=lead", "/api/lead", "/api/image", "/api/image/queue",
                 "/docs", "/openapi.json", "/static/", "/static/js/", "/static/js/..%2f..%2fapp.py", "/static/%2fetc%2fpasswd",
                 "/static/js/read.js%00.css",
                 "/.git/config", "/work/review/users.json", "/readings/image.jsonl"):  # fmt: skip
        intruder.refused(two.get(path), path)
    for client, name in ((lead, "text"), (lead, "image"), (lead, "export")):
        intruder.refused(client.get(f"/api/{name}/next"))
        intruder.refused(client.post(f"/api/{name}/case/{own}", content=NO))


def twist_requests(intruder: Intruder) -> None:
    """Verbs, hosts, origins, duplicate fields, other kinds of bodies: of a signed-in reader, for the own case."""
    client = intruder.page.client("reader-2")
    path = f"/api/image/case/{case_of(client)['token']}"
    for verb in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "MOVE", "POSTER"):
        intruder.refused(client.request(verb, path, content=NO), verb)
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        without = client.build_request("GET", path, headers={name: "POST"})
        assert "saved" not in client.send(without).text  # a reading of the own case, never a change
    for host in ("evil.example", "127.0.0.1@evil.example", "localhost.evil.example", "0.0.0.0", "127.1", "2130706433", "[::1]", "LOCALHOST.", "a b",
                 "x" * 300):  # fmt: skip
        intruder.refused(client.get("/api/me", headers={"Host": host}), host)
    intruder.refused(client.post(path, content=NO, headers={"X-Forwarded-Host": "127.0.0.1", "Host": "evil.example"}))
    sites = ({"Origin": f"http://127.0.0.1.evil.example:{intruder.port}"}, {"Origin": "http://127.0.0.1:80"}, {"Origin": "file://"}, {"Origin": ""},
             {"Origin": f"ftp://127.0.0.1:{intruder.port}"}, {"Origin": "http://localhost@evil.example"}, {"Sec-Fetch-Site": "cross-site"},
             {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "CROSS-SITE"}, {"Origin": "http://127.0.0.1:1",
             "Sec-Fetch-Site": "same-origin"})  # fmt: skip
    for headers in sites:
        intruder.refused(client.post(path, content=NO, headers=headers), headers)
    tokens = ("", "null", client.headers["X-CSRF-Token"].upper(), client.headers["X-CSRF-Token"][:-1], client.headers["X-CSRF-Token"] + "0", "é", "0")
    for token in tokens:
        intruder.refused(client.post(path, content=NO, headers={b"X-CSRF-Token": token.encode()}), token)
    bodies: list[bytes] = [
        b'{"answers":{"ich":0},"answers":{"ich":2}}', b'{"answers":{"ich":1,"ich":"0"}}', b'{"answers":{"ich":0},"supersedes":1}',
        b'{"answers":{"ich":0},"study":"S"}', b'{"answers":{"ich":0},"reader":"reader-1"}', b'{"answers":{"ich":0},"__proto__":{}}',
        b'{"answers":{"ich":0},"exclude":"motion "}', b'{"answers":{"ich":0},"confidence":"5"}', b'{"answers":{"ich":0.5}}',
        b'{"answers":{"ich":0},"comment":7}',
        b'{"answers":{"ich":0},"key_slices":{"subdural":"1:1"}}', b'{"answers":{"ich":1},"key_slices":{"ich":["1:0"]}}',
        b'{"answers":{"ich":1},"key_slices":{"ich":["1:1\\n"]}}', b'{"answers":{"ich":1},"key_slices":{"ich":["\xd9\xa1:\xd9\xa1"]}}',
        b'{"answers":{"ich":1},"key_slices":{"ich":["01:1"]}}', b'{"answers":{"ich":1},"key_slices":{"other":["1:1"]}}', b'{"answers":{"brain":1}}',
        b'\xef\xbb\xbf{"answers":{"ich":0}}', b'{"answers":{"ich":0}}{"answers":{"ich":1}}', b"null", b"0", b'"x"', b"", b"{" * 2000, b"\x00" * 100,
        b'{"answers":{"ich":0},"comment":"' + b"x" * 2001 + b'"}', b'{"answers":{"ich":0},"comment":"' + b"y" * 70_000 + b'"}',
    ]  # fmt: skip
    for body in bodies:
        intruder.refused(client.post(path, content=body), body[:60])
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")  # what a form of another site can send
    for kind in kinds:
        intruder.refused(intruder.client().post(path, content=NO, headers={"Content-Type": kind}), kind)


def forge_sessions(intruder: Intruder, config: Config) -> None:
    """Sessions without a signature, of people who are gone, too old, of another server, of another kind."""
    folder = private_folder(config.project.work)
    secret, accounts = server_secret(folder), Accounts(folder, ("reader-1", "reader-2", "ghost"))
    right = Sessions(folder, secret, accounts, 60)
    old = Sessions(folder, secret, accounts, 60)
    old._signer.make_signer = lambda salt=None: _yesterday(type(right._signer).make_signer(right._signer, salt))  # type: ignore[method-assign]
    signer = URLSafeTimedSerializer
    mark = accounts.fingerprint("reader-1")
    cookies = [
        old.begin("reader-1"), right.begin("ghost"), signer(secret, salt="other").dumps(["reader-1", "0" * 32, mark]),
        signer(b"", salt="ichset session").dumps(["reader-1", "0" * 32, mark]), signer(secret[:16], salt="ichset session").dumps(["lead",
        "0" * 32, mark]),
        right._signer.dumps(["lead", "0" * 32, mark]), right._signer.dumps(["reader-2", "0" * 32, None]), right._signer.dumps(["nobody",
        "0" * 32, mark]),
        right._signer.dumps({"user": "lead"}), right._signer.dumps(["reader-1", mark]), right._signer.dumps([["reader-1"], "0", mark]),
        right._signer.dumps(None),
        right.begin("reader-1")[:-2], "null", "%00", "a" * 4000, '"' + right.begin("reader-1")[5:] + '"',
    ]  # fmt: skip
    for cookie in cookies:
        client = intruder.client(ichset_session=cookie)
        client.headers["X-CSRF-Token"] = right.csrf("0" * 32)
        intruder.refused(client.get("/api/me"), cookie[:40])
        intruder.refused(client.get("/lead/export/image.csv"), cookie[:40])
        intruder.refused(client.post("/api/image/case/" + "0" * 32, content=NO), cookie[:40])


def _yesterday(signer: Any) -> Any:
    signer.get_timestamp = lambda: int(time.time()) - 90_000
    return signer


def guess_names(intruder: Intruder) -> None:
    """Names that are written like one with an account, and what a form can hold."""
    client = intruder.client()
    client.get("/")
    token = client.get("/").text.split('name="token" value="')[1][:64]
    for name in ("READER-1", "reader-1\x00", "reader\u20101", "ｒｅａｄｅｒ-1", "reader-1/../lead", "réader-1", "reader-1' OR '1'='1", "",
                 "\u202e1-redaer", "x" * 5000):  # fmt: skip
        form = {"token": token, "user": name, "password": PASSWORDS["reader-1"]}
        intruder.refused(client.post("/sign-in", data=form), name[:20])
    for form in ({}, {"token": token}, {"token": "0" * 64, "user": "reader-1", "password": PASSWORDS["reader-1"]}, {"user": "lead", "password": ""}):
        intruder.refused(client.post("/sign-in", data=form))
    twice = f"token={token}&user=reader-2&user=lead&password=wrong&password={PASSWORDS['lead']}".replace(" ", "+")
    intruder.refused(client.post("/sign-in", content=twice, headers={"Content-Type": "application/x-www-form-urlencoded"}))
    intruder.refused(client.post("/sign-in", content="&".join(f"f{n}=1" for n in range(50))))


def send_oddly(intruder: Intruder) -> None:
    """Requests that no library would send."""
    host = f"Host: 127.0.0.1:{intruder.port}"
    socket_ = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13")
    for path in ("/api/me", "/api/image/next", "/ws"):
        intruder.raw(f"GET {path} HTTP/1.1", host, "Origin: http://evil.example", "Accept: application/json", "Cookie: ichset_session=x", *socket_)
    for head in ("GET http://evil.example/api/me HTTP/1.1", "GET /../../etc/passwd HTTP/1.1", "GET /static/../app.py HTTP/1.1",
                     "GET \\..\\..\\key HTTP/1.1",
                 "GET /api/me HTTP/3.0", "GET  /api/me HTTP/1.1", "GET /api/me%", "BREW /api/me HTTP/1.1",
                 "GET /api/me HTTP/1.1\r\nBad Header: x"):  # fmt: skip
        intruder.raw(head, host)
    intruder.raw("GET /api/me HTTP/1.1")
    intruder.raw("GET /api/me HTTP/1.1", host, "X: " + "x" * 70_000)
    for field in ("Content-Length: -1", "Content-Length: 1e3", "Content-Length: 99999999999999999999", "Content-Length: 5\r\nContent-Length: 6",
                  "Transfer-Encoding: gzip", "Transfer-Encoding: chunked\r\nContent-Length: 3"):  # fmt: skip
        intruder.raw("POST /sign-in HTTP/1.1", host, field, body=b"abc")
    intruder.raw("POST /sign-in HTTP/1.1", host, "Transfer-Encoding: chunked", body=b"fffffffff\r\nx")


def test_two_hundred_further_attempts_are_refused(intruder: Intruder) -> None:
    page = intruder.page
    steal_cases(intruder)
    twist_requests(intruder)
    forge_sessions(intruder, page.config)
    send_oddly(intruder)
    guess_names(intruder)
    assert intruder.tries >= 200
    log = page.config.project.work / "readings" / "image.jsonl"
    assert not log.exists() or log.read_bytes() == b""
    assert page.log.read_text() == ""
    assert page.client("reader-1").get("/api/me").json()["user"] == "reader-1"  # and the page goes on


def test_a_reader_who_was_removed_is_out_at_once(untouched: Page) -> None:
    folder = private_folder(untouched.config.project.work)
    client = untouched.client("reader-2")
    accounts = Accounts(folder, tuple(PASSWORDS))
    before = accounts.path.read_bytes()
    accounts.remove("reader-2")
    try:
        assert [client.get(path).status_code for path in ("/api/me", "/api/image/next")] == [401, 401]
    finally:
        accounts.path.write_bytes(before)


def test_an_unknown_name_costs_as_much_time_as_a_known_one(tmp_path: Any) -> None:
    """The same work in both cases: processor time within a factor that no network lets through."""
    accounts = Accounts(private_folder(tmp_path), ("reader-1",), clock=lambda: 0.0)
    accounts.set_password("reader-1", "long enough")
    spent = {}
    for name in ("reader-1", "made-up"):
        begun = time.process_time()
        for _ in range(2):
            assert not accounts.verify(name, "wrong password")
        spent[name] = time.process_time() - begun
    assert 0.5 < spent["made-up"] / spent["reader-1"] < 2


def test_a_fault_is_told_in_words_and_logged_without_its_values(
    ward: Callable[..., Page], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ward(studies=1)
    client = page.client("reader-1")

    def broken(*_: object) -> None:
        raise RuntimeError(f"{study_name(0)} of SECRET-77")

    monkeypatch.setattr("ichset.review.desk.Desk.progress", broken)
    answer = client.get("/api/image/next")
    assert (answer.status_code, answer.json()) == (500, {"error": "fault"})
    page_ = client.get("/", headers={"Accept": "text/html"})
    assert page_.status_code == 500 and "Nothing was lost that was saved" in page_.text
    logged = capsys.readouterr().err
    assert logged.count('"event": "fault"') == 2 and "SECRET" not in logged and "PSEUDONYM" not in logged and "reader-1" not in logged
