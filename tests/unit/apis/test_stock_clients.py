"""Segment's own Python library and curl, with only the host changed, against the real handler behind a plain server."""

import gzip
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from segment.analytics.client import Client

from personas.core.workspace import Source
from personas.stores import sources
from tests.unit.apis.conftest import NOW, Function
from tests.unit.apis.test_ingest import KEY, sent


class Gateway(BaseHTTPRequestHandler):
    """Hands requests to the handler as API Gateway does."""

    ingest: Function
    failures: int = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if type(self).failures:
            type(self).failures -= 1
            return self._answer(503, {"retry-after": "0"}, {"success": False})
        reply = type(self).ingest("POST", self.path, body, **headers)
        return self._answer(reply.status, reply.headers, reply.body)

    def _answer(self, status: int, headers: dict[str, str], body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def host(function: Callable[..., Function], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sources.create(Source("src_1", "spa_1", "shop", (KEY,), NOW))
    Gateway.ingest, Gateway.failures = function("ingest"), 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("zipped", [False, True])
def test_the_python_library_delivers_every_kind_of_call(host: str, zipped: bool) -> None:
    failed: list[object] = []
    client = Client(KEY, host=host, gzip=zipped, on_error=lambda error, items: failed.append(error), upload_size=7)
    for number in range(20):
        client.track(f"u{number}", "Order Completed", {"revenue": number})
    client.identify("u1", {"email": "a@example.com"})
    client.page("u1", "Docs", "Home")
    client.screen("u1", "App", "Start")
    client.group("u1", "g1", {"plan": "paid"})
    client.alias("a1", "u1")
    client.flush()
    client.join()
    assert not failed
    types = [event.type for event in sent()]
    assert sorted(types) == sorted(["track"] * 20 + ["identify", "page", "screen", "group", "alias"])


def test_the_python_library_tries_again_when_we_are_not_available(host: str) -> None:
    Gateway.failures = 2
    client = Client(KEY, host=host, max_retries=5)
    client.track("u1", "Order Completed")
    client.flush()
    client.join()
    assert [event.name for event in sent()] == ["Order Completed"]


def test_the_python_library_hears_why_a_call_was_refused(host: str) -> None:
    failed: list[Exception] = []
    client = Client(KEY, host=host, on_error=lambda error, items: failed.append(error))
    client.track("u1", " ")
    client.track("u1", "Order Completed")
    client.flush()
    client.join()
    assert "event is missing" in str(failed[0])
    assert [event.name for event in sent()] == ["Order Completed"]


def test_curl_as_in_segments_http_api_page(host: str) -> None:
    body = json.dumps(
        {"userId": "019mr8mf4r", "event": "Item Purchased", "properties": {"name": "Leap to Conclusions"}}
    )
    plain = ["curl", "-sS", f"{host}/v1/track", "-u", f"{KEY}:", "-H", "Content-Type: application/json", "-d", body]
    done = subprocess.run(plain, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"success": True}
    zipped = ["curl", "-sS", f"{host}/v1/track", "-u", f"{KEY}:", "-H", "Content-Encoding: gzip", "--data-binary", "@-"]
    done_zipped = subprocess.run(zipped, input=gzip.compress(body.encode()), capture_output=True, check=True)
    assert json.loads(done_zipped.stdout) == {"success": True}
    assert [event.name for event in sent()] == ["Item Purchased"] * 2
