/* User copies on a small address space of our own: a writable page, a read-only one, and
 * nothing. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/trap.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

#define RW_PAGE	  0x400000ull
#define RO_PAGE	  0x401000ull
#define NO_PAGE	  0x402000ull
#define LATE_PAGE 0x500000ull /* brought in by the page-fault hook */

static struct {
	paddr_t pml4;
	struct page *rw, *ro, *late;
	int (*old_hook)(struct trapframe *tf, u64 addr, u32 error);
	unsigned int faults;
} space;

static int page_fault(struct trapframe *tf, u64 addr, u32 error)
{
	(void)tf;
	(void)error;
	space.faults++;
	if (ALIGN_DOWN(addr, PAGE_SIZE) != LATE_PAGE)
		return -EFAULT;
	*pgtable_walk(space.pml4, LATE_PAGE, true) = page_to_phys(space.late).v | PTE_P | PTE_U |
						     PTE_W | PTE_NX;
	return 0;
}

static bool enter(void)
{
	space.pml4 = pgtable_create();
	space.rw = alloc_page(GFP_KERNEL | GFP_ZERO);
	space.ro = alloc_page(GFP_KERNEL | GFP_ZERO);
	space.late = alloc_page(GFP_KERNEL | GFP_ZERO);
	if (!space.pml4.v || !space.rw || !space.ro || !space.late)
		return false;
	*pgtable_walk(space.pml4, RW_PAGE, true) = page_to_phys(space.rw).v | PTE_P | PTE_U |
						   PTE_W | PTE_NX;
	*pgtable_walk(space.pml4, RO_PAGE, true) = page_to_phys(space.ro).v | PTE_P | PTE_U |
						   PTE_NX;
	arch_set_cr3(&current->arch, space.pml4.v);
	space.old_hook = trap_hooks.user_page_fault;
	trap_hooks.user_page_fault = page_fault;
	space.faults = 0;
	return true;
}

static void leave(void)
{
	trap_hooks.user_page_fault = space.old_hook;
	arch_set_cr3(&current->arch, pgtable_kernel().v);
	pgtable_destroy(space.pml4);
	put_page(space.rw);
	put_page(space.ro);
	put_page(space.late);
}

static const char *copies(void)
{
	char buf[64];

	if (copy_to_user(USERPTR(RW_PAGE + 10), "ringlet", 8) != 0)
		return "write";
	if (copy_from_user(buf, USERPTR(RW_PAGE + 10), 8) != 0 || strcmp(buf, "ringlet") != 0)
		return "read back";
	if (copy_from_user(buf, USERPTR(RO_PAGE), sizeof(buf)) != 0)
		return "read of a read-only page";
	if (copy_to_user(USERPTR(RO_PAGE - 4), buf, 8) != -EFAULT)
		return "write into a read-only page";
	if (copy_from_user(buf, USERPTR(NO_PAGE - 4), 8) != -EFAULT)
		return "read of nothing";
	if (clear_user(USERPTR(RW_PAGE), 100) != 0 || *(char *)page_address(space.rw) != 0)
		return "clear";
	return NULL;
}

static const char *wild_pointers(void)
{
	static const u64 wild[] = {
		0, 8, USER_MAX, 1ull << 47, DIRECT_MAP, KERNEL_BASE + 0x100000, ~0ull};
	char buf[16];

	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		userptr_t p = USERPTR(wild[i]);

		if (copy_from_user(buf, p, 16) != -EFAULT || copy_to_user(p, buf, 16) != -EFAULT ||
		    clear_user(p, 16) != -EFAULT ||
		    strncpy_from_user(buf, p, sizeof(buf)) != -EFAULT ||
		    strnlen_user(p, 100) != -EFAULT || fault_in_user(p, 16, true) != -EFAULT ||
		    copy_from_user_inatomic(buf, p, 16) != 16)
			return "a wild pointer was taken";
	}
	if (copy_from_user(buf, USERPTR(RW_PAGE), 1ull << 63) != -EFAULT)
		return "a wild length was taken";
	return NULL;
}

static const char *strings(void)
{
	userptr_t end = USERPTR(NO_PAGE - 4);
	char buf[16];

	memcpy((char *)page_address(space.ro) + PAGE_SIZE - 4, "abc", 4);
	if (strncpy_from_user(buf, end, sizeof(buf)) != 3 || strcmp(buf, "abc") != 0)
		return "a string at the end of its page";
	if (strncpy_from_user(buf, end, 3) != -ENAMETOOLONG || strnlen_user(end, 2) != -E2BIG)
		return "a string too long";
	if (strnlen_user(end, 3) != 3)
		return "the length of a string";
	memset((char *)page_address(space.ro) + PAGE_SIZE - 200, 'x', 200);
	if (strncpy_from_user(buf, end, sizeof(buf)) != -EFAULT)
		return "a string that runs into nothing";
	if (strnlen_user(USERPTR(NO_PAGE - 200), 1000) != -EFAULT)
		return "the length of a string that runs into nothing";
	return NULL;
}

static const char *faults_bring_pages_in(void)
{
	char buf[16] = "late";

	if (copy_from_user_inatomic(buf + 8, USERPTR(LATE_PAGE), 5) != 5 || space.faults != 0)
		return "inatomic brought a page in";
	if (copy_from_user_inatomic(buf + 8, USERPTR(NO_PAGE - 4), 8) != 4)
		return "inatomic counted wrongly";
	if (fault_in_user(USERPTR(LATE_PAGE + 100), 10, true) != 0 || space.faults != 1)
		return "fault_in_user";
	if (copy_to_user(USERPTR(LATE_PAGE), buf, 5) != 0)
		return "copy after fault_in_user";
	return strcmp(page_address(space.late), "late") == 0 ? NULL : "the bytes";
}

/* Run `what` in the address space and report the step that failed. */
static const char *run(const char *(*what)(void))
{
	const char *error;

	if (!enter())
		return "no memory";
	error = what();
	leave();
	return error;
}

KTEST(uaccess, copies_are_made_or_refused)
{
	const char *error = run(copies);

	if (error)
		ktest_fail(error, __FILE__, __LINE__);
}

KTEST(uaccess, wild_pointers_are_efault)
{
	const char *error = run(wild_pointers);

	if (error)
		ktest_fail(error, __FILE__, __LINE__);
}

KTEST(uaccess, strings_end_where_memory_does)
{
	const char *error = run(strings);

	if (error)
		ktest_fail(error, __FILE__, __LINE__);
}

KTEST(uaccess, absent_pages_come_in_unless_atomic)
{
	const char *error = run(faults_bring_pages_in);

	if (error)
		ktest_fail(error, __FILE__, __LINE__);
}
