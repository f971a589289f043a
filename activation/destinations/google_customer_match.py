"""Google Customer Match, upload file.

UTF-8; headers exactly as below; everything hashed but country and zip; an address counts only when all four parts are
there (Google Ads help, answers 7659867 and 7476159). Consent is declared in the upload form.
"""

from __future__ import annotations

from typing import Any

from activation import hashing
from activation.cells import typed
from activation.destinations.base import Destination, Payload


class GoogleCustomerMatch(Destination):
    """Rows of hashed e-mail, phone and address."""

    platform = "google_customer_match"
    columns = ("Email", "Phone", "First Name", "Last Name", "Country", "Zip")
    needs = "an e-mail, a phone, or name with country and post code"
    min_list_size = 100

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return the row of a customer."""
        address = {
            "First Name": hashing.sha256(hashing.google_name(customer["given_name"])) or "",
            "Last Name": hashing.sha256(hashing.google_name(customer["surnames"])) or "",
            "Country": typed((customer["country"] or "").upper(), "country"),
            "Zip": typed((customer["postcode"] or "").strip(), "zip"),
        }
        if not all(address.values()):
            address = dict.fromkeys(address, "")
        row = {
            "Email": hashing.sha256(hashing.google_email(customer["email"])) or "",
            "Phone": hashing.sha256(hashing.e164(customer["phone"])) or "",
            **address,
        }
        return row if any(row.values()) else None
