/*
 * The boot loader's information is read before anything can overwrite it.
 *
 * This code runs on the boot page tables, which map the first GiB at KERNEL_BASE.
 * Also there: what the boot loader left
 */
#include "kernel/arch/bootinfo.h"

#include "kernel/arch/multiboot_spec.h"
#include "kernel/arch/pte.h"
#include "kernel/arch/sections.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define BOOT_MAPPED (1ull << 30)

struct bootinfo bootinfo;

static const void *boot_ptr(u64 pa, u64 len)
{
	if (pa >= BOOT_MAPPED || len > BOOT_MAPPED - pa)
		panic("boot: the loader's data at %#lx lies above 1 GiB", pa);
	return (const void *)(KERNEL_BASE + pa);
}

static void add_region(u64 start, u64 end, bool usable)
{
	struct mem_region *r = bootinfo.regions;
	unsigned int i = bootinfo.nr_regions;

	if (end <= start)
		return;
	if (i == BOOT_MAX_REGIONS) {
		printk("boot: memory map too long, %#lx-%#lx not used\n", start, end);
		return;
	}
	for (; i > 0 && r[i - 1].start > start; i--)
		r[i] = r[i - 1];
	r[i] = (struct mem_region){start, end, usable};
	bootinfo.nr_regions++;
}

static void read_mmap(const struct multiboot_info *info)
{
	u64 at = info->mmap_addr, end = at + info->mmap_length;

	while (at + sizeof(struct multiboot_mmap) <= end) {
		const struct multiboot_mmap *m = boot_ptr(at, sizeof(*m));

		add_region(m->addr, m->addr + m->len, m->type == 1);
		at += m->size + sizeof(m->size);
	}
}

/* QEMU puts the kernel's file name before the command line, as multiboot says; GRUB and Linux do
 * not, and neither do we. */
static const char *read_cmdline(const struct multiboot_info *info)
{
	const char *line, *name;

	if (!(info->flags & MULTIBOOT_INFO_CMDLINE))
		return "";
	line = boot_ptr(info->cmdline, 1);
	if (info->flags & MULTIBOOT_INFO_LOADER_NAME) {
		name = boot_ptr(info->boot_loader_name, 5);
		if (memcmp(name, "qemu", 5) == 0) {
			line = strchr(line, ' ');
			return line ? line + 1 : "";
		}
	}
	return line;
}

void arch_boot_init(u32 magic, u32 info_pa)
{
	const struct multiboot_info *info;

	if (magic != MULTIBOOT_LOADER_MAGIC)
		panic("boot: started by no multiboot loader (eax %#x, wanted %#x)", magic,
		      MULTIBOOT_LOADER_MAGIC);
	info = boot_ptr(info_pa, sizeof(*info));
	bootinfo.kernel_start = (u64)__kernel_start - KERNEL_BASE;
	bootinfo.kernel_end = (u64)__kernel_end - KERNEL_BASE;
	bootinfo.cmdline = read_cmdline(info);
	if (info->flags & MULTIBOOT_INFO_MMAP)
		read_mmap(info);
	if (!bootinfo.nr_regions)
		panic("boot: the loader gave no memory map");
}
