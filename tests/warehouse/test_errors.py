"""Nothing personal leaks sideways through an exception."""

from __future__ import annotations

import pytest

from warehouse.duck import connect
from warehouse.errors import CdpError, edge, redacted


@pytest.mark.parametrize(
    "text",
    [
        'Duplicate key "email: luis@correo.mx" violates',
        "Could not convert string 'doce luis@correo.mx' to INT32",
        "phone +52 55 1234 5678 bad",
    ],
)
def test_values_are_taken_out_of_messages(text):
    clean = redacted(text)

    assert "luis" not in clean and "1234" not in clean


def test_a_library_error_leaves_a_room_without_its_row(workspace):
    con = connect(":memory:")
    con.execute("CREATE TABLE t (email VARCHAR PRIMARY KEY)")
    con.execute("INSERT INTO t VALUES ('ana@correo.mx')")

    with pytest.raises(CdpError) as caught, edge("identity"):
        con.execute("INSERT INTO t VALUES ('ana@correo.mx')")

    assert str(caught.value).startswith("identity: ConstraintException")
    assert "ana@" not in str(caught.value) and caught.value.__cause__ is None


def test_our_own_sentences_pass_as_they_are():
    with pytest.raises(CdpError, match=r"^vip: 12 rows$"), edge("activation"):
        raise CdpError("vip: 12 rows")
