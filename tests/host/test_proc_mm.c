// uses: vm fakes
// sources: kernel/lib/vsnprintf.c
/* Address spaces under random operations, against a model of one byte a page; also with allocations
 * that fail. */
#include "tests/host/host.h"

#include "fs/aio/aio.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

#define BASE	  0x100000000ull
#define PAGES	  48u  /* the window that the operations work in */
#define TOP_PAGES 256u /* what moves there lies below MMAP_TOP */
#define SLOTS	  4u   /* address spaces at a time */
#define STEPS	  60000

/* --- fakes: page tables as one array each, files that are never opened --- */

static u64 tables[SLOTS + 1][PAGES + TOP_PAGES];
static bool table_used[SLOTS + 1];

static u64 *entry(paddr_t pml4, u64 va)
{
	u64 page = (va - BASE) >> PAGE_SHIFT;

	if (va >= MMAP_TOP - TOP_PAGES * PAGE_SIZE)
		page = PAGES + ((va - (MMAP_TOP - TOP_PAGES * PAGE_SIZE)) >> PAGE_SHIFT);
	assert_true(page < PAGES + TOP_PAGES);
	return &tables[pml4.v - 1][page];
}

paddr_t pgtable_create(void)
{
	void *probe = kmalloc(16, GFP_KERNEL); /* fails when it is asked to */

	if (!probe)
		return PADDR(0);
	kfree(probe);
	for (u64 i = 0; i <= SLOTS; i++)
		if (!table_used[i]) {
			table_used[i] = true;
			return PADDR(i + 1);
		}
	return PADDR(0);
}

void pgtable_destroy(paddr_t pml4)
{
	for (u32 i = 0; i < PAGES + TOP_PAGES; i++)
		assert_int_equal(tables[pml4.v - 1][i], 0);
	table_used[pml4.v - 1] = false;
}

u64 *pgtable_walk(paddr_t pml4, u64 va, bool alloc)
{
	u64 *pte = entry(pml4, va);
	void *probe = alloc && !*pte ? kmalloc(16, GFP_KERNEL) : NULL;

	if (alloc && !*pte && !probe)
		return NULL;
	kfree(probe);
	return pte;
}

int pgtable_for_each(paddr_t pml4, u64 start, u64 end, int (*fn)(u64 *pte, u64 va, void *arg),
		     void *arg)
{
	for (u64 va = start; va < end; va += PAGE_SIZE) {
		u64 *pte = entry(pml4, va);
		int ret = *pte ? fn(pte, va, arg) : 0;

		if (ret)
			return ret;
	}
	return 0;
}

void (*unmap_mapping_hook)(struct address_space *m, pgoff_t start, pgoff_t end, bool even_cows);

void fput(struct file *file)
{
	(void)file;
}

int deny_write_access(struct inode *inode)
{
	(void)inode;
	return 0;
}

void allow_write_access(struct inode *inode)
{
	(void)inode;
}

struct page *read_mapping_page(struct address_space *mapping, pgoff_t index)
{
	(void)mapping;
	(void)index;
	return ERR_PTR(-EIO);
}

void aio_table_init(struct aio_table *t)
{
	(void)t;
}

void exit_aio(struct aio_table *t)
{
	(void)t;
}

/* --- the model --- */

struct cell {
	int refs;
	u8 value;
};

struct model_page {
	bool mapped, shared;
	u32 prot;
	struct cell *cell;
};

static struct {
	struct mm *mm;
	struct model_page pages[PAGES];
} slots[SLOTS];

static void cell_put(struct cell *cell)
{
	if (cell && --cell->refs == 0)
		free(cell);
}

static struct cell *new_cell(u8 value)
{
	struct cell *cell = malloc(sizeof(*cell));

	*cell = (struct cell){1, value};
	return cell;
}

static void model_clear(struct model_page *p)
{
	cell_put(p->cell);
	*p = (struct model_page){.mapped = false};
}

static u64 va_of(u32 page)
{
	return BASE + (u64)page * PAGE_SIZE;
}

/* What the program and the kernel find in memory is what the model says. */
static void verify(u32 s)
{
	u64 total = 0;

	for (u32 i = 0; i < PAGES; i++) {
		const struct model_page *p = &slots[s].pages[i];
		u64 pte = *entry(slots[s].mm->pml4, va_of(i));
		u8 byte = 0xee;
		size_t n = mm_access(slots[s].mm, va_of(i) + i, &byte, 1, false);

		total += p->mapped;
		assert_int_equal(n, p->mapped && p->prot ? 1 : 0);
		if (n == 1)
			assert_int_equal(byte, p->cell->value);
		if (!p->mapped)
			assert_int_equal(pte, 0);
		if (pte & PTE_P)
			assert_true(p->prot != 0);
		if (pte & PTE_W && pte & PTE_P)
			assert_true(p->prot & PROT_WRITE);
		if (pte & PTE_OWN && !p->shared)
			assert_int_equal(page_count(phys_to_page(PADDR(pte & PTE_ADDR_MASK))), 1);
	}
	assert_int_equal(slots[s].mm->total_bytes, total * PAGE_SIZE);
}

static u64 entries_of(const struct mm *mm)
{
	u64 n = 0;

	for (u32 i = 0; i < PAGES + TOP_PAGES; i++)
		n += tables[mm->pml4.v - 1][i] != 0;
	return n;
}

static const u32 prots[] = {0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
			    PROT_READ | PROT_EXEC};

static void op_map(u32 s, u32 page, u32 n, bool replace)
{
	bool shared = random() % 4 == 0, busy = false;
	u32 prot = prots[random() % 5];
	s64 at = mm_map(slots[s].mm, va_of(page), n * PAGE_SIZE, prot,
			(shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS |
				(replace ? MAP_FIXED : MAP_FIXED_NOREPLACE),
			NULL, 0);

	for (u32 i = page; i < page + n; i++)
		busy |= slots[s].pages[i].mapped;
	if (at == -ENOMEM) {
		/* A mapping that could not be filled has taken the place of the old ones. */
		for (u32 i = page; shared && replace && i < page + n; i++) {
			u8 byte;

			if (mm_find_vma(slots[s].mm, va_of(i)))
				assert_true(slots[s].pages[i].mapped);
			else
				model_clear(&slots[s].pages[i]);
			(void)byte;
		}
		return;
	}
	if (busy && !replace) {
		assert_int_equal(at, -EEXIST);
		return;
	}
	assert_int_equal(at, va_of(page));
	for (u32 i = page; i < page + n; i++) {
		model_clear(&slots[s].pages[i]);
		slots[s].pages[i] = (struct model_page){true, shared, prot, new_cell(0)};
	}
}

static void op_unmap(u32 s, u32 page, u32 n)
{
	if (mm_unmap(slots[s].mm, va_of(page), n * PAGE_SIZE) == 0)
		for (u32 i = page; i < page + n; i++)
			model_clear(&slots[s].pages[i]);
}

static void op_protect(u32 s, u32 page, u32 n)
{
	u32 prot = prots[random() % 5];
	bool all = true;
	int err = mm_protect(slots[s].mm, va_of(page), n * PAGE_SIZE, prot);

	for (u32 i = page; i < page + n; i++)
		all &= slots[s].pages[i].mapped;
	if (err == 0) {
		assert_true(all);
		for (u32 i = page; i < page + n; i++)
			slots[s].pages[i].prot = prot;
	} else {
		assert_int_equal(err, -ENOMEM);
	}
}

static void op_write(u32 s, u32 page)
{
	struct model_page *p = &slots[s].pages[page];
	u8 byte[PAGE_SIZE];
	size_t n;

	memset(byte, (u8)random(), sizeof(byte));
	n = mm_access(slots[s].mm, va_of(page), byte, sizeof(byte), true);
	if (n == 0)
		return; /* not allowed, or no memory: verify() would see a page half written */
	assert_int_equal(n, sizeof(byte));
	assert_true(p->mapped && p->prot & PROT_WRITE);
	p->cell->value = byte[0];
}

static void op_zap(u32 s, u32 page, u32 n)
{
	int err = mm_advise(slots[s].mm, va_of(page), n * PAGE_SIZE, 4); /* MADV_DONTNEED */

	for (u32 i = page; i < page + n; i++)
		if (!slots[s].pages[i].mapped)
			assert_int_equal(err, -ENOMEM);
	for (u32 i = page; i < page + n; i++)
		if (slots[s].pages[i].mapped && !slots[s].pages[i].shared)
			slots[s].pages[i].cell->value = 0;
}

static void op_fork(u32 s)
{
	u32 to = (u32)random() % SLOTS;
	struct mm *mm;

	if (slots[to].mm)
		return;
	mm = mm_copy(slots[s].mm);
	if (IS_ERR(mm)) {
		assert_int_equal(PTR_ERR(mm), -ENOMEM);
		return;
	}
	slots[to].mm = mm;
	for (u32 i = 0; i < PAGES; i++) {
		struct model_page *p = &slots[to].pages[i];

		*p = slots[s].pages[i];
		if (p->mapped && p->shared)
			p->cell->refs++;
		else if (p->mapped)
			p->cell = new_cell(p->cell->value);
	}
}

static void op_exit(u32 s)
{
	mm_put(slots[s].mm);
	slots[s].mm = NULL;
	for (u32 i = 0; i < PAGES; i++)
		model_clear(&slots[s].pages[i]);
}

/* Away to the top and checked there, or grown where it is; then gone. */
static void op_remap(u32 s, u32 page, u32 n)
{
	struct model_page *p = slots[s].pages;
	struct mm *mm = slots[s].mm;
	u32 more = n + (u32)random() % 4;
	s64 at = mm_remap(mm, va_of(page), n * PAGE_SIZE, more * PAGE_SIZE, MREMAP_MAYMOVE, 0);

	if (at < 0)
		return;
	if (more == n) { /* Linux asks for the first page only */
		assert_true(p[page].mapped);
		assert_int_equal(at, va_of(page));
		return;
	}
	for (u32 i = 0; i < n; i++) {
		u8 byte = 0xee;

		assert_true(p[page + i].mapped);
		if (p[page + i].prot &&
		    mm_access(mm, (u64)at + i * PAGE_SIZE, &byte, 1, false) == 1)
			assert_int_equal(byte, p[page + i].cell->value);
	}
	mm_fail_after(0);
	assert_int_equal(mm_unmap(mm, (u64)at, more * PAGE_SIZE), 0);
	/* What could not be split off stays, empty: make it gone too. */
	assert_int_equal(mm_unmap(mm, va_of(page), n * PAGE_SIZE), 0);
	for (u32 i = 0; i < n; i++)
		model_clear(&p[page + i]);
}

static void step(bool failing)
{
	u32 s = (u32)random() % SLOTS, page = (u32)random() % (PAGES - 4);
	u32 n = 1 + (u32)random() % (random() % 8 ? 4 : PAGES - 4 - page);

	n = min(n, PAGES - 4 - page);
	if (!slots[s].mm)
		return;
	if (failing && random() % 2)
		mm_fail_after(1 + (u32)random() % 12);
	switch (random() % 12) {
	case 0:
	case 1:
		op_map(s, page, n, random() % 3 != 0);
		break;
	case 2:
		op_unmap(s, page, n);
		break;
	case 3:
		op_protect(s, page, n);
		break;
	case 4:
		op_zap(s, page, n);
		break;
	case 5:
		op_fork(s);
		break;
	case 6:
		if (random() % 4 == 0 && s != 0)
			op_exit(s);
		break;
	case 7:
		op_remap(s, page, n);
		break;
	default:
		op_write(s, page);
	}
	mm_fail_after(0);
	if (slots[s].mm)
		verify(s);
}

static void run(bool failing)
{
	srandom(host_seed(failing ? 2 : 1));
	slots[0].mm = mm_create();
	assert_non_null(slots[0].mm);
	for (int i = 0; i < STEPS; i++) {
		step(failing);
		if (i % 500 == 0)
			for (u32 s = 0; s < SLOTS; s++)
				if (slots[s].mm) {
					verify(s);
					assert_int_equal(slots[s].mm->rss, entries_of(slots[s].mm));
				}
	}
	for (u32 s = 0; s < SLOTS; s++)
		if (slots[s].mm)
			op_exit(s);
	assert_int_equal(fake_kmalloc_live(), 0);
	assert_int_equal(fake_pages_live(), 0);
}

static void random_operations_agree_with_the_model(void **state)
{
	(void)state;
	run(false);
}

static void also_when_allocations_fail(void **state)
{
	(void)state;
	run(true);
}

static void pinned_page_stays(bool protect, bool forks)
{
	struct mm *mm = mm_create(), *child = NULL;
	struct page *page;
	u8 byte = 1;

	assert_int_equal(mm_map(mm, BASE, PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_FIXED, NULL, 0),
			 BASE);
	assert_int_equal(mm_access(mm, BASE, &byte, 1, true), 1);
	page = phys_to_page(PADDR(*entry(mm->pml4, BASE) & PTE_ADDR_MASK));
	get_page(page);
	if (protect)
		assert_int_equal(mm_protect(mm, BASE, PAGE_SIZE, PROT_READ), 0);
	if (forks)
		child = mm_copy(mm);
	assert_false(IS_ERR(child));
	if (protect)
		assert_int_equal(mm_protect(mm, BASE, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	byte = 2;
	assert_int_equal(mm_access(mm, BASE, &byte, 1, true), 1);
	assert_int_equal(*(u8 *)page_address(page), 2);
	if (child) {
		assert_int_equal(mm_access(child, BASE, &byte, 1, false), 1);
		assert_int_equal(byte, 1);
		mm_put(child);
	}
	put_page(page);
	mm_put(mm);
	assert_int_equal(fake_pages_live(), 0);
}

/* A page that a device writes stays the program's, which may protect it and fork meanwhile. */
static void pinned_pages_are_copied_at_fork(void **state)
{
	(void)state;
	pinned_page_stays(false, true);
	pinned_page_stays(true, false);
	pinned_page_stays(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_the_model),
		cmocka_unit_test(also_when_allocations_fail),
		cmocka_unit_test(pinned_pages_are_copied_at_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
