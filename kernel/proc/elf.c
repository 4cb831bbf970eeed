/*
 * ELF-64: static executables, also position-independent ones, mapped lazily; and the first stack.
 * Source: System V gABI chapters 4 and 5, x86-64 psABI 3.4.1.
 *
 * Nothing in the file is believed: sizes, offsets and addresses are checked before they are used.
 */
#include "drivers/char/random.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
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
	AT_NULL, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY = 9, AT_UID = 11, AT_EUID,
	AT_GID, AT_EGID, AT_HWCAP = 16, AT_CLKTCK, AT_SECURE = 23, AT_RANDOM = 25, AT_EXECFN = 31
};
/* clang-format on */

/* Read exactly len bytes. */
static int must_check read_head(struct file *file, void *buf, size_t len, u64 pos)
{
	ssize_t got = pos > OFFSET_MAX ? 0 : kernel_read(file, buf, len, (loff_t)pos);

	return got == (ssize_t)len ? 0 : got < 0 ? (int)got : -ENOEXEC;
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

static int must_check map_segment(struct exec_image *image, const struct elf64_phdr *ph, u64 start)
{
	/* PF_X, PF_W, PF_R are PROT_EXEC, PROT_WRITE, PROT_READ backwards. */
	u32 prot = (ph->p_flags >> 2 & PROT_READ) | (ph->p_flags & PROT_WRITE) |
		   (ph->p_flags << 2 & PROT_EXEC);
	u64 file_end = start + ph->p_filesz, base = ALIGN_DOWN(start, PAGE_SIZE);
	u64 map_end = ph->p_filesz ? ALIGN_UP(file_end, PAGE_SIZE) : base;
	u64 mem_end = ALIGN_UP(start + ph->p_memsz, PAGE_SIZE), gap = map_end - file_end;
	int err = map_part(image, base, map_end, prot, image->file,
			   ALIGN_DOWN(ph->p_offset, PAGE_SIZE));

	if (!err)
		err = map_part(image, map_end, max(map_end, mem_end), prot, NULL, 0);
	/* The rest of the last page of the file belongs to the zeroed part. */
	if (!err && ph->p_filesz && ph->p_memsz > ph->p_filesz && prot & PROT_WRITE &&
	    mm_access(image->mm, file_end, NULL, gap, true) != gap)
		err = -ENOMEM;
	image->load_end = max(image->load_end, start + ph->p_memsz);
	return err;
}

int elf_load(struct exec_image *image)
{
	struct elf64_ehdr eh;
	struct elf64_phdr ph;
	int err = read_head(image->file, &eh, sizeof(eh), 0);
	u64 bias;

	if (err || !header_ok(&eh))
		return err ? err : -ENOEXEC;
	bias = eh.e_type == ET_DYN ? PIE_BASE : 0;
	for (u16 i = 0; i < eh.e_phnum; i++) {
		err = read_head(image->file, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph));
		if (err)
			return err;
		if (ph.p_type == PT_INTERP)
			return -ENOEXEC; /* dynamically linked */
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		if (!segment_ok(&ph, ph.p_vaddr + bias))
			return -ENOEXEC;
		err = map_segment(image, &ph, ph.p_vaddr + bias);
		if (err)
			return err;
		/* The C library looks for the headers where they are in memory. */
		if (eh.e_phoff >= ph.p_offset && eh.e_phoff - ph.p_offset < ph.p_filesz)
			image->phdr_va = ph.p_vaddr + bias + (eh.e_phoff - ph.p_offset);
	}
	image->entry = eh.e_entry + bias;
	image->phnum = eh.e_phnum;
	return image->load_end ? 0 : -ENOEXEC;
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
		ssize_t len = strnlen_user(USERPTR(*str), STACK_SIZE);

		if (len < 0 || put_user_obj(USERPTR(*slot), str))
			return -EFAULT;
		*str += (u64)len + 1;
	}
	*slot += sizeof(u64);
	return put_user_obj(USERPTR(*slot - sizeof(u64)), &null);
}

int elf_build_stack(struct exec_image *image)
{
	const struct cred *cred = current_cred();
	const bool secure = cred->uid != cred->euid || cred->gid != cred->egid;
	const u64 random_va = ALIGN_DOWN(image->sp - 16, 16), argc = image->argc;
	/* clang-format off */
	const u64 aux[] = {
		AT_PHDR, image->phdr_va, AT_PHENT, sizeof(struct elf64_phdr), AT_PHNUM, image->phnum,
		AT_PAGESZ, PAGE_SIZE, AT_ENTRY, image->entry, AT_UID, cred->uid, AT_EUID, cred->euid,
		AT_GID, cred->gid, AT_EGID, cred->egid, AT_SECURE, secure, AT_HWCAP, cpu_features(),
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
	    put_user_obj(USERPTR(image->sp), &argc) || put_pointers(&slot, image->argc, &str))
		return -EFAULT;
	image->mm->layout.arg_end = image->mm->layout.env_start = str;
	if (put_pointers(&slot, image->envc, &str))
		return -EFAULT;
	image->mm->layout.env_end = str;
	return copy_to_user(USERPTR(slot), aux, sizeof(aux));
}
