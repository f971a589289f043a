"""Mailchimp, import file of contacts.

Plain text, since the platform sends to these addresses. The import adds and updates; it never revives a member who
unsubscribed, which the platform refuses by itself and consent has refused before.
"""

from __future__ import annotations

from activation.destinations.base import Destination


class Mailchimp(Destination):
    """Rows of e-mail, names and phone, with the list's name as tag."""

    platform = "mailchimp"
    cells = {
        "Email Address": "cell_email(mail)", "First Name": "cell_name(given_name)", "Last Name": "cell_name(surnames)",
        "Phone Number": "tel",
    }  # fmt: skip
    needed = "\"Email Address\" <> ''"
    needs = "an e-mail"
    takes_fields = True
