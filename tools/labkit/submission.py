"""What a student handed in: the whitelisted files, out of a folder, an archive or one file.

Nothing of a submission is ever unpacked to disk by its own names: each whitelisted file is read by
its path, as a regular file of at most 1 MiB.
"""

import os
import stat
import tarfile
import zipfile

from . import Trouble, say

LIMIT = 1 << 20       # bytes of one file
MEMBERS = 20000       # of an archive


class Bad(Exception):
    """The submission cannot be graded as it is, and it is not the grader's fault."""


def collect(source, files):
    """{path: bytes} of the whitelisted files.  Raises: Bad when one is missing or odd."""
    if os.path.isdir(source):
        found = from_folder(source, files)
    elif zipfile.is_zipfile(source):
        found = from_zip(source, files)
    elif os.path.isfile(source) and tarfile.is_tarfile(source):
        found = from_tar(source, files)
    elif os.path.isfile(source) and len(files) == 1:
        found = {files[0]: read_regular(source)}
    elif os.path.exists(source):
        raise Bad(f"{say(source)} is no folder, zip or tar archive")
    else:
        raise Trouble(f"{source} does not exist")
    missing = [path for path in files if path not in found]
    if missing:
        raise Bad("the submission lacks " + ", ".join(missing))
    return found


def read_regular(path):
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise Bad(f"{os.path.basename(path)} is no regular file")
        if info.st_size > LIMIT:
            raise Bad(f"{os.path.basename(path)} has more than {LIMIT >> 20} MiB")
        return file.read(LIMIT)


def from_folder(source, files):
    found = {}
    for path in files:
        # By its whole path, or alone: upload forms flatten folders.
        for name in (path, os.path.basename(path)):
            full = os.path.join(source, name)
            if not os.path.lexists(full):
                continue
            real = os.path.realpath(os.path.dirname(full))
            if os.path.islink(full) or not (real + os.sep).startswith(
                    os.path.realpath(source) + os.sep):
                raise Bad(f"{name} is a link")
            found[path] = read_regular(full)
            break
    return found


def pick(names, files):
    """{whitelisted path: member}: the member whose name is the path, below folders or alone."""
    chosen = {}
    for path in files:
        ends = [n for n in names if n == path or n.endswith("/" + path)] or \
               [n for n in names if n.rsplit("/", 1)[-1] == os.path.basename(path)]
        if len(ends) > 1 and path not in ends:
            raise Bad(f"the archive has {path} more than once")
        if ends:
            chosen[path] = path if path in ends else ends[0]
    return chosen


def check_names(names):
    if len(names) > MEMBERS:
        raise Bad(f"the archive has more than {MEMBERS} members")
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise Bad("the archive has a name that leads out of it")


def from_zip(source, files):
    try:
        with zipfile.ZipFile(source) as archive:
            names = [i.filename for i in archive.infolist()]
            check_names(names)
            found = {}
            for path, member in pick(names, files).items():
                info = archive.getinfo(member)
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise Bad(f"{path} is a link")
                with archive.open(info) as file:
                    found[path] = limited(file, path)
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise Bad(f"the archive cannot be read: {error}") from None


def from_tar(source, files):
    try:
        with tarfile.open(source) as archive:
            members = {}
            for count, member in enumerate(archive):
                if count >= MEMBERS:
                    raise Bad(f"the archive has more than {MEMBERS} members")
                if member.size > 64 * LIMIT:
                    raise Bad(f"the archive has a member of {member.size >> 20} MiB")
                members[member.name.removeprefix("./")] = member
            check_names(list(members))
            found = {}
            for path, name in pick(list(members), files).items():
                if not members[name].isreg():
                    raise Bad(f"{path} is no regular file")
                with archive.extractfile(members[name]) as file:
                    found[path] = limited(file, path)
            return found
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Bad(f"the archive cannot be read: {error}") from None


def limited(file, path):
    data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise Bad(f"{path} has more than {LIMIT >> 20} MiB")
    return data
