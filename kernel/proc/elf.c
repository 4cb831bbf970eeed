/*
 * The ELF loader: static executables, also position-independent ones, mapped lazily.
 *
 * Nothing in the file is believed: sizes, offsets and addresses are checked before they are used.
 */
#include "kernel/proc/elf.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/proc/exec.h"

#define MAX_PHDRS 64u

static int must_check check_header(const struct elf64_ehdr *eh)
{
	if (memcmp(eh->e_ident, ELF_MAGIC, 4) != 0 || eh->e_ident[4] != ELFCLASS64 ||
	    eh->e_ident[5] != ELFDATA2LSB || eh->e_machine != EM_X86_64)
		return -ENOEXEC;
	if ((eh->e_type != ET_EXEC && eh->e_type != ET_DYN) ||
	    eh->e_phentsize != sizeof(struct elf64_phdr) || eh->e_phnum == 0 ||
	    eh->e_phnum > MAX_PHDRS)
		return -ENOEXEC;
	return 0;
}

static u32 segment_prot(u32 flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static int must_check check_segment(const struct elf64_phdr *ph, u64 bias)
{
	u64 start = ph->p_vaddr + bias;

	if (ph->p_filesz > ph->p_memsz || ph->p_memsz > USER_MAX || ph->p_offset > (u64)1 << 62 ||
	    start < USER_MIN || start > USER_MAX - ph->p_memsz ||
	    ((start ^ ph->p_offset) & (PAGE_SIZE - 1)) != 0)
		return -ENOEXEC;
	return 0;
}

static int must_check map_segment(struct exec_image *image, const struct elf64_phdr *ph, u64 bias)
{
	u64 start = ph->p_vaddr + bias, file_end = start + ph->p_filesz;
	u64 map_start = ALIGN_DOWN(start, PAGE_SIZE), map_end = ALIGN_UP(file_end, PAGE_SIZE);
	u64 mem_end = ALIGN_UP(start + ph->p_memsz, PAGE_SIZE);
	u32 prot = segment_prot(ph->p_flags);
	s64 at;

	if (ph->p_filesz > 0) {
		at = mm_map(image->mm, map_start, map_end - map_start, prot,
			    MAP_PRIVATE | MAP_FIXED_NOREPLACE, image->file,
			    ALIGN_DOWN(ph->p_offset, PAGE_SIZE));
		if (at < 0)
			return at == -EEXIST ? -ENOEXEC : (int)at;
	} else {
		map_end = map_start;
	}
	if (mem_end > map_end) {
		at = mm_map(image->mm, map_end, mem_end - map_end, prot,
			    MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS, NULL, 0);
		if (at < 0)
			return at == -EEXIST ? -ENOEXEC : (int)at;
	}
	if (ph->p_memsz > ph->p_filesz && map_end > file_end && ph->p_filesz > 0) {
		image->bss_start = file_end;
		image->bss_end = min(map_end, start + ph->p_memsz);
	}
	image->load_end = max(image->load_end, start + ph->p_memsz);
	return 0;
}

/* Where the program headers are in memory: in the segment that holds them in the file. */
static void find_phdrs(struct exec_image *image, const struct elf64_ehdr *eh,
		       const struct elf64_phdr *ph, u64 bias)
{
	u64 size = (u64)eh->e_phnum * sizeof(*ph);

	if (ph->p_offset <= eh->e_phoff && eh->e_phoff - ph->p_offset <= ph->p_filesz &&
	    size <= ph->p_filesz - (eh->e_phoff - ph->p_offset))
		image->phdr_va = ph->p_vaddr + bias + (eh->e_phoff - ph->p_offset);
}

static int must_check load_segments(struct exec_image *image, const struct elf64_ehdr *eh,
				    const struct elf64_phdr *phdrs)
{
	u64 bias = eh->e_type == ET_DYN ? PIE_BASE : 0;
	int err;

	for (u16 i = 0; i < eh->e_phnum; i++) {
		const struct elf64_phdr *ph = &phdrs[i];

		if (ph->p_type == PT_INTERP)
			return -ENOEXEC; /* dynamically linked */
		if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
			continue;
		err = check_segment(ph, bias);
		if (!err)
			err = map_segment(image, ph, bias);
		if (err)
			return err;
		find_phdrs(image, eh, ph, bias);
	}
	if (image->load_end == 0)
		return -ENOEXEC;
	image->entry = eh->e_entry + bias;
	image->phnum = eh->e_phnum;
	return 0;
}

int elf_load(struct exec_image *image)
{
	struct elf64_ehdr eh;
	struct elf64_phdr *phdrs;
	size_t size;
	ssize_t got = kernel_read(image->file, &eh, sizeof(eh), 0);
	int err;

	if (got < 0)
		return (int)got;
	if (got != sizeof(eh))
		return -ENOEXEC;
	err = check_header(&eh);
	if (err)
		return err;
	size = eh.e_phnum * sizeof(*phdrs);
	phdrs = kmalloc(size, GFP_KERNEL);
	if (!phdrs)
		return -ENOMEM;
	got = eh.e_phoff > (u64)1 << 62 ? -ENOEXEC :
					  kernel_read(image->file, phdrs, size, (loff_t)eh.e_phoff);
	if (got == (ssize_t)size)
		err = load_segments(image, &eh, phdrs);
	else
		err = got < 0 ? (int)got : -ENOEXEC;
	kfree(phdrs);
	return err;
}
