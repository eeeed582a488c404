"""A PACS over DIMSE (PS3.4 C.4): C-FIND tells, C-GET brings, or C-MOVE sends to a receiver of our own."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from ichset.config import DimseConfig
from ichset.errors import CurationError, SourceUnreachable
from ichset.imaging.attributes import TAGS
from ichset.imaging.header import row_of
from ichset.imaging.sources import Header, Located, Request, TransferFault
from ichset.imaging.sources.answers import answering, askable, is_uid
from ichset.imaging.sources.courtesy import Courtesy
from ichset.imaging.sources.credentials import tls_context
from ichset.imaging.sources.receiver import SYNTAXES, Receiver, keep

FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root Query/Retrieve: FIND, MOVE, GET
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
KEYS = {"study_uid": "StudyInstanceUID", "accession": "AccessionNumber", "patient_id": "PatientID", "study_date": "StudyDate"}
SERIES_KEYS = (
    "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "BodyPartExamined", "ProtocolName", "Manufacturer",
    "ManufacturerModelName", "NumberOfSeriesRelatedInstances",
)  # fmt: skip
IMAGE_KEYS = (
    "SOPInstanceUID", "SOPClassUID", "InstanceNumber", "ImageType", "Rows", "Columns", "NumberOfFrames", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "AcquisitionNumber",
)  # fmt: skip
CHUNK = 64  # instances of one C-GET or C-MOVE when not the whole series is asked for
PENDING = (0xFF00, 0xFF01)
WARNING = 0xB000  # sub-operations failed: the instances are counted after the pull anyway
LONGEST_ANSWER = 200_000  # answers to one C-FIND


class DimseSource:
    """One association a question: archives drop idle ones."""

    remote = True

    def __init__(self, config: DimseConfig, lookup: str, courtesy: Courtesy) -> None:
        self._config, self._lookup, self._courtesy = config, lookup, courtesy
        self._place = f"{config.host}:{config.port}"
        if config.tls is not None:
            tls_context(config.tls, "retrieve.dimse.tls")

    def locate(self, request: Request) -> list[Located]:
        question = askable(request, self._lookup)
        if question is None:
            return []
        query = _query("STUDY", **{KEYS[key]: value for key, value in question.items()})
        for keyword in KEYS.values():
            if keyword not in query:
                setattr(query, keyword, "")
        rows = [row_of(answer) for answer in self._courtesy.reach(lambda: self._find(query), self._place)]
        found = [Located(row["study_uid"] or "", *(row[key] or "" for key in ("patient_id", "accession", "study_date"))) for row in rows]
        return answering(question, found)

    def headers(self, study_uid: str) -> list[Header]:
        """Rows as far as the archive tells them at SERIES and IMAGE level; another study's answers are dropped."""
        series = self._courtesy.retrying(lambda: self._find(_query("SERIES", SERIES_KEYS, StudyInstanceUID=study_uid)))
        rows: list[Header] = []
        for one in sorted(series, key=lambda answer: str(answer.get("SeriesInstanceUID", ""))):
            if str(one.get("StudyInstanceUID", study_uid)) == study_uid and is_uid(str(one.get("SeriesInstanceUID", ""))):
                rows += self._instances_of(study_uid, one)
        return rows

    def _instances_of(self, study_uid: str, series: Dataset) -> list[Header]:
        uid = str(series.SeriesInstanceUID)
        self._courtesy.take()
        query = _query("IMAGE", IMAGE_KEYS, StudyInstanceUID=study_uid, SeriesInstanceUID=uid)
        rows = []
        for answer in self._courtesy.retrying(lambda: self._find(query)):
            told = Dataset()
            told.update({element.tag: element for element in series if element.tag in _KNOWN})
            told.update({element.tag: element for element in answer if element.tag in _KNOWN and not element.is_empty})
            row = row_of(told)
            if (row["study_uid"] or study_uid, row["series_uid"] or uid) == (study_uid, uid) and is_uid(row["sop_uid"]):
                rows.append(row | {"study_uid": study_uid, "series_uid": uid, "fault": None})
        return sorted(rows, key=lambda row: row["sop_uid"])

    def fetch(self, headers: Sequence[Header], spool: Path, whole: bool) -> Iterator[bytes | Path]:
        if whole:
            yield from self._pull(headers, spool, True)
            return
        for start in range(0, len(headers), CHUNK):
            yield from self._pull(headers[start : start + CHUNK], spool, False)

    def _pull(self, headers: Sequence[Header], spool: Path, whole: bool) -> Iterator[Path]:
        self._courtesy.wait_for_window()
        self._courtesy.take(len(headers))
        keys = {"StudyInstanceUID": headers[0]["study_uid"], "SeriesInstanceUID": headers[0]["series_uid"]}
        query = _query("SERIES", **keys) if whole else _query("IMAGE", SOPInstanceUID=[header["sop_uid"] for header in headers], **keys)
        fault = None
        try:
            self._get(query, spool) if self._config.method == "get" else self._move(query, spool)
        except TransferFault as error:
            fault = error  # what came before the fault is good
        yield from sorted(spool.iterdir())
        if fault is not None:
            raise fault

    def masks(self, study_uid: str) -> list[Path]:
        return []

    def check(self) -> None:
        try:
            with self._association([FIND]):  # not every archive answers C-ECHO
                pass
        except TransferFault as fault:
            raise SourceUnreachable(f"{self._place}: {fault.words}") from None

    # --- exchanges ---
    def _find(self, query: Dataset) -> list[Dataset]:
        answers: list[Dataset] = []
        with self._association([FIND]) as association:
            for status, answer in association.send_c_find(query, FIND):
                code = self._code(status)
                if code in PENDING and answer is not None:
                    answers.append(answer)
                elif code:
                    raise TransferFault(f"the archive answers the question with status 0x{code:04X}")
                if len(answers) > LONGEST_ANSWER:
                    raise TransferFault("the archive's answer has no end", permanent=True)
        return answers

    def _get(self, query: Dataset, spool: Path) -> None:
        with self._association([GET], spool) as association:
            self._run_to_end(association.send_c_get(query, GET))

    def _move(self, query: Dataset, spool: Path) -> None:
        with Receiver(self._config, spool, self._courtesy.config.timeout_seconds), self._association([MOVE]) as association:
            self._run_to_end(association.send_c_move(query, self._config.calling, MOVE))

    def _code(self, status: Dataset) -> int:
        """The response's status; an empty one means that the archive went away, fell silent, or does not know us after all."""
        if "Status" not in status:
            titles = f"called {self._config.called}, calling {self._config.calling}"
            raise TransferFault(f"the archive broke off or did not answer within timeout_seconds ({titles})")
        return int(status.Status)

    def _run_to_end(self, responses: Iterator[tuple[Dataset, Dataset | None]]) -> None:
        for status, _ in responses:
            code = self._code(status)
            if code not in (0x0000, WARNING, *PENDING):
                raise TransferFault(f"the archive ended the transfer with status 0x{code:04X}", permanent=code in (0xA801, 0xA900, 0x0122))

    @contextmanager
    def _association(self, contexts: list[str], spool: Path | None = None) -> Iterator[Any]:
        from pynetdicom import AE, build_role, evt

        timeout = self._courtesy.config.timeout_seconds
        entity = AE(ae_title=self._config.calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout
        entity.connection_timeout = min(timeout, 30.0)
        for context in contexts:
            entity.add_requested_context(context)
        more: dict[str, Any] = {}
        if spool is not None:
            for syntax in SYNTAXES:  # one context each: the archive sends an instance as it is stored
                entity.add_requested_context(CTImageStorage, syntax)
            more = {"ext_neg": [build_role(CTImageStorage, scp_role=True)], "evt_handlers": [(evt.EVT_C_STORE, keep, [spool])]}
        if self._config.tls is not None:
            more["tls_args"] = (tls_context(self._config.tls, "retrieve.dimse.tls"), self._config.host)
        association = entity.associate(self._config.host, self._config.port, ae_title=self._config.called, **more)
        if not association.is_established:
            raise TransferFault(_refusal(association, self._config))
        try:
            if not any(str(context.abstract_syntax) in contexts for context in association.accepted_contexts):
                raise TransferFault(f"the archive does not offer {_SERVICES[contexts[0]]}", permanent=True)
            yield association
            if association.is_aborted:
                raise TransferFault("the archive aborted the association")
        finally:
            if association.is_established:
                association.release()


_KNOWN = frozenset(tag_for_keyword(keyword) for keyword in TAGS)
_SERVICES = {FIND: "C-FIND", GET: "C-GET", MOVE: "C-MOVE"}


def _query(level: str, wanted: Sequence[str] = (), **keys: str | list[str]) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    query.SpecificCharacterSet = "ISO_IR 192"
    for keyword in wanted:
        setattr(query, keyword, None)
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    return query


def _refusal(association: Any, config: DimseConfig) -> str:
    titles = f"called {config.called}, calling {config.calling}"
    try:
        socket.create_connection((config.host, config.port), timeout=5).close()  # pynetdicom tells no connection and an abort alike
    except OSError as error:
        return f"no connection ({error.strerror or type(error).__name__})"
    if association.is_rejected:
        return f"the archive refused the association ({titles}); does it know our title and address?"
    if association.is_aborted:
        return f"the archive aborted the association ({titles}); does it know our title and address?"
    return "the association came to nothing"


def require_pynetdicom() -> None:
    """Raises CurationError with the remedy when the extra is not installed."""
    try:
        import pynetdicom  # noqa: F401
    except ImportError:
        raise CurationError('retrieve.source: "dimse" needs the extra: pip install "ichset[pacs]"') from None
