"""The bag itself (RFC 8493): declaration, size, completeness, and every checksum."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ichset.release.audit.declared import KEYS
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.exports import export_files
from ichset.release.audit.report import Check

TAG_FILES = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "CHECKSUMS")
EXPECTED = ("README.md", "DATASHEET.md", "CLAIM.md", "LICENSE", "CITATION.cff", "croissant.json", "atlas.json", "report.html")
INFO = ("Bag-Software-Agent", "Bagging-Date", "External-Description", "External-Identifier", "Payload-Oxum")
FIGURES = (
    "flow.svg",
    "flow.png",
    "labels.svg",
    "balance.svg",
    "age.svg",
    "technique.svg",
    "shift.svg",
    "agreement.svg",
    "montage.png",
    "surface.png",
)


def check_bag(evidence: Evidence) -> Check:
    """Declared as a bag, nothing missing, nothing extra, sizes as declared, only regular files."""
    check = Check("bag", "the bag is declared, complete and holds nothing else")
    for name in (*TAG_FILES, *EXPECTED):
        check.expect(name in evidence.files, True, f"{name} present")
    for name in evidence.odd:
        check.fault(f"{name}: a link, an empty folder or a special file")
    check.expect(evidence.text("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bagit.txt")
    payload = {name for name in evidence.files if name.startswith("data/")}
    listed = _manifest(evidence, "manifest-sha256.txt")
    tags = _manifest(evidence, "tagmanifest-sha256.txt")
    for name in sorted(payload - set(listed)):
        check.fault(f"{name}: in the folder but in no manifest")
    for name in sorted(set(listed) | set(tags)):
        check.expect(name in evidence.files, True, f"{name} (listed in a manifest) present")
    for name in sorted(set(evidence.files) - payload - set(tags) - {"tagmanifest-sha256.txt"}):
        check.fault(f"{name}: a tag file that no manifest lists")
    for name in sorted(set(evidence.files) - _places(evidence)):
        check.fault(f"{name}: has no place in a release")
    lines = evidence.text("bag-info.txt").splitlines()
    check.expect([line.partition(": ")[0] for line in lines], list(INFO), "bag-info.txt: elements, each once")
    oxum = re.search(r"^Payload-Oxum: (\d+)\.(\d+)$", evidence.text("bag-info.txt"), re.MULTILINE)
    total = sum(evidence.files[name].st_size for name in payload)
    check.expect(oxum and (int(oxum[1]), int(oxum[2])), (total, len(payload)), "Payload-Oxum (bytes, files)")
    return check


def _places(evidence: Evidence) -> set[str]:
    """Every file that a release may hold: a manifest can list anything, a key or a list of patients too."""
    tables = {f"data/tables/{name}.{kind}" for name in (*KEYS, "changes") for kind in ("csv", "parquet")}
    files = {row.get("file", "") for row in evidence.rows("instances")}
    return {*TAG_FILES, *EXPECTED, *tables, *files, *(f"data/figures/{name}" for name in FIGURES), *export_files(evidence)}


def check_sums(evidence: Evidence) -> Check:
    """Every byte is what the manifests say. Runs after the one pass that hashed the files."""
    check = Check("checksums", "every file has the sha256 that manifests and CHECKSUMS give")
    everything = set(evidence.files) - {"CHECKSUMS", "tagmanifest-sha256.txt"}
    check.expect(sorted(everything - set(_manifest(evidence, "CHECKSUMS"))), [], "CHECKSUMS: files it does not list")
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt", "CHECKSUMS"):
        check.expect(len(evidence.text(manifest).splitlines()), len(_manifest(evidence, manifest)), f"{manifest}: lines, one a file")
        for name, digest in _manifest(evidence, manifest).items():
            if name in evidence.files:
                check.expect(evidence.digests.get(name), digest, f"{name} against {manifest}")
    return check


def _manifest(evidence: Evidence, name: str) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in evidence.text(name).splitlines())
    return {unquote(parts[1]) if "%" in parts[1] else parts[1]: parts[0].lower() for parts in lines if len(parts) == 2}
