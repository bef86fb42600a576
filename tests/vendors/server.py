"""A server on this machine that speaks a vendor's protocol, and does what a test wants it to."""

import json
import threading
import time
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer:
    """One answer. body: bytes, or what becomes JSON. headers: more of them. cut: whether the connection breaks within.

    seconds: before it is sent. talk: takes the connection over, in place of an answer.
    """

    def __init__(self, status, body, headers=None, *, cut=False, seconds=0.0, talk=None):
        self.status, self.headers, self.cut, self.seconds = status, dict(headers or {}), cut, seconds
        self.talk = talk
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


class Asked:
    """One request that came. fields: of JSON, or of a form; files: of a form, by name, each (file name, bytes)."""

    def __init__(self, method, path, headers, data):
        self.method, self.path, self.headers, self.data = method, path, headers, data
        self.fields, self.files = {}, {}
        kind = headers.get("Content-Type", "")
        if kind.startswith("application/json") and data:
            self.fields = json.loads(data)
        elif kind.startswith("multipart/form-data"):
            whole = f"Content-Type: {kind}\r\n\r\n".encode() + data
            for part in BytesParser(policy=HTTP).parsebytes(whole).iter_parts():
                name = part.get_param("name", header="content-disposition")
                if part.get_filename():
                    self.files.setdefault(name, []).append(
                        (part.get_filename(), part.get_payload(decode=True))
                    )
                else:
                    self.fields[name] = part.get_payload(decode=True).decode()


class Vendor:
    """What servers have in common. asked: all that came, in order. billed: how many images were made.

    first: answers to give before it does what it always does, each a function of the request or an `Answer`.
    """

    def __init__(self):
        self.asked, self.first, self.billed = [], [], 0
        self.lock = threading.Lock()

    def answer(self, asked):
        """What it always does."""
        raise NotImplementedError

    def handle(self, asked):
        with self.lock:
            self.asked.append(asked)
            given = self.first.pop(0) if self.first else None
        if given is None:
            return self.answer(asked)
        return given(asked) if callable(given) else given


@contextmanager
def serving(vendor):
    """Its address, as long as it is there."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self):
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            if len(data) < length:  # who went away within a request has asked for nothing
                self.close_connection = True
                return
            told = vendor.handle(Asked(self.command, self.path, self.headers, data))
            time.sleep(told.seconds)
            if told.talk is not None:
                self.close_connection = True
                told.talk(self.connection)
                return
            if told.cut:
                self.close_connection = True
                self.send_response(told.status)
                self.send_header("Content-Length", str(len(told.body) + 100))
                self.end_headers()
                self.wfile.write(told.body)
                return
            self.send_response(told.status)
            for name, value in {"Content-Type": "application/json", **told.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = serve

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_):  # a client that went away is what some tests are about
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
