"""Search every byte of a release for what only the hospital knows, in every encoding it may have slipped through in.

Strong identifiers (UIDs, long accession and patient numbers, whole names) of every screened patient are searched everywhere.
Weak ones (dates, birth dates, parts of a name) may be another patient's innocent value, so they are searched in the files
and table rows of their own study. Numbers of fewer than ten digits, and what is shorter than six characters, are everywhere
in a release by chance (sizes, times, digests): they are searched as whole words, in what holds words, of their own study.
Parquet and gzip are opened first: compressed bytes hide what they hold.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.patterns import PREFIX, STRONG_BITS, PatternIndex
from ichset.release.audit.report import Check
from ichset.release.audit.telling import words

ENCODINGS = ("utf-8", "cp1251", "iso8859-5", "koi8-r", "utf-16-le", "utf-16-be")
SHORTEST = 6  # a strong identifier shorter than this meets innocent text by chance; it is treated as a weak one
SHORTEST_WEAK = 4
BY_CHANCE = 8  # bytes: shorter patterns occur by chance in the pixels and packed bytes of a release, so there they tell nothing
NUMBER = 10  # digits: a shorter number is also a size, a time, a count; it is looked for only among words
_TOKEN = re.compile(r"[^\W_]+")
HEADER_COLUMNS = {
    "sop_uid": 0x00080018, "accession": 0x00080050, "patient_name": 0x00100010, "patient_id": 0x00100020, "study_uid": 0x0020000D,
    "series_uid": 0x0020000E, "frame_uid": 0x00200052,
}  # fmt: skip
HEADER_BYTES = 1 << 16  # holds the elements above in any file that is not made to hide them
WORDS = ("LO", "SH", "PN", "ST", "LT", "UT", "UC", "UN")  # value representations of words
CODE_VALUE = 0x00080100  # numbers of a code list
WORD_COLUMNS = {"series": ("description", "model", "kernel"), "studies": ("indication", "description", "conclusion")}
PACKED = (".gz", ".parquet", ".png", ".jpg", ".npz", ".zip")
CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
# Latin spellings of the same letters: passports (ICAO 9303), maps (BGN/PCGN), libraries and catalogues (ISO 9 without marks)
LATIN = tuple(letters.split() for letters in (
    "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia",
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya",
    "a b v g d e jo zh z i j k l m n o p r s t u f h c ch sh shh _ y _ e ju ja",
))  # fmt: skip
COLUMNS = ("study", "study_uid", "accession", "patient_id", "patient_name", "birth_date", "study_date")


class IdentifierSearch:
    """Fed every file of the release once."""

    def __init__(self, evidence: Evidence, private: Path | None) -> None:
        self.check = Check("identifiers", "no source identifier occurs in any byte, in six encodings")
        self._strong = PatternIndex(())
        self._weak: dict[str, PatternIndex] = {}
        self._telling: set[str] = set()
        self._numbers: dict[str, dict[str, str]] = {}
        self._all_numbers: dict[str, str] = {}
        self._evidence = evidence
        if private is None:
            self.check.skipped = "no private side given: ichset audit RELEASE --private WORK"
            return
        released = {row["study"] for row in evidence.rows("studies")}
        strong, weak, self._numbers = _collect(private, released)
        self._all_numbers = {value: kind for own in self._numbers.values() for value, kind in own.items() if len(value) >= SHORTEST}
        if not strong and not self._numbers:
            self.check.fault("the private side holds no table screened or retrieved with identifiers: nothing could be searched for")
        self._strong = PatternIndex(strong, STRONG_BITS)
        for name in evidence.odd:
            self._see(name, b"")
        self._weak = {study: PatternIndex(patterns) for study, patterns in weak.items()}

    def unnamed(self, text: str) -> str:
        """A fault's text without a file's name that is itself a finding."""
        for name in self._telling:
            text = text.replace(name, "a file whose name holds an identifier")
        return text

    def look(self, name: str, data: bytes) -> None:
        """One file: its path and its content, opened where it is packed; what cannot be opened is a fault."""
        if self.check.skipped:
            return
        try:
            self._see(name, data)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            self.check.fault(f"{name}: cannot be opened to be searched ({type(error).__name__})")

    def _see(self, name: str, data: bytes) -> None:
        before = self.check.count
        self._look(name, name.encode())
        for token in _TOKEN.findall(name):
            if token in self._all_numbers:
                self.check.fault(f"{name}: {self._all_numbers[token]} in the file's name")
        if self.check.count > before:
            self._telling.add(name)
        noise = _noise_from(name, data)
        for content in _opened(name, data):
            self._look(name, content, noise if content is data else len(content))
        self._among_words(name, data)
        parts = name.split("/")
        if name.startswith("data/") and len(parts) > 3:
            for study in {part.split(".")[0].split("_")[0] for part in parts[1:]} & self._weak.keys():
                self._look_weak(study, name, data, noise)
        elif name.startswith("data/tables/") and name.endswith(".csv"):
            for line in data.split(b"\n"):
                if (study := line.split(b",", 1)[0].decode("utf-8", "replace")) in self._weak:
                    self._look_weak(study, name, line, len(line))

    def _among_words(self, name: str, data: bytes) -> None:
        """Numbers and other short identifiers: whole words of the DICOM elements and table columns that hold words, of their own study."""
        if name.endswith(".dcm"):
            study = name.split("/")[3] if name.count("/") > 3 else ""
            for token in _tokens_of(data) if study in self._numbers else ():
                if token in self._numbers[study]:
                    self.check.fault(f"{name}: {self._numbers[study][token]}, a word of the header")
        elif name in ("data/tables/series.csv", "data/tables/studies.csv"):
            for row in self._evidence.rows(table := name[12:-4]):
                text = " ".join(row.get(column, "") for column in WORD_COLUMNS[table])
                own = self._numbers.get(row.get("study", ""), {})
                for token in set(_TOKEN.findall(text)) & own.keys() if own else ():
                    if table == "series" or len(token) >= SHORTEST:  # a report has many short numbers
                        self.check.fault(f"{name}: {own[token]} of study {row['study']}")

    def _look(self, name: str, data: bytes, noise: int | None = None) -> None:
        """`noise`: from this byte on, only patterns that are too long to be there by chance count."""
        self.check.looked_at += len(data)
        for kind, offset, pattern in self._strong.find(data):
            if noise is None or offset < noise or len(pattern) >= BY_CHANCE:
                self.check.fault(f"{name}: {kind} at byte {offset}")  # the kind and the place, never the value

    def _look_weak(self, study: str, name: str, data: bytes, noise: int) -> None:
        for kind, offset, pattern in self._weak[study].find(data):
            if offset < noise or len(pattern) >= BY_CHANCE:
                self.check.fault(f"{name}: {kind} of study {study} at byte {offset}")


def _tokens_of(data: bytes) -> set[str]:
    import pydicom

    try:
        return set(_TOKEN.findall(" ".join(words(pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True), WORDS, CODE_VALUE))))
    except Exception:  # what cannot be read is a fault of the check of headers
        return set()


def _noise_from(name: str, data: bytes) -> int:
    """Where bytes begin that are no text: the pixel data of a DICOM file, all of a packed one."""
    if name.endswith(PACKED):
        return 0
    if not name.endswith(".dcm"):
        return len(data)
    found = [at for vr in (b"OB", b"OW", b"") if (at := data.find(b"\xe0\x7f\x10\x00" + vr)) >= 0]
    return found[0] if found else len(data)


def _opened(name: str, data: bytes) -> Iterator[bytes]:
    yield data
    if name.endswith(".gz"):
        yield gzip.decompress(data)
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(data))
        yield "\n".join("\t".join(map(str, row.values())) for batch in table.to_batches(8192) for row in batch.to_pylist()).encode("utf-8", "replace")


Patterns = set[tuple[bytes, str]]


def _collect(private: Path, released: set[str]) -> tuple[Patterns, dict[str, Patterns], dict[str, dict[str, str]]]:
    """(pattern, kind) that may occur nowhere; those that may not occur with their own study; and short identifiers by study."""
    strong: Patterns = set()
    weak: dict[str, Patterns] = defaultdict(set)
    numbers: dict[str, dict[str, str]] = defaultdict(dict)
    for row in chain(_rows(private / "tables"), _headers(private / "retrieved", released)):
        study = row["study"] if row.get("study") in released else None
        for kind in ("study_uid", "series_uid", "sop_uid", "frame_uid", "accession", "patient_id"):
            value = str(row.get(kind) or "").strip()
            if len(value) >= (NUMBER if value.isdigit() or kind.endswith("_uid") else SHORTEST):
                _add(strong, value, f"source {kind}")
            elif study and len(value) >= SHORTEST_WEAK:
                numbers[study][value] = f"source {kind}"
        if name := str(row.get("patient_name") or ""):
            for value in (*_names(name), *(_names_in_latin(name) if study else ())):
                whole = bool(re.search(r"\W", value))
                if whole or study:
                    _add(strong if whole else weak[study], value, "patient name" if whole else "part of the patient name")  # type: ignore[index]
        for kind in ("birth_date", "study_date") if study else ():
            if isinstance(day := row.get(kind), date):
                for shown in (f"{day:%Y%m%d}", f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}", f"{day:%d/%m/%Y}"):
                    _add(weak[study], shown, f"source {kind}")  # type: ignore[index]
    return strong, dict(weak), dict(numbers)


def _rows(tables: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for name in ("screened", "retrieved", "series"):
        path = tables / f"{name}.parquet"
        if path.is_file():
            with pq.ParquetFile(path) as file:
                columns = [column for column in (*COLUMNS, "series_uid") if column in file.schema_arrow.names]
                for batch in file.iter_batches(16_384, columns=columns):
                    yield from batch.to_pylist()


def _headers(retrieved: Path, released: set[str]) -> Iterator[dict[str, Any]]:
    """What the retrieved files of the released studies say: reports may know a patient by another name or number than the scanner did.

    All of it from the first file of each series, the UID of its own from every file.
    """
    for study in sorted(released):
        for folder in sorted({path.parent for path in (retrieved / study).rglob("*.dcm")}):
            for number, path in enumerate(sorted(folder.glob("*.dcm"))):
                columns = HEADER_COLUMNS if number == 0 else {"sop_uid": HEADER_COLUMNS["sop_uid"]}
                yield {"study": study, **_header(path, columns)}


def _header(path: Path, columns: dict[str, int]) -> dict[str, str]:
    from pydicom.filereader import read_partial

    last = max(columns.values())
    try:
        with path.open("rb") as file:
            start = io.BytesIO(file.read(HEADER_BYTES))
            d = read_partial(start, lambda tag, *_: tag > last, force=True, specific_tags=list(columns.values()))
        return {column: str(d[tag].value or "") for column, tag in columns.items() if tag in d}
    except Exception:  # a file that cannot be read names nobody
        return {}


def _names_in_latin(name: str) -> Iterator[str]:
    """A Cyrillic name as it would be spelled in Latin letters: as it is, and in upper case."""
    if not re.search("[а-яё]", name, re.IGNORECASE):
        return
    for letters in LATIN:
        table = {ord(letter): latin.replace("_", "") for letter, latin in zip(CYRILLIC, letters, strict=True)}
        lower = name.lower().translate(table)
        yield from _names("^".join(part.capitalize() for part in lower.split("^")) if "^" in lower else lower.title())


def _names(name: str) -> Iterator[str]:
    """The whole name as written, with spaces, and upper case; each part of it."""
    parts = [part for part in re.split(r"[\^\s,=.]+", name) if part]
    wholes = {name.strip(), " ".join(parts), "^".join(parts)} if len(parts) > 1 else set()
    for value in sorted({*wholes, *(whole.upper() for whole in wholes), *parts, *(part.upper() for part in parts)}):
        if len(value) >= SHORTEST_WEAK:
            yield value


def _add(where: set[tuple[bytes, str]], value: str, kind: str) -> None:
    for encoding in ENCODINGS:
        try:
            pattern = value.encode(encoding)
        except UnicodeEncodeError:
            continue
        if len(pattern) >= PREFIX:
            where.add((pattern, kind))
