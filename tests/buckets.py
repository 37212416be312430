"""A bucket on this machine, behind a proxy that fails as a test asks; and a web server over a folder."""

import contextlib
import functools
import http.client
import itertools
import logging
import socket
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from ventral.store.client import Client

SECRET = "an-access-key-that-nobody-may-read"
NUMBERS = itertools.count()


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server; remembers them, and fails as asked."""

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = port
        self.asked = []  # (method, path) of each request
        self.faults = []  # of the next requests: "503", "403", "reset", "lost", "half", or None for none
        self.always = None  # the fault of every request
        self.deaf = False  # to conditions of puts
        self.when = lambda method, path: True  # which requests can fail

    def fault(self, method, path):
        if not self.when(method, path):
            return None
        return self.always or (self.faults.pop(0) if self.faults else None)

    def handle_error(self, *_):
        pass  # a client that goes away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pass_on(self):
        server = self.server
        server.asked.append((self.command, unquote(self.path)))
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        fault = server.fault(self.command, unquote(self.path))
        if fault == "503":
            self.reply(503, {}, b"<Error><Code>SlowDown</Code></Error>")
            return
        if fault == "403":
            self.reply(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
            return
        if fault == "reset":
            self.reset()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", server.port)
        headers = {name: value for name, value in self.headers.items() if not (server.deaf and name.startswith("if-"))}
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        data = response.read()
        upstream.close()
        if fault == "lost":
            self.reset()
            return
        headers = {name: value for name, value in response.getheaders() if name.lower() != "transfer-encoding"}
        self.reply(response.status, headers, data, cut=fault == "half")

    def reply(self, status, headers, data, cut=False):
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = headers.get("Content-Length", len(data)) if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.wfile.flush()
            self.reset()

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on


@contextlib.contextmanager
def serving(server):
    """A server that answers in a thread of its own."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def object_store():
    """An S3 on this machine, as the proxy in front of it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

        moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        moto.start()
    try:
        with serving(Proxy(moto.get_host_and_port()[1])) as proxy:
            yield proxy
    finally:
        moto.stop()


@contextlib.contextmanager
def web_server(folder):
    """A web server over the files of a folder, and its address."""

    class Quiet(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def environment(proxy):
    """The variables in which obstore finds an object store."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.server_port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


def new_bucket(proxy):
    """The address of a new bucket."""
    name = f"lab-{next(NUMBERS)}"
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    connection.request("PUT", f"/{name}")
    assert connection.getresponse().status == 200
    connection.close()
    proxy.asked.clear()
    proxy.faults, proxy.always, proxy.deaf, proxy.when = [], None, False, lambda method, path: True
    return f"s3://{name}"


def upload(folder, address):
    """Put the files of a folder, as another tool would."""
    client = Client(address)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: client.put(file.relative_to(folder).as_posix(), file.read_bytes()), files))


def stored(address):
    """The files below an address."""
    client = Client(address)
    return {name: client.get(name) for name in client.sizes()}
