"""Places that take files in any platform's format: a folder of an SFTP server, and a prefix of an S3-compatible store.

Files are written under another name and renamed, the manifest with rows and checksums last: who waits for the manifest never reads half a file.
Putting the same plan again writes the same names and bytes. The list of a target is the folder or the prefix.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import paramiko

from activation.connections import Connection
from activation.destinations.base import Destination
from activation.errors import Retryable, Terminal
from warehouse.remote import open_s3, open_sftp


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
    """A folder of an SFTP server."""

    platform = "sftp"

    def put(self, connection: Connection, place: str, paths: Sequence[Path]) -> None:
        """Put files under a name that ends in `.part`, then rename."""
        at = urlsplit(connection.base_url)
        try:
            store = open_sftp(at.hostname or "", at.port, connection.login, connection.secret, connection.extra)
            folder = posixpath.join(at.path or ".", place)
            store.makedirs(folder, exist_ok=True)
            for path in paths:
                target = posixpath.join(folder, path.name)
                store.put_file(str(path), f"{target}.part")
                store.ftp.posix_rename(f"{target}.part", target)
            store.client.close()
        except (paramiko.AuthenticationException, paramiko.BadHostKeyException):
            raise Terminal("sftp: the credentials or the host_key of its connection are not accepted") from None
        except paramiko.SSHException as error:
            if "known_hosts" in str(error):
                raise Terminal("sftp: the server is not known; its connection needs host_key") from None
            raise Retryable(f"sftp: {type(error).__name__}; it is tried again at the next run") from None
        except OSError as error:
            raise Retryable(f"sftp: {type(error).__name__}; it is tried again at the next run") from None


class S3(PlaceDestination):
    """A prefix of a bucket; login and secret are the keys. Objects appear whole, so no renaming is needed."""

    platform = "s3"

    def put(self, connection: Connection, place: str, paths: Sequence[Path]) -> None:
        """Put files."""
        try:
            endpoint = {"endpoint_url": connection.base_url} if connection.base_url else {}
            store = open_s3(connection.login, connection.secret, {**endpoint, **connection.extra})
            for path in paths:
                store.put_file(str(path), f"{place.strip('/')}/{path.name}")
        except PermissionError:
            raise Terminal("s3: the credentials of its connection are not accepted") from None
        except FileNotFoundError:
            raise Terminal("s3: the bucket is not there") from None
        except OSError as error:
            raise Retryable(f"s3: {type(error).__name__}; it is tried again at the next run") from None
