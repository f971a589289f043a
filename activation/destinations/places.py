"""Places that take files in any platform's format: a folder of an SFTP server, and a prefix of an S3-compatible store.

Files are written under another name and renamed, the manifest with rows and checksums last: who waits for the manifest never reads half a file.
Putting the same plan again writes the same names and bytes. The list of a target is the folder or the prefix.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paramiko
import s3fs

from activation.connections import Connection
from activation.destinations.base import Destination
from activation.errors import Retryable, Terminal

TIMEOUT_S = 30.0


class PlaceDestination(Destination):
    """A place that files are put to; the rows are those of the target's format."""

    cells = {}
    needed = "true"
    needs = "nothing"
    takes_fields = True

    def put(self, connection: Connection, place: str, paths: Sequence[Path]) -> None:
        """Put files, in order; the last one is the manifest.

        Raises:
            Retryable: the place cannot be reached, or is full.
            Terminal: it does not let us in, or is not the server that is known.
        """
        raise TypeError(f"{type(self).__name__} must say how files are put")


class Sftp(PlaceDestination):
    """A folder of an SFTP server. The connection's extra holds `host_key` (one line of known_hosts) and, in place of a password, `private_key`."""

    platform = "sftp"

    def put(self, connection: Connection, place: str, paths: Sequence[Path]) -> None:
        """Put files under a name that ends in `.part`, then rename."""
        at = urlsplit(connection.base_url)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        _trust(client, at.hostname or "", at.port or 22, str(connection.extra.get("host_key", "")))
        try:
            client.connect(
                at.hostname or "", port=at.port or 22, username=connection.login, timeout=TIMEOUT_S, banner_timeout=TIMEOUT_S, auth_timeout=TIMEOUT_S,
                allow_agent=False, look_for_keys=False, **_credentials(connection),
            )  # fmt: skip
            sftp = client.open_sftp()
            folder = posixpath.join(at.path or ".", place)
            _make_folders(sftp, folder)
            for path in paths:
                target = posixpath.join(folder, path.name)
                sftp.put(str(path), f"{target}.part")
                sftp.posix_rename(f"{target}.part", target)
        except paramiko.AuthenticationException:
            raise Terminal("sftp: the credentials of its connection are not accepted") from None
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error) or isinstance(error, paramiko.BadHostKeyException):
                raise Terminal("sftp: the server's key is not the `host_key` of its connection") from None
            raise Retryable(f"sftp: {type(error).__name__}; it is tried again at the next run") from None
        except OSError as error:
            raise Retryable(f"sftp: {type(error).__name__}; it is tried again at the next run") from None
        finally:
            client.close()


def _credentials(connection: Connection) -> dict[str, Any]:
    key = connection.extra.get("private_key")
    if not key:
        return {"password": connection.secret}
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return {"pkey": kind.from_private_key(StringIO(str(key)), password=connection.secret or None)}
        except paramiko.SSHException:
            continue
    raise Terminal("sftp: `private_key` of its connection is no key of Ed25519, ECDSA or RSA")


def _trust(client: paramiko.SSHClient, host: str, port: int, line: str) -> None:
    """Trust the key of the connection and no other."""
    parts = line.split()
    if len(parts) < 2:
        raise Terminal("sftp: its connection needs `host_key`, the server's line of known_hosts")
    entry = paramiko.hostkeys.HostKeyEntry.from_line(" ".join([host, *parts[-2:]]))
    if entry is None or entry.key is None:
        raise Terminal("sftp: `host_key` of its connection cannot be read")
    name = host if port == 22 else f"[{host}]:{port}"
    client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _make_folders(sftp: paramiko.SFTPClient, folder: str) -> None:
    built = "/" if folder.startswith("/") else ""
    for part in folder.split("/"):
        if not part:
            continue
        built = posixpath.join(built, part)
        try:
            sftp.stat(built)
        except FileNotFoundError:
            sftp.mkdir(built)


class S3(PlaceDestination):
    """A prefix of a bucket; `base_url` is the endpoint, login and secret are the keys. Objects appear whole, so no renaming is needed."""

    platform = "s3"

    def put(self, connection: Connection, place: str, paths: Sequence[Path]) -> None:
        """Put files."""
        try:
            store = s3fs.S3FileSystem(
                key=connection.login, secret=connection.secret, endpoint_url=connection.base_url or None, use_listings_cache=False,
                skip_instance_cache=True, client_kwargs={"region_name": str(connection.extra.get("region", "us-east-1"))},
            )  # fmt: skip
            for path in paths:
                store.put_file(str(path), f"{place.strip('/')}/{path.name}")
        except PermissionError:
            raise Terminal("s3: the credentials of its connection are not accepted") from None
        except FileNotFoundError:
            raise Terminal("s3: the bucket is not there") from None
        except OSError as error:
            raise Retryable(f"s3: {type(error).__name__}; it is tried again at the next run") from None
