"""The Extensions API of one environment, spoken to over real sockets.

Statuses, bodies and texts are those that AWS's Runtime Interface Emulator answered to the same requests.
"""

import asyncio
import json
import uuid

import pytest

from lambdalab.runtimes.extension_registry import Registry, State
from lambdalab.runtimes.extensions_api import ExtensionsApi, FunctionFacts, invoke_event, send, shutdown_event
from lambdalab.runtimes.runtime_api import RuntimeApi

FACTS = FunctionFacts("fn", "$LATEST", "app.h", "123456789012")


class Recorder:
    """A listener that writes down what it is told."""

    def __init__(self):
        self.told = []

    def registered(self, extension):
        self.told.append(("registered", extension.name, extension.events))

    def ready(self, extension):
        self.told.append(("ready", extension.name))

    def reported(self, extension, fatal):
        self.told.append(("reported", extension.name, fatal, extension.error_type))

    def subscribe(self, extension, document):
        self.told.append(("subscribe", extension.name, document))
        return 200, "OK"


class Client:
    """Speaks to the port as an extension does, on one connection."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self.identifier = None

    def say(self, method, path, body="", **headers):
        if self.identifier:
            headers.setdefault("Identifier", self.identifier)
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"Lambda-Extension-{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode())

    async def hear(self):
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await self._reader.readexactly(int(headers["Content-Length"]))
        self.identifier = headers.get("Lambda-Extension-Identifier", self.identifier)
        return int(head[0].split()[1]), json.loads(body)

    async def ask(self, method, path, body="", **headers):
        self.say(method, path, body, **headers)
        return await self.hear()

    async def register(self, *events, name="one", **headers):
        body = json.dumps({"events": events})
        return await self.ask("POST", "/2020-01-01/extension/register", body, Name=name, **headers)

    def close(self):
        self._writer.close()


def talking(steps, external=("one",)):
    """Run `steps(connect, registry, told)` with an API; `connect` makes clients."""

    async def run():
        listener = Recorder()
        extensions = ExtensionsApi(Registry(external), FACTS, listener)
        api = RuntimeApi(None, None, lambda: extensions)
        await api.start()
        api.let_in(lambda peer, local: True)
        host, port = api.address.split(":")
        clients = []

        async def connect():
            clients.append(Client(*await asyncio.open_connection(host, int(port))))
            return clients[-1]

        try:
            await steps(connect, extensions.registry, listener.told)
        finally:
            for client in clients:
                client.close()
            api.close()

    asyncio.run(run())


NEXT = ("GET", "/2020-01-01/extension/event/next")


def test_registering_gives_an_identifier_and_the_functions_facts():
    async def steps(connect, registry, told):
        client = await connect()
        answer = await client.register("INVOKE", "SHUTDOWN", Accept_Feature="accountId")
        facts = {"functionName": "fn", "functionVersion": "$LATEST", "handler": "app.h", "accountId": "123456789012"}
        assert answer == (200, facts)
        assert str(uuid.UUID(client.identifier)) == client.identifier
        assert told == [("registered", "one", ("INVOKE", "SHUTDOWN"))]
        other = await connect()
        assert "accountId" not in (await other.register(name="inside"))[1]

    talking(steps)


@pytest.mark.parametrize(
    ("headers", "body", "error_type", "words"),
    [
        ({}, '{"events":["INVOKE"]}', "Extension.InvalidExtensionName", "Empty extension name"),
        ({"Name": "one"}, '{"events":["XX"]}', "Extension.InvalidEventType", "XX: ErrorInvalidEventType"),
        ({"Name": "in"}, '{"events":["XX"]}', "Extension.InvalidEventType", "XX: ErrorInvalidEventType"),
        (
            {"Name": "in"},
            '{"events":["SHUTDOWN"]}',
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
        ),
        ({"Name": "one"}, "nonsense", "InvalidRequestFormat", None),
        ({"Name": "one"}, "[]", "InvalidRequestFormat", None),
        ({"Name": "one"}, '{"events":[["x"]]}', "InvalidRequestFormat", None),
    ],
)
def test_a_bad_registration_is_forbidden(headers, body, error_type, words):
    async def steps(connect, registry, told):
        status, document = await (await connect()).ask("POST", "/2020-01-01/extension/register", body, **headers)
        assert (status, document["errorType"]) == (403, error_type)
        assert words in {None, document["errorMessage"]}
        assert told == []

    talking(steps)


def test_an_extension_registers_once():
    async def steps(connect, registry, told):
        client = await connect()
        await client.register("INVOKE")
        assert await client.register("INVOKE") == (
            403,
            {
                "errorMessage": "State transition from Registered to Registered failed for extension one. "
                "Error: State transition is not allowed",
                "errorType": "Extension.InvalidExtensionState",
            },
        )
        await client.register("INVOKE", name="inside")
        again = await client.register("INVOKE", name="inside")
        assert again[1]["errorMessage"] == "Extension with this name already registered"

    talking(steps)


def test_nobody_registers_after_init_nor_as_the_eleventh():
    async def steps(connect, registry, told):
        client = await connect()
        for number in range(9):
            assert (await client.register(name=f"inside{number}"))[0] == 200
        refused = (await client.register(name="eleventh"))[1]
        assert refused == {"errorMessage": "Extension limit (10) reached", "errorType": "Extension.TooManyExtensions"}
        registry.close()
        refused = (await client.register(name="late"))[1]["errorType"]
        assert refused == "Extension.RegistrationClosed"

    talking(steps)


@pytest.mark.parametrize(
    ("identifier", "error_type", "words"),
    [
        (None, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
        ("bad", "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
        (str(uuid.UUID(int=0)), "Extension.UnknownExtensionIdentifier", f"Unknown extension {uuid.UUID(int=0)}"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [NEXT, ("POST", "/2020-01-01/extension/init/error"), ("PUT", "/2022-07-01/telemetry")]
)
def test_without_its_identifier_nobody_is_heard(method, path, identifier, error_type, words):
    async def steps(connect, registry, told):
        headers = {"Identifier": identifier} if identifier else {}
        answer = await (await connect()).ask(method, path, "{}", **headers)
        assert answer == (403, {"errorMessage": words, "errorType": error_type})

    talking(steps)


def test_next_waits_for_its_event():
    async def steps(connect, registry, told):
        client = await connect()
        await client.register("INVOKE")
        client.say(*NEXT)
        while ("ready", "one") not in told:
            await asyncio.sleep(0)
        (extension,) = registry
        assert extension.state is State.READY
        send(extension, invoke_event(1_800_000_000_000, "id-1", "arn:f", "Root=1"))
        assert await client.hear() == (
            200,
            {
                "eventType": "INVOKE",
                "deadlineMs": 1_800_000_000_000,
                "requestId": "id-1",
                "invokedFunctionArn": "arn:f",
                "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
            },
        )
        assert extension.state is State.RUNNING

    talking(steps)


def test_an_event_that_came_early_is_kept_until_it_is_asked_for():
    async def steps(connect, registry, told):
        client = await connect()
        await client.register("SHUTDOWN")
        (extension,) = registry
        send(extension, shutdown_event("SPINDOWN", 5))
        event = {"eventType": "SHUTDOWN", "deadlineMs": 5, "shutdownReason": "SPINDOWN"}
        assert await client.ask(*NEXT) == (200, event)

    talking(steps)


def test_next_twice_is_a_wrong_state_unless_the_first_one_hung_up():
    async def steps(connect, registry, told):
        client, other, third = await connect(), await connect(), await connect()
        await client.register("INVOKE")
        client.say(*NEXT)
        while ("ready", "one") not in told:
            await asyncio.sleep(0)
        status, document = await other.ask(*NEXT, Identifier=client.identifier)
        assert (status, document["errorType"]) == (403, "Extension.InvalidExtensionState")
        assert document["errorMessage"].startswith("State transition from Ready to Ready failed for extension ")
        client.close()
        (extension,) = registry
        while not extension.waiting.closed:
            await asyncio.sleep(0)
        third.say(*NEXT, Identifier=client.identifier)
        while told.count(("ready", "one")) < 2:
            await asyncio.sleep(0)
        send(extension, shutdown_event("TIMEOUT", 5))
        assert (await third.hear())[1]["shutdownReason"] == "TIMEOUT"

    talking(steps)


@pytest.mark.parametrize(("what", "fatal"), [("init", "Extension.InitError"), ("exit", "Extension.ExitError")])
def test_an_error_is_reported_with_its_type(what, fatal):
    async def steps(connect, registry, told):
        client = await connect()
        await client.register("INVOKE")
        path = f"/2020-01-01/extension/{what}/error"
        status, document = await client.ask("POST", path, "{}")
        assert (status, document["errorType"]) == (403, "Extension.MissingHeader")
        answer = await client.ask("POST", path, "{}", Function_Error_Type="Extension.Own")
        assert answer == (202, {"status": "OK"})
        assert told[-1] == ("reported", "one", fatal, "Extension.Own")
        again = await client.ask("POST", path, "{}", Function_Error_Type="Extension.Own")
        assert again[1]["errorType"] == "Extension.InvalidExtensionState"

    talking(steps)


def test_the_logs_api_is_accepted_without_effect():
    async def steps(connect, registry, told):
        answer = await (await connect()).ask("PUT", "/2020-08-15/logs", "{}")
        assert answer == (202, {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"})

    talking(steps)


def test_a_subscription_goes_to_the_environment():
    async def steps(connect, registry, told):
        client = await connect()
        await client.register()
        assert await client.ask("PUT", "/2022-07-01/telemetry/", '{"a": 1}') == (200, "OK")
        assert told[-1] == ("subscribe", "one", {"a": 1})

    talking(steps)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/2020-01-01/extension/nothing", 404), ("POST", "/nowhere", 404), ("POST", NEXT[1], 405)],
)
def test_what_is_not_there_is_said(method, path, status):
    async def steps(connect, registry, told):
        assert (await (await connect()).ask(method, path))[0] == status

    talking(steps)
