#!/usr/bin/python3
"""A vhost-user-blk backend that behaves until it is armed, and then tells one lie.

QEMU shares the guest's memory (memory-backend-memfd) and hands over the rings; this process is the
device.  It behaves for every request until sector ARM_SECTOR of the disk is read; the request after
that gets the lie.

    vhost_user_blk.py SOCKET IMAGE LIE
"""

import array
import mmap
import os
import select
import socket
import struct
import sys

ARM_SECTOR = 2047
LIES = ["none", "used-ahead", "used-back", "id-range", "id-no-head", "twice", "length",
        "length-short", "status-3", "status-unwritten", "never", "capacity-0",
        "capacity-huge", "capacity-shrinks"]

# Message types (vhost-user protocol) and the features that we have.
GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 1, 2, 3, 4, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 15, 16, 17, 18
SET_BACKEND_REQ_FD, GET_CONFIG, SET_CONFIG = 21, 24, 25
PROTOCOL_F_MQ, PROTOCOL_F_REPLY_ACK, PROTOCOL_F_BACKEND_REQ, PROTOCOL_F_CONFIG = 0, 3, 5, 9
BACKEND_CONFIG_CHANGE = 2
F_PROTOCOL, F_VERSION_1, F_EVENT_IDX, F_INDIRECT = 30, 32, 29, 28
BLK_SEG_MAX, BLK_SIZE, BLK_FLUSH = 2, 6, 9
DESC_NEXT, DESC_WRITE, DESC_INDIRECT = 1, 2, 4
BLK_IN, BLK_OUT, BLK_T_FLUSH, BLK_GET_ID = 0, 1, 4, 8


class Ring:
    def __init__(self):
        self.size = self.desc = self.avail = self.used = self.last = 0
        self.kick = self.call = -1


class Backend:
    def __init__(self, path, image, lie):
        self.image = open(image, "r+b", buffering=0)
        self.sectors = os.path.getsize(image) // 512
        self.lie, self.armed, self.silent = lie, False, False
        self.features = self.protocol = 0
        self.regions = []
        self.rings = {}
        self.backend = None
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        print("listening", flush=True)
        self.conn = listener.accept()[0]

    # --- messages ---

    def receive(self):
        data, ancillary, _, _ = self.conn.recvmsg(12, socket.CMSG_SPACE(8 * 4))
        if len(data) < 12:
            sys.exit(0)
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:len(payload) // 4 * 4])
        request, flags, size = struct.unpack("<III", data)
        body = b""
        while len(body) < size:
            body += self.conn.recv(size - len(body))
        return request, flags, body, list(fds)

    def reply(self, request, body):
        self.conn.sendall(struct.pack("<III", request, 1 | 4, len(body)) + body)

    def handle(self):
        request, flags, body, fds = self.receive()
        answer = self.answer(request, body, fds)
        if answer is not None:
            self.reply(request, answer)
        elif flags & 8:
            self.reply(request, struct.pack("<Q", 0))

    def answer(self, request, body, fds):
        if request == GET_FEATURES:
            return struct.pack("<Q", sum(1 << bit for bit in (
                F_PROTOCOL, F_VERSION_1, F_EVENT_IDX, F_INDIRECT, BLK_SEG_MAX, BLK_SIZE,
                BLK_FLUSH)))
        if request == SET_FEATURES:
            self.features = struct.unpack("<Q", body)[0]
        elif request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", 1 << PROTOCOL_F_CONFIG | 1 << PROTOCOL_F_REPLY_ACK |
                               1 << PROTOCOL_F_BACKEND_REQ)
        elif request == GET_QUEUE_NUM:
            return struct.pack("<Q", 1)
        elif request == GET_CONFIG:
            offset, size, flags = struct.unpack("<III", body[:12])
            return body[:12] + self.config()[offset:offset + size].ljust(size, b"\0")
        elif request == SET_BACKEND_REQ_FD:
            self.backend = socket.socket(fileno=fds[0])
        elif request == SET_MEM_TABLE:
            self.set_memory(body, fds)
        elif request in (SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE,
                         SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR):
            return self.vring(request, body, fds)
        return None

    def config(self):
        sectors = self.sectors
        if self.armed:
            sectors = {"capacity-0": 0, "capacity-huge": 1 << 63,
                       "capacity-shrinks": 2048}.get(self.lie, sectors)
        return struct.pack("<QIIHBBI", sectors, 0, 126, 0, 0, 0, 512).ljust(60, b"\0")

    def set_memory(self, body, fds):
        for _, _, _, mapped in self.regions:
            mapped.close()
        self.regions = []
        count = struct.unpack("<I", body[:4])[0]
        for i in range(count):
            guest, size, user, offset = struct.unpack_from("<QQQQ", body, 8 + 32 * i)
            mapped = mmap.mmap(fds[i], offset + size)
            os.close(fds[i])
            self.regions.append((guest, user, size, MappedAt(mapped, offset)))

    def vring(self, request, body, fds):
        if request == SET_VRING_ADDR:
            index, _, desc, used, avail, _ = struct.unpack("<IIQQQQ", body)
            ring = self.rings.setdefault(index, Ring())
            ring.desc, ring.used, ring.avail = (self.from_user(a) for a in (desc, used, avail))
            return None
        index, value = struct.unpack("<II", body[:8])
        ring = self.rings.setdefault(index & 0xFF, Ring())
        if request == SET_VRING_NUM:
            ring.size = value
        elif request == SET_VRING_BASE:
            ring.last = value
        elif request == GET_VRING_BASE:
            ring.kick = -1
            return struct.pack("<II", index, ring.last)
        elif request == SET_VRING_KICK:
            ring.kick = fds[0] if fds else -1
        elif request == SET_VRING_CALL:
            ring.call = fds[0] if fds else -1
        elif fds:
            os.close(fds[0])
        return None

    # --- memory ---

    def from_user(self, address):
        for guest, user, size, _ in self.regions:
            if user <= address < user + size:
                return address - user + guest
        raise ValueError(f"user address {address:#x}")

    def at(self, address, size):
        for guest, _, length, mapped in self.regions:
            if guest <= address and address + size <= guest + length:
                return mapped, address - guest
        raise ValueError(f"guest address {address:#x}")

    def read(self, address, size):
        mapped, at = self.at(address, size)
        return mapped.read(at, size)

    def write(self, address, data):
        mapped, at = self.at(address, len(data))
        mapped.write(at, data)

    def read16(self, address):
        return struct.unpack("<H", self.read(address, 2))[0]

    # --- requests ---

    def chain(self, ring, head):
        table, index, limit, pieces = ring.desc, head, ring.size, []
        while True:
            address, size, flags, following = struct.unpack(
                "<QIHH", self.read(table + 16 * index, 16))
            if flags & DESC_INDIRECT:
                table, index, limit = address, 0, size // 16
                continue
            pieces.append((address, size, bool(flags & DESC_WRITE)))
            if not flags & DESC_NEXT:
                return pieces
            index = following
            assert index < limit and len(pieces) <= limit

    def execute(self, pieces):
        kind, _, sector = struct.unpack("<IIQ", self.read(pieces[0][0], 16))
        self.image.seek(sector * 512)
        arm = kind == BLK_IN and sector == ARM_SECTOR
        for address, size, writable in pieces[1:-1]:
            if kind == BLK_IN:
                self.write(address, self.image.read(size).ljust(size, b"\0"))
            elif kind == BLK_OUT:
                self.image.write(self.read(address, size))
            elif kind == BLK_GET_ID:
                self.write(address, b"liar".ljust(size, b"\0"))
        return arm

    def push(self, ring, head, written):
        index = self.read16(ring.used + 2)
        self.write(ring.used + 4 + 8 * (index % ring.size), struct.pack("<II", head, written))
        self.write(ring.used + 2, struct.pack("<H", (index + 1) % 65536))

    def move_used(self, ring, by):
        index = self.read16(ring.used + 2)
        self.write(ring.used + 2, struct.pack("<H", (index + by) % 65536))

    def finish(self, ring, head, pieces):
        written = sum(size for _, size, writable in pieces if writable)
        lie = self.lie if self.armed else "none"
        if lie.startswith("capacity"):
            lie = "none"
        elif lie != "none":
            self.lie = "none"
        if lie != "status-unwritten":
            self.write(pieces[-1][0], b"\3" if lie == "status-3" else b"\0")
        if lie == "never":
            return
        if lie == "id-range":
            head = 0xFFFFFFF0
        elif lie == "id-no-head":
            head = (head + ring.size - 1) % ring.size
        elif lie == "length":
            written += 1
        elif lie == "length-short":
            written = 0
        elif lie == "twice":
            self.push(ring, head, written)
        self.push(ring, head, written)
        if lie == "used-ahead":
            self.move_used(ring, ring.size)
        elif lie == "used-back":
            self.move_used(ring, -2)
            self.silent = True # what came after would cover it up
        if lie != "none":
            print("lied:", lie, flush=True)

    def arm(self):
        self.armed = True
        print("armed", flush=True)
        if self.lie.startswith("capacity"):
            self.backend.sendall(struct.pack("<III", BACKEND_CONFIG_CHANGE, 1, 0))

    def serve(self, ring):
        if self.features >> F_EVENT_IDX & 1: # of everything new, please
            self.write(ring.used + 4 + 8 * ring.size, struct.pack("<H", self.read16(ring.avail + 2)))
        busy = False
        while ring.last != self.read16(ring.avail + 2) and not self.silent:
            head = self.read16(ring.avail + 4 + 2 * (ring.last % ring.size))
            ring.last = (ring.last + 1) % 65536
            pieces = self.chain(ring, head)
            arms = self.execute(pieces)
            self.finish(ring, head, pieces)
            if arms:
                self.arm()
            busy = True
            if self.features >> F_EVENT_IDX & 1:
                self.write(ring.used + 4 + 8 * ring.size, struct.pack("<H", ring.last))
        # More interrupts than asked for do no harm.
        if busy and ring.call >= 0:
            os.write(ring.call, struct.pack("<Q", 1))

    def run(self):
        while True:
            kicks = {ring.kick: ring for ring in self.rings.values()
                     if ring.kick >= 0 and ring.size and ring.desc}
            for ready in select.select([self.conn, *kicks], [], [])[0]:
                if ready is self.conn:
                    self.handle()
                elif ready in kicks and kicks[ready].kick >= 0:
                    os.read(ready, 8)
                    self.serve(kicks[ready])


class MappedAt:
    """A mapping that begins at an offset."""

    def __init__(self, mapped, offset):
        self.mapped, self.offset = mapped, offset

    def read(self, at, size):
        at += self.offset
        return self.mapped[at:at + size]

    def write(self, at, data):
        at += self.offset
        self.mapped[at:at + len(data)] = data

    def close(self):
        self.mapped.close()


if __name__ == "__main__":
    assert sys.argv[3] in LIES
    Backend(*sys.argv[1:4]).run()
