"""Exports are fetched from a real SSH server and an S3 store, only when they are whole, and only once."""

from __future__ import annotations

import json
import os
import time

import pytest

from ingest.arrivals import Arrival, Connection, fetch, load_arrivals
from warehouse.errors import CdpError, DeclarationError

GOOD = b"id,total\n1,5\n"


def arrival(**more):
    return Arrival.model_validate(
        {"description": "x", "protocol": "local", "folder": "/x", "into": "shop", "settle_s": 0.2, **more}
    )


def fetched(workspace):
    return {p.name: p.read_bytes() for p in sorted((workspace / "inbox" / "shop").glob("*"))}


def sftp_connection(home, port, host_key="host"):
    public = " ".join((home / f"{host_key}.pub").read_text().split()[:2])
    user = os.environ.get("USER") or "root"
    return Connection("127.0.0.1", port, user, "", {"key_file": str(home / "client"), "host_key": public})


def test_files_come_from_an_ssh_server_once_and_changed_ones_again(ssh_server, workspace):
    home, port = ssh_server
    declared = arrival(protocol="sftp", connection="erp", folder=str(home / "out"), files=["*.csv", "*.csv.gz"])
    (home / "out" / "sales.csv").write_bytes(GOOD)
    (home / "out" / "año nuevo.csv").write_bytes(GOOD * 3)
    (home / "out" / "readme.txt").write_bytes(b"no")
    (home / "out" / "going.csv.part").write_bytes(b"no")
    (home / "out" / "empty.csv").write_bytes(b"")

    def once():
        return fetch("erp", declared, lambda _: sftp_connection(home, port))

    first = once()
    assert fetched(workspace) == {"sales.csv": GOOD, "año nuevo.csv": GOOD * 3}
    assert (first.rows_out, first.facts["still_arriving"]) == (2, 1)
    assert once().rows_out == 0
    time.sleep(1.1)  # the protocol tells whole seconds
    (home / "out" / "sales.csv").write_bytes(GOOD + b"2,7\n")
    assert once().rows_out == 1
    assert fetched(workspace)["sales.csv"].endswith(b"2,7\n")
    assert (home / "out" / "sales.csv").exists()


def test_a_server_that_is_not_the_known_one_is_not_talked_to(ssh_server, workspace):
    home, port = ssh_server
    declared = arrival(protocol="sftp", connection="erp", folder=str(home / "out"))
    with pytest.raises(CdpError) as refused:
        fetch("erp", declared, lambda _: sftp_connection(home, port, "stranger"))

    assert "BadHostKey" in str(refused.value) and "ssh-ed25519" not in str(refused.value)
    assert not list((workspace / "inbox").rglob("*.csv"))


def test_with_a_marker_only_marked_files_come(ssh_server, workspace):
    home, port = ssh_server
    folder = home / "marked"
    folder.mkdir(exist_ok=True)
    for name in ("a.csv", "b.csv", "a.csv.ok"):
        (folder / name).write_bytes(GOOD)
    declared = arrival(protocol="sftp", connection="erp", folder=str(folder), marker="{name}.ok")
    result = fetch("marked", declared, lambda _: sftp_connection(home, port))

    assert set(fetched(workspace)) == {"a.csv"} and result.facts["still_arriving"] == 1


@pytest.fixture(scope="module")
def s3_store():
    """An S3 server on loopback; ends with the tests."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_files_come_from_an_s3_compatible_store(s3_store, workspace):
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3_store, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
    )
    client.create_bucket(Bucket="exports")
    client.put_object(Bucket="exports", Key="shop/daily/orders.csv", Body=GOOD)
    client.put_object(Bucket="exports", Key="shop/daily/deeper/other.csv", Body=GOOD)
    declared = arrival(protocol="s3", connection="bucket", folder="exports/shop/daily", files=["*.csv"])
    connection = Connection(login="k", password="s", extra={"endpoint_url": s3_store})

    assert fetch("bucket", declared, lambda _: connection).rows_out == 1
    assert fetch("bucket", declared, lambda _: connection).rows_out == 0
    assert fetched(workspace) == {"orders.csv": GOOD}
    client.put_object(Bucket="exports", Key="shop/daily/orders.csv", Body=GOOD * 2)
    assert fetch("bucket", declared, lambda _: connection).rows_out == 1


def test_a_file_that_still_grows_is_left_for_the_next_time(workspace, tmp_path, monkeypatch):
    import threading

    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.csv").write_bytes(GOOD)
    (folder / "b.csv").write_bytes(GOOD)

    def grow():
        time.sleep(0.15)
        with (folder / "b.csv").open("ab") as handle:
            handle.write(b"2,7\n")

    threading.Thread(target=grow).start()
    result = fetch("local", arrival(folder=str(folder), settle_s=0.6), lambda _: Connection())

    assert set(fetched(workspace)) == {"a.csv"} and result.facts["still_arriving"] == 1
    assert fetch("local", arrival(folder=str(folder)), lambda _: Connection()).rows_out == 1


def test_a_crash_after_the_copy_repeats_nothing(workspace, tmp_path, monkeypatch):
    from ingest.land import land
    from quality.contract import Contract

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").write_bytes(GOOD)
    monkeypatch.setenv("CDP_FAULT", "fetch.after_copy:raise")
    with pytest.raises(CdpError, match="InjectedFault"):
        fetch("local", arrival(folder=str(tmp_path / "out")), lambda _: Connection())
    monkeypatch.delenv("CDP_FAULT")
    contract = Contract.model_validate(
        {
            "source": "shop",
            "table": "t",
            "description": "x",
            "path": "shop/*.csv",
            "grain": "x",
            "key": ["id"],
            "columns": {"id": {}},
        }
    )
    assert land(contract).rows_in == 1
    fetch("local", arrival(folder=str(tmp_path / "out")), lambda _: Connection())
    assert land(contract).rows_in == 0


def test_an_unreachable_store_is_one_sentence_without_secrets(workspace):
    declared = arrival(protocol="sftp", connection="erp", folder="/out")
    secret = Connection("127.0.0.1", 9, "user", "s3cr3t")
    with pytest.raises(CdpError) as refused:
        fetch("erp", declared, lambda _: secret)

    assert "Check connection 'erp'" in str(refused.value) and "s3cr3t" not in str(refused.value) + repr(secret)


def test_a_remote_arrival_needs_a_connection(tmp_path):
    (tmp_path / "erp.yml").write_text("description: x\nprotocol: sftp\nfolder: /out\ninto: erp\n")
    with pytest.raises(DeclarationError, match="needs 'connection'"):
        load_arrivals((tmp_path,))


def test_the_command_takes_credentials_from_airflow_s_connections(s3_store, workspace, cdp):
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3_store, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
    )
    client.create_bucket(Bucket="nightly")
    client.put_object(Bucket="nightly", Key="a.csv", Body=GOOD)
    (workspace / "arrivals").mkdir()
    (workspace / "arrivals" / "nightly.yml").write_text(
        "description: x\nprotocol: s3\nconnection: nightly\nfolder: nightly\ninto: shop\nsettle_s: 0\n"
    )
    connection = json.dumps({"conn_type": "aws", "login": "k", "password": "s", "extra": {"endpoint_url": s3_store}})
    home = workspace / "airflow"
    done = cdp(
        workspace,
        "fetch",
        CDP_ARRIVALS=str(workspace / "arrivals"),
        AIRFLOW_CONN_NIGHTLY=connection,
        AIRFLOW_HOME=str(home),
    )

    assert "fetched=1" in done.stdout and set(fetched(workspace)) == {"a.csv"}
    missing = cdp(workspace, "fetch", check=False, CDP_ARRIVALS=str(workspace / "arrivals"), AIRFLOW_HOME=str(home))
    assert missing.returncode == 1 and "connection 'nightly' is not known" in missing.stderr


def test_local_files_wait_until_they_are_whole(workspace, monkeypatch):
    from ingest.land import land
    from quality.contract import Contract

    fields = {
        "source": "shop",
        "table": "t",
        "description": "x",
        "path": "shop/*",
        "grain": "x",
        "key": ["id"],
        "columns": {"id": {}},
    }
    (workspace / "inbox" / "shop").mkdir()
    path = workspace / "inbox" / "shop" / "a.csv"
    path.write_bytes(GOOD)
    marked = Contract.model_validate({**fields, "marker": "{name}.ok"})
    assert land(marked).facts["still_arriving"] == 1
    path.with_name("a.csv.ok").touch()
    assert land(marked).rows_out == 1

    monkeypatch.setenv("CDP_SETTLE_S", "1.5")
    import threading

    young = path.with_name("b.csv")
    young.write_bytes(GOOD)

    def grow():
        time.sleep(0.5)
        young.write_bytes(GOOD * 2)

    threading.Thread(target=grow).start()
    plain = Contract.model_validate({**fields, "table": "u", "path": "shop/*.csv"})
    assert land(plain).facts["still_arriving"] == 1
    assert land(plain).facts.get("still_arriving") is None
