/* Traps, user copies, interrupt lines, clock. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/context.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/extable.h"
#include "kernel/arch/io.h"
#include "kernel/arch/irq.h"
#include "kernel/arch/pte.h"
#include "kernel/arch/trap.h"
#include "kernel/arch/usercopy.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/ksyms.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"

#define USER_PAGE  0x400000ull
#define TIMEOUT_NS (10 * NSEC_PER_SEC)

/* A user half with one page at USER_PAGE; the page behind it is brought in on a fault if `refill`
 * is set. */
static struct {
	paddr_t pml4;
	u64 old_cr3;
	struct page *pages[2];
	int (*old_hook)(struct trapframe *tf, u64 addr, u32 error);
	bool refill;
	unsigned int faults;
} um;

static bool map_user_page(unsigned int nr)
{
	u64 va = USER_PAGE + nr * PAGE_SIZE;
	u64 *pte = pgtable_walk(um.pml4, va, true);

	if (!pte)
		return false;
	*pte = page_to_phys(um.pages[nr]).v | PTE_P | PTE_W | PTE_U | PTE_NX;
	tlb_flush_page(va);
	return true;
}

static int fault_hook(struct trapframe *tf, u64 addr, u32 error)
{
	(void)tf;
	um.faults++;
	if (!um.refill || (addr & PAGE_MASK) != USER_PAGE + PAGE_SIZE || (error & PF_PRESENT))
		return -EFAULT;
	return map_user_page(1) ? 0 : -EFAULT;
}

static void user_end(void)
{
	trap_hooks.user_page_fault = um.old_hook;
	write_cr3(um.old_cr3);
	pgtable_destroy(um.pml4);
	for (int i = 0; i < 2; i++)
		if (um.pages[i])
			put_page(um.pages[i]);
}

static bool user_begin(bool refill)
{
	memset(&um, 0, sizeof(um));
	um.refill = refill;
	um.old_cr3 = read_cr3();
	um.old_hook = trap_hooks.user_page_fault;
	um.pml4 = pgtable_create();
	if (!um.pml4.v)
		return false;
	um.pages[0] = alloc_page(GFP_KERNEL | GFP_ZERO);
	um.pages[1] = alloc_page(GFP_KERNEL | GFP_ZERO);
	if (!um.pages[0] || !um.pages[1] || !map_user_page(0)) {
		user_end();
		return false;
	}
	trap_hooks.user_page_fault = fault_hook;
	write_cr3(um.pml4.v);
	return true;
}

static void *user_ptr(u64 offset)
{
	return (void *)(USER_PAGE + offset);
}

KTEST(arch, a_user_copy_moves_bytes_both_ways)
{
	char in[100], out[100];
	size_t left_in, left_out;

	KEXPECT(user_begin(false));
	memset(in, 'x', sizeof(in));
	memset(out, 0, sizeof(out));
	left_in = arch_copy_user(user_ptr(5), in, sizeof(in));
	left_out = arch_copy_user(out, user_ptr(5), sizeof(out));
	user_end();
	KEXPECT(left_in == 0 && left_out == 0);
	KEXPECT(memcmp(in, out, sizeof(in)) == 0);
	KEXPECT(um.faults == 0);
}

KTEST(arch, a_user_copy_stops_at_the_first_absent_byte)
{
	char buf[64] = {0};
	size_t left[sizeof(buf)], cleared;

	KEXPECT(user_begin(false));
	for (size_t n = 0; n < sizeof(buf); n++)
		left[n] = arch_copy_user(buf, user_ptr(PAGE_SIZE - n), sizeof(buf));
	cleared = arch_clear_user(user_ptr(PAGE_SIZE - 13), 40);
	user_end();
	for (size_t n = 0; n < sizeof(buf); n++)
		KEXPECT(left[n] == sizeof(buf) - n);
	KEXPECT(cleared == 27);
	KEXPECT(um.faults > 0);
}

KTEST(arch, a_user_copy_waits_for_a_page_that_comes)
{
	char buf[64];
	size_t left;

	KEXPECT(user_begin(true));
	memset(buf, 7, sizeof(buf));
	left = arch_copy_user(user_ptr(PAGE_SIZE - 10), buf, sizeof(buf));
	user_end();
	KEXPECT(left == 0 && um.faults == 1);
}

KTEST(arch, no_page_comes_while_page_faults_are_disabled)
{
	char buf[64];
	size_t left;

	KEXPECT(user_begin(true));
	memset(buf, 7, sizeof(buf));
	this_cpu()->pagefault_disabled++;
	left = arch_copy_user(user_ptr(PAGE_SIZE - 10), buf, sizeof(buf));
	this_cpu()->pagefault_disabled--;
	user_end();
	KEXPECT(left == sizeof(buf) - 10 && um.faults == 0);
}

KTEST(arch, a_kernel_address_is_never_brought_in)
{
	char buf[16];
	size_t left;

	KEXPECT(user_begin(true));
	left = arch_copy_user(buf, (const void *)(VMAP_END - PAGE_SIZE), sizeof(buf));
	user_end();
	KEXPECT(left == sizeof(buf) && um.faults == 0);
}

KTEST(arch, a_user_string_ends_at_its_zero_at_the_limit_or_at_a_fault)
{
	char buf[32];
	ssize_t whole, cut, fault;

	KEXPECT(user_begin(false));
	KEXPECT(arch_copy_user(user_ptr(0), "ringlet", 8) == 0);
	KEXPECT(arch_copy_user(user_ptr(PAGE_SIZE - 4), "abcd", 4) == 0);
	whole = arch_strncpy_user(buf, user_ptr(0), sizeof(buf));
	cut = arch_strncpy_user(buf + 8, user_ptr(0), 4);
	fault = arch_strncpy_user(buf + 16, user_ptr(PAGE_SIZE - 4), 16);
	user_end();
	KEXPECT(whole == 7 && strcmp(buf, "ringlet") == 0);
	KEXPECT(cut == 4 && memcmp(buf + 8, "ring", 4) == 0);
	KEXPECT(fault == -EFAULT);
}

KTEST(arch, the_kernel_knows_its_own_functions)
{
	u64 offset = 1;
	const char *name = ksym_lookup((u64)extable_find, &offset);

	KEXPECT(name && strcmp(name, "extable_find") == 0 && offset == 0);
	name = ksym_lookup((u64)extable_find + 3, &offset);
	KEXPECT(name && strcmp(name, "extable_find") == 0 && offset == 3);
	KEXPECT(extable_find((u64)extable_find) == 0);
}

static enum irq_return count_irq(void *data)
{
	u32 *count = data;

	(*count)++;
	return IRQ_HANDLED;
}

/* One interrupt of the PIT, ISA line 0 (which most machines route to IOAPIC line 2). */
static void fire_pit(void)
{
	outb(0x43, 0x30);
	outb(0x40, 0x00);
	outb(0x40, 0x10);
}

static bool wait_until_not(const u32 *count, u32 old)
{
	ktime_t end = ktime_get_ns() + TIMEOUT_NS;

	while (READ_ONCE(*count) == old && ktime_get_ns() < end)
		cpu_relax();
	return READ_ONCE(*count) != old;
}

KTEST(arch, an_interrupt_line_is_shared_and_given_back)
{
	u32 a = 0, b = 0;

	KEXPECT(irq_request_isa(0, count_irq, &a) == 0);
	KEXPECT(irq_request_isa(0, count_irq, &b) == 0);
	fire_pit();
	KEXPECT(wait_until_not(&a, 0) && wait_until_not(&b, 0));
	irq_free(count_irq, &b);
	b = 0;
	a = 0;
	fire_pit();
	KEXPECT(wait_until_not(&a, 0));
	KEXPECT(READ_ONCE(b) == 0);
	irq_free(count_irq, &a);
	a = 0;
	fire_pit();
	udelay(20000);
	KEXPECT(READ_ONCE(a) == 0);
}

KTEST(arch, lines_that_do_not_exist_are_refused)
{
	u32 count = 0;

	KEXPECT(irq_request_isa(16, count_irq, &count) == -EINVAL);
	KEXPECT(irq_request_gsi(10000, count_irq, &count) == -EINVAL);
	KEXPECT(irq_request_gsi(~0u, count_irq, &count) == -EINVAL);
}

KTEST(arch, message_vectors_are_distinct_and_run_out_politely)
{
	static int vectors[256];
	u32 count = 0, data;
	u64 addr;
	int n = 0, last;

	for (;;) {
		last = irq_alloc_msi(count_irq, &count, &addr, &data);
		if (last < 0)
			break;
		vectors[n++] = last;
		if (n > 1 && last == vectors[n - 2])
			break;
	}
	for (int i = 0; i < n; i++)
		irq_free_msi(vectors[i]);
	KEXPECT(last == -ENOSPC && n > 16);
	last = irq_alloc_msi(count_irq, &count, &addr, &data);
	KEXPECT(last >= 32);
	KEXPECT((u32)last == data && addr >> 20 == 0xfee);
	irq_free_msi(last);
}

KTEST(arch, the_clock_goes_forward_and_ticks)
{
	ktime_t start = ktime_get_ns(), last = start;
	u64 ticks = irq_count(239);

	for (int i = 0; i < 10000; i++) {
		ktime_t now = ktime_get_ns();

		KEXPECT(now >= last);
		last = now;
	}
	start = ktime_get_ns();
	udelay(1000);
	KEXPECT(ktime_get_ns() - start >= 1000 * NSEC_PER_USEC);
	start = ktime_get_ns();
	while (irq_count(239) < ticks + 10 && ktime_get_ns() - start < TIMEOUT_NS)
		cpu_relax();
	KEXPECT(irq_count(239) >= ticks + 10);
	KEXPECT(clock_realtime_ns() / NSEC_PER_SEC > 1704067200); /* 2024 */
}

KTEST(arch, a_fresh_fpu_state_is_the_abis)
{
	static struct arch_thread saved, fresh;
	u32 mxcsr;
	u16 fcw;

	arch_fpu_save(&saved);
	arch_fpu_init(&fresh);
	arch_fpu_restore(&fresh);
	arch_fpu_save(&fresh);
	memset(fresh.fpu + 24, 0xff, 4); /* reserved bits of MXCSR must not fault */
	arch_fpu_restore(&fresh);
	arch_fpu_restore(&saved);
	arch_fpu_init(&fresh);
	memcpy(&fcw, fresh.fpu, sizeof(fcw));
	memcpy(&mxcsr, fresh.fpu + 24, sizeof(mxcsr));
	KEXPECT(fcw == 0x37f && mxcsr == 0x1f80);
}
