#!/usr/bin/python3
"""Mutants of a program, started in Ringlet: whatever a file claims, the kernel lives on.

    elf_mutants.py [--seed N] [--count N]
    elf_mutants.py --corpus DIR     first inputs for tests/fuzz/fuzz_elf.c, and no machine

A mutant is made of its number alone: fields of the ELF header and of the program headers get values
that matter (bounds, addresses of the kernel, sizes that wrap), bytes change, the end is cut off.
"""

import argparse
import os
import random
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
import ringlet  # noqa: E402

BATCH = 400  # mutants on one disk
EHDR = {"type": (16, 2), "machine": (18, 2), "version": (20, 4), "entry": (24, 8),
        "phoff": (32, 8), "flags": (48, 4), "ehsize": (52, 2), "phentsize": (54, 2),
        "phnum": (56, 2)}
PHDR = {"type": (0, 4), "flags": (4, 4), "offset": (8, 8), "vaddr": (16, 8), "paddr": (24, 8),
        "filesz": (32, 8), "memsz": (40, 8), "align": (48, 8)}
TYPES = [0, 1, 2, 3, 4, 6, 7, 0x6474e550, 0x6474e551]
VALUES = [0, 1, 2, 0xfff, 0x1000, 0x1001, 0x10000, 0x400000, 1 << 20, 1 << 31, 1 << 32,
          0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0xffff888000000000,
          0xffffffff80100000, 1 << 62, 1 << 63, 0xffffffffffffefff, 0xfffffffffffff000,
          0xffffffffffffffff]


def mutant(base, number):
    """Mutant `number` of the program."""
    dice = random.Random(number)
    data = bytearray(base)
    phoff, = struct.unpack_from("<Q", base, 32)
    phnum, = struct.unpack_from("<H", base, 56)

    def change(at, size):
        old = int.from_bytes(data[at:at + size], "little")
        new = dice.choice([dice.choice(VALUES), old + dice.choice(VALUES), old - dice.choice(VALUES),
                           old ^ (1 << dice.randrange(8 * size)), dice.getrandbits(8 * size)])
        data[at:at + size] = (new % (1 << 8 * size)).to_bytes(size, "little")

    for _ in range(dice.choice([1, 1, 1, 2, 3, 6])):
        kind = dice.random()
        header = phoff + 56 * dice.randrange(phnum)
        if kind < 0.25:
            change(*dice.choice(list(EHDR.values())))
        elif kind < 0.75:
            at, size = dice.choice(list(PHDR.values()))
            change(header + at, size)
        elif kind < 0.85:
            struct.pack_into("<I", data, header, dice.choice(TYPES))
        elif kind < 0.95:
            data[dice.randrange(min(len(data), 1024))] = dice.randrange(256)
        else:
            del data[dice.randrange(1, len(data)):]
            data.extend(bytes(max(0, phoff + 56 * phnum - len(data))))
    return bytes(data)


def base_program():
    with open(os.path.join(ringlet.TOP, "build/tests/user/tiny"), "rb") as file:
        return file.read()


def write_corpus(directory):
    """The headers of a program that works; and with an interpreter, whose name lies behind them."""
    head = bytearray(base_program()[:1024])
    name = len(head)
    head += b"/lib/ld.so\0"
    phoff, = struct.unpack_from("<Q", head, 32)
    wants = bytearray(head)
    struct.pack_into("<IIQQQQQQ", wants, phoff + 56, 3, 4, name, name, name, 11, 11, 1)
    for kind, program in (("static", head), ("dynamic", wants)):
        with open(os.path.join(directory, kind), "wb") as file:
            file.write(struct.pack("<H", len(program)) + program + head)


def play(first, count, workdir):
    """Start mutants first, first + 1, ... in one machine. Returns: what the runner counted.
    Raises AssertionError when the machine does not live on or its disk has a fault."""
    base = base_program()
    files = {f"elf/{number}": mutant(base, number) for number in range(first, first + count)}
    disk = ringlet.make_disk(os.path.join(workdir, f"{first}.img"), files=files, only=["runall"],
                             size=f"{16 + count * (len(base) + 4096) // 900000}M")
    machine = ringlet.Machine(workdir, disks=[disk], append="panic=exit")
    try:
        machine.login()
        said = machine.ok("/tests/runall /tests/elf", timeout=120 + 3 * count)
        assert f"ran {count}\n" in said, said
        assert machine.ok("echo alive").strip() == "alive"
        machine.poweroff()
    finally:
        machine.kill()
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or "1"),
                        help="the first mutant's number")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--corpus", metavar="DIR")
    args = parser.parse_args()
    failed = 0
    if args.corpus:
        write_corpus(args.corpus)
        return
    for first in range(args.seed, args.seed + args.count, BATCH):
        count = min(BATCH, args.seed + args.count - first)
        print(f"== mutants {first} to {first + count - 1}", flush=True)
        with tempfile.TemporaryDirectory() as workdir:
            try:
                print(play(first, count, workdir), end="", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAIL  {error}", flush=True)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
