"""Asks the kernel, before each jump of virtual time, whether a byte is on its way between two sockets of the loop."""

import asyncio
import os
import socket
import struct

_TCP_INFO_BYTES = 216
_ESTABLISHED = 1


class LateBytes:
    """Counts the jumps of the running virtual loop, and those made while a byte was between two of its sockets."""

    def __init__(self):
        self.jumps = 0
        self.late = 0
        self._selector = asyncio.get_running_loop().jumps
        self._jump = self._selector.jump
        self._selector.jump = self._counted_jump

    def _counted_jump(self, seconds):
        self.jumps += 1
        self.late += self._on_its_way()
        self._jump(seconds)

    def _on_its_way(self):
        sent, received = {}, {}
        for fd in self._selector.get_map():
            with socket.socket(fileno=os.dup(fd)) as peer:
                if peer.family == socket.AF_INET and peer.type == socket.SOCK_STREAM:
                    info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
                    if len(info) == _TCP_INFO_BYTES and info[0] == _ESTABLISHED:
                        ends = peer.getsockname(), peer.getpeername()
                        bytes_received, waiting = struct.unpack_from("=QxxxxxxxxI", info, 128)
                        bytes_sent, sent_again = struct.unpack_from("=QQ", info, 200)
                        sent[ends] = bytes_sent - sent_again + waiting
                        received[ends[::-1]] = bytes_received
        both = sent.keys() & received.keys()
        return any(sent[ends] != received[ends] for ends in both) or bool(self._selector._poll(0))
