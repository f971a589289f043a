"""Where audiences go. One module a platform; each holds only what is particular to it."""

from activation.destinations.base import Change, Destination, Outcome, Payload
from activation.destinations.google_customer_match import GoogleCustomerMatch
from activation.destinations.mailchimp import Mailchimp
from activation.destinations.meta_custom_audience import MetaCustomAudience

DESTINATIONS: dict[str, Destination] = {
    destination.platform: destination for destination in (GoogleCustomerMatch(), MetaCustomAudience(), Mailchimp())
}

__all__ = ["DESTINATIONS", "Change", "Destination", "Outcome", "Payload"]
