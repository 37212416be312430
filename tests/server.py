"""A web server on this machine that serves one file and misbehaves as a test asks."""

import contextlib
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves one file; remembers what it was asked for and what it sent."""

    daemon_threads = False

    def __init__(self, content, name):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/{name}"
        self.content = content
        self.ranges, self.sized = True, True  # whether it resumes; whether it tells lengths
        self.shift = 0  # from where a part is asked for to where it begins
        self.cuts = []  # bytes that each of the next responses sends before the connection ends; None: all
        self.cut_by = "close"
        self.statuses = []  # of the next responses, in place of the file
        self.then = lambda: None  # called when a response was cut
        self.asked = []  # Range of each request
        self.sent = []  # (start, stop) of each response

    def handle_error(self, *_):
        pass  # a client that goes away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        self.close_connection = True
        if server.statuses and (status := server.statuses.pop(0)):
            self.send_error(status)
            return
        content, start = server.content, 0
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + server.shift
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if server.sized:
            self.send_header("Content-Length", str(len(content) - start))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        count = server.cuts.pop(0) if server.cuts else None
        body = content[start:][:count]
        server.sent.append((start, start + len(body)))
        self.write(body, whole=count is None)
        if count is not None:
            server.then()
            if server.cut_by == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    def write(self, body, whole):
        if self.server.sized:
            self.wfile.write(body)
            return
        for at in range(0, len(body), 10_000):
            piece = body[at : at + 10_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if whole:
            self.wfile.write(b"0\r\n\r\n")


@contextlib.contextmanager
def running(content, name="cifar-10-binary.tar.gz"):
    """A server of this content."""
    with Server(content, name) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def free_port():
    """A port on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]
