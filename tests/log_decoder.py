"""A reader of logs written from docs/reference/log-format.md alone: no numpy, nothing of plantctl."""

import struct

RECORDS = {
    3: ("<ddqQQQIHH", "old new source_ns field actor reason tag code flags"),
    4: ("<QdqqQQQQQQQII", "number value given_ns expiry_ns verb target actor reason text key address tag flags"),
    5: ("<QqQQII", "number mono_ns code text stage flags"),
    7: ("<qqqII", "mono_ns utc_ns offset_ns locked flags"),
    8: ("<Qq", "sequence utc_ns"),
    9: ("<dqqIi", "value sequence write_ns tag error"),
}
NAMES = ["pad", "key", "delta", "event", "command", "result", "text", "time", "commit", "write", "state", "late"]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def rows(payload):
    count, inputs, tasks, flags = struct.unpack_from("<IIII", payload)
    form = f"<{tasks}d{count}d{inputs}q{inputs}q{count}I{count}H"
    cells = iter(struct.unpack_from(form, payload, 16))
    sizes = {"dt_s": tasks, "value": count, "source_ns": inputs, "receive_ns": inputs, "tag": count, "quality": count}
    return {"flags": flags} | {name: [next(cells) for _ in range(size)] for name, size in sizes.items()}


def texts(payload):
    found, at = {}, 8
    for _ in range(struct.unpack_from("<I", payload)[0]):
        number, size = struct.unpack_from("<QI", payload, at)
        found[number] = payload[at + 16 : at + 16 + size].decode()
        at += 16 + size + -size % 8
    return found


def state(payload):
    layout, size, offset, count = struct.unpack_from("<QQQQ", payload)
    return {"layout": layout, "bytes": size, "offset": offset, "part": payload[32 : 32 + count].hex()}


def late(payload):
    count, act, _, number, actor, note = struct.unpack_from("<IHHQII", payload)
    end = 24 + 24 * count
    names = ("value", "utc_ns", "tag", "quality", "flags")
    found = [dict(zip(names, row, strict=True)) for row in struct.iter_unpack("<dqIHH", payload[24:end])]
    texts = payload[end : end + actor].decode(), payload[end + actor : end + actor + note].decode()
    return {"act": act, "number": number, "rows": found, "actor": texts[0], "note": texts[1]}


def frames(data):
    """(sequence, scan, UTC ns, kind, content) of every frame of a file that counts."""
    magic, number, *_, plan, _, _, utc_ns, mono_ns, _, crc = struct.unpack_from("<8sHHIQQQqqII", data)
    assert (magic, number, crc) == (b"PLANTLOG", 1, crc32c(data[:60]))
    offset_ns, at = utc_ns - mono_ns, 64
    while at + 48 <= len(data):
        length, kind, version, sequence, scan, mono_ns, plan_hash = struct.unpack_from("<IHHQQqQ", data, at)
        body = data[at : at + length - 4]
        fits = length % 8 == 0 and 48 <= length <= len(data) - at and version == 1 and plan_hash == plan
        if not fits or struct.unpack_from("<I", data, at + length - 4)[0] != crc32c(body):
            at += 8
            continue
        at += length
        payload = body[40:]
        if kind in RECORDS:
            form, names = RECORDS[kind]
            size = struct.calcsize(form)
            whole = payload[: len(payload) // size * size]
            content = [dict(zip(names.split(), record, strict=True)) for record in struct.iter_unpack(form, whole)]
            offset_ns = content[0]["utc_ns"] - content[0]["mono_ns"] if kind == 7 else offset_ns
        else:
            content = {6: texts, 10: state, 11: late}.get(kind, rows)(payload)
        yield sequence, scan, mono_ns + offset_ns, NAMES[kind], content
