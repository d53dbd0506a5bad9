"""Runs a command beside a file system that has files and locks, and no shared memory: python3 fuse.py FOLDER COMMAND …

It speaks the kernel's FUSE protocol (linux/fuse.h) and keeps its files in memory. Every file is opened with direct I/O,
as network file systems in user space do it, and so the kernel refuses to map it into shared memory. To be run by
`unshare --mount --map-root-user`, so that the mount ends with this process.
"""

import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys
import threading

LOOKUP, FORGET, GETATTR, SETATTR, UNLINK, OPEN, READ, WRITE = 1, 2, 3, 4, 10, 14, 15, 16
STATFS, RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = 17, 18, 20, 25, 26, 27, 28, 29
FSYNCDIR, ACCESS, CREATE, INTERRUPT, BATCH_FORGET = 30, 34, 35, 36, 42
DIRECT_IO = 1

names = {}  # name to node
files = {}  # node to bytes
modes = {1: stat.S_IFDIR | 0o755}


def attributes(node):
    size = len(files.get(node, b""))
    mode = modes[node]
    # ino, size, blocks, three times, their nanoseconds, mode, nlink, uid, gid, rdev, blksize, flags
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512 + 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def entry(node):
    return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + attributes(node)


def answer(code, node, body):
    if code == INIT:
        major, minor, ahead, _ = struct.unpack_from("<IIII", body)
        return struct.pack("<IIIIHHIIHHI7I", 7, 31, ahead, 0, 0, 0, 128 * 1024, 1, 0, 0, 0, *[0] * 7)
    if code == LOOKUP:
        return entry(names[body.rstrip(b"\0")])
    if code == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + attributes(node)
    if code == SETATTR:
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        if valid & 8:
            files[node] = files[node][:size].ljust(size, b"\0")
        return struct.pack("<QII", 0, 0, 0) + attributes(node)
    if code == CREATE:
        flags, mode, _, _ = struct.unpack_from("<IIII", body)
        name = body[16:].rstrip(b"\0")
        node = names.setdefault(name, len(modes) + 1)
        files.setdefault(node, b"")
        modes[node] = mode
        return entry(node) + struct.pack("<QII", node, DIRECT_IO, 0)
    if code in (OPEN, OPENDIR):
        return struct.pack("<QII", node, DIRECT_IO if code == OPEN else 0, 0)
    if code == READ:
        _, offset, size = struct.unpack_from("<QQI", body)
        return files[node][offset : offset + size]
    if code == WRITE:
        _, offset, size, _ = struct.unpack_from("<QQII", body)
        data = body[40 : 40 + size]
        old = files[node].ljust(offset, b"\0")
        files[node] = old[:offset] + data + old[offset + size :]
        return struct.pack("<II", size, 0)
    if code == UNLINK:
        del names[body.rstrip(b"\0")]
        return b""
    if code == STATFS:
        return struct.pack("<QQQQQIIII6I", 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4096, 255, 4096, 0, *[0] * 6)
    if code == READDIR or code in (RELEASE, FSYNC, FLUSH, RELEASEDIR, FSYNCDIR, ACCESS):
        return b""
    raise OSError(errno.ENOSYS, "not here")


def serve(device):
    while True:
        try:
            request = os.read(device, 256 * 1024)
        except OSError:
            return
        _, code, unique, node = struct.unpack_from("<IIQQ", request)
        if code in (FORGET, BATCH_FORGET, INTERRUPT):
            continue
        try:
            error, reply = 0, answer(code, node, request[40:])
        except KeyError:
            error, reply = -errno.ENOENT, b""
        except OSError as refused:
            error, reply = -refused.errno, b""
        os.write(device, struct.pack("<IiQ", 16 + len(reply), error, unique) + reply)


folder, command = sys.argv[1], sys.argv[2:]
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"campanile-test", folder.encode(), b"fuse", 6, options):
    sys.exit(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
threading.Thread(target=serve, args=(device,), daemon=True).start()
ended = subprocess.run(command, close_fds=True).returncode
sys.stdout.flush()
# The mount and the thread end with the process.
os._exit(ended)
