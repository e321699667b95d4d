"""Who asks for an address outside this machine: an audit hook hears Python, and strace every library."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ASKS = {
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0, "socket.getnameinfo": 0,
}  # fmt: skip
"""The audit events that name an address, and which of their arguments does."""
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-e", "signal=none")


def can_trace() -> bool:
    return bool(shutil.which("strace")) and subprocess.run([*STRACE, "true"], capture_output=True).returncode == 0


TRACED = can_trace()


class Listener:
    """Keeps each address outside this machine that this process asks for while ``listening``, in ``asked``.

    A hook cannot be taken away again, so there is one listener for the whole process.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.listening = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listening and event in ASKS and not here(address := arguments[ASKS[event]]):
            self.asked.append(f"{event} {address!r}")


def here(address: Any) -> bool:
    """Whether an address of the socket module is of this machine: a file's, the loopback, or none at all."""
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if not host or not isinstance(address, tuple) and host.startswith(("/", "\0")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reached(trace: Path) -> list[str]:
    """The calls of a trace that name an address outside this machine."""
    lines = trace.read_text(errors="replace").splitlines()
    return [line for line in lines if "AF_INET" in line and not re.search(r'"(127\.|::1"|::ffff:127\.)', line)]
