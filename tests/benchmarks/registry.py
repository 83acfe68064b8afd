"""A registry on loopback that has one image: for a peer that pulls what it runs, and takes nothing local instead."""

import contextlib
import hashlib
import http.server
import json
import tarfile
import tempfile
import threading
from pathlib import Path

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@contextlib.contextmanager
def serving(image, tag):
    """The name that an image of the engine can be pulled by meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        parts = served(image, Path(folder), tag)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
            server.parts = parts
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"127.0.0.1:{server.server_port}/lambdalab-bench:{tag}"
            finally:
                server.shutdown()


def served(image, folder, tag):
    """What a registry serves of an image, by the last part of the path: (media type, file)."""
    with tempfile.TemporaryFile() as file:
        for chunk in image.save():
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            archive.extractall(folder, filter="data")
    (listed,) = json.loads((folder / "manifest.json").read_text())
    parts = [(_CONFIG, folder / listed["Config"]), *((_LAYER, folder / layer) for layer in listed["Layers"])]
    blobs = [(kind, path, "sha256:" + _digest(path)) for kind, path in parts]
    config, *layers = ({"mediaType": k, "size": p.stat().st_size, "digest": d} for k, p, d in blobs)
    manifest = folder / "served.json"
    manifest.write_text(json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}))
    found = {digest: (kind, path) for kind, path, digest in blobs}
    return {**found, tag: (_MANIFEST, manifest), "sha256:" + _digest(manifest): (_MANIFEST, manifest)}


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Registry(http.server.BaseHTTPRequestHandler):
    """The part of the registry's protocol that a pull uses."""

    def do_GET(self):
        last = self.path.rstrip("/").rpartition("/")[2]
        kind, path = self.server.parts.get(last, (None, None))
        if path is None:
            self.send_response(200 if last == "v2" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.send_header("Docker-Content-Digest", "sha256:" + _digest(path))
        self.end_headers()
        if self.command == "GET":
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    self.wfile.write(chunk)

    do_HEAD = do_GET

    def log_message(self, *_):
        """Nothing is said of requests."""
