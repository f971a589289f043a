"""Records that no well-behaved system would send: the run ends in bounded time, and says what it set aside."""

from __future__ import annotations

import hashlib
import resource
import time
from datetime import date

import pytest

from identity.cluster import cluster_records
from identity.declared import rules_in_force
from identity.link import link_records
from identity.standardise import standardise
from warehouse.duck import count, rows

ONE_ADDRESS, CLONES = 100_000, 10_000
ODD = [
    {"id": "emoji", "given": "😀 Ana 🎉", "family": "Núñez 🐍", "email": "ana.nunez@correo.example", "country": "ES"},
    {"id": "plain", "given": "Ana", "family": "Núñez", "email": "ana.nunez@correo.example", "country": "ES"},
    {"id": "right-to-left", "given": "\u200fمحمد\u200e", "family": "العلي", "email": "m.ali@correo.example", "country": "ES"},
    {"id": "control", "given": "Lu\x00is\x07\u200b", "family": "Mo\tra\r\n", "phone": "\x0055 1234 5678", "country": "MX"},
    {"id": "long", "given": "Zoe " * 1250, "family": "X" * 5000, "email": "z" * 5000 + "@correo.example", "country": "GB"},
    {"id": "punctuation", "given": "'; DROP TABLE x; --", "family": '"', "email": '""@@', "phone": "+++", "country": "??"},
    {"id": "nothing", "given": " ", "family": "-", "email": "", "phone": "0"},
]  # fmt: skip


@pytest.mark.parametrize("kind", ["one address", "clones"])
def test_a_hundred_thousand_records_of_one_address_and_ten_thousand_clones_end_in_bounded_time(
    workspace, warehouse_with, kind
):
    three = ("Ana", "Luis", "Eva")
    if kind == "one address":
        bad = [
            {"id": str(i), "given": three[i % 3], "family": f"Uno{i % 9973} Dos{i % 7919}", "email": "ventas.web@tienda.example"}
            for i in range(ONE_ADDRESS)
        ]  # fmt: skip
    else:
        same = {"given": "Ana", "family": "Núñez Gil", "email": "ana@x.example", "phone": "+34600111222", "city": "Cádiz",
                "postcode": "11001", "country": "ES"}  # fmt: skip
        bad = [{**same, "id": str(i)} for i in range(CLONES)]
    letters = [
        hashlib.md5(str(i // 2).encode()).hexdigest().translate(str.maketrans("0123456789", "ghijklmnop"))
        for i in range(40)
    ]
    good = [{"id": f"g{i}", "given": "Íñigo", "family": letters[i][:9], "email": f"{letters[i][9:17]}@z.example", "country": "ES",
             "postcode": f"{48000 + i // 2}", "city": letters[i][17:24]} for i in range(40)]  # fmt: skip
    con = warehouse_with([*bad, *good, *ODD])
    standardise(con, date(2026, 11, 1))
    started = time.perf_counter()
    result = link_records(con)
    cluster_records(con)
    assert time.perf_counter() - started < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 < 6_000
    # What was set aside is said, by rule and number of records; the others are resolved as ever.
    assert result.facts["blocks_left_out"]["email_key"] == len(bad)
    together = rows(
        con,
        "SELECT cluster_key FROM identity.clusters WHERE record_key LIKE 'crm_people:g%' GROUP BY 1 HAVING count(*) = 2",
    )
    assert len(together) == 20
    assert count(con, "identity.clusters") == len(bad) + len(good) + len(ODD) - 1
    con.close()


def test_odd_letters_and_empty_columns_are_resolved_or_stay_themselves(workspace, warehouse_with):
    everywhere = [
        {"id": f"v{i}", "given": "Ana", "family": f"Soto{i}", "phone": "+34600000000", "city": "Lima", "country": "PE"}
        for i in range(300)
    ]
    con = warehouse_with([*ODD, *everywhere])
    standardise(con, date(2026, 11, 1))
    link_records(con)
    cluster_records(con)
    found = {r["record_key"].removeprefix("crm_people:"): r["cluster_key"] for r in rows(con, "FROM identity.clusters")}
    assert found["emoji"] == found["plain"]
    assert len({found[odd["id"]] for odd in ODD if odd["id"] in found}) == len(ODD) - 2
    assert "nothing" not in found
    # One value in every row tells nobody apart from anybody.
    assert len({found[f"v{i}"] for i in range(300)}) == 300
    assert rules_in_force().max_block_records < 300
    con.close()
