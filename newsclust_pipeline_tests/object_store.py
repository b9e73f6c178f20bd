"""A real S3 server on this machine, and pieces of a network that fails."""

import itertools
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_NUMBERS = itertools.count(1)


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's server in a thread; yield its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@contextmanager
def s3_environment(endpoint: str) -> Iterator[pytest.MonkeyPatch]:
    """Set what the AWS libraries read from the environment; forget cached clients."""
    from s3fs import S3FileSystem

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "tester")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "so-very-secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        S3FileSystem.clear_instance_cache()
        yield patch
    S3FileSystem.clear_instance_cache()


def new_bucket() -> str:
    """Create a bucket of its own; return its name."""
    import boto3

    name = f"news-{next(_NUMBERS)}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


class CuttingProxy:
    """A proxy that stops passing on what a client sends after a number of bytes.

    Attributes:
        address: of the proxy.
        is_cut: set once the bytes have passed.
    """

    def __init__(self, target: str, limit: int) -> None:
        host, port = target.removeprefix("http://").split(":")
        self._target, self._limit = (host, int(port)), limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.is_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        while passed < self._limit and (content := client.recv(1 << 14)):
            server.sendall(content)
            passed += len(content)
        if passed >= self._limit:
            self.is_cut.set()

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        while content := server.recv(1 << 16):
            client.sendall(content)

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()
