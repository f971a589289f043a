"""Meta Custom Audience, upload file of hashed identifiers.

Headers and normal forms: Meta's customer-information parameters; value columns are SHA-256. Phones are digits with
country code; names keep letters of any script; a US zip is its first five digits.
"""

from __future__ import annotations

from typing import Any

from activation import hashing
from activation.destinations.base import Destination, Payload


class MetaCustomAudience(Destination):
    """Rows of hashed e-mail, phone, name, place and birth date."""

    platform = "meta_custom_audience"
    columns = ("email", "phone", "fn", "ln", "ct", "st", "country", "zip", "doby", "dobm", "dobd")
    needs = "an e-mail or a phone"
    min_list_size = 100

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return the row of a customer."""
        born = customer["birth_date"]
        normal = {
            "email": hashing.meta_email(customer["email"]),
            "phone": hashing.meta_phone(customer["phone"]),
            "fn": hashing.meta_name(customer["given_name"]),
            "ln": hashing.meta_name(customer["surnames"]),
            "ct": hashing.meta_place(customer["city"]),
            "st": hashing.meta_place(customer["region"]),
            "country": hashing.meta_country(customer["country"]),
            "zip": hashing.meta_zip(customer["postcode"], customer["country"]),
            "doby": f"{born:%Y}" if born else None,
            "dobm": f"{born:%m}" if born else None,
            "dobd": f"{born:%d}" if born else None,
        }
        if not (normal["email"] or normal["phone"]):
            return None
        return {column: hashing.sha256(value) or "" for column, value in normal.items()}
