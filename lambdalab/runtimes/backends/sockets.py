"""Which socket is at the other end of a loopback connection: its inode, from the kernel.

Reference: sock_diag(7). Where netlink is not to be had (gVisor), the text table says the same, more slowly.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_NO_COOKIE = b"\xff" * 8
_INODE_AT = 16 + 4 + 48 + 16

Address = tuple[str, int]


def inode_of(peer: Address, local: Address) -> int:
    """The inode of the socket whose own address is `peer` and whose other end is `local`; 0 when unknown."""
    try:
        return _ask_kernel(peer, local)
    except OSError:
        return _read_table(peer, local)


def _ask_kernel(peer: Address, local: Address) -> int:
    identity = struct.pack(
        "!HH16s16sI8s", peer[1], local[1], socket.inet_aton(peer[0]), socket.inet_aton(local[0]), 0, _NO_COOKIE
    )
    body = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + identity
    header = struct.pack("=IHHII", 16 + len(body), _BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as netlink:
        netlink.settimeout(1)
        netlink.send(header + body)
        answer = netlink.recv(4096)
    kind = struct.unpack_from("=H", answer, 4)[0]
    if kind != _BY_FAMILY:
        raise OSError("the kernel does not know the connection")
    inode: int = struct.unpack_from("=I", answer, _INODE_AT)[0]
    return inode


def _read_table(peer: Address, local: Address) -> int:
    wanted = (_hexadecimal(peer), _hexadecimal(local))
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return 0
    for line in lines:
        fields = line.split()
        if (fields[1], fields[2]) == wanted:
            return int(fields[9])
    return 0


def _hexadecimal(address: Address) -> str:
    return f"{struct.unpack('=I', socket.inet_aton(address[0]))[0]:08X}:{address[1]:04X}"
