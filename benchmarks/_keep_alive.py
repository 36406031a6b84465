"""One HTTP/1.1 connection that stays open and asks as fast as Python can: what servers are measured with.

A socket and no more: the standard library's client spends a tenth of a millisecond on the headers of each answer, which
would be counted as the server's.
"""

import socket

RECEIVE_BYTES = 1 << 18


class KeepAlive:
    """A connection to 127.0.0.1."""

    def __init__(self, port, timeout_s=60):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"127.0.0.1:{port}"

    def ask(self, method, path, body=b"", **headers):
        """The answer's body; an answer that is no success raises `OSError` with what it says."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        data = self._more(b"")
        while (end := data.find(b"\r\n\r\n")) < 0:
            data = self._more(data)
        head, data = data[:end].lower(), data[end + 4 :]
        found = self._chunks(data) if b"\r\ntransfer-encoding: chunked" in head else self._counted(head, data)
        if not head.startswith(b"http/1.1 2"):
            raise OSError(f"{method} {path}: {head.partition(bytes([13]))[0].decode()}, {found[:300].decode()}")
        return found

    def close(self):
        self._socket.close()

    def _more(self, data):
        got = self._socket.recv(RECEIVE_BYTES)
        if not got:
            raise ConnectionError("the server closed the connection in the middle of its answer")
        return data + got

    def _counted(self, head, data):
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        while len(data) < int(length or 0):
            data = self._more(data)
        return data

    def _chunks(self, data):
        while not data.endswith(b"0\r\n\r\n"):
            data = self._more(data)
        found = []
        while True:
            size, _, data = data.partition(b"\r\n")
            length = int(size, 16)
            if not length:
                return b"".join(found)
            found.append(data[:length])
            data = data[length + 2 :]
