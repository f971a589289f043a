"""Google Customer Match, upload file of hashed identifiers.

Headers and normal forms: Google Ads help 7659867 and 6276125: names, e-mail and phone are SHA-256, country and zip are plain, an address counts
only when whole. Consent has no column; it is declared when the file is uploaded.
"""

from __future__ import annotations

from activation.destinations.base import Destination

GIVEN, FAMILY = "form_hash(form_google_name(given_name))", "form_hash(form_google_name(surnames))"
COUNTRY, ZIP = "cell_country(upper(form_text(country)))", "cell_zip(form_text(postcode))"
IS_WHOLE = f"{GIVEN} IS NOT NULL AND {FAMILY} IS NOT NULL AND {COUNTRY} <> '' AND {ZIP} <> ''"


def of_address(sql: str) -> str:
    """Return a part of an address that is left out unless the address is whole."""
    return f"CASE WHEN {IS_WHOLE} THEN {sql} END"


class GoogleCustomerMatch(Destination):
    """Rows of hashed e-mail, phone and address."""

    platform = "google_customer_match"
    cells = {
        "Email": "form_hash(form_google_email(email))", "Phone": "form_hash(form_e164(phone))",
        "First Name": of_address(GIVEN), "Last Name": of_address(FAMILY), "Country": of_address(COUNTRY), "Zip": of_address(ZIP),
    }  # fmt: skip
    needed = "\"Email\" <> '' OR \"Phone\" <> '' OR \"Zip\" <> ''"
    needs = "an e-mail, a phone, or name with country and post code"
    min_list_size = 100
