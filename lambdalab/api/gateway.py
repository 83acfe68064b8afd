"""The gateway: every request's signature, route, parameters, operation and answer, in that order.

Nothing here knows what an operation does. The one shortcut is Invoke's: when an environment is idle its
request goes straight through, without a task (`respond_now`); every other request is a coroutine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from lambdalab import disk
from lambdalab.api import invocation, parsing, pass_through, presigned_v2, serializing, url_serving, validation
from lambdalab.api.http import BODY_LIMIT, HttpRequest, HttpResponse, Send
from lambdalab.api.operations import OPERATIONS, Answer, Call, NotOurs
from lambdalab.api.request_id import new as new_request_id
from lambdalab.api.service_model import operation_model, router
from lambdalab.api.signature import Credentials, Identity, verify
from lambdalab.errors import (
    AwsError,
    NotOffered,
    RequestEntityTooLarge,
    ServiceFailure,
    SignatureRefused,
    ValidationFailed,
)

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_log = logging.getLogger("lambdalab.gateway")
_OWN = "lambdalab"
_INVOKE_PREFIX, _INVOKE_SUFFIX = b"/2015-03-31/functions/", b"/invocations"


class Gateway:
    """Answers requests for one region (see `http.Responder`)."""

    def __init__(self, region: Region, known: Mapping[str, Credentials]) -> None:
        self._region = region
        self._known = known
        self._again: set[asyncio.Task[None]] = set()

    # -- the hot path

    def respond_now(self, request: HttpRequest, send: Send) -> bool:
        """Invoke in an idle environment, if that is what is asked and there is one."""
        if not (request.method == "POST" and request.target.startswith(_INVOKE_PREFIX)) or request.too_large:
            return False
        name, found, query = request.target[len(_INVOKE_PREFIX) :].partition(_INVOKE_SUFFIX)
        if not found or query or not name.replace(b"-", b"").replace(b"_", b"").isalnum():
            return False
        request_id = new_request_id()
        try:
            identity = verify(request, self._known, self._region.clock.now())
            if identity.service != "lambda":
                return False
            self._check_scope(identity)
            call = _invoke_call(name.decode("ascii"), request, identity, request_id)
            operation = operation_model("lambda", "Invoke")
            # The payload may be anything: all rules are about the rest, which seldom changes.
            words = frozenset(item for item in call.params.items() if item[0] != "Payload")
            validation.validate_words(operation, words)
            prepared = invocation.prepare_now(self._region, call)
        except AwsError as refused:
            send(serializing.serialize_error(refused, request_id))
            return True
        except Exception as problem:  # noqa: BLE001 - as in `respond`; nothing runs yet that would answer, too
            _log.exception("request %s failed: %s", request_id, request.target[:200])
            send(serializing.serialize_error(self._failure(problem), request_id))
            return True
        if prepared is None:
            return False

        def done(answer: Answer | None) -> None:
            if answer is None:  # the environment died before it took the event: the long way
                task = asyncio.get_running_loop().create_task(self._respond_later(request, send))
                self._again.add(task)
                task.add_done_callback(self._again.discard)
            else:
                send(serializing.serialize(operation, answer, request_id))

        try:
            return invocation.invoke_now(self._region, call, prepared, done)
        except AwsError as refused:
            send(serializing.serialize_error(refused, request_id))
            return True

    async def _respond_later(self, request: HttpRequest, send: Send) -> None:
        send(await self.respond(request))

    # -- every other request

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """The answer; every refusal and failure is one."""
        request_id = new_request_id()
        try:
            if url_serving.is_url(request):
                return await url_serving.serve(self._region, request, self._known, request_id)
            identity = self._identify(request)
            return await self._operate(request, identity, request_id)
        except AwsError as refused:
            return pass_through.refusal(request, refused, request_id)
        except Exception as problem:  # noqa: BLE001 - every request is answered; the log has the trace
            path = request.target.partition(b"?")[0]  # the query of a function's URL is its caller's own
            _log.exception("request %s failed: %s %s", request_id, request.method, path[:200])
            return pass_through.refusal(request, self._failure(problem), request_id)

    def _failure(self, problem: Exception) -> ServiceFailure:
        home = self._region.settings.home if self._region else None
        if home is not None and disk.is_full(problem, home):
            return ServiceFailure(f"The request could not be carried out: {disk.told(home)}")
        return ServiceFailure("The region failed to answer; `lambdalab status` names its log.")

    def _identify(self, request: HttpRequest) -> Identity:
        now = self._region.clock.now()
        if presigned_v2.is_presigned(request):
            return presigned_v2.verify(request, self._known, now, self._region.settings.region)
        return verify(request, self._known, now)

    def _check_scope(self, identity: Identity) -> None:
        """Refuse a signature for Lambda in another region than the home's, in AWS's words and with the way on."""
        here = self._region.settings.region
        if identity.service == "lambda" and identity.region != here:
            raise SignatureRefused(
                f"Credential should be scoped to a valid region, not '{identity.region}'. (This is '{here}'."
                f" LAMBDALAB_REGION={identity.region}, set when the region starts, makes it that one.)"
            )

    async def _operate(self, request: HttpRequest, identity: Identity, request_id: str) -> HttpResponse:
        raw_path, _, query = request.target.decode("ascii", "replace").partition("?")
        headers = {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in request.headers}
        if raw_path.startswith(f"/_{_OWN}/"):
            if request.too_large:
                raise _too_large(raw_path)
            return await self._own(request, raw_path, query, identity, request_id)
        self._check_scope(identity)
        if identity.service == "lambda":
            return await self._rest(request, raw_path, query, headers, identity, request_id)
        if (identity.service, headers.get("x-amz-target", "").rpartition(".")[2]) in OPERATIONS:
            if request.too_large:
                raise _too_large(headers["x-amz-target"].rpartition(".")[2])
            with contextlib.suppress(NotOurs):
                return await self._json(request, headers, identity, request_id)
        return await pass_through.pass_on(self._region.child, request, identity)

    async def _rest(
        self,
        request: HttpRequest,
        path: str,
        query: str,
        headers: Mapping[str, str],
        identity: Identity,
        request_id: str,
    ) -> HttpResponse:
        match = router("lambda").match(request.method, path, query)
        if match is None:
            raise AwsError(
                f"{request.method} {path} is no operation of Lambda's API.",
                code="UnknownOperationException",
                status=404,
            )
        if request.too_large:
            raise _too_large(match.operation)
        model = operation_model("lambda", match.operation)
        operate = _offered("lambda", match.operation)
        params = parsing.parse(model, match, headers, request.body)
        validation.validate(model, params)
        answer = await operate(self._region, Call(match.operation, params, identity.account, request_id, headers))
        await asyncio.sleep(0)  # what a change leaves for right after its answer is done before the next request
        return serializing.serialize(model, answer, request_id)

    async def _json(
        self, request: HttpRequest, headers: Mapping[str, str], identity: Identity, request_id: str
    ) -> HttpResponse:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        operate = _offered(identity.service, name)
        model = operation_model(identity.service, name)
        params = parsing.parse_json(model, request.body)
        try:
            validation.validate(model, params)
        except ValidationFailed as broken:  # CloudWatch Logs has this code for it
            raise AwsError(broken.message, code="InvalidParameterException") from broken
        answer = await operate(self._region, Call(name, params, identity.account, request_id, headers))
        return serializing.serialize_json(model, answer, request_id)

    async def _own(
        self, request: HttpRequest, path: str, query: str, identity: Identity, request_id: str
    ) -> HttpResponse:
        name = f"{request.method} {path}"
        operate = OPERATIONS.get((_OWN, name))
        if operate is None:
            raise AwsError(f"{name} is not a route of this region's.", code="UnknownOperationException", status=404)
        params: dict[str, Any] = {**dict(parse_qsl(query)), "Body": request.body}
        answer = await operate(self._region, Call(name, params, identity.account, request_id))
        return serializing.serialize_own(answer, request_id)


def _too_large(operation: str) -> AwsError:
    if operation in {"Invoke", "InvokeWithResponseStream"}:
        return invocation.too_large()
    return RequestEntityTooLarge(f"Request must be smaller than {BODY_LIMIT} bytes for the {operation} operation")


def _offered(service: str, name: str) -> Any:
    operate = OPERATIONS.get((service, name))
    if operate is None:
        raise NotOffered(f"The operation {name} is not offered by this version of LambdaLab.")
    return operate


_INVOKE_HEADERS = {
    b"x-amz-invocation-type": "InvocationType",
    b"x-amz-log-type": "LogType",
    b"x-amz-client-context": "ClientContext",
    b"x-amz-durable-execution-name": "DurableExecutionName",
    b"x-amz-tenant-id": "TenantId",
}


def _invoke_call(name: str, request: HttpRequest, identity: Identity, request_id: str) -> Call:
    """What `parsing.parse` makes of an Invoke request, made directly; a test holds the two together."""
    params: dict[str, Any] = {"FunctionName": name}
    if request.body:
        params["Payload"] = request.body
    headers = {}
    for key, value in request.headers:
        if key.startswith(b"x-"):
            text = value.decode("utf-8", "replace")
            headers[key.decode("latin-1")] = text
            if key in _INVOKE_HEADERS:
                params[_INVOKE_HEADERS[key]] = text
    return Call("Invoke", params, identity.account, request_id, headers)
