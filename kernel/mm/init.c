/*
 * Memory at boot: from the boot loader's map to the kernel's own page tables and free lists.
 *
 * ranges[] holds what is free until the buddy allocator has the memory. boot_alloc() takes from it;
 * what it took is never given back.
 * Also there: memory at boot
 */
#include "kernel/arch/bootinfo.h"
#include "kernel/arch/sections.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/string.h"
#include "kernel/mm/buddy.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/pgtable.h"

#define LOW_MEMORY  (1ull << 20) /* the firmware's; never used */
#define BOOT_WINDOW (1ull << 30) /* what boot's page tables show at KERNEL_BASE */
#define LARGE_PAGE  (2ull << 20)
#define MAX_RANGES  (2 * BOOT_MAX_REGIONS)

static struct {
	u64 start, end;
} ranges[MAX_RANGES]; /* free memory, page-aligned, disjoint */
static unsigned int nr_ranges;

static void add_range(u64 start, u64 end)
{
	if (start >= end || nr_ranges == MAX_RANGES)
		return;
	ranges[nr_ranges].start = start;
	ranges[nr_ranges++].end = end;
}

static void subtract_range(u64 start, u64 end)
{
	for (unsigned int i = 0; i < nr_ranges;) {
		u64 s = ranges[i].start, e = ranges[i].end;

		if (e <= start || end <= s) {
			i++;
			continue;
		}
		ranges[i] =
			ranges[--nr_ranges]; /* the pieces go to the end; look at this one again */
		add_range(s, start);
		add_range(end, e);
	}
}

static void find_ranges(void)
{
	const struct mem_region *r;

	for (r = bootinfo.regions; r < bootinfo.regions + bootinfo.nr_regions; r++) {
		u64 start = ALIGN_UP(r->start, PAGE_SIZE), end = ALIGN_DOWN(r->end, PAGE_SIZE);

		if (r->usable && start < end) {
			subtract_range(start, end); /* regions may overlap */
			add_range(start, end);
		}
	}
	for (r = bootinfo.regions; r < bootinfo.regions + bootinfo.nr_regions; r++)
		if (!r->usable)
			subtract_range(ALIGN_DOWN(r->start, PAGE_SIZE),
				       ALIGN_UP(r->end, PAGE_SIZE));
	subtract_range(0, LOW_MEMORY);
	subtract_range(ALIGN_DOWN(bootinfo.kernel_start, PAGE_SIZE),
		       ALIGN_UP(bootinfo.kernel_end, PAGE_SIZE));
}

/* Memory below `limit` for good. Returns: its physical address; panics if there is none. */
static u64 boot_alloc(u64 size, u64 limit)
{
	size = ALIGN_UP(size, PAGE_SIZE);
	for (unsigned int i = 0; i < nr_ranges; i++) {
		u64 start = ranges[i].start;

		if (start + size <= min(ranges[i].end, limit)) {
			ranges[i].start += size;
			return start;
		}
	}
	panic("out of memory at boot: no %llu bytes in one piece", (unsigned long long)size);
}

static u64 boot_alloc_table(void)
{
	u64 pa = boot_alloc(PAGE_SIZE, BOOT_WINDOW);

	memset((void *)(KERNEL_BASE + pa), 0, PAGE_SIZE);
	return pa;
}

static void boot_map(u64 va, u64 pa, u64 flags, unsigned int level)
{
	if (pgtable_map_kernel(va, pa, flags, level, boot_alloc_table) < 0)
		panic("out of memory at boot");
}

static bool image_overlaps(u64 start, u64 end)
{
	return start < bootinfo.kernel_end && bootinfo.kernel_start < end;
}

/* Text and constants are read-only under both of their addresses, and text alone executes. */
static u64 image_flags(u64 pa, bool exec)
{
	u64 va = KERNEL_BASE + pa;

	if (va >= (u64)__text_start && va < (u64)__text_end)
		return exec ? 0 : PTE_NX;
	if (va >= (u64)__rodata_start && va < (u64)__rodata_end)
		return PTE_NX;
	return PTE_W | PTE_NX;
}

static void map_image(void)
{
	for (u64 pa = ALIGN_DOWN(bootinfo.kernel_start, PAGE_SIZE); pa < bootinfo.kernel_end;
	     pa += PAGE_SIZE)
		boot_map(KERNEL_BASE + pa, pa, image_flags(pa, true), 0);
}

static void map_direct(u64 start, u64 end)
{
	for (u64 large = start; large < end; large += LARGE_PAGE) {
		if (!image_overlaps(large, large + LARGE_PAGE)) {
			boot_map(DIRECT_MAP + large, large, PTE_W | PTE_NX, 1);
			continue;
		}
		for (u64 pa = large; pa < large + LARGE_PAGE; pa += PAGE_SIZE)
			boot_map(DIRECT_MAP + pa, pa, image_flags(pa, false), 0);
	}
}

/* Every large page that holds memory, once; and the first, for the firmware's tables.
 * Returns: the end of memory. */
static u64 map_memory(void)
{
	const struct mem_region *r;
	u64 top = 0, start = 0, end = LARGE_PAGE;

	while (start < end) {
		map_direct(start, end);
		top = end;
		start = ~0ull; /* the lowest memory from `top` on */
		for (r = bootinfo.regions; r < bootinfo.regions + bootinfo.nr_regions; r++) {
			if (!r->usable || r->end <= top || max(r->start, top) >= start)
				continue;
			start = ALIGN_DOWN(max(r->start, top), LARGE_PAGE);
			end = ALIGN_UP(r->end, LARGE_PAGE);
		}
	}
	return top;
}

static void *radix_alloc(size_t size)
{
	return kzalloc(size, GFP_ATOMIC);
}

void mm_init(void)
{
	u64 top, nr_frames, bytes;
	struct page *map;
	u8 *chunks;

	find_ranges();
	map_image();
	top = map_memory();
	/* The top level must be complete before anybody copies it. */
	if (pgtable_reserve_kernel(VMAP_BASE, boot_alloc_table) < 0)
		panic("out of memory at boot");
	pgtable_activate();

	nr_frames = ALIGN_UP(top >> PAGE_SHIFT, CHUNK_FRAMES);
	bytes = nr_frames * sizeof(struct page);
	map = phys_to_virt(PADDR(boot_alloc(bytes, ~0ull)));
	chunks = phys_to_virt(PADDR(boot_alloc(nr_frames / CHUNK_FRAMES, ~0ull)));
	page_alloc_init(map, chunks, nr_frames);
	for (unsigned int i = 0; i < nr_ranges; i++)
		page_alloc_add(ranges[i].start >> PAGE_SHIFT, ranges[i].end >> PAGE_SHIFT);
	radix_tree_set_allocator(radix_alloc, kfree);
}
