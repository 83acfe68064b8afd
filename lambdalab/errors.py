"""What can go wrong, in AWS's words where AWS has them.

Two families. `AwsError` is a refusal that AWS's Lambda API would give: it carries AWS's error code, HTTP
status and exact text, is raised by the rules and the API, and is raised again on the client's side from the
wire. Every other `LabError` is about the lab itself: a magic's option, a missing interpreter, a region that
does not start. All of them show themselves in a notebook as one clean error, without internals, as `Interrupted` does,
which is no error but a KeyboardInterrupt.
"""

from __future__ import annotations

from typing import Any, ClassVar


class LabError(Exception):
    """The root of all errors meant for people. The message says value, rule and way out."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of its own traceback (public hook; the cause stays in `__cause__`)."""
        return [f"{type(self).__name__}: {self}"]


class BadOption(LabError):
    """An option, argument or setting has a value that is not allowed. Correct the line and run it again."""


class BadEvent(LabError):
    """The event is not JSON, or cannot become JSON. The message points at the place."""


class HandlerNotInCell(LabError):
    """No function in the cell can be the handler, or several can. Name one with --handler."""


class NotInstalled(LabError):
    """The requirements could not be installed. The message says which, why, and what helps."""


class RegionUnavailable(LabError):
    """The region could not be started or reached. The message names the log file to read."""


class HomeUnusable(RegionUnavailable):
    """The lab's home cannot be made, read or written. The message says why, and how to name another one."""


class RuntimeUnavailable(LabError):
    """The interpreter of a runtime is not on this machine. The message says what was looked for and how to get it."""


class EngineUnavailable(RuntimeUnavailable):
    """No Docker engine answers. The message says where one was looked for, and how to get or to reach one."""


class ImageUnavailable(RuntimeUnavailable):
    """The Docker engine does not have an image and cannot pull it. The message names it, and the ways to get it."""


class AwsError(LabError):
    """A refusal with AWS's code, HTTP status and text. Subclasses name the codes the lab itself gives.

    `extra` holds further members of the error body (for example `Reason`). `hint` is the lab's own sentence about the
    way out, shown behind AWS's text: `message` stays AWS's.
    Source of the statuses and text keys: botocore's `lambda` service model and `lambda-contract.md` section 1.
    """

    code: ClassVar[str] = "ServiceException"
    status: ClassVar[int] = 400
    message_key: ClassVar[str] = "message"
    fault: ClassVar[str | None] = "User"

    def __init__(
        self, message: str | None, *, code: str | None = None, status: int | None = None, **extra: Any
    ) -> None:
        super().__init__(message or "")
        self.message = message
        self.error_code = code or self.code
        self.http_status = status or self.status
        self.extra = extra
        self.hint = ""

    def __str__(self) -> str:
        text = self.message or ""
        return " ".join(filter(None, (text if text.endswith(".") or not self.hint else f"{text}.", self.hint)))

    def _render_traceback_(self) -> list[str]:
        return [f"{self.error_code}: {self}"]

    @staticmethod
    def from_wire(code: str, message: str | None, status: int, **extra: Any) -> AwsError:
        """The error that a response describes, as the most specific class known here."""
        kind = _BY_CODE.get(code, AwsError)
        return kind(message, code=code, status=status, **extra)


class ValidationFailed(AwsError):
    """The request breaks a constraint of the service model."""

    code, fault = "ValidationException", None


class InvalidParameterValue(AwsError):
    """A parameter's value breaks a rule of Lambda's."""

    code = "InvalidParameterValueException"


class ResourceNotFound(AwsError):
    """The function, version, alias or layer does not exist."""

    code, status, message_key = "ResourceNotFoundException", 404, "Message"


class ResourceConflict(AwsError):
    """The resource exists already, or is being changed at this moment."""

    code, status = "ResourceConflictException", 409


class PreconditionFailed(AwsError):
    """The RevisionId given is not the latest."""

    code, status = "PreconditionFailedException", 412


class ProvisionedConcurrencyConfigNotFound(AwsError):
    """The version or alias has no provisioned concurrency."""

    code, status = "ProvisionedConcurrencyConfigNotFoundException", 404


class PolicyLengthExceeded(AwsError):
    """The resource policy would be longer than 20 KB."""

    code = "PolicyLengthExceededException"


class CodeSigningConfigNotFound(AwsError):
    """The code signing configuration does not exist."""

    code, status, message_key = "CodeSigningConfigNotFoundException", 404, "Message"


_THROTTLED = {
    "ReservedFunctionConcurrentInvocationLimitExceeded": "all of the function's reserved concurrency is in use; a "
    "function with --reserved 0 has none, and is stopped until it gets some or gives it back: --reserved none",
    "ReservedFunctionInvocationRateLimitExceeded": "of a function with reserved concurrency ten calls a second may "
    "begin for each that is reserved",
    "ConcurrentInvocationLimitExceeded": "all of the account's unreserved concurrency is in use",
    "FunctionInvocationRateLimitExceeded": "ten calls a second may begin for each of the account's concurrency",
}
"""What the reasons mean (`lambda-contract.md` section 8)."""


class TooManyRequests(AwsError):
    """Throttled: no execution environment may be used now. `extra["Reason"]` says which limit was met."""

    code, status = "TooManyRequestsException", 429

    def __str__(self) -> str:
        reason = str(self.extra.get("Reason", ""))
        words = _THROTTLED.get(reason)
        return f"{self.message} ({reason}: {words}.)" if words and self.message == "Rate Exceeded." else self.args[0]


class SnapStartFailed(AwsError):
    """A snapshot could not be restored: an after-restore hook of the function failed. Its log has the details."""

    code, message_key = "SnapStartException", "Message"


class SnapStartTimeout(AwsError):
    """A snapshot was not restored within ten seconds: an after-restore hook of the function ran longer."""

    code, status, message_key = "SnapStartTimeoutException", 408, "Message"


class InvalidRequestContent(AwsError):
    """The payload of an invocation is not JSON."""

    code = "InvalidRequestContentException"


class RequestTooLarge(AwsError):
    """The payload of an invocation is over the limit."""

    code, status = "RequestTooLargeException", 413


class RequestEntityTooLarge(AwsError):
    """The request, or the zip in it, is over the limit."""

    code, status, fault = "RequestEntityTooLargeException", 413, None


class AccessDenied(AwsError):
    """The caller may not do this."""

    code, status, message_key, fault = "AccessDeniedException", 403, "Message", None


class SignatureRefused(AwsError):
    """The request is not signed, or not with a key of this home."""

    code, status, fault = "InvalidSignatureException", 403, None


class InvalidRuntime(AwsError):
    """The runtime cannot run here. The message says what was looked for and how to get it."""

    code, status, message_key = "InvalidRuntimeException", 502, "Message"


class ImageBuildRefused(AwsError):
    """An image did not build. `extra` has the number of the Dockerfile's instruction, and the end of the output."""

    code, fault = "ImageBuildFailed", None


class NotOffered(AwsError):
    """An operation of AWS that the lab does not offer. The message names it."""

    code, status, fault = "NotImplementedException", 501, None


class ServiceFailure(AwsError):
    """The region itself failed. The log file has the details."""

    code, status, message_key, fault = "ServiceException", 500, "Message", "Service"


def _subclasses(kind: type[AwsError]) -> list[type[AwsError]]:
    return [found for sub in kind.__subclasses__() for found in (sub, *_subclasses(sub))]


_BY_CODE: dict[str, type[AwsError]] = {kind.code: kind for kind in _subclasses(AwsError)}


class Interrupted(KeyboardInterrupt):
    """The wait was interrupted. What the region was doing goes on there.

    A KeyboardInterrupt as any other, which no `except Exception` takes for a failure, but for how a notebook shows
    it: one line, without the library's frames.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]
