"""A small DICOMweb server whose answers can be spoilt, one request at a time."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom.dataset import Dataset

BOUNDARY = "b0undary"
QUERY = {"AccessionNumber": "AccessionNumber", "StudyInstanceUID": "StudyInstanceUID", "PatientID": "PatientID", "StudyDate": "StudyDate"}


class Answer:
    """What goes out; a fault changes it, or the socket itself."""

    def __init__(self, body: bytes, kind: str) -> None:
        self.code, self.body, self.headers = 200, body, {"Content-Type": kind}
        self.send: Callable[[Any, bytes], None] = lambda out, data: out.write(data)


Fault = Callable[[Answer, list[Dataset]], None]


class Web:
    """Serves `datasets`; `faults[kind]` are applied to the next requests of that kind, the last one for ever when `ever`."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        self.faults: dict[str, list[Fault | None]] = {}
        self.ever: dict[str, Fault] = {}
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()  # instances that went out whole in a good answer
        self.secrets: set[str] = set()  # what came as Authorization
        self.url = ""

    def answer(self, path: str, accept: str) -> Answer:
        parts = [part for part in urlsplit(path).path.split("/") if part][1:]
        chosen = self.datasets
        for name, keyword in (("studies", "StudyInstanceUID"), ("series", "SeriesInstanceUID"), ("instances", "SOPInstanceUID")):
            if name in parts and len(parts) > parts.index(name) + 1:
                value = parts[parts.index(name) + 1]
                chosen = [one for one in chosen if one[keyword].value == value]
        kind = "find" if parts == ["studies"] else parts[-1] if parts[-1] == "metadata" else "instance" if "instances" in parts else "series"
        self.asked[kind] += 1
        if kind == "find":
            asked = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items() if key in QUERY}
            chosen = list({str(one.StudyInstanceUID): one for one in chosen if all(one[key].value == value for key, value in asked.items())}.values())
        waiting = self.faults.get(kind, [])
        fault = waiting.pop(0) if waiting else self.ever.get(kind)
        if kind in ("find", "metadata"):
            made = Answer(as_json(chosen), "application/dicom+json")
        else:
            made = Answer(multipart(chosen), f'multipart/related; type="application/dicom"; boundary={BOUNDARY}')
        if fault is not None:
            fault(made, chosen)
        elif kind in ("instance", "series"):
            self.sent.update(str(one.SOPInstanceUID) for one in chosen)
        return made


def as_json(datasets: Iterable[Dataset]) -> bytes:
    rows = []
    for one in datasets:
        told = one.to_json_dict(bulk_data_threshold=1 << 20, bulk_data_element_handler=lambda _: "bulk")
        told.pop("7FE00010", None)
        rows.append(told)
    return json.dumps(rows).encode()


def part(dataset: Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def multipart(datasets: Iterable[Dataset], bodies: Iterable[bytes] = ()) -> bytes:
    whole = [*map(part, datasets), *bodies]
    blocks = b"".join(b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % (BOUNDARY.encode(), body) for body in whole)
    return blocks + b"--%s--" % BOUNDARY.encode()


@contextmanager
def serving(web: Web, tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.secrets.add(self.headers.get("Authorization", ""))
            made = web.answer(self.path, self.headers.get("Accept", ""))
            try:
                self.send_response(made.code)
                for name, value in made.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in made.headers:
                    self.send_header("Content-Length", str(len(made.body)))
                self.end_headers()
                made.send(self.wfile, made.body)
            except OSError:
                pass  # the client gave up
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    web.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/dicom-web"
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


# --- faults ---------------------------------------------------------------------------------------
def status(code: int, **headers: str) -> Fault:
    def fault(made: Answer, _: list[Dataset]) -> None:
        made.code, made.body = code, b"no"
        made.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return fault


def body(data: bytes, kind: str = "text/html") -> Fault:
    def fault(made: Answer, _: list[Dataset]) -> None:
        made.body, made.headers = data, {"Content-Type": kind}

    return fault


def cut(share: float) -> Fault:
    """The connection breaks after this share of the promised bytes."""

    def fault(made: Answer, _: list[Dataset]) -> None:
        made.headers["Content-Length"] = str(len(made.body))
        made.body = made.body[: int(len(made.body) * share)]

    return fault


def trickle(pause: float) -> Fault:
    """A byte at a time."""

    def slowly(out: Any, data: bytes) -> None:
        for place in range(len(data)):
            out.write(data[place : place + 1])
            out.flush()
            threading.Event().wait(pause)

    def fault(made: Answer, _: list[Dataset]) -> None:
        made.send = slowly

    return fault


def instead(change: Callable[[list[Dataset]], tuple[list[Dataset], list[bytes]]]) -> Fault:
    """Other instances than asked for, or bytes that are none."""

    def fault(made: Answer, chosen: list[Dataset]) -> None:
        made.body = multipart(*change(chosen))

    return fault


def zipped(made: Answer, _: list[Dataset]) -> None:
    made.body = gzip.compress(made.body)
    made.headers["Content-Encoding"] = "gzip"
