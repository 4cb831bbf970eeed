"""Is a compiled file what it should be: kernel code that defines what the reference's defines?

A submission's file may hold any C. Its object may not: define another's symbols, need what no part
of the kernel has, run before main, or make system calls of its own. The checks look at the object
that the compiler made, so no trick of the text hides anything from them.
"""

import re
import subprocess

SECTION = re.compile(r"\.(text|data|bss|rodata|tbss|tdata|debug\w*|comment|note\.\S*|eh_frame|"
                     r"strtab|symtab|shstrtab|group|rela?\.\S*|data\.rel\.ro)(\..*)?\Z")
FORBIDDEN = re.compile(r"^\s*[0-9a-f]+:\s+(syscall|sysenter|int\s+\$?0x80|sysret)", re.M)
COMPILER = re.compile(r"(mem(cpy|set|move|cmp)|strlen|__(asan|ubsan|stack_chk)\w*|"
                      r"_GLOBAL_OFFSET_TABLE_)\Z")


def tool(*argv):
    return subprocess.run(argv, capture_output=True, text=True, errors="replace",
                          check=True).stdout


def symbols(path):
    """(defined, needed) global symbols."""
    defined, needed = set(), set()
    for line in tool("nm", "-g", path).splitlines():
        kind, name = line.split()[-2:]
        (needed if kind in "Uwv" else defined).add(name)
    return defined, needed


def faults(path, reference):
    """What is wrong with an object, beside the reference's: sentences, none when it is well."""
    found = []
    for line in tool("readelf", "-SW", path).splitlines():
        match = re.match(r"\s*\[\s*\d+\]\s+(\.\S+)", line)
        if match and not SECTION.match(match.group(1)):
            found.append(f"it has a section {match.group(1)}, which kernel code has no use for")
    defined, needed = symbols(path)
    ref_defined, ref_needed = symbols(reference)
    for name in sorted(defined - ref_defined):
        found.append(f"it defines {name} for the whole kernel: make it static")
    for name in sorted(ref_defined - defined):
        found.append(f"it does not define {name}")
    for line in tool("readelf", "-sW", path).splitlines():
        if " IFUNC " in line:
            found.append("it chooses a function at load time")
    if FORBIDDEN.search(tool("objdump", "-d", "--no-show-raw-insn", "-M", "att", path)):
        found.append("it makes a system call of its own")
    return found, needed - ref_needed
