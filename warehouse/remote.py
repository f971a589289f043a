"""Stores of files elsewhere, through fsspec: SFTP servers that are known by their key, and S3-compatible stores.

`extra` is that of an Airflow connection: `key_file` or `private_key` and `host_key` for SFTP, `endpoint_url` and `region_name` for S3.
"""

from __future__ import annotations

import io
from typing import Any

import fsspec

from warehouse.errors import CdpError

TIMEOUT_S = 20


def open_s3(login: str, password: str, extra: dict[str, Any]) -> Any:
    """Open an S3-compatible store."""
    return fsspec.filesystem(
        "s3", key=login or None, secret=password or None, skip_instance_cache=True, use_listings_cache=False,
        client_kwargs={"endpoint_url": extra.get("endpoint_url"), "region_name": extra.get("region_name", "us-east-1")},
    )  # fmt: skip


def open_sftp(host: str, port: int | None, login: str, password: str, extra: dict[str, Any]) -> Any:
    """Open SFTP and know the server: by the key that the connection pins, or by the user's known hosts.

    Raises:
        CdpError: a key of the connection cannot be read.
    """
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    options: dict[str, Any] = {
        "username": login, "port": port or 22, "timeout": TIMEOUT_S, "banner_timeout": TIMEOUT_S, "auth_timeout": TIMEOUT_S,
    }  # fmt: skip
    if key := extra.get("private_key"):
        options |= {"pkey": _key(str(key), password), "look_for_keys": False, "allow_agent": False}
    elif path := extra.get("key_file"):
        options |= {"key_filename": path, "look_for_keys": False, "allow_agent": False}
        options |= {"passphrase": password} if password else {}
    elif password:
        options["password"] = password
    host_key = extra.get("host_key")

    class KnownServer(SFTPFileSystem):  # type: ignore[misc]
        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            if host_key:
                kind, _, packed = host_key.partition(" ")
                entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{_name(self.host, options['port'])} {kind} {packed}")
                if entry is None or entry.key is None:
                    raise CdpError("the connection's host_key is not a public key, expected '<type> <base64>'")
                self.client.get_host_keys().add(_name(self.host, options["port"]), entry.key.get_name(), entry.key)
            else:
                self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    return KnownServer(host, skip_instance_cache=True, **options)


def _name(host: str, port: int) -> str:
    return host if port == 22 else f"[{host}]:{port}"


def _key(text: str, passphrase: str) -> Any:
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase or None)
        except paramiko.SSHException:
            continue
    raise CdpError("the connection's private_key is no key of Ed25519, ECDSA or RSA, or its passphrase is wrong")
