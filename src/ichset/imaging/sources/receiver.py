"""Instances that an archive sends to us: under C-GET on its own association, under C-MOVE to a receiver of our own."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from pydicom.uid import CTImageStorage

from ichset.config import DimseConfig
from ichset.errors import SourceUnreachable
from ichset.imaging.sources.credentials import tls_context

SYNTAXES = [
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
]  # fmt: skip
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700


def keep(event: Any, spool: Path) -> int:
    """Write what was sent, as it was encoded; the name says nothing, the caller looks into the file."""
    try:
        (spool / f"{secrets.token_hex(16)}.dcm").write_bytes(event.encoded_dataset())
    except OSError:
        return OUT_OF_RESOURCES
    return SUCCESS


class Receiver:
    """Our own storage provider, open while one C-MOVE runs."""

    def __init__(self, config: DimseConfig, spool: Path, timeout: float) -> None:
        self._config, self._spool, self._timeout = config, spool, timeout

    def __enter__(self) -> Receiver:
        from pynetdicom import AE, evt

        entity = AE(ae_title=self._config.calling)
        entity.require_called_aet = True
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self._timeout
        for syntax in SYNTAXES:
            entity.add_supported_context(CTImageStorage, syntax)
        tls = None if self._config.tls is None else tls_context(self._config.tls, "retrieve.dimse.tls", server=True)
        place = (self._config.receive_on, self._config.receive_port)
        try:
            self._server: Any = entity.start_server(place, block=False, evt_handlers=[(evt.EVT_C_STORE, keep, [self._spool])], ssl_context=tls)
        except OSError as error:
            raise SourceUnreachable(
                f"retrieve.dimse.receive_port: {self._config.receive_on}:{self._config.receive_port} cannot be listened on ({error.strerror})"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
