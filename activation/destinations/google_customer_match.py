"""Google Customer Match, upload file of hashed identifiers.

Headers and normal forms: Google Ads help 7659867 and 6276125: names, e-mail and phone are SHA-256, country and zip are plain, an address counts
only when whole. Consent has no column; it is declared when the file is uploaded.
"""

from __future__ import annotations

from activation.destinations.base import Destination


class GoogleCustomerMatch(Destination):
    """Rows of hashed e-mail, phone and address."""

    platform = "google_customer_match"
    cells = {
        "Email": "form_hash(google_mail(mail))", "Phone": "form_hash(tel)", "First Name": "form_hash(form_google_name(given_name))",
        "Last Name": "form_hash(form_google_name(surnames))", "Country": "cell_country(upper(form_text(country)))",
        "Zip": "cell_zip(form_text(postcode))",
    }  # fmt: skip
    together = ("First Name", "Last Name", "Country", "Zip")
    needed = "\"Email\" <> '' OR \"Phone\" <> '' OR \"Zip\" <> ''"
    needs = "an e-mail, a phone, or name with country and post code"
    min_list_size = 100
