"""Meta Custom Audience, upload file of hashed identifiers.

Headers and normal forms: Meta's customer-information parameters; value columns are SHA-256. Phones are digits with country code; names keep
letters of any script; a US zip is its first five digits. A column `value`, declared as a field, is the value of a value-based seed.
"""

from __future__ import annotations

from activation.destinations.base import Destination

FORMS = {
    "email": "mail", "phone": "substr(tel, 2)", "fn": "form_meta_name(given_name)", "ln": "form_meta_name(surnames)",
    "ct": "form_meta_place(city)", "st": "form_meta_place(region)", "country": "form_country(country)",
    "zip": "form_meta_zip(postcode, country)", "doby": "strftime(birth_date, '%Y')", "dobm": "strftime(birth_date, '%m')",
    "dobd": "strftime(birth_date, '%d')",
}  # fmt: skip


class MetaCustomAudience(Destination):
    """Rows of hashed e-mail, phone, name, place and birth date."""

    platform = "meta_custom_audience"
    cells = {header: f"form_hash({sql})" for header, sql in FORMS.items()}
    needed = "\"email\" <> '' OR \"phone\" <> ''"
    needs = "an e-mail or a phone"
    min_list_size = 100
    takes_fields = True
