"""Files for any other tool: plain rows with the customer id, and Klaviyo's import file."""

from __future__ import annotations

from activation.destinations.base import Destination
from activation.destinations.mailchimp import Mailchimp


class PlainFile(Destination):
    """Rows of customer id and contact points, with whatever fields are declared."""

    platform = "csv"
    cells = {
        "customer_id": "customer_id", "email": Mailchimp.cells["Email Address"], "phone": Mailchimp.cells["Phone Number"],
        "given_name": Mailchimp.cells["First Name"], "surnames": Mailchimp.cells["Last Name"], "country": "cell_country(upper(form_text(country)))",
    }  # fmt: skip
    needed = "\"email\" <> '' OR \"phone\" <> ''"
    needs = "an e-mail or a phone"
    takes_fields = True


class KlaviyoFile(Destination):
    """Klaviyo's import file of profiles; headers are its own names of properties."""

    platform = "klaviyo_file"
    cells = {
        "Email": Mailchimp.cells["Email Address"], "First Name": Mailchimp.cells["First Name"], "Last Name": Mailchimp.cells["Last Name"],
        "Phone Number": Mailchimp.cells["Phone Number"], "External ID": "customer_id",
    }  # fmt: skip
    needed = "\"Email\" <> ''"
    needs = "an e-mail"
    takes_fields = True
