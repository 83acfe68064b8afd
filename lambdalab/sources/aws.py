"""What Lambda itself asks of other services: code from S3, subnets and groups of EC2, keys of KMS.

The narrow adapter over the child. Every refusal is in the words that AWS Lambda's own answers have.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree

from lambdalab.errors import AwsError, InvalidParameterValue, ServiceFailure
from lambdalab.sources.child import Child
from lambdalab.sources.child_http import Answer

_EC2_VERSION, _IAM_VERSION = "2016-11-15", "2010-05-08"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Role:
    """A role of IAM's, and the document of its trust policy."""

    arn: str
    trust: Mapping[str, Any]


class AwsServices:
    """The services of one account and region, for the region's own use."""

    def __init__(self, child: Child, account: str, region: str) -> None:
        self._child = child
        self._account = account
        self._region = region

    async def get_object(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """An object's bytes. Raises AWS Lambda's refusal of a bucket or key that is not there."""
        query = f"?versionId={quote(version, safe='')}" if version else ""
        target = f"/{quote(bucket, safe='')}/{quote(key, safe='/~')}{query}"
        answer = await self._ask("s3", "GET", target)
        if answer.status == 200:
            return answer.body
        code, message = _xml_error(answer)
        raise InvalidParameterValue(
            f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
        )

    async def vpc_of(self, subnets: Sequence[str], groups: Sequence[str]) -> str:
        """The VPC of some subnets. Raises AWS Lambda's refusal of a subnet or group that is not there, or elsewhere."""
        answer = await self._ec2("DescribeSubnets", {f"SubnetId.{n}": s for n, s in enumerate(subnets, 1)})
        vpcs = _vpcs(answer, "subnetSet")
        if len(vpcs) != 1:
            raise InvalidParameterValue(
                f"The subnets are in more than one VPC ({', '.join(sorted(vpcs))}); give those of one."
            )
        if groups:
            answer = await self._ec2("DescribeSecurityGroups", {f"GroupId.{n}": g for n, g in enumerate(groups, 1)})
            if _vpcs(answer, "securityGroupInfo") != vpcs:
                raise InvalidParameterValue("Security Groups are required to be in the same VPC.")
        return vpcs.pop()

    async def role(self, name: str) -> Role | None:
        """A role of IAM's; None when it has none of that name."""
        form = urlencode({"Action": "GetRole", "Version": _IAM_VERSION, "RoleName": name}).encode()
        answer = await self._ask("iam", "POST", "/", [], form, _FORM)
        if answer.status != 200:
            return None
        texts = {element.tag.rpartition("}")[2]: element.text or "" for element in _xml(answer).iter()}
        try:
            policy = json.loads(unquote(texts.get("AssumeRolePolicyDocument", "")))
        except ValueError:  # MiniStack takes any text; what is no policy trusts nobody
            policy = {}
        return Role(texts["Arn"], policy if isinstance(policy, dict) else {})

    async def encrypt(self, key: str, plaintext: bytes) -> bytes:
        """Text sealed by a KMS key. Raises KMS's refusal as AWS Lambda passes it on."""
        document = {"KeyId": key, "Plaintext": base64.b64encode(plaintext).decode()}
        return base64.b64decode((await self._kms("Encrypt", document))["CiphertextBlob"])

    async def decrypt(self, key: str, sealed: bytes) -> bytes:
        """The text again. Raises KMS's refusal, of a disabled key for example."""
        document = {"KeyId": key, "CiphertextBlob": base64.b64encode(sealed).decode()}
        return base64.b64decode((await self._kms("Decrypt", document))["Plaintext"])

    async def log_groups(self, prefix: str) -> list[dict[str, Any]]:
        """The log groups whose names begin so, as DescribeLogGroups tells them."""
        found: list[dict[str, Any]] = []
        query = {"logGroupNamePrefix": prefix} if prefix else {}
        while True:
            answer = await self._json("logs", "Logs_20140328.DescribeLogGroups", query)
            if answer.status != 200:
                raise ServiceFailure("The process that serves other log groups refused to list them; see its log.")
            document = json.loads(answer.body)
            found += document["logGroups"]
            if "nextToken" not in document:
                return found
            query = {**query, "nextToken": document["nextToken"]}

    async def log_group_tags(self, name: str) -> dict[str, str]:
        """The tags of a log group that is there."""
        answer = await self._json("logs", "Logs_20140328.ListTagsLogGroup", {"logGroupName": name})
        tags: dict[str, str] = json.loads(answer.body).get("tags", {})
        return tags

    async def delete_log_group(self, name: str) -> None:
        """Delete a log group, if it is there."""
        await self._json("logs", "Logs_20140328.DeleteLogGroup", {"logGroupName": name})

    async def _kms(self, operation: str, document: dict[str, str]) -> dict[str, str]:
        answer = await self._json("kms", f"TrentService.{operation}", document)
        if answer.status != 200:
            _kms_refusal(answer)
        found: dict[str, str] = json.loads(answer.body)
        return found

    async def _json(self, service: str, target: str, document: Mapping[str, str]) -> Answer:
        headers, body = [(b"x-amz-target", target.encode())], json.dumps(document).encode()
        return await self._ask(service, "POST", "/", headers, body, "application/x-amz-json-1.1")

    async def _ec2(self, operation: str, params: dict[str, str]) -> Answer:
        form = urlencode({"Action": operation, "Version": _EC2_VERSION, **params}).encode()
        answer = await self._ask("ec2", "POST", "/", [], form, _FORM)
        if answer.status != 200:
            code, message = _xml_error(answer)
            raise InvalidParameterValue(
                f"Error occurred while {operation}. EC2 Error Code: {code}. EC2 Error Message: {message}"
            )
        return answer

    async def _ask(
        self, service: str, method: str, target: str, headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"", kind: str = "",
    ) -> Answer:  # fmt: skip
        scope = f"{self._account}/20200101/{self._region}/{service}/aws4_request"
        claim = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        own = [(b"host", b"127.0.0.1"), (b"authorization", claim.encode())]
        if kind:
            own.append((b"content-type", kind.encode()))
        return await self._child.request(service, method, target.encode(), [*own, *headers], body)


def _xml(answer: Answer) -> ElementTree.Element:
    return ElementTree.fromstring(answer.body)  # noqa: S314 - our own child's answer


def _vpcs(answer: Answer, members: str) -> set[str]:
    return {element.text or "" for element in _xml(answer).findall(f"{{*}}{members}/{{*}}item/{{*}}vpcId")}


def _xml_error(answer: Answer) -> tuple[str, str]:
    try:
        root = _xml(answer)
    except ElementTree.ParseError:
        return str(answer.status), answer.body.decode("utf-8", "replace")[:200]
    texts = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    return texts.get("Code", str(answer.status)), texts.get("Message", "")


_KMS_CODES = {
    "NotFoundException": "KMSNotFoundException",
    "DisabledException": "KMSDisabledException",
    "KMSInvalidStateException": "KMSInvalidStateException",
    "AccessDeniedException": "KMSAccessDeniedException",
}


_KMS_REASONS = {
    "NotFoundException": "the KMS key was not found",
    "DisabledException": "the KMS key used is disabled",
    "KMSInvalidStateException": "the state of the KMS key used is not valid for Decrypt",
}


class KmsRefusal(AwsError):
    """KMS does not lend a key, in the words with which Lambda passes that on. `part` is what KMS said itself."""

    status = 502

    def __init__(self, kind: str, message: str) -> None:
        self.part = f"KMS Exception: {kind} KMS Message: {message}"
        why = _KMS_REASONS.get(kind, "KMS access was denied")
        super().__init__(
            f"Lambda was unable to decrypt the environment variables because {why}. "
            f"Please check the function's KMS key settings. {self.part}",
            code=_KMS_CODES.get(kind, "KMSAccessDeniedException"),
        )


def _kms_refusal(answer: Answer) -> NoReturn:
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = {}
    kind = str(document.get("__type", "")).rpartition("#")[2]
    raise KmsRefusal(kind, document.get("message") or document.get("Message") or "")
