/* Inside execve: the image being loaded, shared by exec.c, elf.c and exec_stack.c. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/proc/mm.h"

struct trapframe;

#define EXEC_ARG_MAX (512u << 10) /* bytes of argv and envp together, their ends included */
#define EXEC_HEAD    256u	  /* bytes of the file looked at: BINPRM_BUF_SIZE */

/* Argument strings, one after the other, each with its end. */
struct exec_strings {
	char *buf; /* size bytes; grows up to EXEC_ARG_MAX */
	size_t size, used;
	u32 argc, envc;
};

struct exec_image {
	struct file *file;
	struct mm *mm; /* new address space, not live yet */
	u64 entry, phdr_va;
	u16 phnum;
	u64 bss_start, bss_end; /* bytes to be zeroed in the last file page, once mm is live */
	u64 load_end;		/* where brk begins */
};

/* Check the headers and map the segments. Returns: 0, -ENOEXEC (not ours), -ENOMEM, -EIO. */
int must_check elf_load(struct exec_image *image);
/* Lay out argc, argv, envp and the auxiliary vector on the stack of the live address space.
 * Returns: 0 and the stack pointer, or -errno. */
int must_check exec_build_stack(const struct exec_image *image, const struct exec_strings *strings,
				const char *filename, u64 *sp);
