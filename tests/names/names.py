#!/usr/bin/python3
"""Random operations on names in Ringlet, against a model, to a poweroff at a random point.

    names.py [--seed N] [--count N] [--jobs N]

Each sequence boots a machine of its own with two disks. Every answer must be the model's; after
poweroff e2fsck finds no fault on either disk, and debugfs finds the model's tree. A sequence is made
of its seed alone: `names.py --seed 17 --count 1` plays number 17 again.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../system"))
import ringlet  # noqa: E402
from sequence import MOUNT, TOP, Sequence, tree_of  # noqa: E402

SHAPES = [(1024, 128), (2048, 256), (4096, 256)]


def make_disks(workdir, block, inode, script):
    root = ringlet.make_disk(os.path.join(workdir, "root.img"), files={"s": script}, block=block,
                             inode=inode, size="24M", only=["names"])
    disk = ringlet.make_disk(os.path.join(workdir, "disk.img"), block=block, inode=inode, size="4M",
                             empty=True, where="/")
    return root, disk


def listing(image, directory):
    """Name -> (mode, inode) of a directory, by debugfs."""
    said = ringlet.debugfs(image, f"ls -p {directory or '/'}")
    rows = re.findall(r"^/(\d+)/(\d+)/\d*/\d*/(.*)/\d*/$", said, re.M)
    return {name: (int(mode, 8), int(ino)) for ino, mode, name in rows
            if name not in (".", "..", "lost+found")}


def tree_in(image, top, workdir):
    """As sequence.tree_of, of a tree in an image, read without Ringlet."""
    out = os.path.join(workdir, "dump" + os.path.basename(image))
    os.mkdir(out)
    ringlet.debugfs(image, f"rdump {top or '/'} {out}")
    base = os.path.join(out, os.path.basename(top))
    found, files, todo = {}, {}, [""]
    while todo:
        directory = todo.pop()
        for name, (mode, ino) in listing(image, top + directory).items():
            path = f"{directory}/{name}"
            kind, content = mode & 0o170000, b""
            files.setdefault(ino, []).append(path)
            if kind == 0o040000:
                todo.append(path)
            elif kind == 0o120000:
                content = os.readlink(base + path).encode()
            elif kind == 0o100000:
                with open(base + path, "rb") as file:
                    content = file.read()
            found[path] = (kind, content, ino)
    return {path: (kind, content, tuple(sorted(files[ino])))
            for path, (kind, content, ino) in found.items()}



def play(seed):
    """Play one sequence. Raises AssertionError where Ringlet differs."""
    workdir = tempfile.mkdtemp(prefix=f"names-{seed}-")
    block, inode = SHAPES[seed % len(SHAPES)]
    sequence = Sequence(seed, workdir)
    sequence.close()
    root, disk = make_disks(workdir, block, inode, sequence.script())
    machine = ringlet.Machine(workdir, disks=[root, disk])
    try:
        machine.wait_prompt()
        machine.send("sh /tests/s\r")
        status = machine.wait_exit()
        assert status == 0, f"QEMU's exit status is {status}\n{machine.tail()}"
        answers = dict(re.findall(r"^(\d+) ([A-Z]\w*)\r?$", machine.output(), re.M))
        for nr, wanted in sequence.wanted.items():
            got = answers.get(str(nr))
            assert got in wanted, (f"step {nr}: {got}, not {' or '.join(wanted)}: "
                                   f"{sequence.lines[nr]}\n{machine.tail()}")
        machine.judge()
        for image, top, tree in ((root, TOP, "root"), (disk, "", "disk")):
            got, wanted = tree_in(image, top, workdir), tree_of(sequence.trees[tree])
            assert got == wanted, (f"{tree}: only on the disk {sorted(set(got) - set(wanted))}, only "
                                   f"in the model {sorted(set(wanted) - set(got))}, other "
                                   f"{sorted(p for p in got if p in wanted and got[p] != wanted[p])}")
    finally:
        machine.kill()
    shutil.rmtree(workdir)


# The end of a sequence that leaves nothing behind.
CLEAN_UP = f"""cd /; exec 4>&- 5>&- 6>&- 7>&-; kill `jobs -p` 2>/dev/null; wait
mount -o remount,rw {MOUNT} 2>/dev/null; umount {MOUNT} 2>/dev/null
mount -t ext2 /dev/vdb {MOUNT}; rm -rf {MOUNT}/[a-d]*; umount {MOUNT}; rm -rf {TOP}"""


def play_all(seeds):
    """Play sequences one after the other in one machine, and clean up after each. What is in use
    afterwards must be what was in use before the second one."""
    with tempfile.TemporaryDirectory(prefix="names-") as workdir:
        sequences = {seed: Sequence(seed, os.path.join(workdir, str(seed))) for seed in seeds}
        files = {"counts": ringlet.COUNTS}
        for seed, sequence in sequences.items():
            sequence.close()
            files[f"s{seed}"] = sequence.script(CLEAN_UP)
        root = ringlet.make_disk(os.path.join(workdir, "root.img"), files=files, only=["names"])
        disk = ringlet.make_disk(os.path.join(workdir, "disk.img"), empty=True, where="/", size="4M")
        machine = ringlet.Machine(workdir, disks=[root, disk])
        try:
            machine.login()
            for seed, sequence in sequences.items():
                said = machine.ok(f"sh /tests/s{seed}")
                answers = dict(re.findall(r"^(\d+) ([A-Z]\w*)$", said, re.M))
                for nr, wanted in sequence.wanted.items():
                    assert answers.get(str(nr)) in wanted, (seed, nr, sequence.lines[nr], said)
                after = machine.ok("/tests/counts")
                if seed == seeds[0]:
                    before = machine.ok("/tests/counts")
                else:
                    assert after == before, f"after sequence {seed}: {before}\n{after}"
            machine.poweroff()
        finally:
            machine.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or "1"),
                        help="of the first sequence")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    failed = 0
    print(f"seeds {args.seed} to {args.seed + args.count - 1}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        plays = {pool.submit(play, seed): seed for seed in range(args.seed, args.seed + args.count)}
        for done in concurrent.futures.as_completed(plays):
            error = done.exception()
            if error:
                failed += 1
                print(f"FAIL  seed {plays[done]}: {error}", flush=True)
    print(f"{args.count - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
