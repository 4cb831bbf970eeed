/*
 * ELF-64: executables, also position-independent ones, mapped lazily; the interpreter (the C
 * library's loader) that a dynamically linked one names; and the first stack.
 * Source: System V gABI chapters 4 and 5, x86-64 psABI 3.4.1.
 *
 * Nothing in the file is believed: sizes, offsets and addresses are checked before they are used.
 * Also there: processes
 */
#include "drivers/char/random.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/stat.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"

#define MAX_PHDRS  64u
#define OFFSET_MAX (1ull << 62)
#define ET_EXEC	   2
#define ET_DYN	   3
#define EM_X86_64  62
#define PT_LOAD	   1
#define PT_INTERP  3

struct elf64_ehdr {
	u8 e_ident[16];
	u16 e_type, e_machine;
	u32 e_version;
	u64 e_entry, e_phoff, e_shoff;
	u32 e_flags;
	u16 e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};
static_assert(sizeof(struct elf64_ehdr) == 64, "ELF header");

struct elf64_phdr {
	u32 p_type, p_flags;
	u64 p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};
static_assert(sizeof(struct elf64_phdr) == 56, "ELF program header");

/* Types in the auxiliary vector (getauxval(3)). */
/* clang-format off */
enum {
	AT_NULL, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY,
	AT_UID = 11, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE = 23,
	AT_RANDOM = 25, AT_HWCAP2, AT_EXECFN = 31
};
/* clang-format on */

/* A file whose segments are mapped: the program, or its interpreter. */
struct elf_object {
	struct file *file;
	struct elf64_ehdr eh;
	u64 bias;	/* what is added to every address */
	u64 start, end; /* of its segments, without the bias */
	u64 interp_at;	/* where the file names an interpreter */
	u64 interp_len; /* 0: it names none */
};

/* Read exactly len bytes; fewer are the error that is given. */
static int must_check read_head(struct file *file, void *buf, size_t len, u64 pos, int too_few)
{
	ssize_t got = pos > OFFSET_MAX ? 0 : kernel_read(file, buf, len, (loff_t)pos);

	return got == (ssize_t)len ? 0 : got < 0 ? (int)got : too_few;
}

static bool header_ok(const struct elf64_ehdr *eh)
{
	return memcmp(eh->e_ident, "\177ELF\2\1", 6) == 0 && eh->e_machine == EM_X86_64 &&
	       (eh->e_type == ET_EXEC || eh->e_type == ET_DYN) &&
	       eh->e_phentsize == sizeof(struct elf64_phdr) && eh->e_phnum > 0 &&
	       eh->e_phnum <= MAX_PHDRS;
}

static bool segment_ok(const struct elf64_phdr *ph, u64 start)
{
	return ph->p_filesz <= ph->p_memsz && ph->p_memsz <= USER_MAX &&
	       ph->p_offset <= OFFSET_MAX && start >= USER_MIN && start <= USER_MAX - ph->p_memsz &&
	       ((start ^ ph->p_offset) & (PAGE_SIZE - 1)) == 0;
}

static int must_check map_part(struct exec_image *image, u64 start, u64 end, u32 prot,
			       struct file *file, u64 offset)
{
	s64 at = start == end ? 0 :
				mm_map(image->mm, start, end - start, prot,
				       MAP_PRIVATE | MAP_FIXED_NOREPLACE, file, offset);

	return at >= 0 ? 0 : at == -EEXIST ? -ENOEXEC : (int)at;
}

static int must_check map_segment(struct exec_image *image, struct file *file,
				  const struct elf64_phdr *ph, u64 start)
{
	/* PF_X, PF_W, PF_R are PROT_EXEC, PROT_WRITE, PROT_READ backwards. */
	u32 prot = (ph->p_flags >> 2 & PROT_READ) | (ph->p_flags & PROT_WRITE) |
		   (ph->p_flags << 2 & PROT_EXEC);
	u64 file_end = start + ph->p_filesz, base = ALIGN_DOWN(start, PAGE_SIZE);
	u64 map_end = ph->p_filesz ? ALIGN_UP(file_end, PAGE_SIZE) : base;
	u64 mem_end = ALIGN_UP(start + ph->p_memsz, PAGE_SIZE), gap = map_end - file_end;
	int err = map_part(image, base, map_end, prot, file, ALIGN_DOWN(ph->p_offset, PAGE_SIZE));

	if (!err)
		err = map_part(image, map_end, max(map_end, mem_end), prot, NULL, 0);
	/* The rest of the last page of the file belongs to the zeroed part. */
	if (!err && ph->p_filesz && ph->p_memsz > ph->p_filesz && prot & PROT_WRITE &&
	    mm_access(image->mm, file_end, NULL, gap, true) != gap)
		err = -ENOMEM;
	return err;
}

static int must_check read_phdr(const struct elf_object *obj, u16 i, struct elf64_phdr *ph)
{
	return read_head(obj->file, ph, sizeof(*ph), obj->eh.e_phoff + i * sizeof(*ph), -ENOEXEC);
}

/* Read the headers: where the segments lie, and which interpreter is wanted (the first counts).
 * Returns: 0, -ENOEXEC, -EIO, or too_few when there is not even one header. */
static int must_check read_object(struct elf_object *obj, int too_few)
{
	struct elf64_phdr ph;
	int err = read_head(obj->file, &obj->eh, sizeof(obj->eh), 0, too_few);

	if (err || !header_ok(&obj->eh))
		return err ? err : -ENOEXEC;
	obj->start = ~0ull;
	for (u16 i = 0; i < obj->eh.e_phnum; i++) {
		err = read_phdr(obj, i, &ph);
		if (err)
			return err;
		if (ph.p_type == PT_INTERP && !obj->interp_len) {
			if (ph.p_filesz < 2 || ph.p_filesz > PATH_MAX_LEN)
				return -ENOEXEC;
			obj->interp_at = ph.p_offset;
			obj->interp_len = ph.p_filesz;
		}
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		if (ph.p_vaddr > USER_MAX || ph.p_memsz > USER_MAX)
			return -ENOEXEC;
		obj->start = min(obj->start, ALIGN_DOWN(ph.p_vaddr, PAGE_SIZE));
		obj->end = max(obj->end, ph.p_vaddr + ph.p_memsz);
	}
	return obj->end ? 0 : -ENOEXEC;
}

static int must_check map_object(struct exec_image *image, const struct elf_object *obj)
{
	struct elf64_phdr ph;

	for (u16 i = 0; i < obj->eh.e_phnum; i++) {
		int err = read_phdr(obj, i, &ph);

		if (err)
			return err;
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		if (!segment_ok(&ph, ph.p_vaddr + obj->bias))
			return -ENOEXEC;
		err = map_segment(image, obj->file, &ph, ph.p_vaddr + obj->bias);
		if (err)
			return err;
		/* The C library looks for the program's headers where they are in memory. */
		if (obj->file == image->file && obj->eh.e_phoff >= ph.p_offset &&
		    obj->eh.e_phoff - ph.p_offset < ph.p_filesz)
			image->phdr_va = ph.p_vaddr + obj->bias + (obj->eh.e_phoff - ph.p_offset);
	}
	return 0;
}

/* Where all segments of a position-independent interpreter have room: the program has its place
 * already, so the highest gap is taken, as for a library. */
static int must_check place_interpreter(struct exec_image *image, struct elf_object *obj)
{
	u64 len = ALIGN_UP(obj->end, PAGE_SIZE) - obj->start;
	s64 at;
	int err;

	if (obj->eh.e_type != ET_DYN)
		return 0;
	at = mm_map(image->mm, 0, len, 0, MAP_PRIVATE, NULL, 0);
	if (at < 0)
		return (int)at;
	err = mm_unmap(image->mm, (u64)at, len);
	obj->bias = (u64)at - obj->start;
	return err;
}

/* Map the interpreter beside the program: it runs first, and finds the program by the auxiliary
 * vector. Its own wish for an interpreter is not looked at, as on Linux (libc.so.6 has one). */
static int must_check load_interpreter(struct exec_image *image, struct file *file)
{
	struct elf_object obj = {.file = file};
	int err = read_object(&obj, -EIO);

	if (!err)
		err = place_interpreter(image, &obj);
	if (!err)
		err = map_object(image, &obj);
	image->interp_base = obj.bias;
	image->start = obj.eh.e_entry + obj.bias;
	return err == -ENOEXEC ? -ELIBBAD : err;
}

/* A line that says which interpreter is missing, for the shell's "not found" sounds as if the
 * program were; at most one a second, for whoever tries may try for ever. */
static void say_missing(const char *program, const char *interpreter, long err)
{
	static u64 next; /* [atomic] */
	u64 now = ktime_get_ns();

	if (now < __atomic_load_n(&next, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&next, now + NSEC_PER_SEC, __ATOMIC_RELAXED);
	printk("exec: %s: cannot open its interpreter %s: error %ld\n", program, interpreter, err);
}

/* Open the file that the program names as its interpreter. Returns: ERR_PTR. */
static struct file *must_check open_interpreter(const struct exec_image *image,
						const struct elf_object *obj)
{
	char *name = kmalloc(obj->interp_len, GFP_KERNEL);
	struct file *file;
	int err;

	if (!name)
		return ERR_PTR(-ENOMEM);
	err = read_head(obj->file, name, obj->interp_len, obj->interp_at, -EIO);
	if (!err && name[obj->interp_len - 1] != '\0')
		err = -ENOEXEC;
	file = err ? ERR_PTR(err) : open_executable(name);
	if (!err && IS_ERR(file))
		say_missing(image->name, name, PTR_ERR(file));
	kfree(name);
	return file;
}

int elf_load(struct exec_image *image)
{
	struct elf_object obj = {.file = image->file};
	struct file *interp = NULL;
	int err = read_object(&obj, -ENOEXEC);

	if (!err && obj.interp_len) {
		interp = open_interpreter(image, &obj);
		if (IS_ERR(interp))
			return (int)PTR_ERR(interp);
	}
	obj.bias = obj.eh.e_type == ET_DYN ? PIE_BASE : 0;
	if (!err)
		err = map_object(image, &obj);
	image->load_end = obj.end + obj.bias;
	image->phnum = obj.eh.e_phnum;
	image->entry = image->start = obj.eh.e_entry + obj.bias;
	if (!err && interp)
		err = load_interpreter(image, interp);
	if (interp)
		close_executable(interp);
	return err;
}

static u32 cpu_features(void)
{
	u32 a = 1, b, c = 0, d;

	__asm__ __volatile__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

/* Pointers to `count` strings that lie one after the other from *str on, and NULL. */
static int must_check put_pointers(u64 *slot, u32 count, u64 *str)
{
	const u64 null = 0;

	for (; count > 0; count--, *slot += sizeof(u64)) {
		ssize_t len = strnlen_user(USERPTR(*str), STACK_TOP - *str);

		if (len < 0 || put_user_obj(USERPTR(*slot), str))
			return -EFAULT;
		*str += (u64)len + 1;
	}
	*slot += sizeof(u64);
	return put_user_obj(USERPTR(*slot - sizeof(u64)), &null);
}

int elf_build_stack(struct exec_image *image)
{
	static const char platform[] = "x86_64";
	const struct cred *cred = current_cred();
	const bool secure = cred->uid != cred->euid || cred->gid != cred->egid;
	const u64 platform_va = image->sp - sizeof(platform), argc = image->argc;
	const u64 random_va = ALIGN_DOWN(platform_va - 16, 16);
	/* clang-format off */
	const u64 aux[] = {
		AT_PHDR, image->phdr_va, AT_PHENT, sizeof(struct elf64_phdr), AT_PHNUM, image->phnum,
		AT_PAGESZ, PAGE_SIZE, AT_BASE, image->interp_base, AT_FLAGS, 0, AT_ENTRY, image->entry,
		AT_UID, cred->uid, AT_EUID, cred->euid, AT_GID, cred->gid, AT_EGID, cred->egid,
		AT_SECURE, secure, AT_PLATFORM, platform_va, AT_HWCAP, cpu_features(), AT_HWCAP2, 0,
		AT_CLKTCK, 100, AT_RANDOM, random_va, AT_EXECFN, image->execfn, AT_NULL, 0,
	};
	/* clang-format on */
	u64 words = 1 + argc + 1 + image->envc + 1 + ARRAY_SIZE(aux);
	u64 str = image->sp, slot;
	u8 random[16];

	get_random_bytes(random, sizeof(random));
	image->sp = ALIGN_DOWN(random_va - words * sizeof(u64), 16);
	slot = image->sp + sizeof(u64);
	image->mm->layout.arg_start = str;
	if (copy_to_user(USERPTR(random_va), random, sizeof(random)) ||
	    copy_to_user(USERPTR(platform_va), platform, sizeof(platform)) ||
	    put_user_obj(USERPTR(image->sp), &argc) || put_pointers(&slot, image->argc, &str))
		return -EFAULT;
	image->mm->layout.arg_end = image->mm->layout.env_start = str;
	if (put_pointers(&slot, image->envc, &str))
		return -EFAULT;
	image->mm->layout.env_end = str;
	return copy_to_user(USERPTR(slot), aux, sizeof(aux));
}
