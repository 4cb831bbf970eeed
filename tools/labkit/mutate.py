"""Small changes to the reference's functions, made mechanically: each should lose points.

libclang reads the file; tokens give operators and constants, the tree gives statements. A mutant
whose object is the same as the reference's is no mutant.
"""

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass

from . import TOP, Trouble, build as building, export

SWAPS = {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="],
         "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "&&": ["||"], "||": ["&&"],
         "&": ["|"], "|": ["&"], "<<": [">>"], ">>": ["<<"], "+=": ["-="], "-=": ["+="],
         "|=": ["&="], "&=": ["|="], "++": ["--"], "--": ["++"]}
# Functions that only print. What a kernel says on its console earns no point, so no test can catch
# a change of it.
DIAGNOSTICS = {"printk", "report_error", "virtqueue_dump"}
BINARY_AFTER = {"&", "*", "-", "+"}  # binary only after a value


@dataclass
class Mutant:
    name: str     # function: what
    path: str
    text: bytes   # the whole file


def index():
    try:
        from clang import cindex
    except ImportError:
        raise Trouble("python3-clang is missing; 'make deps' installs it") from None
    return cindex


def compiles_with(base, lab, path):
    """What a file is compiled with: as the kernel's, or as a host program's tests."""
    if building.in_tree(path):
        return [f for f in building.kernel_flags(base, [base.where]) if f != "-g"]
    return [f for f in building.host_flags(base, [base.where, lab.path("public")])
            if f != "-g" and not f.startswith("-fsanitize")]


def parse(base, lab, path, full):
    cindex = index()
    flags = [f for f in compiles_with(base, lab, path)
             if not f.startswith(("-fcf", "-mcmodel", "-fno-strict-overflow", "-fno-sanitize"))]
    unit = cindex.Index.create().parse(full, args=[*flags, f"-I{TOP}"])
    bad = [d for d in unit.diagnostics if d.severity >= 3]
    if bad:
        raise Trouble(f"libclang cannot read {path}: {bad[0].spelling}")
    return cindex, unit


def mutants(base, lab):
    """Every mutant of the lab's holes (or of its files, where it has no holes)."""
    found = []
    for path in lab.files:
        if not path.endswith(".c"):
            continue
        names = lab.holes.get(path)
        full = export.reference_path(lab, path)
        with open(full, "rb") as file:
            text = file.read()
        cindex, unit = parse(base, lab, path, full)
        for cursor in unit.cursor.get_children():
            if cursor.kind == cindex.CursorKind.FUNCTION_DECL and cursor.is_definition() and \
                    str(cursor.location.file) == full and \
                    (names is None or cursor.spelling in names):
                found += of_function(cindex, cursor, path, text)
    return number(found)


def number(found):
    """Names are single: the second of the same name gets #2."""
    seen = {}
    for mutant in found:
        seen[mutant.name] = seen.get(mutant.name, 0) + 1
        if seen[mutant.name] > 1:
            mutant.name += f" #{seen[mutant.name]}"
    return found


def of_function(cindex, function, path, text):
    made = []

    def add(what, edits):
        new = text
        for start, end, replacement in sorted(edits, reverse=True):
            new = new[:start] + replacement + new[end:]
        made.append(Mutant(f"{function.spelling}: {what}", path, new))

    body = [c for c in function.get_children() if c.kind == cindex.CursorKind.COMPOUND_STMT]
    if body:
        silent = [(c.extent.start.offset, c.extent.end.offset) for c in body[0].walk_preorder()
                  if says_only(cindex, c)]
        of_tokens(cindex, body[0], silent, add)
        of_statements(cindex, body[0], text, add)
    return made


def says_only(cindex, node):
    """A call that only prints, or the question whether to."""
    kinds = cindex.CursorKind
    if node.kind == kinds.IF_STMT:
        branches = list(node.get_children())[1:]
        return len(branches) == 1 and says_only(cindex, branches[0])
    return node.kind == kinds.CALL_EXPR and node.spelling in DIAGNOSTICS


def line_at(text, offset):
    start = text.rfind(b"\n", 0, offset) + 1
    end = text.find(b"\n", offset)
    return text[start:end].decode().strip()


def of_tokens(cindex, body, silent, add):
    kinds = cindex.TokenKind
    before = None
    tokens = list(body.get_tokens())
    for place, token in enumerate(tokens):
        word, start, end = token.spelling, token.extent.start.offset, token.extent.end.offset
        near = " ".join(t.spelling for t in tokens[max(place - 2, 0):place + 3])
        if any(first <= start < last for first, last in silent):
            before = token
            continue
        if token.kind == kinds.PUNCTUATION and word in SWAPS:
            value = before and (before.kind in (kinds.IDENTIFIER, kinds.LITERAL)
                                or before.spelling in (")", "]"))
            if word not in BINARY_AFTER or value:
                for other in SWAPS[word]:
                    add(f"'{near}': {word} becomes {other}", [(start, end, other.encode())])
        if token.kind == kinds.LITERAL and word[0].isdigit():
            number = word.rstrip("uUlL")
            suffix = word[len(number):]
            value = int(number, 16 if number[:2].lower() == "0x" else 10)
            other = f"{value - 1 if value == 1 else value + 1}{suffix}"
            add(f"'{near}': {word} becomes {other}", [(start, end, other.encode())])
        before = token


def of_statements(cindex, node, text, add):
    kinds = cindex.CursorKind
    children = list(node.get_children())
    if says_only(cindex, node):
        return
    if node.kind in (kinds.IF_STMT, kinds.WHILE_STMT):
        condition = children[0]
        start, end = condition.extent.start.offset, condition.extent.end.offset
        old = text[start:end]
        if b"\n" not in old and start < end:
            add(f"'{old.decode()}' is negated", [(start, end, b"!(" + old + b")")])
    if node.kind == kinds.COMPOUND_STMT:
        plain = []
        for child in children:
            start, end = child.extent.start.offset, child.extent.end.offset
            semicolon = text.find(b";", end)
            simple = child.kind in (kinds.CALL_EXPR, kinds.BINARY_OPERATOR, kinds.UNARY_OPERATOR,
                                    kinds.COMPOUND_ASSIGNMENT_OPERATOR) and \
                not says_only(cindex, child) and text[end:semicolon].strip() == b"" and semicolon >= 0
            plain.append((start, semicolon + 1) if simple else None)
            if simple:
                add(f"'{line_at(text, start)}' is dropped", [(start, semicolon + 1, b";")])
        pairs = zip(zip(plain, children), zip(plain[1:], children[1:]))
        for (one, first), (two, second) in pairs:
            if one and two and not independent(cindex, first, second):
                add(f"'{line_at(text, one[0])}' and the next change places",
                    [(*one, text[two[0]:two[1]]), (*two, text[one[0]:one[1]])])
    for child in children:
        of_statements(cindex, child, text, add)


# --- those that are equal -----------------------------------------------------------------------

def written(cindex, statement):
    """The variable or field that a plain assignment writes; None if it may do anything else."""
    kinds = cindex.CursorKind
    for node in statement.walk_preorder():
        # The order of volatile accesses counts, and a call may do anything.
        if node.kind in (kinds.CALL_EXPR, kinds.StmtExpr) or node.type.is_volatile_qualified():
            return None
    target = next(statement.get_children())
    if target.kind not in (kinds.MEMBER_REF_EXPR, kinds.DECL_REF_EXPR):
        return None
    # The fields of a union are one place with many names.
    in_union = target.referenced.semantic_parent.kind == kinds.UNION_DECL
    return None if in_union else target.spelling


def independent(cindex, one, two):
    """Two assignments of which neither names what the other writes: their order is no matter."""
    kinds = cindex.CursorKind
    targets = [written(cindex, one), written(cindex, two)]
    if None in targets:
        return False
    named = [{node.spelling for node in statement.walk_preorder()
              if node.kind in (kinds.MEMBER_REF_EXPR, kinds.DECL_REF_EXPR)}
             for statement in (one, two)]
    return targets[0] not in named[1] and targets[1] not in named[0]


def code_of(base, lab, path, text):
    """A hash of the object code of a file's text, or None if it does not compile."""
    flags = compiles_with(base, lab, path)
    with tempfile.TemporaryDirectory() as tmp:
        source = os.path.join(tmp, os.path.basename(path))
        with open(source, "wb") as file:
            file.write(text)
        obj = source + ".o"
        done = subprocess.run(["gcc", *flags, "-w", "-c", "-o", obj, source], check=False,
                              stderr=subprocess.DEVNULL, cwd=tmp)
        if done.returncode:
            return None
        subprocess.run(["objcopy", "-O", "elf64-x86-64", "--remove-section=.comment",
                        "--strip-debug", obj], check=True)
        dump = subprocess.run(["objdump", "-dr", "-s", "-j", ".text", "-j", ".text.unlikely", "-j",
                               ".rodata", "-j", ".rodata.str1.1", "-j", ".rodata.str1.8",
                               "--no-show-raw-insn", obj], capture_output=True,
                              check=False).stdout
    return hashlib.sha256(b"\n".join(dump.split(b"\n")[2:])).hexdigest()


def distinct(base, lab, found, jobs):
    """Those mutants that compile and whose object code differs from the reference's."""
    import concurrent.futures
    originals = {}
    for path in {m.path for m in found}:
        with open(export.reference_path(lab, path), "rb") as file:
            originals[path] = code_of(base, lab, path, file.read())
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        codes = list(pool.map(lambda m: code_of(base, lab, m.path, m.text), found))
    kept, seen = [], set()
    for mutant, code in zip(found, codes):
        if code and code != originals[mutant.path] and code not in seen:
            seen.add(code)
            kept.append(mutant)
    return kept
