"""Who comes in, who may do what, and what a browser cannot be tricked into."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pytest
from fastapi.testclient import TestClient

from portal.app import make_app
from portal.policy import MAY, may
from portal.visit import Pages, check_policies, routes_of
from privacy import audit
from privacy.people import ROLES, add_user, change_user, users
from warehouse.errors import CdpError
from warehouse.operations import SessionRow, UserRow, session

PASSWORD = "una clave bastante larga"


def secret_of(client: TestClient, path: str = "/login") -> str:
    return re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)[1]


def test_every_route_says_who_may_call_it():
    app = make_app()
    assert len(routes_of(app)) > 40
    assert all(route.endpoint.policy in MAY for route in routes_of(app))


def test_a_route_without_a_policy_does_not_start():
    app = make_app()
    app.add_api_route("/bare", lambda: "hello")
    with pytest.raises(CdpError, match="/bare"):
        check_policies(app)
    with pytest.raises(KeyError):
        TestClient(_with_unknown_policy()).get("/x")


def _with_unknown_policy():
    from fastapi import FastAPI

    pages = Pages()

    @pages.page("/x", "no such thing")
    def x(request):
        return None

    app = FastAPI()
    app.include_router(pages)
    return app


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_let_in_where_its_policy_says_and_nowhere_else(enter, role):
    client = enter(role)
    for route in routes_of(make_app()):
        if "GET" not in route.methods or "{" in route.path or route.path.startswith(("/api/", "/static", "/login")):
            continue
        status = client.get(route.path).status_code
        assert (status == 200) == may(frozenset([role]), route.endpoint.policy), (route.path, status)


def test_nobody_sees_anything_without_signing_in(people):
    client = TestClient(make_app(), follow_redirects=False)
    for route in routes_of(make_app()):
        if route.path.startswith(("/api/", "/static", "/login", "/language")):
            continue
        path = re.sub(r"\{[^}]+\}", "1", route.path)
        method = "GET" if "GET" in route.methods else "POST"
        answer = client.request(method, path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login"), route.path


def test_a_wrong_password_and_a_wrong_name_look_alike(people):
    client = TestClient(make_app(), follow_redirects=False)
    for name, password in (("marketer", "wrong"), ("nobody", PASSWORD)):
        answer = client.post("/login", data={"csrf": secret_of(client), "name": name, "password": password})
        assert answer.headers["location"].startswith("/login?next=%2F&error=wrong")


def test_a_name_rests_after_five_failures_and_wakes_again(people, enter, monkeypatch):
    client = TestClient(make_app(), follow_redirects=False)
    for _ in range(5):
        client.post("/login", data={"csrf": secret_of(client), "name": "marketer", "password": "wrong"})
    right = {"csrf": secret_of(client), "name": "marketer", "password": PASSWORD}
    assert "error" in client.post("/login", data=right).headers["location"]

    monkeypatch.setenv("CDP_NOW", "2026-11-01T06:16:00+00:00")
    assert enter("marketer").get("/").status_code == 200


def test_a_session_ends_by_itself_when_somebody_leaves_and_when_they_are_let_go(enter, monkeypatch):
    client, other = enter("marketer"), enter("analyst")
    monkeypatch.setenv("CDP_NOW", "2026-11-01T08:01:00+00:00")
    assert client.get("/").url.path == "/login"

    monkeypatch.setenv("CDP_NOW", "2026-11-01T06:30:00+00:00")
    change_user("analyst", is_active=False)
    assert other.get("/").url.path == "/login"

    third = enter("steward")
    third.post("/logout")
    assert third.get("/").url.path == "/login"


def test_neither_password_nor_token_is_kept(people, enter):
    client = enter("marketer")
    token = client.cookies["session"]
    with session() as db:
        kept = [u.password_hash for u in db.query(UserRow)] + [s.token_hash for s in db.query(SessionRow)]
    assert all(PASSWORD not in text and token not in text for text in kept)
    assert all(text.startswith("$argon2id$") or len(text) == 64 for text in kept)


def test_a_change_needs_the_sessions_own_secret(enter):
    client = enter("admin")
    del client.headers["x-csrf-token"]
    form = {"name": "eve", "role": "admin"}
    assert client.post("/people/add", data=form).status_code == 403
    assert client.post("/people/add", data={**form, "csrf": "guessed"}).status_code == 403
    own = secret_of(client, "/people")
    elsewhere = client.post("/people/add", data={**form, "csrf": own}, headers={"origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert [u.name for u in users() if u.name == "eve"] == []
    assert client.post("/people/add", data={**form, "csrf": own}).status_code == 200
    assert [u.name for u in users() if u.name == "eve"] == ["eve"]


def test_the_last_administrator_stays(people):
    with pytest.raises(CdpError, match="last administrator"):
        change_user("admin", roles=["marketer"])
    add_user("second", ["admin"], PASSWORD)
    change_user("admin", is_active=False)


def test_pages_run_nothing_from_elsewhere_and_are_kept_nowhere(enter):
    client = enter("marketer")
    for path in ("/", "/customers", "/nothing-here"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?![^>]*src=)|\son[a-z]+=|style=", answer.text)
    cookie = client.post("/login").headers.get("set-cookie", "")
    assert "HttpOnly" in cookie or not cookie


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(enter, back):
    client = enter("marketer")
    answer = client.get("/language/en", params={"back": back}, follow_redirects=False)
    assert answer.headers["location"] == "/"
    assert client.get("/login", params={"next": back}, follow_redirects=False).headers["location"] == "/"


def test_a_broken_page_tells_a_number_and_no_person(enter, monkeypatch, caplog):
    from portal.pages import home

    def broken(*_):
        raise ValueError("no such person: maria.lopez@correo.example +525512345678")

    monkeypatch.setattr(home, "_head", broken)
    answer = enter("marketer").get("/")
    assert answer.status_code == 500 and "maria" not in answer.text and re.search(r"[0-9a-f]{8}", answer.text)
    assert "maria" not in caplog.text and "5512345678" not in caplog.text


def test_many_entries_at_once_leave_the_chain_whole(people):
    threads = [threading.Thread(target=audit.record, args=("marketer", "looked", f"C{n}", "test")) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(audit.entries(subject="C", limit=100)) >= 24
    assert audit.broken_rows() == []


class Company(BaseHTTPRequestHandler):
    """A sign-in that speaks OpenID Connect: discovery, keys, authorisation with PKCE, tokens signed with RS256."""

    waiting: dict = {}  # noqa: RUF012
    who: dict = {}  # noqa: RUF012
    key = None

    def log_message(self, *_):
        pass

    def _json(self, content, status=200):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        here = f"http://127.0.0.1:{self.server.server_port}"
        url = urlparse(self.path)
        if url.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": here,
                    "authorization_endpoint": f"{here}/authorize",
                    "token_endpoint": f"{here}/token",
                    "jwks_uri": f"{here}/keys",
                }
            )
        elif url.path == "/keys":
            self._json({"keys": [Company.key.as_dict(private=False)]})
        elif url.path == "/authorize":
            asked = {k: v[0] for k, v in parse_qs(url.query).items()}
            Company.waiting["code-1"] = asked
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?code=code-1&state={asked['state']}")
            self.end_headers()

    def do_POST(self):
        import base64
        import hashlib

        from joserfc import jwt

        given = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        asked = Company.waiting.pop(given["code"])
        proof = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if proof != asked["code_challenge"]:
            self._json({"error": "invalid_grant"}, 400)
            return
        claims = {
            "iss": f"http://127.0.0.1:{self.server.server_port}", "aud": asked["client_id"], "exp": int(time.time()) + 300, "iat": int(time.time()),
            "nonce": asked["nonce"], "sub": "1", **Company.who,
        }  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": Company.key.kid}, claims, Company.key)
        self._json({"access_token": "x", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def company_sign_in(people, monkeypatch):
    from joserfc.jwk import RSAKey

    Company.key = RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Company)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CDP_OIDC_ISSUER", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("CDP_OIDC_CLIENT_ID", "clientela")
    monkeypatch.setenv("CDP_OIDC_CLIENT_SECRET", "a secret")
    monkeypatch.setenv("CDP_OIDC_ROLES_CLAIM", "roles")
    yield
    server.shutdown()
    server.server_close()


def by_company(client: TestClient):
    import httpx

    to = client.get("/login/company", params={"next": "/audiences"}).headers["location"]
    back = httpx.get(to).headers["location"]
    return client.get(back.replace("http://testserver", ""))


def test_the_companys_own_sign_in_brings_people_with_their_roles(company_sign_in):
    client = TestClient(make_app(), follow_redirects=False)
    Company.who = {"email": "Ana@Empresa.example", "email_verified": True, "roles": ["marketer", "not a role of ours"]}

    answer = by_company(client)

    assert answer.headers["location"] == "/audiences"
    assert client.get("/audiences").status_code == 200
    assert [(u.name, u.roles) for u in users() if u.name.startswith("ana@")] == [("ana@empresa.example", "marketer")]


@pytest.mark.parametrize(
    "claims",
    [{"roles": []}, {"roles": ["guest"]}, {"aud": "another"}, {"nonce": "old"}, {"exp": 1}, {"iss": "http://evil.example"},
     {"roles": ["marketer"], "email_verified": False}],
)  # fmt: skip
def test_a_token_that_does_not_hold_lets_nobody_in(company_sign_in, claims):
    client = TestClient(make_app(), follow_redirects=False)
    Company.who = {"email": "eva@empresa.example", "email_verified": True, "roles": ["marketer"], **claims}

    answer = by_company(client)

    assert answer.headers["location"].startswith("/login") and "session" not in client.cookies


def test_an_answer_for_another_browser_is_not_taken(company_sign_in):
    import httpx

    Company.who = {"email": "ana@empresa.example", "roles": ["marketer"]}
    one, other = TestClient(make_app(), follow_redirects=False), TestClient(make_app(), follow_redirects=False)
    back = httpx.get(one.get("/login/company").headers["location"]).headers["location"].replace("http://testserver", "")
    assert "error" in other.get(back).headers["location"]
