"""The benchmark: one table for all that are compared, one way of calling them, and what stands in for their images."""

import contextlib
import hashlib
import http.server
import io
import json
import socket
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from tests.benchmarks import contestants, load, registry, servers
from tests.benchmarks.__main__ import asked
from tests.benchmarks.standins import wire
from tests.benchmarks.table import Row, figure, lines, reason, row, spread


@contextlib.contextmanager
def absent():
    raise RuntimeError("no Docker engine\nanswers")
    yield


def measured(name):
    made = Row(name)
    made.take("idle, MB", lambda: "50")
    return made


def test_a_contestant_that_cannot_be_had_is_a_row_with_the_reason():
    assert row("peer", absent(), measured) == Row("peer", why="RuntimeError: no Docker engine answers")


def test_a_contestant_whose_figures_cannot_be_taken_is_a_row_too():
    def breaks(one):
        raise TimeoutError

    assert row("peer", contextlib.nullcontext("one"), breaks).why == "TimeoutError"


@contextlib.contextmanager
def ends_badly():
    yield
    raise OSError("a container is in use")


def test_figures_are_kept_when_the_end_of_a_contestant_fails():
    made = row("peer", ends_badly(), lambda one: measured("peer"))
    assert (made.figures, made.why) == ({"idle, MB": "50"}, "")
    assert made.notes == ["its end failed: OSError: a container is in use"]


def test_one_figure_that_fails_leaves_the_others():
    made = measured("peer")
    made.take("cold, ms", lambda: 1 / 0)
    made.take("4 at once, ms", lambda: {"4 at once, ms": "2", "4, calls/s": "9"})
    assert made.figures == {"idle, MB": "50", "cold, ms": "failed", "4 at once, ms": "2", "4, calls/s": "9"}
    assert made.notes == ["cold, ms: ZeroDivisionError: division by zero"]
    assert made.why == ""


def test_every_contestant_is_a_line_of_one_table_and_the_notes_are_below():
    rows = [Row("lab", {"a": "1", "b": "2"}), Row("peer", {"a": "10"}, ["a stand-in"]), Row("other", why="no a|b")]
    assert lines(rows) == [
        "|      | a  | b |",
        "|------|----|---|",
        "| lab  | 1  | 2 |",
        "| peer | 10 | - |",
        "| other | not measured: no a/b |",
        "peer: a stand-in",
    ]


def test_a_table_of_none_that_could_be_measured_still_names_them():
    assert lines([Row("peer", why="gone")])[-1] == "| peer | not measured: gone |"


def test_figures_have_three_digits_or_all_before_the_point():
    assert [figure(value) for value in (0.4567, 45.67, 456.7, 4567)] == ["0.46", "45.7", "457", "4,567"]
    assert spread([1, 2, 3, 100]) == "2.50 (1.00 to 100)"


def test_the_reason_of_a_group_is_its_first():
    group = ExceptionGroup("several", [ExceptionGroup("one", [ValueError("too late")])])
    assert reason(group) == "ValueError: too late"


def test_peers_are_measured_when_they_are_asked_for():
    assert [name for name, _ in asked([])] == ["lambdalab, auto", "lambdalab, process", contestants.MINISTACK]
    more = [name.partition("==")[0] for name, _ in asked(["--alone", "--peers"])][2:]
    assert more == ["lambdalab, docker", "aws-sam-cli", "moto[server,awslambda]", "localstack-core[runtime]"]


def test_a_command_that_fails_says_why():
    with pytest.raises(RuntimeError, match=f"{Path(sys.executable).name} -c failed: no such peer"):
        servers.run([sys.executable, "-c", "raise SystemExit('no such peer')"])


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(self.client_address)
        status, more, body = self.server.answer
        self.send_response(status)
        for name, value in {**more, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as made:
        made.daemon_threads, made.seen, made.answer = True, [], (200, {}, b'{"ok": true}')
        made.target = load.Target(f"http://127.0.0.1:{made.server_port}", "key", "secret", "f")
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def test_connections_are_kept_where_the_server_keeps_them(server):
    times, rate = load.run(server.target, 2, 0.2)
    assert len(times) == len(server.seen) > 2
    assert len(set(server.seen)) == 2
    assert rate > 0


def test_a_server_that_closes_after_each_answer_is_called_again(server):
    server.answer = (200, {"Connection": "close"}, b'{"ok": true}')
    times, _ = load.run(server.target, 2, 0.2)
    assert len(times) == len(set(server.seen)) > 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {}, b"no"), "500 internal server error: no"),
        ((200, {"X-Amz-Function-Error": "Unhandled"}, b'{"ok": true}'), "200 ok"),
        ((200, {}, b"null"), "null"),
    ],
)
def test_any_answer_but_the_functions_is_no_figure(server, answer, said):
    server.answer = answer
    with pytest.raises(ExceptionGroup) as failed:
        load.run(server.target, 1, 0.1)
    assert said in reason(failed.value)


def test_a_stand_in_posts_over_one_connection_and_opens_a_closed_one_again(server):
    caller = wire.Caller("127.0.0.1", server.server_port)
    caller.post("/a", b"1")
    server.answer = (202, {"Connection": "close"}, b"")
    caller.post("/b")
    caller.post("/c")
    assert server.seen[0] == server.seen[1] != server.seen[2]


def test_a_stand_in_reads_requests_until_the_connection_ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
        ours.shutdown(socket.SHUT_WR)
        assert list(wire.requests(theirs)) == [("POST", "/a", b"hi"), ("GET", "/b", b"")]
        wire.hand_over(theirs, "id", "arn", b"{}")
        assert b"Lambda-Runtime-Aws-Request-Id: id\r\n" in ours.recv(4096)


SAVED = {"c.json": b"{}", "l.tar": b"layer", "manifest.json": b'[{"Config": "c.json", "Layers": ["l.tar"]}]'}


class SavedImage:
    """An image as the engine saves it: two files and the list of them."""

    def save(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, data in SAVED.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return [out.getvalue()]


def test_a_registry_serves_the_parts_of_an_image_by_their_digests(tmp_path):
    served = registry.served(SavedImage(), tmp_path, "3.12")
    manifest = json.loads(served["3.12"][1].read_bytes())
    for part, name in ((manifest["config"], "c.json"), (manifest["layers"][0], "l.tar")):
        data = SAVED[name]
        assert part["digest"] == "sha256:" + hashlib.sha256(data).hexdigest()
        assert part["size"] == len(data)
        assert served[part["digest"]] == (part["mediaType"], tmp_path / name)
