#!/usr/bin/python3
"""Shows a directory at a second place (FUSE), as a disk that begins to fail would have it.

    faulty-mount.py DIRECTORY AT

What is named *.eio at first keeps to it by whatever name: files cannot be read beyond their first 4096 bytes, and
directories cannot be listed. Goes on in the background until it is unmounted. Needs Debian's packages python3-fusepy
and fuse.
"""

import errno
import os
import sys

import fusepy

READABLE = 4096

root, at = map(os.path.abspath, sys.argv[1:])

bad = {
    os.lstat(os.path.join(parent, name)).st_ino
    for parent, directories, files in os.walk(root)
    for name in directories + files
    if name.endswith(".eio")
}


class Faulty(fusepy.Operations):
    use_ns = True

    def __call__(self, operation, path, *args):
        return getattr(self, operation)(root + path, *args)

    def getattr(self, path, _fd=None):
        stat = os.lstat(path)
        kept = ("st_mode", "st_ino", "st_nlink", "st_uid", "st_gid", "st_size")
        times = {f"st_{time}": getattr(stat, f"st_{time}_ns") for time in ("atime", "mtime", "ctime")}
        return {key: getattr(stat, key) for key in kept} | times

    def readdir(self, path, _fd):
        if os.lstat(path).st_ino in bad:
            raise fusepy.FuseOSError(errno.EIO)
        return [".", "..", *os.listdir(path)]

    def open(self, path, flags):
        return os.open(path, flags)

    def create(self, path, mode, _info=None):
        return os.open(path, os.O_RDWR | os.O_CREAT, mode)

    def read(self, _path, size, offset, fd):
        if offset + size > READABLE and os.fstat(fd).st_ino in bad:
            raise fusepy.FuseOSError(errno.EIO)
        return os.pread(fd, size, offset)

    def write(self, _path, data, offset, fd):
        return os.pwrite(fd, data, offset)

    def release(self, _path, fd):
        os.close(fd)

    def flush(self, _path, _fd):
        pass

    def fsync(self, _path, _data_only, fd):
        os.fsync(fd)

    def truncate(self, path, size, _fd=None):
        os.truncate(path, size)

    def link(self, path, source):
        os.link(root + source, path)

    def rename(self, path, new):
        os.rename(path, root + new)

    def utimens(self, path, times=None):
        os.utime(path, ns=times)

    def statfs(self, path):
        stat = os.statvfs(path)
        return {key: getattr(stat, key) for key in dir(stat) if key.startswith("f_") and key != "f_fsid"}

    def mkdir(self, path, mode):
        os.mkdir(path, mode)

    def rmdir(self, path):
        os.rmdir(path)

    def unlink(self, path):
        os.unlink(path)

    def chmod(self, path, mode):
        os.chmod(path, mode)

    def chown(self, path, uid, gid):
        os.lchown(path, uid, gid)

    def readlink(self, path):
        return os.readlink(path)

    def symlink(self, path, target):
        os.symlink(target, path)


# Nothing is cached: each question comes here.
options = {"attr_timeout": 0, "entry_timeout": 0, "use_ino": True, "allow_other": True}
fusepy.FUSE(Faulty(), at, nothreads=True, fsname="faulty", **options)
