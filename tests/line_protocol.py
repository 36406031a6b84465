"""A strict reader of line protocol, written from its description and not from our encoder.

Servers forgive: VictoriaMetrics drops what it cannot read and says 204. This reader takes only what every server reads
in the same way, and refuses the rest with the number of the line (from 1) and what is wrong.
"""

import re
from typing import NamedTuple

INTEGER = re.compile(r"-?(0|[1-9][0-9]*)i")
FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
TIME = re.compile(r"-?(0|[1-9][0-9]*)")
INT64 = 2**63
KEY_BYTES_MAX = 65_535  # measurement and tags, of InfluxDB


class Line(NamedTuple):
    measurement: str
    tags: dict
    fields: dict
    time_ns: int


class BadLine(Exception):
    def __init__(self, number, what):
        self.number = number
        super().__init__(f"line {number}: {what}")


def read_lines(body):
    """The lines of a request's body."""
    if not body:
        return []
    if not body.endswith(b"\n"):
        raise BadLine(body.count(b"\n") + 1, "the last line has no end")
    return [read_line(text, number) for number, text in enumerate(body[:-1].split(b"\n"), 1)]


def read_line(data, number=1):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise BadLine(number, str(fault)) from None
    return Reader(text, number).line()


class Reader:
    def __init__(self, text, number):
        self.text, self.at, self.number = text, 0, number

    def fail(self, what):
        raise BadLine(self.number, f"{what} at character {self.at} of {self.text!r}")

    def line(self):
        if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in self.text):
            self.fail("a control character")
        if self.text[:1] in ("", "#", " "):
            self.fail("nothing, a remark or a space")
        measurement = self.name(", ", escaped=", ")
        tags, keys = {}, []
        while self.took(","):
            key = self.name("=, ", escaped=",= ")
            self.expect("=")
            keys.append(key)
            tags[key] = self.name("=, ", escaped=",= ")
        if len(tags) != len(keys):
            self.fail("the same tag twice")
        if [key.encode() for key in keys] != sorted(key.encode() for key in keys):
            self.fail("tags out of order")
        if len(self.text[: self.at].encode()) > KEY_BYTES_MAX:
            self.fail("a key that is too long")
        self.expect(" ")
        fields = self.fields()
        self.expect(" ")
        time = self.text[self.at :]
        if not TIME.fullmatch(time) or not -INT64 + 1 < int(time) < INT64 - 1:
            self.fail("no time")
        return Line(measurement, tags, fields, int(time))

    def fields(self):
        fields = {}
        while True:
            key = self.name("=, ", escaped=",= ")
            self.expect("=")
            if key in fields:
                self.fail("the same field twice")
            fields[key] = self.string() if self.text[self.at : self.at + 1] == '"' else self.scalar()
            if not self.took(","):
                return fields

    def name(self, ends, escaped):
        """A name up to one of `ends`. A backslash is only understood alike by all before one of `escaped`."""
        letters = []
        while self.at < len(self.text) and self.text[self.at] not in ends:
            if self.text[self.at] == "\\":
                self.at += 1
                if self.text[self.at : self.at + 1] not in tuple(escaped):
                    self.fail("a backslash that servers understand differently")
            letters.append(self.text[self.at])
            self.at += 1
        if not letters:
            self.fail("an empty name")
        return "".join(letters)

    def string(self):
        letters = []
        self.at += 1
        while self.text[self.at : self.at + 1] != '"':
            if self.text[self.at : self.at + 1] == "\\":
                self.at += 1
                if self.text[self.at : self.at + 1] not in ('"', "\\"):
                    self.fail("a backslash that stands for nothing")
            if self.at >= len(self.text):
                self.fail("a string without an end")
            letters.append(self.text[self.at])
            self.at += 1
        self.at += 1
        return "".join(letters)

    def scalar(self):
        end = re.compile(r"[, ]|$").search(self.text, self.at).start()
        word = self.text[self.at : end]
        if word in ("true", "false"):
            value = word == "true"
        elif INTEGER.fullmatch(word) and -INT64 <= int(word[:-1]) < INT64:
            value = int(word[:-1])
        elif FLOAT.fullmatch(word) and abs(float(word)) < float("inf"):
            value = float(word)
        else:
            self.fail(f"`{word}` is no value")
        self.at = end
        return value

    def took(self, letter):
        if self.text[self.at : self.at + 1] != letter:
            return False
        self.at += 1
        return True

    def expect(self, letter):
        if not self.took(letter):
            self.fail(f"no `{letter}`")
