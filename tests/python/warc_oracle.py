"""Lists the records of a .warc.gz with nothing but zlib, to check our reader against: warc_test runs it on real files.

A line per record: offset of its member, offset inside it, type, target URI, bytes and CRC-32 of the payload; of an HTTP response
also status, content type, bytes and CRC-32 of the body with gzip undone. The last line is "damage OFFSET" if the file ends early.
"""
import sys
import zlib


def fields(block):
    out = {}
    for line in block.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            out.setdefault(name.strip().lower(), value.strip())
    return out


def unchunk(body):
    out = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        n = int(size.split(b";")[0], 16)
        if n == 0:
            return out
        out += rest[:n]
        body = rest[n + 2 :]


def members(data):
    at = 0
    while at < len(data):
        inflate = zlib.decompressobj(31)
        text = inflate.decompress(data[at:])
        yield at, text, inflate.eof
        if not inflate.eof:
            return
        at = len(data) - len(inflate.unused_data)


def show(offset, inner, head, payload):
    uri = head.get(b"warc-target-uri", b"-").strip(b"<>").decode()
    line = [offset, inner, head[b"warc-type"].decode(), uri, len(payload), zlib.crc32(payload)]
    if line[2] == "response":
        http, _, body = payload.partition(b"\r\n\r\n")
        head = fields(http)
        if head.get(b"transfer-encoding") == b"chunked":
            body = unchunk(body)
        if head.get(b"content-encoding") == b"gzip":
            body = zlib.decompress(body, 31)
        kind = head.get(b"content-type", b"-").split(b";")[0].strip().lower().decode()
        line += [int(http.split(b" ", 2)[1][:3]), kind, len(body), zlib.crc32(body)]
    print(*line)


for offset, text, is_whole in members(open(sys.argv[1], "rb").read()):
    at = 0
    while at < len(text):
        end = text.index(b"\r\n\r\n", at)
        head = fields(text[at:end])
        payload = text[end + 4 : end + 4 + int(head[b"content-length"])]
        if len(payload) < int(head[b"content-length"]):
            break
        show(offset, at, head, payload)
        at = end + 4 + len(payload)
        while text[at : at + 1] in (b"\r", b"\n"):
            at += 1
    if not is_whole:
        print("damage", offset)
