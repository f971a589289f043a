"""Where audiences go. One module a platform; each holds only what is particular to it."""

from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome, Payload
from activation.destinations.google_customer_match import GoogleCustomerMatch
from activation.destinations.google_data_manager import GoogleDataManager
from activation.destinations.klaviyo import Klaviyo
from activation.destinations.mailchimp import Mailchimp
from activation.destinations.mailchimp_api import MailchimpApi
from activation.destinations.meta_custom_audience import MetaCustomAudience
from activation.destinations.meta_marketing_api import MetaMarketingApi
from activation.destinations.webhook import Webhook

#: Destinations by platform: those that take files, and those that are called.
DESTINATIONS: dict[str, Destination] = {
    destination.platform: destination
    for destination in (
        GoogleCustomerMatch(), MetaCustomAudience(), Mailchimp(), GoogleDataManager(), MetaMarketingApi(), MailchimpApi(), Klaviyo(), Webhook(),
    )
}  # fmt: skip

__all__ = ["DESTINATIONS", "ApiDestination", "Change", "Destination", "Outcome", "Payload"]
