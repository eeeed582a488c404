"""A PACS over DICOMweb (PS3.18): QIDO-RS finds, WADO-RS metadata tells, WADO-RS multipart brings the stored bytes."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from ichset.config import DicomwebConfig
from ichset.errors import ConfigError, SourceUnreachable
from ichset.imaging.header import row_of_json
from ichset.imaging.sources import Header, Located, Request, TransferFault
from ichset.imaging.sources.answers import answering, askable, is_uid
from ichset.imaging.sources.courtesy import Courtesy
from ichset.imaging.sources.credentials import secret_of, tls_context
from ichset.imaging.sources.multipart import boundary_of, parts

STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'  # as stored: the server converts nothing
ANY = 'multipart/related; type="application/dicom"'
JSON = "application/dicom+json"
LARGEST_JSON = 1 << 28  # bytes
MOST = 50  # studies that may answer to one number before the question is wrong


class DicomwebSource:
    """One session a process; nothing is asked before the first question."""

    remote = True

    def __init__(self, config: DicomwebConfig, lookup: str, courtesy: Courtesy) -> None:
        self._config, self._lookup, self._courtesy = config, lookup, courtesy
        self._root = config.url.rstrip("/")
        self._session: requests.Session | None = None
        self._headers = _authorization(config)
        tls_context(config.tls, "retrieve.dicomweb.tls")  # a wrong file is a fault of the config, said before anything is asked

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_session": None}

    def locate(self, request: Request) -> list[Located]:
        question = askable(request, self._lookup)
        if question is None:
            return []
        names = {"study_uid": "StudyInstanceUID", "accession": "AccessionNumber", "patient_id": "PatientID", "study_date": "StudyDate"}
        query = "&".join(f"{names[key]}={quote(value, safe='')}" for key, value in sorted(question.items()))
        place = f"{self._root}/studies?{query}&limit={MOST}"
        items = self._courtesy.reach(lambda: self._json(place), self._root)
        rows = [row_of_json(item) for item in items]
        found = [Located(row["study_uid"] or "", *(row[key] or "" for key in ("patient_id", "accession", "study_date"))) for row in rows]
        return answering(question, found)

    def headers(self, study_uid: str) -> list[Header]:
        place = f"{self._root}/studies/{_checked(study_uid)}/metadata"
        self._courtesy.take()
        rows = [row_of_json(item) | {"fault": None} for item in self._courtesy.retrying(lambda: self._json(place))]
        return sorted(rows, key=lambda row: (row["series_uid"] or "", row["sop_uid"] or ""))

    def fetch(self, headers: Sequence[Header], spool: Path, whole: bool) -> Iterator[bytes | Path]:
        study, series = (_checked(headers[0][name]) for name in ("study_uid", "series_uid"))
        place = f"{self._root}/studies/{study}/series/{series}"
        if whole:
            yield from self._instances(place)
            return
        for header in headers:
            yield from self._instances(f"{place}/instances/{_checked(header['sop_uid'])}")

    def masks(self, study_uid: str) -> list[Path]:
        return []

    def check(self) -> None:
        try:
            self._json(f"{self._root}/studies?limit=1")
        except TransferFault as fault:
            raise SourceUnreachable(f"{self._root}: {fault.words}") from None

    # --- exchanges ---
    def _instances(self, place: str) -> Iterator[bytes]:
        self._courtesy.wait_for_window()
        try:
            response = self._get(place, STORED)
        except _NotAcceptable:
            response = self._get(place, ANY)
        with closing(response):
            stream = _Stream(response, self._courtesy.config.timeout_seconds, self._courtesy.config.slowest_bytes)
            boundary = boundary_of(response.headers.get("Content-Type", ""))
            for part in parts(stream, boundary) if boundary else [stream.all()]:
                self._courtesy.take()
                yield part

    def _json(self, place: str) -> list[Any]:
        """The items of one answer; none when the server says so (204, 404)."""
        try:
            response = self._get(place, JSON)
        except _Absent:
            return []
        with closing(response):
            if response.status_code == 204:
                return []
            stream = _Stream(response, self._courtesy.config.timeout_seconds, self._courtesy.config.slowest_bytes)
            data = stream.all(LARGEST_JSON)
        try:
            items = json.loads(data) if data.strip() else []
        except ValueError:
            raise TransferFault("the server's answer is no JSON; is the URL the root of its DICOMweb services?") from None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise TransferFault("the server's answer is not in the DICOM JSON model; is the URL the root of its DICOMweb services?")
        return items

    def _get(self, place: str, accept: str) -> requests.Response:
        if self._session is None:
            self._session = _session(self._config)
        try:
            response = self._session.get(
                place, headers={**self._headers, "Accept": accept, "Accept-Encoding": "identity"}, stream=True, allow_redirects=False,
                timeout=(min(self._courtesy.config.timeout_seconds, 30.0), self._courtesy.config.timeout_seconds),
            )  # fmt: skip
        except requests.exceptions.SSLError as error:
            raise SourceUnreachable(f"{self._root}: the TLS connection failed ({_inner(error)}); see retrieve.dicomweb.tls") from None
        except requests.Timeout:
            raise TransferFault("no answer within timeout_seconds") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransferFault(f"no connection ({_inner(error)})") from None
        if response.status_code in (200, 204):
            return response
        response.close()
        raise self._refusal(response)

    def _refusal(self, response: requests.Response) -> Exception:
        code = response.status_code
        if code in (401, 403):
            return SourceUnreachable(f"{self._root}: HTTP {code}: the server refuses our credentials; see retrieve.dicomweb.user, password, token")
        if 300 <= code < 400:
            return SourceUnreachable(f"{self._root}: HTTP {code}: the server sends us elsewhere; set retrieve.dicomweb.url to where it really is")
        if code in (404, 410):
            return _Absent(f"HTTP {code}: not there", permanent=True)
        if code == 406:
            return _NotAcceptable("HTTP 406: the server cannot answer in this form", permanent=True)
        wait = response.headers.get("Retry-After", "")
        passing = code >= 500 or code in (408, 425, 429)
        return TransferFault(f"HTTP {code}", permanent=not passing, wait=float(wait) if wait.isdigit() else None)


class _Absent(TransferFault):
    """The server does not have what was asked for."""


class _NotAcceptable(TransferFault):
    """The server does not know transfer-syntax=*."""


class _Stream:
    """The body as it comes. A server that trickles is given up: below `slowest` bytes/s over `patience` s is no answer."""

    def __init__(self, response: requests.Response, patience: float, slowest: int) -> None:
        self._raw, self._patience, self._slowest = response.raw, patience, slowest
        self._packed = bool(response.headers.get("Content-Encoding"))  # some servers compress unasked
        self._since, self._bytes = time.monotonic(), 0

    def read(self, amount: int) -> bytes:
        try:
            data: bytes = self._raw.read1(amount, decode_content=self._packed)
        except (HTTPError, OSError, requests.RequestException) as error:
            raise TransferFault(f"the answer broke off ({_inner(error)})") from None
        self._bytes += len(data)
        if (elapsed := time.monotonic() - self._since) > self._patience:
            if self._bytes < self._slowest * elapsed:
                raise TransferFault("the answer comes slower than courtesy.slowest_bytes")
            self._since, self._bytes = time.monotonic(), 0
        return data

    def all(self, most: int = 1 << 29) -> bytes:
        whole = bytearray()
        while block := self.read(1 << 18):
            whole += block
            if len(whole) > most:
                raise TransferFault("the answer is larger than any that was asked for", permanent=True)
        return bytes(whole)


def _authorization(config: DicomwebConfig) -> dict[str, str]:
    key = "retrieve.dicomweb"
    if config.token is None and config.password is None:
        return {}
    host = urlsplit(config.url).hostname or ""
    if config.url.startswith("http:") and not config.plain_http and not _is_this_machine(host):
        raise ConfigError(f"{key}.url: a secret would travel unencrypted; use https, or accept it with {key}.plain_http = true")
    if config.token is not None:
        return {"Authorization": f"Bearer {secret_of(config.token, f'{key}.token')}"}
    if config.user is None or config.password is None:
        raise ConfigError(f"{key}.user: missing beside {key}.password")
    from requests.auth import _basic_auth_str

    return {"Authorization": _basic_auth_str(config.user.encode(), secret_of(config.password, f"{key}.password").encode())}


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _TlsAdapter(HTTPAdapter):
    def __init__(self, config: DicomwebConfig) -> None:
        self._context = tls_context(config.tls, "retrieve.dicomweb.tls")
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **more)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None  # the context holds the authorities


def _session(config: DicomwebConfig) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy, no .netrc: the config alone says where and how
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
    session.mount("https://", _TlsAdapter(config))
    return session


def _checked(uid: str | None) -> str:
    if not is_uid(uid):
        raise TransferFault("the server names an object by something that is no UID", permanent=True)
    return str(uid)


def _inner(error: BaseException) -> str:
    """The innermost cause's kind: library messages quote addresses of studies."""
    while (cause := error.__cause__ or error.__context__ or next((a for a in error.args if isinstance(a, BaseException)), None)) is not None:
        error = cause
    return type(error).__name__
