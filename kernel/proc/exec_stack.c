/* The first stack of a program. Source: x86-64 psABI 3.4.1. */
#include "drivers/char/random.h"
#include "fs/fs_struct.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/elf.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"

#define AUX_ENTRIES 17u

struct stack_layout {
	u64 strings, execfn, random, platform;
};

static u64 *put_aux(u64 *aux, u64 type, u64 value)
{
	*aux++ = type;
	*aux++ = value;
	return aux;
}

static u32 cpu_features(void)
{
	u32 a = 1, b, c = 0, d;

	__asm__ __volatile__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

static void fill_aux(u64 *aux, const struct exec_image *image, const struct stack_layout *at)
{
	const struct cred *cred = current_cred();

	aux = put_aux(aux, AT_PHDR, image->phdr_va);
	aux = put_aux(aux, AT_PHENT, sizeof(struct elf64_phdr));
	aux = put_aux(aux, AT_PHNUM, image->phnum);
	aux = put_aux(aux, AT_PAGESZ, PAGE_SIZE);
	aux = put_aux(aux, AT_BASE, 0);
	aux = put_aux(aux, AT_FLAGS, 0);
	aux = put_aux(aux, AT_ENTRY, image->entry);
	aux = put_aux(aux, AT_UID, cred->uid);
	aux = put_aux(aux, AT_EUID, cred->euid);
	aux = put_aux(aux, AT_GID, cred->gid);
	aux = put_aux(aux, AT_EGID, cred->egid);
	aux = put_aux(aux, AT_SECURE, cred->uid != cred->euid || cred->gid != cred->egid);
	aux = put_aux(aux, AT_HWCAP, cpu_features());
	aux = put_aux(aux, AT_CLKTCK, 100);
	aux = put_aux(aux, AT_RANDOM, at->random);
	aux = put_aux(aux, AT_EXECFN, at->execfn);
	(void)put_aux(aux, AT_NULL, 0);
}

/* argv[] and envp[]: pointers into the copied strings. */
static u64 *fill_pointers(u64 *slot, const struct exec_strings *s, u64 strings_va)
{
	const char *p = s->buf;

	for (u32 i = 0; i < s->argc + s->envc; i++) {
		if (i == s->argc)
			*slot++ = 0;
		*slot++ = strings_va + (u64)(p - s->buf);
		p += strlen(p) + 1;
	}
	if (s->envc == 0)
		*slot++ = 0;
	*slot++ = 0;
	return slot;
}

static int must_check put_strings(const struct exec_strings *s, const char *filename,
				  struct stack_layout *at, u64 *sp)
{
	size_t name_len = strlen(filename) + 1;
	u8 random[16];
	int err;

	get_random_bytes(random, sizeof(random));
	*sp -= name_len;
	at->execfn = *sp;
	err = copy_to_user(USERPTR(*sp), filename, name_len);
	*sp = ALIGN_DOWN(*sp - s->used, 8);
	at->strings = *sp;
	if (!err)
		err = copy_to_user(USERPTR(*sp), s->buf, s->used);
	*sp = ALIGN_DOWN(*sp - sizeof(random), 16);
	at->random = *sp;
	return err ? err : copy_to_user(USERPTR(*sp), random, sizeof(random));
}

int exec_build_stack(const struct exec_image *image, const struct exec_strings *s,
		     const char *filename, u64 *sp)
{
	struct mm *mm = image->mm;
	size_t words = 1 + s->argc + 1 + s->envc + 1 + 2 * (size_t)AUX_ENTRIES;
	struct stack_layout at;
	u64 *table, arg_bytes = 0;
	const char *p = s->buf;
	int err = put_strings(s, filename, &at, sp);

	if (err)
		return err;
	table = kcalloc(words, sizeof(u64), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	table[0] = s->argc;
	fill_aux(fill_pointers(table + 1, s, at.strings), image, &at);
	*sp = ALIGN_DOWN(*sp - words * sizeof(u64), 16);
	err = copy_to_user(USERPTR(*sp), table, words * sizeof(u64));
	kfree(table);

	for (u32 i = 0; i < s->argc; i++)
		arg_bytes += strlen(p + arg_bytes) + 1;
	mm->arg_start = at.strings;
	mm->arg_end = mm->env_start = at.strings + arg_bytes;
	mm->env_end = at.strings + s->used;
	return err;
}
