"""Attempts to reach what is not one's own: every one is refused, and refused alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from readers_page import Page
from ward import study_name

NO = {"answers": {"ich": 0}}


def tokens(client: httpx.Client, name: str = "image") -> list[str]:
    """Every token of this reader that the page hands out: the first case and the next ones."""
    case = client.get(f"/api/{name}/next").json()
    return [case["token"], *([case["next"]["token"]] if case.get("next") else [])]


@pytest.fixture
def page(ward: Callable[..., Page]) -> Page:
    return ward(studies=4)


def test_two_hundred_attempts_are_refused(untouched: Page) -> None:
    page = untouched
    one, two, lead, expert = (page.client(user) for user in ("reader-1", "reader-2", "lead", "expert"))
    foreign, own = tokens(one), tokens(two)
    other_round = tokens(two, "text") if two.get("/api/text/next").json().get("token") else tokens(one, "text")
    refused = 0

    def attempt(answer: httpx.Response) -> None:
        nonlocal refused
        assert answer.status_code in (400, 401, 403, 404, 405, 413, 421, 422), (str(answer.request.url), answer.text[:200])
        assert "ich" not in answer.json().get("answers", {}) and set(answer.json()) <= {"error", "detail"}
        refused += 1

    # another reader's cases, by every door
    paths = ["{t}", "{t}/study/{t}/series/1", "{t}/study/{o}/series/1", "{o}/study/{t}/series/1"]
    for token, path in itertools.product(foreign, paths):
        attempt(two.get(f"/api/image/case/{path.format(t=token, o=own[0])}"))
    for client, token in itertools.product((two, lead, expert), foreign):
        attempt(client.get(f"/api/image/case/{token}"))
        attempt(client.post(f"/api/image/case/{token}", json=NO))
        attempt(client.post(f"/api/image/case/{token}/report", json={}))
    for token in other_round:
        attempt(two.get(f"/api/image/case/{token}"))
        attempt(two.post(f"/api/image/case/{token}", json=NO))
    # studies by name, series that were not taken or do not exist, paths outside
    outside = ["..", "%2e%2e", "..%2f..%2fkey", "%2fetc%2fpasswd", "....//", "%00", "image.jsonl", "*", "0" * 32, "a" * 5000]
    outside += [study_name(0), study_name(1)]
    for name in outside:
        attempt(two.get(f"/api/image/case/{name}"))
        attempt(two.post(f"/api/image/case/{name}", json=NO))
        attempt(lead.get(f"/api/image/case/{name}"))
        attempt(expert.get(f"/api/image/case/{name}"))
        attempt(two.get(f"/api/image/case/{own[0]}/study/{name}/series/1"))
        attempt(two.get(f"/api/x{name}/next"))
        attempt(two.get(f"/static/x{name}"))
        attempt(lead.get(f"/lead/export/{name}.csv") if name[0] == "0" else two.get(f"/lead/export/{name}.csv"))
    for series in ("0", "2", "4", "99", "-1", "1.0", "1%2f..%2f3", "x"):
        attempt(two.get(f"/api/image/case/{own[0]}/study/{own[0]}/series/{series}"))
    # roles: the lead reads nothing, readers lead nothing, the expert has no disagreement yet
    for client in (one, two, expert):
        for name in ("text", "image"):
            attempt(client.get(f"/lead/export/{name}.csv"))
    for name in ("text", "image"):
        attempt(lead.get(f"/api/{name}/next"))
    # sessions: none, unsigned, altered, signed with another key
    cookie = two.cookies["ichset_session"]
    forged = URLSafeTimedSerializer("guess", salt="ichset session").dumps(["reader-2", "0" * 32, "0" * 16])
    altered = cookie[:8] + ("A" if cookie[8] != "A" else "B") + cookie[9:]
    for value in ("", "reader-2", altered, "x" + cookie, forged, cookie.rpartition(".")[0], "." * 9):
        bare = httpx.Client(base_url=page.url, cookies={"ichset_session": value}, headers={"X-CSRF-Token": two.headers["X-CSRF-Token"]})
        attempt(bare.get("/api/me"))
        attempt(bare.get("/api/image/next"))
        attempt(bare.get(f"/api/image/case/{own[0]}"))
        attempt(bare.post(f"/api/image/case/{own[0]}", json=NO))
        attempt(bare.get("/lead/export/image.csv"))
    # changes without the token of this session, from another site, under another name, too large, of a wrong kind
    for token in ("", "0" * 64, one.headers["X-CSRF-Token"]):
        attempt(two.post(f"/api/image/case/{own[0]}", json=NO, headers={"X-CSRF-Token": token}))
    foreign_headers = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
    for headers in foreign_headers:
        attempt(two.post(f"/api/image/case/{own[0]}", json=NO, headers=headers))
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::1"):
        attempt(two.get("/api/me", headers={"Host": host}))
    attempt(two.post(f"/api/image/case/{own[0]}", json={**NO, "comment": "x" * 70_000}))
    strange = [
        {}, [], {"answers": {}}, {"answers": {"ich": 2}}, {"answers": {"ich": "1"}}, {"answers": {"ich": True}}, {"answers": {"other": 1}},
        {**NO, "reader": "reader-1"}, {**NO, "study": study_name(1)}, {**NO, "seconds": -1}, {**NO, "confidence": 6},
        {**NO, "exclude": "because"}, {"answers": {"ich": 0, "subdural": 1}}, {**NO, "key_slices": {"ich": ["1:1"]}},
        *({"answers": {"ich": 1}, "key_slices": {"ich": [slice_]}} for slice_ in ("2:1", "1:99", "../1:1")),
    ]  # fmt: skip
    for body in strange:
        attempt(two.post(f"/api/image/case/{own[0]}", json=body))
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        attempt(two.request(method, f"/api/image/case/{own[0]}"))
        attempt(two.request(method, "/api/image/next"))
    assert refused >= 200
    log = page.config.project.work / "readings" / "image.jsonl"
    assert not log.exists() or log.read_bytes() == b""  # none of it was recorded
    assert page.log.read_text() == ""  # nothing was logged, not a path and not a name


def test_a_reader_sees_nothing_of_the_other_before_or_after_both_have_read(page: Page) -> None:
    one, two = page.client("reader-1"), page.client("reader-2")
    while not (case := one.get("/api/image/next").json()).get("done"):
        saved = one.post(f"/api/image/case/{case['token']}", json={"answers": {"ich": 1}, "comment": "WITNESS"})
        assert saved.status_code == 200
    while not (case := two.get("/api/image/next").json()).get("done"):
        assert "WITNESS" not in str(case) and "reads" not in case and "others" not in case
        assert two.post(f"/api/image/case/{case['token']}", json=NO).status_code == 200
    again = two.get(f"/api/image/case/{case['last']}").json()
    assert "WITNESS" not in str(again) and again["mine"]["answers"]["ich"] == 0
    shown = page.client("expert").get("/api/image/next").json()
    assert sorted(read["answers"]["ich"] for read in shown["reads"]) == [0, 1]
    assert "reader-" not in str(shown) and "PSEUDONYM" not in str(shown) and "SECRET" not in str(shown) and "Тайный" not in str(shown)


def test_the_expert_sees_the_patients_other_studies_with_their_pictures(page: Page) -> None:
    for user, value in (("reader-1", 1), ("reader-2", 0)):
        client = page.client(user)
        while not (case := client.get("/api/image/next").json()).get("done"):
            client.post(f"/api/image/case/{case['token']}", json={"answers": {"ich": value}})
    expert = page.client("expert")
    found = []
    while not (case := expert.get("/api/image/next").json()).get("done"):
        for other in case["others"]:
            found.append(other["days"])
            path = f"/api/image/case/{case['token']}/study/{other['token']}/series/1"
            assert expert.get(path).status_code == 200
            assert page.client("reader-1").get(path).status_code == 404
        assert expert.post(f"/api/image/case/{case['token']}", json={"answers": {"ich": 1}}).status_code == 200
    assert found == [-11]  # one patient has an earlier study, eleven days before


def test_strict_headers_on_every_answer(untouched: Page) -> None:
    client = untouched.client("reader-1")
    for path in ("/", "/read/image", "/static/js/read.js", "/api/me", "/api/none", "/lead"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    cookie = httpx.get(untouched.url).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    for path in ("/", "/read/image"):
        assert " style=" not in client.get(path).text and "<script>" not in client.get(path).text
