"""An object store on localhost, as far as reading a table goes: list, read, read a range; it can also fail."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

WHEN = "Mon, 01 Jan 2024 00:00:00 GMT"


class Objects(ThreadingHTTPServer):
    """Serves the files of a folder as the objects of a bucket; `status` other than 200 is its answer to everything."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.status = 200
        self.n_asked = 0

    @property
    def environment(self) -> dict[str, str]:
        """What a reader needs in its environment."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def object_store(root: Path) -> Iterator[Objects]:
    server = Objects(root)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Objects

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.n_asked += 1
        address = urlparse(self.path)
        key = unquote(address.path).lstrip("/").partition("/")[2]
        wanted = parse_qs(address.query)
        if self.server.status != 200:
            self._answer(self.server.status, b"<Error><Code>InvalidAccessKeyId</Code></Error>")
        elif "list-type" in wanted:
            self._answer(200, self._listed(wanted.get("prefix", [""])[0]).encode())
        elif not (self.server.root / key).is_file():
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._read((self.server.root / key).read_bytes())

    def _listed(self, prefix: str) -> str:
        root = self.server.root
        files = [file for file in sorted(root.rglob("*")) if file.is_file()]
        rows = "".join(
            f"<Contents><Key>{file.relative_to(root)}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>1</ETag><Size>{file.stat().st_size}</Size></Contents>"
            for file in files
            if str(file.relative_to(root)).startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"

    def _read(self, whole: bytes) -> None:
        asked = re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            self._answer(200, whole)
            return
        begin = int(asked[1]) if asked[1] else max(0, len(whole) - int(asked[2]))
        end = min(int(asked[2]), len(whole) - 1) if asked[1] and asked[2] else len(whole) - 1
        self._answer(206, whole[begin : end + 1], {"Content-Range": f"bytes {begin}-{end}/{len(whole)}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "ETag": '"1"',
            "Last-Modified": WHEN,
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
