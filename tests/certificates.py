"""Certificates of an authority that lives as long as a test run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain, and its private key, as PEM files. ``both`` is one file, as Kafka likes it."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Issues certificates into ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, *names: str, common_name: str, key_password: str = "") -> Identity:
        """``names`` are hosts, IP addresses or mail addresses."""
        issued = self._ca.issue_cert(*names, common_name=common_name)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        locked = (
            serialization.BestAvailableEncryption(key_password.encode())
            if key_password
            else serialization.NoEncryption()
        )
        # PKCS #8: Kafka reads no other form.
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        return Identity(
            self._write(f"{common_name}.crt", chain),
            self._write(f"{common_name}.key", pem),
            self._write(f"{common_name}.pem", pem + chain),
        )

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path
