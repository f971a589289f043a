"""Mailchimp, import file of contacts.

Plain text, since the platform sends to these addresses. The import adds and updates; it never revives a member who
unsubscribed, which the platform refuses by itself and consent has refused before.
"""

from __future__ import annotations

from typing import Any

from activation import hashing
from activation.cells import name_cell, typed
from activation.destinations.base import Destination, Payload


class Mailchimp(Destination):
    """Rows of e-mail, names and phone, with the list's name as tag."""

    platform = "mailchimp"
    columns = ("Email Address", "First Name", "Last Name", "Phone Number")
    needs = "an e-mail"

    def payload(self, customer: dict[str, Any]) -> Payload | None:
        """Return the row of a customer."""
        email = typed(hashing.meta_email(customer["email"]), "email")
        if not email:
            return None
        return {
            "Email Address": email,
            "First Name": name_cell(customer["given_name"]),
            "Last Name": name_cell(customer["surnames"]),
            "Phone Number": typed(hashing.e164(customer["phone"]), "e164"),
        }
