/*
 * The fuzzer is an ELF file, and its interpreter: elf_load() may refuse it or map it. What it maps
 * must lie in the user's half, page by page, within the file's offsets; a claim of the file never
 * reaches the address space unchecked, and what was opened is closed.
 *
 * The input: two bytes say how many bytes of what follows are the program; the rest is the file
 * that it names as its interpreter.
 */
#include "tests/host/host.h"

#include "drivers/char/random.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/stat.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_MAPPED 256

static struct {
	const u8 *data;
	size_t size;
} program, interpreter;
static struct file program_file, interpreter_file;
static u32 opened;
static struct {
	u64 start, end;
} mapped[MAX_MAPPED];
static u32 nr_mapped;

ssize_t kernel_read(struct file *file, void *buf, size_t len, loff_t pos)
{
	const u8 *data = file == &program_file ? program.data : interpreter.data;
	size_t size = file == &program_file ? program.size : interpreter.size, n;

	ASSERT(file == &program_file || file == &interpreter_file);
	ASSERT(pos >= 0);
	if ((u64)pos >= size)
		return 0;
	n = min(len, size - (size_t)pos);
	memcpy(buf, data + pos, n);
	return (ssize_t)n;
}

struct file *open_executable(const char *path)
{
	/* All of the name is ours to read, and it ends. */
	if (strlen(path) == 0 || opened || interpreter.size == 0)
		return ERR_PTR(-ENOENT);
	opened++;
	return &interpreter_file;
}

void close_executable(struct file *file)
{
	ASSERT(file == &interpreter_file && opened == 1);
	opened--;
}

static bool overlaps(u64 start, u64 end)
{
	for (u32 i = 0; i < nr_mapped; i++)
		if (mapped[i].start < end && start < mapped[i].end)
			return true;
	return false;
}

/* The highest gap below half of the user's half, or 0. */
static u64 find_gap(u64 len)
{
	u64 end = ALIGN_DOWN(USER_MAX / 2, PAGE_SIZE);

	for (u32 i = 0; i <= nr_mapped; i++) {
		u64 lowest = end;

		if (len > end - USER_MIN)
			return 0;
		if (!overlaps(end - len, end))
			return end - len;
		for (u32 j = 0; j < nr_mapped; j++)
			if (mapped[j].start < end && end - len < mapped[j].end)
				lowest = min(lowest, mapped[j].start);
		end = max(lowest, USER_MIN);
	}
	return 0;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset)
{
	(void)mm;
	ASSERT(len > 0);
	ASSERT((prot & ~(u32)(PROT_READ | PROT_WRITE | PROT_EXEC)) == 0);
	ASSERT(!file || (offset % PAGE_SIZE == 0 && offset < 1ull << 63));
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		addr = find_gap(ALIGN_UP(len, PAGE_SIZE));
		return addr ? (s64)addr : -ENOMEM;
	}
	ASSERT(addr % PAGE_SIZE == 0 && addr >= USER_MIN && addr <= USER_MAX);
	len = ALIGN_UP(len, PAGE_SIZE);
	if (len > USER_MAX - addr)
		return -ENOMEM;
	if (overlaps(addr, addr + len))
		return -EEXIST;
	if (nr_mapped == MAX_MAPPED)
		return -ENOMEM;
	mapped[nr_mapped].start = addr;
	mapped[nr_mapped++].end = addr + len;
	return (s64)addr;
}

int mm_unmap(struct mm *mm, u64 addr, u64 len)
{
	(void)mm;
	ASSERT(addr >= USER_MIN && len <= USER_MAX - addr && !overlaps(addr, addr + len));
	return 0;
}

size_t mm_access(struct mm *mm, u64 addr, void *buf, size_t len, bool write)
{
	(void)mm;
	/* The loader only zeroes, and only what it has mapped. */
	ASSERT(!buf && write && len < PAGE_SIZE);
	ASSERT(len == 0 || overlaps(addr, addr + len));
	return len;
}

u64 ktime_get_ns(void)
{
	return 0;
}

void get_random_bytes(void *buf, size_t len)
{
	memset(buf, 7, len);
}

const struct cred *current_cred(void)
{
	static const struct cred root;

	return &root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_image image = {.file = &program_file, .name = "fuzz"};
	size_t first, before = fake_kmalloc_live();
	int err;

	if (size < 2)
		return 0;
	first = min((size_t)(data[0] | data[1] << 8), size - 2);
	program.data = data + 2;
	program.size = first;
	interpreter.data = program.data + first;
	interpreter.size = size - 2 - first;
	nr_mapped = 0;
	err = elf_load(&image);
	ASSERT(err <= 0 && opened == 0 && fake_kmalloc_live() == before);
	if (err == 0)
		ASSERT(nr_mapped > 0 && image.phnum > 0);
	return 0;
}
