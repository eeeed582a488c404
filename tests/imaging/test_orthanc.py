"""The same studies from a folder, over DICOMweb, C-GET and C-MOVE from a real Orthanc."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from ichset.config import CourtesyConfig, DicomwebConfig, DimseConfig, RetrieveConfig, SecretConfig
from ichset.errors import SourceUnreachable

from .ct import ct, picture, save, small
from .hospital import asked, files, reasons, retrieve, taken

QUICK = CourtesyConfig(connections=1, retries=1, backoff_seconds=0, timeout_seconds=20)


def web(server: Any, password: Path, **changes: Any) -> RetrieveConfig:
    place = DicomwebConfig(url=f"{server.url}/dicom-web", user="ichset", password=SecretConfig(file=password))
    return RetrieveConfig(**{"source": "dicomweb", "dicomweb": place, "courtesy": QUICK, **changes})


def dimse(server: Any, method: str = "get", **changes: Any) -> RetrieveConfig:
    place = DimseConfig(host="127.0.0.1", port=server.dicom, called="ORTHANC", method=method, receive_on="127.0.0.1", receive_port=server.peer)
    return RetrieveConfig(**{"source": "dimse", "dimse": place, "courtesy": QUICK, **changes})


@pytest.fixture(scope="module")
def password(orthanc: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "password"
    path.touch(0o600)
    path.write_text(orthanc.password + "\n")
    return path


@pytest.fixture(scope="module")
def archive(orthanc: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four studies as they come: with a scout, a bone series, an enhanced series, Cyrillic words, and one that lacks slices."""
    folder = tmp_path_factory.mktemp("archive")
    russian = {"SpecificCharacterSet": "ISO_IR 144", "SeriesDescription": "ГОЛОВА, мягкие ткани", "PatientName": "Иванов^Иван"}
    save(small("w1", **russian), folder / "a")
    save(small("w1", 2, ConvolutionKernel="BONE", SeriesDescription="Кости черепа"), folder / "b")
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesDescription": "Scout", "ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}
    save([ct(1, 0, picture(0), "w1", 9, **scout)], folder / "c")
    save(small("w2"), folder / "d")
    save(small("w2", 2, vessels=200, SeriesDescription="Head +C", ContrastBolusAgent="Omnipaque"), folder / "e")
    save(small("w3", vessels=200, SeriesDescription="CTA head", ContrastBolusAgent="Omnipaque"), folder / "f")
    save([one for number, one in enumerate(small("w4")) if number not in (5, 6)], folder / "g")
    orthanc.load(folder)
    return folder


STUDIES = asked("w1", "w2", "w3", "w4", "w5")
LOST = {"Sw3": "contrast study without a native phase", "Sw4": "study incomplete", "Sw5": "study not in the archive"}


def test_dicomweb_brings_the_stored_bytes(orthanc: Any, password: Path, archive: Path, tmp_path: Path) -> None:
    folder = retrieve(STUDIES, RetrieveConfig(path=archive), tmp_path / "folder")
    remote = retrieve(STUDIES, web(orthanc, password), tmp_path / "web")
    assert reasons(folder) == LOST
    assert files(tmp_path / "web") == files(tmp_path / "folder")
    for name in ("retrieved", "excluded"):
        assert [row | {"detail": ""} for row in remote.excluded.to_pylist()] == folder.excluded.to_pylist(), name
    assert remote.kept == folder.kept
    assert remote.tables["series"] == folder.tables["series"]


@pytest.mark.parametrize("method", ["get", "move"])
def test_dimse_brings_the_same_data(orthanc: Any, archive: Path, tmp_path: Path, method: str) -> None:
    folder = retrieve(STUDIES, RetrieveConfig(path=archive), tmp_path / "folder")
    remote = retrieve(STUDIES, dimse(orthanc, method), tmp_path / "dimse")
    assert reasons(remote) == LOST
    assert taken(remote)["Sw1"] == taken(folder)["Sw1"] == {1: None, 2: None, 3: "localizer"}
    ours, theirs = files(tmp_path / "dimse"), files(tmp_path / "folder")
    assert ours.keys() == theirs.keys()
    for name in ours:
        one, other = (dcmread(tmp_path / kind / "retrieved" / name) for kind in ("dimse", "folder"))
        assert one == other
        assert one.file_meta.TransferSyntaxUID == other.file_meta.TransferSyntaxUID


@pytest.mark.parametrize("lookup", ["study_uid", "accession", "patient_date"])
def test_each_key_finds_the_study(orthanc: Any, password: Path, archive: Path, tmp_path: Path, lookup: str) -> None:
    for name, config in (("web", web(orthanc, password, lookup=lookup)), ("dimse", dimse(orthanc, lookup=lookup))):
        assert retrieve(STUDIES[:1], config, tmp_path / name).kept["study"].to_pylist() == ["Sw1"]


def test_wrong_credentials_are_one_clear_line(orthanc: Any, archive: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(0o600)
    wrong.write_text("nobody")
    with pytest.raises(SourceUnreachable, match="HTTP 401: the server refuses our credentials"):
        retrieve(STUDIES, web(orthanc, wrong), tmp_path)


def test_an_unknown_title_is_one_clear_line(orthanc: Any, archive: Path, tmp_path: Path) -> None:
    config = dimse(orthanc)
    stranger = config.model_copy(update={"dimse": config.dimse.model_copy(update={"calling": "STRANGER"})})
    with pytest.raises(SourceUnreachable, match="calling STRANGER") as error:
        retrieve(STUDIES, stranger, tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", [web, dimse], ids=["dicomweb", "dimse"])
def test_a_server_killed_amid_a_pull_and_started_again(orthanc: Any, password: Path, archive: Path, tmp_path: Path, source: Any) -> None:
    """SIGKILL while instances arrive: the run ends in one line, nothing incomplete is there, the next run brings the rest."""
    config = source(orthanc, password) if source is web else source(orthanc)
    work = tmp_path / "work"
    part = work / "retrieved" / "Sw1.part" / "pulled"

    def killer() -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end and not (part.is_dir() and any(part.iterdir())):
            time.sleep(0.001)
        orthanc.kill()

    slow = config.model_copy(update={"courtesy": QUICK.model_copy(update={"per_second": 60.0})})  # so that the kill falls into the pull
    thread = threading.Thread(target=killer)
    thread.start()
    with pytest.raises(SourceUnreachable) as error:
        retrieve(STUDIES, slow, work)
    thread.join()
    assert "\n" not in str(error.value)
    assert not any(path.suffix == "" and path.is_dir() and not (path / "record.json").exists() for path in (work / "retrieved").iterdir())
    orthanc.start()
    assert reasons(retrieve(STUDIES, config, work)) == LOST
    expected = retrieve(STUDIES, RetrieveConfig(path=archive), tmp_path / "folder")
    assert reasons(expected) == LOST
    assert files(work).keys() == files(tmp_path / "folder").keys()
