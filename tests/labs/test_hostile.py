"""Submissions that mean harm: each gets the verdict it deserves, and hurts nobody."""

import io
import os
import stat
import tarfile
import threading
import zipfile

import pytest

from conftest import JOBS
from labkit import Trouble, export, grade, submission, verdict

FILE = "drivers/virtio/virtqueue.c"
HOST, GUEST = ["add-one"], ["boot-read"]


@pytest.fixture(scope="module", name="honest")
def _honest(virtqueue):
    return export.reference(virtqueue)[FILE].decode()


def add(text, code):
    """Put code at the beginning of virtqueue_add()'s body."""
    at = text.index("{", text.index("int virtqueue_add(")) + 1
    return text[:at] + "\n" + code + "\n" + text[at:]


# name: (how the text is made of the honest one, cases, the verdict, words of its reason)
TEXTS = {
    "endless-loop-host": (lambda t: add(t, "for (;;) ;"), HOST, verdict.HANG, "processor"),
    "endless-loop-guest": (lambda t: add(t, "for (;;) ;"), GUEST, verdict.HANG, "clock"),
    "console-spam-guest": (lambda t: add(t, 'for (;;) printk("pass pass pass\\n");'), GUEST,
                           verdict.HANG, "prints without an end"),
    "console-spam-host": (lambda t: add(t, 'for (;;) printk("pass\\n");'), HOST, verdict.HANG,
                          "processor"),
    "triple-fault": (lambda t: add(
        t, 'static const struct { unsigned short l; unsigned long b; } __attribute__((packed)) '
           'no; __asm__ volatile("lidt %0; int3" :: "m"(no));'), GUEST, verdict.RESET, "reset"),
    "panic": (lambda t: add(t, 'panic("gone");'), GUEST, verdict.PANIC, "gone"),
    "power-off-at-once": (lambda t: add(
        t, '__asm__ volatile("outb %0, %1" :: "a"((unsigned char)0x10), '
           '"Nd"((unsigned short)0xf4));'), GUEST, verdict.WRONG, "vdb"),
    "forged-verdict": (lambda t: add(
        t, 'printk("0123456789abcdef pass \\n{\\"score\\": 25}\\n25 of 25 points\\n"); '
           'return -5;'), HOST, verdict.WRONG, "-5"),
    "recursion": (lambda t: add(t, "return virtqueue_add(vq, sg, out, in, token) + 1;"), HOST,
                  verdict.CRASH, "memory access"),
    "null": (lambda t: add(t, "*(volatile int *)8 = 1;"), HOST, verdict.CRASH, "Segmentation"),
    "overrun": (lambda t: add(t, "vq->state[8].count = 1;"), HOST, verdict.SANITIZER, ""),
    "memory-hog": (lambda t: add(
        t, "for (;;) { char *p = kmalloc(65536, GFP_KERNEL); if (p) memset(p, 1, 65536); }"),
        HOST, None, ""),
    "calls-libc": (lambda t: add("void exit(int); " + t, "exit(0);"), HOST, verdict.BUILD,
                   "exit"),
    "fork-bomb": (lambda t: add("int fork(void); " + t, "for (;;) fork();"), HOST, verdict.BUILD,
                  "fork"),
    "reads-the-nonce": (lambda t: add("long read(int, void *, unsigned long); " + t,
                                      "char b[64]; read(0, b, 64);"), HOST, verdict.BUILD, "read"),
    "own-syscall": (lambda t: add(
        t, '__asm__ volatile("syscall" :: "a"(60), "D"(0) : "rcx", "r11", "memory");'), HOST,
        verdict.BUILD, "system call"),
    "constructor": (lambda t: t + "\n__attribute__((constructor)) static void early(void)"
                    ' { printk("1"); }\n', HOST, verdict.BUILD, "section"),
    "hidden-section": (lambda t: t + '\n__asm__(".section .preinit_array,\\"aw\\"\\n.quad 0");\n',
                       HOST, verdict.BUILD, "section"),
    "defines-main": (lambda t: t + "\nint main(void);\nint main(void) { return 0; }\n", HOST,
                     verdict.BUILD, "main"),
    "defines-write": (lambda t: t + "\nlong write(int f, const void *p, unsigned long n);\n"
                      "long write(int f, const void *p, unsigned long n)\n"
                      "{ (void)f; (void)p; return (long)n; }\n", HOST, verdict.BUILD, "write"),
    "steers-the-fakes": (lambda t: add("void fake_log_clear(void); " + t, "fake_log_clear();"),
                         HOST, verdict.BUILD, "fake_log_clear"),
    "includes-the-cases": (lambda t: '#include "{private}/ring_private.c"\n' + t, HOST,
                           verdict.BUILD, "ring_private.c"),
    "swallows-the-cases": (lambda t: t + '\n__asm__(".incbin \\"{private}/cases.toml\\"");\n',
                           HOST, verdict.BUILD, "cases.toml"),
    "includes-itself": (lambda t: "#include __FILE__\n#include __FILE__\n" + t, HOST,
                        verdict.BUILD, ""),
    "macro-bomb": (lambda t: "#define A0 1,1,1,1,1,1,1,1,1,1\n" + "".join(
        f"#define A{i} {','.join([f'A{i - 1}'] * 10)}\n" for i in range(1, 10))
        + "static const char bomb[] = {A9};\n" + t, HOST, verdict.BUILD, ""),
    "empty": (lambda t: "", HOST, verdict.BUILD, "define"),
    "no-c-at-all": (lambda t: "Dear grader, please give me all points.\n", HOST, verdict.BUILD,
                    "error"),
}


# What runs until a limit ends it.
SLOW = {"endless-loop-host", "console-spam-host", "console-spam-guest", "memory-hog",
        "includes-itself", "macro-bomb"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else [])
                                  for n in TEXTS])
def test_text(tree, virtqueue, honest, name):
    make, cases, kind, words = TEXTS[name]
    text = make(honest).replace("{private}", virtqueue.path("private"))
    result = grade.grade(tree, virtqueue, {FILE: text.encode()}, wanted=cases, jobs=JOBS)
    got = result.verdicts[cases[0]]
    assert got.graded and not got.passed, got
    assert got.kind == kind, got
    assert words in got.why, got
    assert result.score == 0


def test_a_guest_that_writes_over_its_results(tree, virtqueue, honest):
    """Every write of the guest is turned into another: its disks hold rubbish, which is wrong."""
    text = honest.replace("d->addr = cpu_to_le64(addr.v);",
                          "d->addr = cpu_to_le64(addr.v ^ (len == 4096 && "
                          "!(flags & VIRTQ_DESC_F_WRITE) ? 4096 : 0));")
    assert text != honest
    result = grade.grade(tree, virtqueue, {FILE: text.encode()}, wanted=GUEST, jobs=JOBS)
    assert result.verdicts["boot-read"].kind == verdict.WRONG


def folder(tmp_path, honest):
    path = tmp_path / "submission" / FILE
    path.parent.mkdir(parents=True)
    path.write_text(honest)
    return tmp_path / "submission"


def test_a_makefile_and_a_header_that_lie_are_not_read(tree, virtqueue, honest, tmp_path):
    top = folder(tmp_path, honest)
    (top / "Makefile").write_text("all:\n\trm -rf /\n")
    (top / "drivers/virtio/virtqueue.h").write_text("#error lie\n")
    (top / "kernel/arch").mkdir(parents=True)
    (top / "kernel/arch/io.h").write_text("#error lie\n")
    result = grade.grade(tree, virtqueue, str(top), wanted=HOST, jobs=JOBS)
    assert result.score == result.most == 4


def test_honest_beside_hostile(tree, virtqueue, honest):
    """Both are graded at the same time; the honest one is untouched."""
    results = {}

    def one(name, text):
        results[name] = grade.grade(tree, virtqueue, {FILE: text.encode()}, jobs=1,
                                    wanted=["add-one", "get-order", "churn"])
    threads = [threading.Thread(target=one, args=("hostile", add(honest, "for (;;) kmalloc(999, "
                                                                        "GFP_KERNEL);"))),
               threading.Thread(target=one, args=("honest", honest))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results["honest"].score == results["honest"].most, results["honest"].verdicts
    assert results["hostile"].score == 0 and results["hostile"].graded


# --- archives and folders -------------------------------------------------------------------

def refused(virtqueue, path, words):
    with pytest.raises(submission.Bad, match=words):
        submission.collect(str(path), virtqueue.files)


def test_archives(virtqueue, honest, tmp_path):
    path = tmp_path / "good.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("me/" + FILE, honest)
        archive.writestr("me/README", "hello")
    assert submission.collect(str(path), virtqueue.files)[FILE].decode() == honest
    path = tmp_path / "good.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(FILE)
        info.size = len(honest.encode())
        archive.addfile(info, io.BytesIO(honest.encode()))
    assert submission.collect(str(path), virtqueue.files)[FILE].decode() == honest
    path = tmp_path / "alone.c"
    path.write_text(honest)
    assert submission.collect(str(path), virtqueue.files)[FILE].decode() == honest


def test_archive_bombs(virtqueue, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(FILE, "w") as file:
            for _ in range(64):
                file.write(bytes(1 << 20))
    refused(virtqueue, path, "more than 1 MiB")
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("zeroes")
        info.size = 80 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    refused(virtqueue, path, "member of 80 MiB")
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20001):
            archive.writestr(f"f{number}", b"")
    refused(virtqueue, path, "more than 20000 members")


def test_archives_with_a_way_out(virtqueue, honest, tmp_path):
    path = tmp_path / "up.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../" + FILE, honest)
    refused(virtqueue, path, "leads out")
    path = tmp_path / "up.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("/etc/passwd")
        archive.addfile(info, io.BytesIO(b""))
    refused(virtqueue, path, "leads out")
    path = tmp_path / "link.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(FILE)
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(info)
    refused(virtqueue, path, "no regular file")
    path = tmp_path / "torn.tar.gz"
    path.write_bytes(b"\x1f\x8b and then nothing")
    with pytest.raises(submission.Bad):
        submission.collect(str(path), virtqueue.files + ["another.c"])


def test_odd_folders(virtqueue, honest, tmp_path):
    top = folder(tmp_path, honest)
    target = top / FILE
    target.unlink()
    refused(virtqueue, top, "lacks " + FILE)
    target.symlink_to("/etc/passwd")
    refused(virtqueue, top, "is a link")
    target.unlink()
    os.mkfifo(target)
    refused(virtqueue, top, "no regular file")
    target.unlink()
    target.write_bytes(bytes((1 << 20) + 1))
    refused(virtqueue, top, "more than 1 MiB")
    target.unlink()
    target.parent.rmdir()
    (top / "elsewhere").mkdir()
    target.parent.symlink_to(top / "elsewhere")
    (top / "elsewhere/virtqueue.c").write_text(honest)
    assert submission.collect(str(top), virtqueue.files)[FILE].decode() == honest
    target.parent.unlink()
    target.parent.symlink_to("/etc")
    (top / "virtqueue.c").symlink_to("/etc/passwd")
    refused(virtqueue, top, "is a link")
    with pytest.raises(Trouble, match="does not exist"):
        submission.collect(str(tmp_path / "nobody"), virtqueue.files)


def test_the_sandbox_holds(tree, virtqueue):
    """What runs in it sees no network, no file of the grader's, and may not fork for ever."""
    from labkit import sandbox
    where = sandbox.scratch()
    try:
        done = sandbox.run(["sh", "-c", "ls /home /root /work 2>&1; cat /proc/net/dev; id -u"],
                           where)
        assert "eth" not in done.out and done.out.strip().splitlines()[-1] != "0"
        done = sandbox.run(["sh", "-c", "bomb() { bomb | bomb & }; bomb; wait"], where, processes=40, wall=60, cpu=5)
        assert done.status is not None
        done = sandbox.run(["sh", "-c", "head -c 100M /dev/zero >big"], where, files=8)
        assert os.path.getsize(os.path.join(where, "big")) <= 8 << 20
        done = sandbox.run(["sh", "-c", f"touch {tree.where}/x"], where, [tree.where])
        assert done.status != 0 and not os.path.exists(os.path.join(tree.where, "x"))
        done = sandbox.run(["sh", "-c", "yes"], where, cpu=1, wall=60)
        assert done.flooded and done.spilled and len(done.out) <= 300 * 1024
    finally:
        sandbox.remove(where)
    assert not os.path.exists(where)
    assert stat.S_ISDIR(os.stat(virtqueue.folder).st_mode)
