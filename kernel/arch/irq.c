/*
 * Vectors, the lines and messages behind them, and their handlers. An interrupt's way up begins in
 * irq_dispatch.
 *
 * 1. A vector in use belongs to one line (gsi) or to one message (NO_GSI).
 * 2. Handlers of a vector are a list that interrupts walk without the lock: an action is linked
 *    when it is complete, and after unlinking it is reused only when no walk is under way.
 *
 * Locks: lock guards the table and the controllers' registers.
 * Path: hop 13
 */
#include "kernel/arch/irq.h"

#include "kernel/arch/acpi.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/internal.h"
#include "kernel/arch/io.h"
#include "kernel/arch/spin.h"
#include "kernel/arch/trapframe.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"

#define VECTORS	      256u
#define MAX_ACTIONS   (VECTORS + 64u) /* one a vector, and those that share a line */
#define NO_GSI	      (~0u)
#define IRQ_NAME_LEN  20
#define LINE_VECTORS  24u /* kept for lines: a device that gets no message needs one */
#define UNHANDLED_MAX 100000u
#define MSI_ADDRESS   0xfee00000ull

struct irq_action {
	irq_handler_t handler;	 /* [lock] NULL: free */
	void *data;		 /* [const while linked] */
	struct irq_action *next; /* [lock to write] */
	char name[IRQ_NAME_LEN]; /* [lock] */
};

struct irq_vector {
	struct irq_action *actions; /* [lock to write] */
	bool used, level;	    /* [lock] */
	u32 gsi;		    /* [lock] */
	u32 walkers;		    /* [atomic] dispatches under way */
	u32 unhandled;		    /* [interrupt] in a row */
	u64 count;		    /* [interrupt] */
};

static struct arch_spinlock lock = ARCH_SPINLOCK_INIT;
static struct irq_vector vectors[VECTORS];
static struct irq_action actions[MAX_ACTIONS];
static bool is_q35; /* [const] */
static u64 bad;	    /* [interrupt] without a handler */

static u64 table_lock(void)
{
	u64 flags = irq_save();

	arch_spin_lock(&lock);
	return flags;
}

static void table_unlock(u64 flags)
{
	arch_spin_unlock(&lock);
	irq_restore(flags);
}

/* --- also: handlers come and go ----------------------------------------------------------- */

/* The host bridge's identity, read here because the PCI bus is a layer above. */
static bool host_bridge_is_q35(void)
{
	outl(0xcf8, 0x80000000);
	return inl(0xcfc) == 0x29c08086;
}

void irq_init(void)
{
	acpi_init();
	ioapic_init();
	lapic_init();
	is_q35 = host_bridge_is_q35();
	irq_enable();
}

static void line_mask(u32 gsi, bool masked)
{
	if (gsi != NO_GSI)
		ioapic_mask(gsi, masked);
}

static struct irq_action *action_get(irq_handler_t handler, void *data)
{
	for (unsigned int i = 0; i < MAX_ACTIONS; i++) {
		if (actions[i].handler)
			continue;
		actions[i] = (struct irq_action){.handler = handler, .data = data};
		return &actions[i];
	}
	return NULL;
}

/* The vector of a line or, with NO_GSI, a fresh one. Returns: 0 if there is none. */
static u32 vector_get(u32 gsi, bool level, bool low)
{
	u32 end = gsi == NO_GSI ? VECTOR_TIMER - LINE_VECTORS : VECTOR_TIMER;

	for (u32 v = VECTOR_DYNAMIC; gsi != NO_GSI && v < VECTOR_TIMER; v++)
		if (vectors[v].used && vectors[v].gsi == gsi)
			return v;
	for (u32 v = VECTOR_DYNAMIC; v < end; v++) {
		if (vectors[v].used)
			continue;
		if (gsi != NO_GSI && !ioapic_route(gsi, (u8)v, level, low))
			return 0;
		vectors[v].used = true;
		vectors[v].gsi = gsi;
		vectors[v].level = level;
		return v;
	}
	return 0;
}

static int request(u32 gsi, bool level, bool low, irq_handler_t handler, void *data)
{
	u64 flags = table_lock();
	struct irq_action *a = action_get(handler, data);
	u32 v;
	int ret;

	if (!a) {
		ret = -ENOMEM;
		goto out;
	}
	v = vector_get(gsi, level, low);
	if (!v) {
		a->handler = NULL;
		ret = gsi == NO_GSI ? -ENOSPC : -EINVAL;
		goto out;
	}
	a->next = vectors[v].actions;
	vectors[v].unhandled = 0;
	__atomic_store_n(&vectors[v].actions, a, __ATOMIC_RELEASE);
	line_mask(gsi, false);
	ret = (int)v;
out:
	table_unlock(flags);
	return ret;
}

int irq_request_isa(u8 isa_irq, irq_handler_t handler, void *data)
{
	int ret;

	if (isa_irq >= ISA_IRQS)
		return -EINVAL;
	ret = request(acpi.isa[isa_irq].gsi, acpi.isa[isa_irq].level, acpi.isa[isa_irq].low,
		      handler, data);
	return ret < 0 ? ret : 0;
}

int irq_request_gsi(u32 gsi, irq_handler_t handler, void *data)
{
	bool low = true;
	int ret;

	if (gsi == NO_GSI)
		return -EINVAL;
	/* A PCI line that the firmware put on an ISA interrupt may be declared active high. */
	for (u32 i = 0; i < ISA_IRQS; i++)
		if (acpi.isa[i].gsi == gsi && acpi.isa[i].level)
			low = acpi.isa[i].low;
	ret = request(gsi, true, low, handler, data);
	return ret < 0 ? ret : 0;
}

int irq_alloc_msi(irq_handler_t handler, void *data, u64 *msg_addr, u32 *msg_data)
{
	int v = request(NO_GSI, false, false, handler, data);

	if (v < 0)
		return v == -ENOMEM ? -ENOSPC : v;
	*msg_addr = MSI_ADDRESS | (u64)lapic_id() << 12;
	*msg_data = (u32)v;
	return v;
}

/* Unlink the action from its vector, which is given up with its last one. Returns: NULL if none. */
static struct irq_action *unlink_action(struct irq_vector *v, irq_handler_t handler, void *data)
{
	struct irq_action **link = &v->actions;
	struct irq_action *a;

	while (*link && ((*link)->handler != handler || (*link)->data != data))
		link = &(*link)->next;
	a = *link;
	if (!a)
		return NULL;
	__atomic_store_n(link, a->next, __ATOMIC_RELEASE);
	if (!v->actions) {
		line_mask(v->gsi, true);
		v->used = false;
	}
	return a;
}

static void free_on_vector(struct irq_vector *v, irq_handler_t handler, void *data)
{
	u64 flags = table_lock();
	struct irq_action *a = unlink_action(v, handler, data);

	table_unlock(flags);
	if (!a)
		return;
	while (__atomic_load_n(&v->walkers, __ATOMIC_SEQ_CST))
		cpu_relax();
	__atomic_store_n(&a->handler, NULL, __ATOMIC_RELEASE);
}

void irq_free(irq_handler_t handler, void *data)
{
	for (u32 v = VECTOR_DYNAMIC; v < VECTOR_TIMER; v++)
		free_on_vector(&vectors[v], handler, data);
}

void irq_free_msi(int vector)
{
	struct irq_vector *v = &vectors[vector];

	if (v->actions)
		free_on_vector(v, v->actions->handler, v->actions->data);
}

/* --- an interrupt comes ------------------------------------------------------------------- */

/* A level-triggered line that nobody answers would interrupt for ever. */
static void nobody_cared(struct irq_vector *v)
{
	u64 flags;

	if (!v->actions)
		bad++;
	if (++v->unhandled < UNHANDLED_MAX)
		return;
	flags = table_lock();
	if (v->used)
		line_mask(v->gsi, true);
	table_unlock(flags);
	v->unhandled = 0;
	printk("irq: line %u: nobody cared, disabled\n", v->gsi);
}

static void run_handlers(struct irq_vector *v)
{
	bool handled = false;

	__atomic_fetch_add(&v->walkers, 1, __ATOMIC_SEQ_CST);
	for (struct irq_action *a = __atomic_load_n(&v->actions, __ATOMIC_ACQUIRE); a;
	     a = __atomic_load_n(&a->next, __ATOMIC_ACQUIRE))
		handled |= a->handler(a->data) == IRQ_HANDLED;
	__atomic_fetch_sub(&v->walkers, 1, __ATOMIC_SEQ_CST);
	if (handled)
		v->unhandled = 0;
	else
		nobody_cared(v);
}

void (*irq_exit_hook)(void);

void irq_dispatch(struct trapframe *tf)
{
	struct cpu *cpu = this_cpu();
	u32 nr = (u32)tf->vector;
	struct irq_vector *v = &vectors[nr];

	cpu->irq_depth++;
	v->count++;
	if (nr == VECTOR_SPURIOUS) {
		/* needs no EOI: SDM vol. 3, 11.9 */
	} else if (nr == VECTOR_TIMER) {
		lapic_eoi();
		clock_interrupt(trap_from_user(tf));
	} else {
		run_handlers(v);
		lapic_eoi();
	}
	cpu->irq_depth--;
	if (!cpu->irq_depth && irq_exit_hook)
		irq_exit_hook();
}

/* --- also: the lines of PCI, and what /proc shows ----------------------------------------- */

u32 irq_pci_gsi(u8 bus, u8 slot, u8 pin, u8 line)
{
	u32 pin0 = (u32)pin - 1;

	/* The firmware's line for the 8259, which the i440fx also wires to the IOAPIC's input of
	 * that number. A bus other than 0 means that the caller could not follow the bridges. */
	if (!is_q35 || bus != 0 || pin0 > 3)
		return line;
	/* ICH9 data sheet §10.1.47 and QEMU's hw/isa/lpc_ich9.c: slots of the chipset itself have
	 * PIRQ A-D at GSI 16, all others share PIRQ E-H at GSI 20. */
	if (slot >= 25 && slot != 30)
		return 16 + pin0;
	return 20 + (slot == 30 ? pin0 : (slot + pin0) % 4);
}

u64 irq_count(unsigned int vector)
{
	return vector < VECTORS ? READ_ONCE(vectors[vector].count) : 0;
}

u64 irq_count_bad(void)
{
	return READ_ONCE(bad);
}

void irq_set_name(irq_handler_t handler, void *data, const char *name)
{
	u64 flags = table_lock();

	for (u32 i = 0; i < MAX_ACTIONS; i++)
		if (actions[i].handler == handler && actions[i].data == data)
			(void)strscpy(actions[i].name, name, sizeof(actions[i].name));
	table_unlock(flags);
}

/* Interrupts of the processor itself have a name; lines and messages have a number. */
bool irq_get_info(unsigned int vector, struct irq_info *info)
{
	const struct irq_vector *v = &vectors[vector % VECTORS];
	bool line = v->gsi != NO_GSI;
	u64 flags;
	int at;

	if (vector == VECTOR_TIMER || vector == VECTOR_SPURIOUS) {
		(void)strscpy(info->label, vector == VECTOR_TIMER ? "LOC" : "SPU",
			      sizeof(info->label));
		(void)strscpy(info->text,
			      vector == VECTOR_TIMER ? "Local timer interrupts" :
						       "Spurious interrupts",
			      sizeof(info->text));
		return true;
	}
	flags = table_lock();
	snprintf(info->label, sizeof(info->label), "%u", line ? v->gsi : vector);
	at = snprintf(info->text, sizeof(info->text), "%s %3u-%s", line ? "IO-APIC" : "PCI-MSI",
		      line ? v->gsi : vector, v->level ? "fasteoi" : "edge   ");
	for (const struct irq_action *a = v->actions; a && (size_t)at < sizeof(info->text);
	     a = a->next)
		at += snprintf(info->text + at, sizeof(info->text) - (size_t)at, "%s%s",
			       a == v->actions ? "   " : ", ", a->name);
	table_unlock(flags);
	return v->used;
}
