"""Signature V4: the check against botocore's signer and our own, and against everything that is not right."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer
from botocore.utils import percent_encode_sequence
from hypothesis import example, given
from hypothesis import strategies as st

from lambdalab import sigv4
from lambdalab.api.http import HttpRequest
from lambdalab.api.signature import Credentials, verify
from lambdalab.client import signing
from lambdalab.client.keys import Credentials as ClientKeys
from lambdalab.errors import SignatureRefused

KEY, SECRET = "AKIAEXAMPLEEXAMPLE77", "s3cr3t/" * 5 + "12345"
KNOWN = {KEY: Credentials(KEY, SECRET, "123456789012")}
HOST = "127.0.0.1:4566"
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


def signed(auth, method="POST", path="/2015-03-31/functions/f/invocations", params=None, body=b"{}", headers=None):
    """The request as it goes over the wire when botocore has signed it."""
    query = f"?{percent_encode_sequence(params)}" if params else ""  # as botocore's own serializer does
    request = AWSRequest(method, f"http://{HOST}{path}{query}", data=body, headers=headers or {})
    auth.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    names = [(k.lower().encode(), v if isinstance(v, bytes) else str(v).encode()) for k, v in prepared.headers.items()]
    return HttpRequest(method, target.encode(), [(b"host", HOST.encode()), *names], body)


def now():
    return datetime.now(UTC)


@example(name=".", query={}, body=b"", header="x")
@example(name="..", query={"Qualifier": "1"}, body=b"{}", header="x")
@example(name="", query={}, body=b"", header="x")
@given(name=texts, query=st.dictionaries(texts, texts, max_size=3), body=st.binary(max_size=50), header=texts)
def test_whatever_botocore_signs_is_accepted(name, query, body, header):
    auth = SigV4Auth(Signer(KEY, SECRET), "lambda", "us-east-1")
    headers = {"X-Amz-Client-Context": quote(header)}
    request = signed(
        auth, path=f"/2015-03-31/functions/{quote(name, safe='')}", params=query, body=body, headers=headers
    )
    identity = verify(request, KNOWN, now())
    assert (identity.account, identity.service, identity.region) == ("123456789012", "lambda", "us-east-1")


@example(name=".", query={}, body=b"")
@example(name="..", query={"Qualifier": "1"}, body=b"{}")
@given(name=texts, query=st.dictionaries(texts, texts, max_size=3), body=st.binary(max_size=50))
def test_whatever_our_own_client_signs_is_accepted(name, query, body):
    path = f"/2015-03-31/functions/{quote(name, safe='')}"
    headers = signing.sign(ClientKeys(KEY, SECRET), "us-east-1", "lambda", "POST", HOST, path, query, body)
    target = f"{path}?{signing.encode_query(query)}" if query else path
    raw = [(b"host", HOST.encode()), *((k.lower().encode(), v.encode()) for k, v in headers.items())]
    assert verify(HttpRequest("POST", target.encode(), raw, body), KNOWN, now()).account == "123456789012"


@given(st.lists(st.sampled_from(["", ".", "..", "...", "a", ".a", "%2E"]), max_size=6))
def test_paths_are_signed_as_botocore_signs_them(segments):
    path = f"/{'/'.join(segments)}"
    assert sigv4.canonical_path(path) == SigV4Auth(None, "lambda", "us-east-1")._normalize_url_path(path)


def test_s3s_paths_are_signed_as_they_are():
    request = signed(S3SigV4Auth(Signer(KEY, SECRET), "s3", "us-east-1"), path="/bucket/a//./../b")
    assert verify(request, KNOWN, now()).service == "s3"


def test_a_presigned_link_is_accepted_until_it_expires():
    auth = SigV4QueryAuth(Signer(KEY, SECRET), "lambdalab", "us-east-1", expires=60)
    request = signed(auth, method="GET", path="/_lambdalab/code", params={"sha256": "a+/="}, body=b"")
    assert verify(request, KNOWN, now()).service == "lambdalab"
    with pytest.raises(SignatureRefused, match="Signature expired"):
        verify(request, KNOWN, now() + timedelta(seconds=62))


def _signed_at(request):
    """The moment that a presigned request says of itself, as the query has it and as a date."""
    stamp = parse_qs(urlsplit(request.target.decode()).query)["X-Amz-Date"][0]
    return stamp, datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def test_an_expired_link_is_told_the_seconds_that_it_was_made_for():
    auth = SigV4QueryAuth(Signer(KEY, SECRET), "lambda", "us-east-1", expires=1)
    request = signed(auth, method="GET", path="/2015-03-31/functions", body=b"")
    stamp, moment = _signed_at(request)
    verify(request, KNOWN, moment + timedelta(seconds=1.9))
    with pytest.raises(SignatureRefused) as refused:
        verify(request, KNOWN, moment + timedelta(seconds=2.1))
    limit, late = (f"{moment + timedelta(seconds=n):%Y%m%dT%H%M%SZ}" for n in (1, 2))
    assert refused.value.message == f"Signature expired: {stamp} is now earlier than {limit} ({late} - 1 sec.)"


def test_an_expired_header_is_told_the_five_minutes_that_it_has():
    request = signed(SigV4Auth(Signer(KEY, SECRET), "lambda", "us-east-1"))
    stamp = dict(request.headers)[b"x-amz-date"].decode()
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    verify(request, KNOWN, moment + timedelta(minutes=5, seconds=0.9))
    with pytest.raises(SignatureRefused) as refused:
        verify(request, KNOWN, moment + timedelta(minutes=5, seconds=1.5))
    limit, late = (f"{moment + timedelta(seconds=n):%Y%m%dT%H%M%SZ}" for n in (1, 301))
    assert refused.value.message == f"Signature expired: {stamp} is now earlier than {limit} ({late} - 5 min.)"


def _of(request, **changes):
    members = {"method": request.method, "target": request.target, "headers": request.headers, "body": request.body}
    return HttpRequest(**{**members, **changes})


@pytest.mark.parametrize(
    "tamper",
    [
        lambda r: _of(r, body=b'{"other": 1}'),
        lambda r: _of(r, method="DELETE"),
        lambda r: _of(r, target=r.target.replace(b"/f/", b"/g/")),
        lambda r: _of(r, target=r.target + b"?Qualifier=1"),
        lambda r: _of(r, headers=[(k, b"evil:1" if k == b"host" else v) for k, v in r.headers]),
        lambda r: _of(r, headers=[(k, v[:-1] + b"\xe9" if k == b"authorization" else v) for k, v in r.headers]),
        lambda r: _of(r, headers=[*r.headers, (b"x-amz-content-sha256", b"\xe9")]),
    ],
    ids=["body", "method", "path", "query", "host", "signature of other letters", "hash of other letters"],
)
def test_whatever_is_changed_on_the_way_is_refused(tamper):
    request = signed(SigV4Auth(Signer(KEY, SECRET), "lambda", "us-east-1"))
    verify(request, KNOWN, now())
    with pytest.raises(SignatureRefused) as refused:
        verify(tamper(request), KNOWN, now())
    assert refused.value.error_code == "InvalidSignatureException"


def test_a_wrong_secret_and_an_unknown_key_are_refused_as_aws_does():
    with pytest.raises(SignatureRefused, match="does not match the signature you provided"):
        verify(signed(SigV4Auth(Signer(KEY, "wrong"), "lambda", "us-east-1")), KNOWN, now())
    with pytest.raises(SignatureRefused, match="security token included in the request is invalid") as refused:
        verify(signed(SigV4Auth(Signer("AKIANOBODY", SECRET), "lambda", "us-east-1")), KNOWN, now())
    assert refused.value.error_code == "UnrecognizedClientException"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_from_another_time_is_refused(minutes):
    request = signed(SigV4Auth(Signer(KEY, SECRET), "lambda", "us-east-1"))
    with pytest.raises(SignatureRefused, match="Signature"):
        verify(request, KNOWN, now() + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Bearer token")],
        [(b"authorization", b"AWS4-HMAC-SHA256 Credential=x")],
        [(b"authorization", b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0")],
        [(b"authorization", b"\xff\xfe")],
    ],
)
def test_what_is_not_signed_is_refused(headers):
    with pytest.raises(SignatureRefused) as refused:
        verify(HttpRequest("GET", b"/2015-03-31/functions", [(b"host", b"x"), *headers]), KNOWN, now())
    assert refused.value.http_status == 403
