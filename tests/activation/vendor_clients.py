"""What vendors' own clients send when they are asked for the same as we are: run by `test_vendor_clients.py` in an environment of its own.

Standard input: requests of ours by name, as JSON. Standard output: by the same names, what the vendor's client sent to a server on loopback.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

taken: list[dict] = []


class Server(BaseHTTPRequestHandler):
    """Writes down what comes."""

    def log_message(self, *_):
        pass

    def handle_any(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        is_form = "form-urlencoded" in (self.headers.get("Content-Type") or "")
        body = {k: v[0] for k, v in parse_qs(raw).items()} if is_form else json.loads(raw) if raw else None
        url = urlsplit(self.path)
        headers = {k.lower(): v for k, v in self.headers.items()}
        taken.append(
            {
                "method": self.command,
                "path": unquote(url.path),
                "query": parse_qs(url.query),
                "body": body,
                "headers": headers,
            }
        )
        answer = json.dumps({"data": [], "results": [], "requestId": "r1", "id": "1"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any  # noqa: N815


def google(port, asked):
    from google.ads import datamanager_v1
    from google.ads.datamanager_v1.services.ingestion_service.transports.rest import IngestionServiceRestTransport
    from google.auth.credentials import AnonymousCredentials
    from google.protobuf import json_format

    transport = IngestionServiceRestTransport(
        host=f"127.0.0.1:{port}", url_scheme="http", credentials=AnonymousCredentials()
    )
    client = datamanager_v1.IngestionServiceClient(transport=transport)
    calls = {
        "google add": (datamanager_v1.IngestAudienceMembersRequest, client.ingest_audience_members),
        "google remove": (datamanager_v1.RemoveAudienceMembersRequest, client.remove_audience_members),
        "google events": (datamanager_v1.IngestEventsRequest, client.ingest_events),
    }
    for name, (message, call) in calls.items():
        # A field that the client does not know, or of another type, is an error here.
        request = message.wrap(json_format.ParseDict(asked[name]["body"], message.pb(message())))
        call(request=request)
        sent = message.pb(message())
        json_format.ParseDict(taken[-1]["body"], sent)
        taken[-1]["body"] = json_format.MessageToDict(sent)
        yield name


def klaviyo(port, asked):
    from klaviyo_api import KlaviyoAPI

    client = KlaviyoAPI("pk_x", max_delay=1, max_retries=1, test_host=f"http://127.0.0.1:{port}")
    calls = {
        "klaviyo add": lambda a: client.Profiles.bulk_import_profiles(a["body"]),
        "klaviyo remove": lambda a: client.Lists.remove_profiles_from_list(a["path"].split("/")[3], a["body"]),
        "klaviyo find": lambda a: client.Profiles.get_profiles(
            filter=a["query"]["filter"][0], fields_profile=["email"], page_size=100
        ),
        "klaviyo status": lambda a: client.Profiles.get_bulk_import_profiles_job(a["path"].split("/")[3]),
    }
    for name, call in calls.items():
        before = len(taken)
        try:
            call(asked[name])
        except Exception:
            # The client wants a whole answer of its server; what it sent is what counts here.
            if len(taken) == before:
                raise
        yield name


def hubspot(port, asked):
    from hubspot.crm import contacts, lists, objects
    from hubspot.crm.associations import v4

    def made(package, api):
        configuration = package.Configuration()
        configuration.access_token = "x"
        configuration.host = f"http://127.0.0.1:{port}"
        return api(package.ApiClient(configuration))

    class Answer:
        def __init__(self, body):
            self.data = json.dumps(body)

    def as_model(package, name, body):
        # Read as the client reads an answer: a part that it does not know is lost, a wrong type or a missing part is an error.
        return package.ApiClient().deserialize(Answer(body), name)

    read, upsert = "BatchReadInputSimplePublicObjectId", "BatchInputSimplePublicObjectBatchInputUpsert"
    people, members = made(contacts, contacts.BatchApi), made(lists, lists.MembershipsApi)
    things, ties = made(objects, objects.BatchApi), made(v4, v4.BatchApi)
    tie = "BatchInputPublicDefaultAssociationMultiPost"
    calls = {
        "hubspot upsert": lambda a: people.upsert(as_model(contacts, upsert, a["body"])),
        "hubspot read": lambda a: people.read(as_model(contacts, read, a["body"])),
        "hubspot join": lambda a: members.add(a["path"].split("/")[4], a["body"]),
        "hubspot leave": lambda a: members.remove(a["path"].split("/")[4], a["body"]),
        "hubspot tasks": lambda a: things.upsert("tasks", as_model(objects, upsert, a["body"])),
        "hubspot tie": lambda a: ties.create_default("tasks", "contacts", as_model(v4, tie, a["body"])),
    }
    for name, call in calls.items():
        before = len(taken)
        try:
            call(asked[name])
        except Exception:
            if len(taken) == before:
                raise
        yield name


def meta(port, asked):
    from facebook_business.adobjects.customaudience import CustomAudience
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.user_data import UserData
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    FacebookSession.GRAPH = f"http://127.0.0.1:{port}"
    api = FacebookAdsApi.init(access_token="x", api_version="v25.0")
    for name, verb in (("meta add", "add_users"), ("meta remove", "remove_users")):
        body, audience = asked[name]["body"], asked[name]["path"].split("/")[2]
        getattr(CustomAudience(audience, api=api), verb)(
            schema=body["payload"]["schema"],
            users=body["payload"]["data"],
            is_raw=True,
            pre_hashed=True,
            session=body["session"],
        )
        sent = taken[-1]
        told = sent["body"] or {k: v[0] for k, v in sent["query"].items()}
        sent["body"] = {key: json.loads(told[key]) for key in ("payload", "session")}
        yield name
    name = "meta sessions"
    wanted = asked[name]["query"]
    CustomAudience(asked[name]["path"].split("/")[2], api=api).get_sessions(
        fields=wanted["fields"][0].split(","), params={"session_id": wanted["session_id"][0]}
    )
    yield name
    # Events are put in shape by the client itself; it knows what is hashed already.
    shaped = []
    fields = {"em": "emails", "ph": "phones", "fn": "first_names", "ln": "last_names", "ct": "cities", "st": "states",
              "country": "country_codes", "zp": "zip_codes"}  # fmt: skip
    for event in asked["meta events"]["body"]["data"]:
        user = UserData(**{fields[k]: v for k, v in event["user_data"].items()})
        more = {k: event[k] for k in ("event_name", "event_time", "event_id")}
        custom = CustomData(**event["custom_data"])
        shaped.append(Event(user_data=user, custom_data=custom, **more).normalize())
    taken.append(
        {"method": "POST", "path": asked["meta events"]["path"], "query": {}, "body": {"data": shaped}, "headers": {}}
    )
    yield "meta events"


def main():
    asked = json.load(sys.stdin)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {}
    for vendor in (google, klaviyo, hubspot, meta):
        for name in vendor(server.server_port, asked):
            found[name] = taken[-1]
    server.shutdown()
    json.dump(found, sys.stdout, default=str)


if __name__ == "__main__":
    main()
