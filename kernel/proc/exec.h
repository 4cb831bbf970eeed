/* Inside execve: the image being loaded, shared by exec.c and elf.c. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/proc/mm.h"

struct exec_image {
	const char *name;  /* as given to execve */
	struct file *file; /* the program, or its interpreter */
	struct mm *mm;	   /* new address space, not live yet */
	u64 sp;		   /* bottom of what lies on its stack */
	size_t newest;	   /* bytes of the string at sp */
	u64 execfn;	   /* where `name` lies there */
	u32 argc, envc;	   /* strings from sp on: arguments, then environment */
	u64 entry, phdr_va;
	u16 phnum;
	u64 load_end; /* where brk begins */
};

/* Check the headers and map the segments. Returns: 0, -ENOEXEC (not ours), -ENOMEM, -EIO. */
int must_check elf_load(struct exec_image *image);
/* Put argc, argv, envp and the auxiliary vector below the strings, in the live address space.
 * Returns: 0 or -EFAULT (no memory). */
int must_check elf_build_stack(struct exec_image *image);
