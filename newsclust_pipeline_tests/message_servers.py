"""A mail server and a webhook on this machine, which keep what they receive."""

import json
import socket
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Mailbox:
    """A mail server; `mails` are what it has accepted."""

    def __init__(self, tls=None, password="", refuses=False):
        self.mails, self._refuses = [], refuses
        settings = {"tls_context": tls, "require_starttls": True} if tls else {}
        if password:
            settings |= {
                "auth_required": True,
                "authenticator": lambda *given: AuthResult(
                    success=given[-1].password == password.encode(), handled=False
                ),
            }
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.port = str(port)
        self._controller = Controller(self, hostname="127.0.0.1", port=port, **settings)

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
        if self._refuses:
            return "554 no, because of pa55word-in-the-answer"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()


class Hook:
    """An incoming webhook; `posts` are what it has received."""

    def __init__(self, status=200):
        self.posts = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):  # noqa: N805 (the server's name)
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.posts.append(json.loads(body))
                handler.send_response(status)
                handler.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/services/T0/s3cret-path"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
