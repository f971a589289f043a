"""Where audiences go. One module a platform; each holds only what is particular to it."""

from activation.destinations.api import ApiDestination
from activation.destinations.base import Change, Destination, Outcome, Payload
from activation.destinations.google_customer_match import GoogleCustomerMatch
from activation.destinations.google_data_manager import GoogleDataManager
from activation.destinations.hubspot import HubSpot, HubSpotTasks
from activation.destinations.klaviyo import Klaviyo
from activation.destinations.linkedin import LinkedInApi, LinkedInFile
from activation.destinations.mailchimp import Mailchimp
from activation.destinations.mailchimp_api import MailchimpApi
from activation.destinations.meta_custom_audience import MetaCustomAudience
from activation.destinations.meta_marketing_api import MetaMarketingApi
from activation.destinations.microsoft import MicrosoftApi, MicrosoftFile
from activation.destinations.odoo import OdooLeads
from activation.destinations.pinterest import PinterestApi, PinterestFile
from activation.destinations.places import S3, PlaceDestination, Sftp
from activation.destinations.plain import KlaviyoFile, PlainFile
from activation.destinations.salesforce import Salesforce, SalesforceMarketingFile, SalesforceTasks
from activation.destinations.sendgrid import SendGrid
from activation.destinations.tiktok import TikTokApi, TikTokFile
from activation.destinations.webhook import Webhook

#: Destinations by platform: those that take files, those that are called, and places for files of any format.
DESTINATIONS: dict[str, Destination] = {
    destination.platform: destination
    for destination in (
        GoogleCustomerMatch(), MetaCustomAudience(), TikTokFile(), LinkedInFile(), PinterestFile(), MicrosoftFile(), Mailchimp(), KlaviyoFile(),
        SalesforceMarketingFile(), PlainFile(),
        GoogleDataManager(), MetaMarketingApi(), TikTokApi(), LinkedInApi(), PinterestApi(), MicrosoftApi(),
        MailchimpApi(), Klaviyo(), HubSpot(), HubSpotTasks(), SendGrid(), Salesforce(), SalesforceTasks(), OdooLeads(), Webhook(),
        Sftp(), S3(),
    )
}  # fmt: skip

__all__ = ["DESTINATIONS", "ApiDestination", "Change", "Destination", "Outcome", "Payload", "PlaceDestination"]
