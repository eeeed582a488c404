"""Secrets by reference only, and encrypted ways with the archive's certificate always checked."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind as FIND,  # type: ignore[attr-defined]
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet as GET,  # type: ignore[attr-defined]
)

from ichset.config import CourtesyConfig, DicomwebConfig, DimseConfig, RetrieveConfig, SecretConfig, TlsConfig
from ichset.errors import ConfigError, SourceUnreachable
from ichset.imaging.sources.credentials import secret_of

from .ct import head
from .hospital import asked, reasons, retrieve
from .test_dimse_faults import Archive
from .web import Web, serving

QUICK = CourtesyConfig(connections=1, retries=0, backoff_seconds=0, timeout_seconds=5)


# --- secrets --------------------------------------------------------------------------------------
def test_a_secret_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_PASSWORD", "s3cret")
    assert secret_of(SecretConfig(env="PACS_PASSWORD"), "password") == "s3cret"
    monkeypatch.delenv("PACS_PASSWORD")
    with pytest.raises(ConfigError, match="PACS_PASSWORD is not set"):
        secret_of(SecretConfig(env="PACS_PASSWORD"), "password")


def test_a_secret_by_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.touch(0o600)
    with pytest.raises(ConfigError, match="is empty"):
        secret_of(SecretConfig(file=path), "password")
    path.write_text("s3cret\n")
    assert secret_of(SecretConfig(file=path), "password") == "s3cret"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read") as refused:
        secret_of(SecretConfig(file=path), "password")
    assert "s3cret" not in str(refused.value)
    with pytest.raises(ConfigError, match="no such file"):
        secret_of(SecretConfig(file=tmp_path / "absent"), "password")


@pytest.mark.parametrize("given", [{"password": "s3cret"}, {"url": "https://me:s3cret@pacs/dicom-web"}])
def test_the_config_itself_holds_no_secret(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        DicomwebConfig(**{"url": "https://pacs/dicom-web", **given})


def web_config(url: str, **more: Any) -> RetrieveConfig:
    return RetrieveConfig(source="dicomweb", dicomweb=DicomwebConfig(url=url, **more), courtesy=QUICK)


def test_a_secret_travels_encrypted_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PACS_TOKEN", "t0ken")
    with pytest.raises(ConfigError, match="unencrypted"):
        retrieve(asked("a"), web_config("http://pacs.hospital/dicom-web", token=SecretConfig(env="PACS_TOKEN")), tmp_path)
    with serving(Web(head("a"))) as web:
        retrieve(asked("a"), web_config(web.url, token=SecretConfig(env="PACS_TOKEN")), tmp_path)
        assert web.secrets == {"Bearer t0ken"}


# --- certificates ---------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ca.pem, and <name>.pem with its <name>.key for `server` (127.0.0.1) and `client`."""
    folder = tmp_path_factory.mktemp("authority")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return folder


def serving_side(authority: Path, mutual: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority / "ca.pem"))
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
    return context


def ours(authority: Path, mutual: bool) -> TlsConfig:
    client = {"certificate": authority / "client.pem", "key": authority / "client.key"} if mutual else {}
    return TlsConfig(ca=authority / "ca.pem", **client)


@pytest.mark.parametrize("mutual", [False, True])
def test_dicomweb_encrypted(authority: Path, tmp_path: Path, mutual: bool) -> None:
    with serving(Web(head("a")), serving_side(authority, mutual)) as web:
        assert reasons(retrieve(asked("a"), web_config(web.url, tls=ours(authority, mutual)), tmp_path / "good")) == {}
        with pytest.raises(SourceUnreachable) as refused:
            retrieve(asked("a"), web_config(web.url, tls=ours(authority, False) if mutual else TlsConfig()), tmp_path / "bad")
        assert "\n" not in str(refused.value)


@pytest.fixture(params=[False, True], ids=["one-sided", "mutual"])
def encrypted(authority: Path, request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    served, entity = Archive(), AE("ARCHIVE")
    for context in (FIND, GET):
        entity.add_supported_context(context)
    entity.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_FIND, served.find), (evt.EVT_C_GET, served.get)]
    context = serving_side(authority, request.param)
    server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=context)
    yield server.socket.getsockname()[1], request.param
    server.shutdown()


def test_dimse_encrypted(authority: Path, encrypted: tuple[int, bool], tmp_path: Path) -> None:
    port, mutual = encrypted

    def config(tls: TlsConfig | None) -> RetrieveConfig:
        return RetrieveConfig(source="dimse", dimse=DimseConfig(host="127.0.0.1", port=port, called="ARCHIVE", tls=tls), courtesy=QUICK)

    assert reasons(retrieve(asked("a"), config(ours(authority, mutual)), tmp_path / "good")) == {}
    for bad in (None, ours(authority, False) if mutual else TlsConfig()):
        with pytest.raises(SourceUnreachable):
            retrieve(asked("a"), config(bad), tmp_path / "bad")
