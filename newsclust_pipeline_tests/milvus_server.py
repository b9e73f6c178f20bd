"""A real Milvus server on loopback, and a proxy to it that can be interrupted.

The binary comes with the package `milvus` (test extra). Every server has its own ports, folders and
etcd, so that several can run at the same time. None outlives the process that started it.
"""

import contextlib
import ctypes
import importlib.util
import itertools
import lzma
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PACKAGE = importlib.util.find_spec("milvus")
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.count(20_000 + _WORKER % 8 * 1_500 + os.getpid() % 10 * 120)
_HEALTHY_SECONDS = 90
# Intervals that suit many machines make tests of one server slow.
_SHORT_INTERVALS = {
    "assignmentExpiration": 200,
    "checkInterval": 100,
    "distPullInterval": 100,
    "timeTickInterval": 50,
}
# Those that the file of the package doesn't name, in milliseconds.
_MORE_SHORT_INTERVALS = {
    "queryCoord": {
        "checkChannelInterval": 50,
        "checkSegmentInterval": 50,
        "checkIndexInterval": 200,
        "collectionObserverInterval": 50,
    },
}


def unpack(folder: Path) -> Path:
    """Unpack the server's binaries, and return their folder."""
    import milvus

    def unpacked(packed: Path) -> None:
        target = folder / packed.stem
        target.write_bytes(lzma.decompress(packed.read_bytes()))
        target.chmod(0o755)

    with ThreadPoolExecutor() as pool:
        list(pool.map(unpacked, (Path(milvus.__file__).parent / "data/bin").glob("*.lzma")))
    return folder


class MilvusServer:
    """Standalone Milvus with its own data folder, which it keeps when it is restarted.

    Args:
        binaries: what `unpack` returned.
        folder: an empty folder.
        authentication: whether clients need a token.
        ttl: seconds until a former process counts as dead, and so does one on a busy machine that
            has no processor for so long.
    """

    def __init__(
        self, binaries: Path, folder: Path, authentication: bool = False, ttl: int = 60
    ) -> None:
        self._binaries, self._folder, self._process = binaries, folder, None
        self.port, self._health = _free_port(), _free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._configure(authentication, ttl)

    def start(self, wait: bool = True) -> "MilvusServer":
        """Start the server. It dies with the thread that starts it."""
        environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._health),
            "LD_LIBRARY_PATH": str(self._binaries),
        }
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "milvus", "run", "standalone"],
                cwd=self._folder,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
        end = time.monotonic() + _HEALTHY_SECONDS
        while wait and not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                log = (self._folder / "output.log").read_text(errors="replace")
                raise RuntimeError(f"Milvus doesn't start:\n{log[-2000:]}")
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        """Kill the server as a power cut would; it ignores SIGTERM."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # its leftovers block the servers of other users
            Path(f"/tmp/milvus/server_id_{self._process.pid}").unlink()  # noqa: S108
            Path("/tmp/milvus").rmdir()  # noqa: S108

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/healthz") as answer:
                return b"OK" in answer.read()
        except OSError:
            return False

    def _configure(self, authentication: bool, ttl: int) -> None:
        from milvus import MilvusServerConfig

        config = MilvusServerConfig(data_dir=str(self._folder))
        config.resolve_storage()
        config.set("authorization_enabled", authentication)
        for item in config.configurable_items:
            if item.endswith("_port"):
                config.set(item, self.port if item == "proxy_port" else _free_port())
        config.write_config()
        etcd = self._folder / "configs" / "etcd.yaml"
        clients, peers = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
        etcd.write_text(
            f"name: default\nlisten-client-urls: {clients}\nadvertise-client-urls: {clients}\n"
            f"listen-peer-urls: {peers}\ninitial-advertise-peer-urls: {peers}\n"
            f"initial-cluster: default={peers}\n"
        )
        file = self._folder / "configs" / "milvus.yaml"
        text = file.read_text()
        text = re.sub(r"^etcd:$", f"etcd:\n  config:\n    path: {etcd}", text, flags=re.M)
        text = re.sub(r"^  ip: .*$", "  ip: 127.0.0.1", text, flags=re.M)
        for name, value in (_SHORT_INTERVALS | {"ttl": ttl}).items():
            text = re.sub(rf"^( +{name}): \d+", rf"\1: {value}", text, flags=re.M)
        for part, intervals in _MORE_SHORT_INTERVALS.items():
            lines = "".join(f"\n  {name}: {value}" for name, value in intervals.items())
            text = re.sub(rf"^{part}:.*$", rf"\g<0>{lines}", text, flags=re.M)
        file.write_text(text)


class Proxy:
    """A TCP proxy to a server, which can be cut, or made to swallow everything."""

    def __init__(self, port: int) -> None:
        self._target, self._open, self._swallows = port, [], False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections; new ones are accepted."""
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def swallow(self, swallows: bool) -> None:
        """Forward nothing without breaking the connections, like a machine that hangs."""
        self._swallows = swallows
        if not swallows:
            self.cut()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                try:
                    there = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    here.close()
                    continue
                self._open += [here, there]
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not self._swallows:
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _free_port() -> int:
    """Return a port that nobody listens on, another one each time.

    Ports are below those that the system assigns to connections, and every process of a test run
    has its own range: two servers must not choose the same port before either listens.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def _die_with_parent() -> None:
    os.setpgrp()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
