/*
 * Inside execve: the image being loaded, shared by exec.c, elf.c and executable.c.
 * Also there: processes
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/vm/mm.h"

struct exec_image {
	const char *name;   /* as given to execve */
	struct file *file;  /* the program, or its interpreter */
	struct mm *mm;	    /* new address space, not live yet */
	u64 sp;		    /* bottom of what lies on its stack */
	u64 args_max;	    /* bytes of strings and pointers to them */
	size_t newest;	    /* bytes of the string at sp */
	u64 execfn;	    /* where `name` lies there */
	u32 argc, envc;	    /* strings from sp on: arguments, then environment */
	u64 entry, phdr_va; /* of the program */
	u64 interp_base;    /* what its interpreter's addresses are shifted by; 0: it has none */
	u64 start;	    /* where it begins: at entry, or in the interpreter */
	u16 phnum;
	u64 load_end; /* where brk begins */
};

/* Open a regular file that may be executed, and keep writers off it until close_executable().
 * Returns: ERR_PTR. Context: sleeps. */
struct file *must_check open_executable(const char *path);
void close_executable(struct file *file);
/* Check the headers and map the segments, also those of the interpreter that the program names.
 * Returns: 0, -ENOEXEC (not ours), -ELIBBAD (the interpreter is not), -ENOMEM, -EIO, or why the
 * interpreter cannot be opened. */
int must_check elf_load(struct exec_image *image);
/* Put argc, argv, envp and the auxiliary vector below the strings, in the live address space.
 * Returns: 0 or -EFAULT (no memory). */
int must_check elf_build_stack(struct exec_image *image);
