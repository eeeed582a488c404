"""Secrets by reference, and TLS with the server's certificate always checked."""

from __future__ import annotations

import os
import ssl
import stat

from ichset.config import SecretConfig, TlsConfig
from ichset.errors import ConfigError


def secret_of(config: SecretConfig, key: str) -> str:
    """The secret itself. Raises ConfigError; its words never hold it."""
    if config.env is not None:
        value = os.environ.get(config.env, "")
        if not value:
            raise ConfigError(f"{key}.env: the environment variable {config.env} is not set")
        return value
    path = config.file
    if path is None or not path.is_file():
        raise ConfigError(f"{key}.file: {path}: no such file")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{key}.file: others can read {path}; run: chmod 600 {path}")
    try:
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{key}.file: {path} cannot be read ({type(error).__name__})") from None
    if not value:
        raise ConfigError(f"{key}.file: {path} is empty")
    return value


def tls_context(config: TlsConfig, key: str, server: bool = False) -> ssl.SSLContext:
    """TLS 1.2 or newer. As a server (C-MOVE's receiver) the archive must show a certificate when `ca` is set."""
    if config.key is not None and config.certificate is None:
        raise ConfigError(f"{key}.certificate: missing beside {key}.key")
    try:
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        context = ssl.create_default_context(purpose, cafile=str(config.ca) if config.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.certificate:
            context.load_cert_chain(str(config.certificate), str(config.key) if config.key else None)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or error.strerror
        raise ConfigError(f"{key}: certificate files cannot be used ({type(error).__name__}: {why})") from None
    if server and config.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
