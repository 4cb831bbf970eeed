// uses: pci
// sources: drivers/pci/bus.c kernel/lib/string.c tests/host/fakes/bus.c
// sources: tests/host/fakes/printk.c tests/host/fakes/fail.c tests/host/fakes/kmalloc.c
// sources: tests/host/fakes/sched.c
/* The bus scan, BARs, capabilities, MSI-X, drivers; against a bus with well and ill behaved
 * functions. */
#include "drivers/pci/internal.h"
#include "kernel/arch/bootinfo.h"
#include "kernel/arch/io.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "tests/host/fakes/bus.h"
#include "tests/host/host.h"

struct bootinfo bootinfo;

static struct fake_pci host, bridge, card, behind;

static u32 bar_read(void *dev, u32 offset, u32 width)
{
	(void)dev;
	(void)offset;
	(void)width;
	return 0x5a;
}
static void bar_write(void *dev, u32 offset, u32 val, u32 width)
{
	(void)dev;
	(void)offset;
	(void)val;
	(void)width;
}

static const struct fake_bar mem64 = {
	.size = 1ull << 33, .wide = true, .read = bar_read, .write = bar_write};
static const struct fake_bar mem32 = {.size = 0x1000, .read = bar_read, .write = bar_write};
static const struct fake_bar ports = {.size = 32, .io = true, .read = bar_read, .write = bar_write};

static void region(u64 start, u64 end, bool usable)
{
	bootinfo.regions[bootinfo.nr_regions++] = (struct mem_region){start, end, usable};
}

static int setup(void **state)
{
	(void)state;
	fake_bus_reset();
	memset(&host, 0, sizeof(host));
	memset(&bridge, 0, sizeof(bridge));
	memset(&card, 0, sizeof(card));
	memset(&behind, 0, sizeof(behind));
	memset(&bootinfo, 0, sizeof(bootinfo));
	region(0, 0x10000000, true);
	fake_log_clear();
	fake_pci_add(&host, 0, 0, 0x8086, 0x1237, 0);
	fake_pci_add(&card, 0, 3, 0x1af4, 0x1042, 0);
	fake_pci_add(&bridge, 0, 4, 0x1b36, 0x0001, PCI_HEADER_TYPE_BRIDGE);
	bridge.config[PCI_SECONDARY_BUS] = bridge.config[PCI_SUBORDINATE_BUS] = 1;
	fake_pci_add(&behind, 1, 2, 0x1af4, 0x1001, 0);
	return 0;
}

static int teardown(void **state)
{
	struct pci_dev *dev, *next;

	(void)state;
	list_for_each_entry_safe(dev, next, &pci_devices, list) {
		list_del(&dev->list);
		kfree(dev);
	}
	assert_int_equal(fake_kmalloc_live() + fake_irq_live() + fake_ioremap_live(), 0);
	return 0;
}

static struct pci_dev *find(u8 bus, u8 slot)
{
	struct pci_dev *dev;

	list_for_each_entry(dev, &pci_devices, list)
		if (dev->bus == bus && dev->slot == slot && dev->fn == 0)
			return dev;
	return NULL;
}

static void scan_finds_functions_and_follows_bridges(void **state)
{
	struct fake_pci multi = {0};
	u32 n = 0;
	struct pci_dev *dev;

	(void)state;
	fake_pci_add(&multi, 0, 5, 0x8086, 0x7000, PCI_HEADER_TYPE_MULTI_FUNCTION);
	multi.fn = 0;
	pci_init();
	list_for_each_entry(dev, &pci_devices, list)
		n++;
	assert_int_equal(n, 5);
	assert_non_null(find(1, 2));
	assert_ptr_equal(find(1, 2)->bridge, find(0, 4));
	assert_null(find(0, 3)->bridge);
	assert_int_equal(find(0, 3)->device, 0x1042);
}

static void a_bridge_that_leads_back_ends(void **state)
{
	(void)state;
	for (u8 secondary = 0; secondary < 2; secondary++) {
		behind.config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
		behind.config[PCI_SECONDARY_BUS] = secondary; /* itself, or up */
		pci_init();
		assert_non_null(find(1, 2));
		teardown(state);
	}
}

static void bars_are_sized(void **state)
{
	struct pci_dev *dev;

	(void)state;
	fake_pci_set_bar(&card, 0, ports, 0xc040);
	fake_pci_set_bar(&card, 1, mem32, 0xfebf1000);
	fake_pci_set_bar(&card, 2, mem64, 0x4000000000ull);
	card.config[PCI_COMMAND] = 7;
	pci_init();
	dev = find(0, 3);
	assert_false(card.sized); /* not while decoding */
	assert_int_equal(card.config[PCI_COMMAND], 7);
	assert_true(dev->bar[0].io && dev->bar[0].addr == 0xc040 && dev->bar[0].size == 32);
	assert_true(dev->bar[1].addr == 0xfebf1000 && dev->bar[1].size == 0x1000);
	assert_true(dev->bar[2].addr == 0x4000000000ull && dev->bar[2].size == 1ull << 33);
	assert_int_equal(dev->bar[3].size, 0);
	assert_int_equal(dev->bar[4].size, 0);
	assert_int_equal(dev->bar[5].size, 0);
}

/* --- what the firmware left out --- */

static u64 programmed(const struct fake_pci *f, u32 bar)
{
	const u8 *c = f->config + PCI_BASE_ADDRESS_0 + 4 * bar;
	u64 addr = 0;

	for (u32 i = 0; i < (f->bar[bar].wide ? 8 : 4); i++)
		addr |= (u64)c[i] << 8 * i;
	return addr & ~15ull;
}

/* Each BAR lies in the room for its kind, aligned, and meets no other; the device was told. */
static void check_bars(struct fake_pci **fakes, u32 nr)
{
	for (u32 n = 0; n < nr * 6; n++) {
		const struct fake_pci *f = fakes[n / 6];
		const struct fake_bar *b = &f->bar[n % 6];
		u64 addr = programmed(f, n % 6);

		if (!b->size)
			continue;
		assert_true(addr != 0 && addr % b->size == 0);
		assert_true(b->io ? addr >= 0xc000 && addr + b->size <= 0x10000 :
				    addr >= 0x10000000 &&
					    (addr + b->size <= 0xfec00000 || addr >= 1ull << 32));
		for (u32 m = 0; m < n; m++) {
			const struct fake_bar *c = &fakes[m / 6]->bar[m % 6];
			u64 other = programmed(fakes[m / 6], m % 6);

			assert_true(!c->size || c->io != b->io || addr + b->size <= other ||
				    other + c->size <= addr);
		}
	}
}

static void bars_without_an_address_get_one(void **state)
{
	struct fake_pci more = {0}, *all[] = {&card, &more};
	struct pci_dev *dev;

	(void)state;
	fake_pci_add(&more, 0, 6, 0x1af4, 0x1042, 0);
	fake_pci_set_bar(&card, 0, ports, 0);
	fake_pci_set_bar(&card, 1, mem32, 0xfebff000); /* this one was set */
	fake_pci_set_bar(&card, 2, mem64, 0);	       /* 8 GiB */
	fake_pci_set_bar(&card, 5, mem32, 0);
	fake_pci_set_bar(&more, 0, ports, 0xffe0);
	fake_pci_set_bar(&more, 1, mem32, 0);
	fake_pci_set_bar(&more, 4, (struct fake_bar){.size = 0x4000, .wide = true}, 0);
	pci_init();
	check_bars(all, 2);
	dev = find(0, 3);
	assert_int_equal(programmed(&card, 1), 0xfebff000);
	assert_true(programmed(&card, 2) >= 1ull << 32);
	assert_true(programmed(&more, 4) < 1ull << 32);
	assert_true(dev->bar[0].addr == programmed(&card, 0) && dev->bar[0].io);
	assert_true(dev->bar[2].addr == programmed(&card, 2) && dev->bar[2].size == 1ull << 33);
	assert_true(dev->bar[5].addr == programmed(&card, 5) && dev->bar[5].size == 0x1000);
	assert_int_equal(card.config[PCI_COMMAND], 0); /* still off */
}

static void taken_memory_stays_free(void **state)
{
	(void)state;
	host.config[PCI_DEVICE_ID] = 0xc0; /* 8086:29c0 with PCIEXBAR at 0xe0000000, 256 MiB */
	host.config[PCI_DEVICE_ID + 1] = 0x29;
	host.config[Q35_PCIEXBAR] = 1;
	host.config[Q35_PCIEXBAR + 3] = 0xe0;
	region(0xf0000000, 0xffffffff, false);
	bridge.config[PCI_COMMAND] = PCI_COMMAND_MEMORY; /* whose window is 0xd0000000 + 256 MiB */
	bridge.config[PCI_MEMORY_BASE + 1] = 0xd0;
	bridge.config[PCI_MEMORY_BASE + 2] = 0xf0;
	bridge.config[PCI_MEMORY_BASE + 3] = 0xdf;
	fake_pci_set_bar(&card, 1, mem32, 0);
	pci_init();
	assert_int_equal(programmed(&card, 1), 0xd0000000 - 0x1000);
}

static void bars_without_room_are_forgotten(void **state)
{
	struct pci_dev *dev;

	(void)state;
	region(0x10000000, 0xfebff000, false);
	fake_pci_set_bar(&card, 0, mem32, 0);
	fake_pci_set_bar(&card, 1, mem32, 0);
	fake_pci_set_bar(&behind, 1, mem32, 0); /* its bridge is open, but was never set */
	bridge.config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	pci_init();
	dev = find(0, 3);
	assert_int_equal(dev->bar[0].addr, 0xfebff000);
	assert_int_equal(dev->bar[1].size + programmed(&card, 1), 0);
	assert_int_equal(find(1, 2)->bar[1].size + programmed(&behind, 1), 0);
	assert_non_null(strstr(fake_log(), "00:03.0: no room for BAR 1 of 0x1000 bytes"));
	assert_non_null(strstr(fake_log(), "01:02.0: no room for BAR 1 of 0x1000 bytes"));
}

/* [base, limit] of a bridge's memory window (shift 16) or port window (shift 8). */
static void check_window(const struct fake_pci *b, const struct fake_pci *f, u32 bar)
{
	const u8 *c = b->config;
	bool io = f->bar[bar].io;
	u64 base = io ? (c[PCI_IO_BASE] & 0xf0u) << 8 :
			(u64)(c[PCI_MEMORY_BASE] & 0xf0u) << 16 | (u64)c[PCI_MEMORY_BASE + 1] << 24;
	u64 end = io ? ((c[PCI_IO_BASE + 1] & 0xf0u) << 8) + 0x1000u :
		       ((u64)(c[PCI_MEMORY_BASE + 2] & 0xf0u) << 16 | (u64)c[PCI_MEMORY_BASE + 3]
									      << 24) +
				  0x100000;

	assert_true(programmed(f, bar) >= base && programmed(f, bar) + f->bar[bar].size <= end);
	assert_int_equal(c[PCI_COMMAND] & 7, 7);
	assert_true(c[PCI_PREF_MEMORY_BASE + 1] > c[PCI_PREF_MEMORY_BASE + 3]); /* closed */
}

static void bridges_get_numbers_and_windows(void **state)
{
	struct fake_pci first = {0}, second = {0}, deep = {0}, last = {0},
			*all[] = {&card, &deep, &last};
	u8 *n1 = first.config + PCI_PRIMARY_BUS, *n2 = second.config + PCI_PRIMARY_BUS;

	(void)state;
	/* Beside the bridge to bus 1, which was set: a chain of two, and something behind each. */
	fake_pci_add(&first, 0, 7, 0x1b36, 1, PCI_HEADER_TYPE_BRIDGE);
	fake_pci_add(&second, 0, 1, 0x1b36, 1, PCI_HEADER_TYPE_BRIDGE);
	fake_pci_add(&deep, 0, 2, 0x1af4, 0x1042, 0);
	fake_pci_add(&last, 0, 3, 0x1af4, 0x1042, 0);
	second.above = last.above = &first;
	deep.above = &second;
	fake_pci_set_bar(&card, 1, mem32, 0);
	fake_pci_set_bar(&deep, 0, ports, 0);
	fake_pci_set_bar(&deep, 1, mem32, 0);
	fake_pci_set_bar(&deep, 4, (struct fake_bar){.size = 1 << 24, .wide = true}, 0);
	fake_pci_set_bar(&last, 1, mem32, 0);
	fake_pci_set_bar(&last, 2, ports, 0);
	pci_init();
	assert_memory_equal(n1, ((u8[]){0, 2, 3}), 3);
	assert_memory_equal(n2, ((u8[]){2, 3, 3}), 3);
	assert_ptr_equal(find(3, 2)->bridge, find(2, 1));
	assert_int_equal(bridge.config[PCI_SECONDARY_BUS], 1);
	check_bars(all, 3);
	for (u32 bar = 0; bar < 6; bar++) {
		if (deep.bar[bar].size)
			check_window(&second, &deep, bar);
		if (deep.bar[bar].size)
			check_window(&first, &deep, bar);
		if (last.bar[bar].size)
			check_window(&first, &last, bar);
	}
}

static void mappings_stay_within_the_bar(void **state)
{
	volatile u8 *p;
	struct pci_dev *dev;

	(void)state;
	fake_pci_set_bar(&card, 0, ports, 0xc040);
	fake_pci_set_bar(&card, 1, mem32, 0xfebf1000);
	pci_init();
	dev = find(0, 3);
	pci_enable_device(dev);
	p = pci_iomap(dev, 1, 0xff0, 16);
	assert_non_null(p);
	assert_int_equal(mmio_read8(p), 0x5a);
	iounmap(p, 16);
	assert_null(pci_iomap(dev, 1, 0xff0, 17));
	assert_null(pci_iomap(dev, 1, 0x1001, 1));
	assert_null(pci_iomap(dev, 1, 8, ~0ull));
	assert_null(pci_iomap(dev, 1, 0, 0));
	assert_null(pci_iomap(dev, 0, 0, 4)); /* ports */
	assert_null(pci_iomap(dev, 2, 0, 1)); /* absent */
	assert_null(pci_iomap(dev, 6, 0, 1));
	assert_null(pci_iomap(dev, 255, 0, 1));
}

static void capabilities_end_even_in_a_loop(void **state)
{
	u8 vendor[4] = {PCI_CAP_ID_VNDR}, a, b;
	struct pci_dev *dev;

	(void)state;
	pci_init();
	dev = find(0, 3);
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_VNDR, 0), 0);
	a = fake_pci_add_cap(&card, vendor, 4);
	b = fake_pci_add_cap(&card, vendor, 4);
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_VNDR, 0), a);
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_VNDR, a), b);
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_VNDR, b), 0);
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_MSIX, 0), 0);
	card.config[b + 1] = a;
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_MSIX, 0), 0);
	card.config[b + 1] = 0x10; /* into the header */
	card.config[0x10] = PCI_CAP_ID_VNDR;
	assert_int_equal(pci_find_capability(dev, PCI_CAP_ID_VNDR, b), 0);
}

static u32 irqs;
static enum irq_return on_irq(void *data)
{
	(void)data;
	irqs++;
	return IRQ_HANDLED;
}

static void msix_entries_fire_their_handlers(void **state)
{
	struct pci_dev *dev;
	int x, y;

	(void)state;
	irqs = 0;
	fake_pci_add_msix(&card, 1, 0xfebf2000, 4);
	pci_init();
	dev = find(0, 3);
	assert_int_equal(pci_msix_request(dev, 0, on_irq, &x), -EINVAL); /* not on yet */
	pci_enable_device(dev);
	pci_set_master(dev);
	assert_int_equal(pci_msix_enable(dev), 4);
	assert_true(fake_pci_msix_on(&card));
	assert_int_equal(card.config[PCI_COMMAND + 1] & 4, 4); /* INTx off */
	assert_int_equal(pci_msix_request(dev, 0, on_irq, &x), 0);
	assert_int_equal(pci_msix_request(dev, 3, on_irq, &y), 0);
	assert_int_equal(pci_msix_request(dev, 4, on_irq, &y), -EINVAL);
	fake_irq_msix(&card, 0);
	fake_irq_msix(&card, 3);
	fake_irq_msix(&card, 1); /* masked */
	assert_int_equal(irqs, 2);
	pci_clear_master(dev);
	fake_irq_msix(&card, 0);
	assert_int_equal(irqs, 2);
	fake_msi_left = 0;
	assert_int_equal(pci_msix_request(dev, 1, on_irq, &y), -ENOSPC);
	pci_msix_disable(dev);
	pci_msix_disable(dev);
	assert_false(fake_pci_msix_on(&card));
	assert_int_equal(fake_irq_live(), 0);
}

static void msix_that_points_nowhere_is_refused(void **state)
{
	u8 cap;
	struct pci_dev *dev;

	(void)state;
	fake_pci_add_msix(&card, 1, 0xfebf2000, 4);
	cap = card.config[PCI_CAPABILITY_LIST];
	pci_init();
	dev = find(0, 3);
	card.config[cap + PCI_MSIX_TABLE] = 7;
	assert_int_equal(pci_msix_enable(dev), -ENODEV);
	card.config[cap + PCI_MSIX_TABLE] = 1;
	card.config[cap + PCI_MSIX_TABLE + 3] = 0xff;
	assert_int_equal(pci_msix_enable(dev), -ENODEV);
	assert_int_equal(pci_msix_enable(find(0, 0)), -ENODEV);
}

static void intx_goes_through_the_bridge(void **state)
{
	int x, y;

	(void)state;
	irqs = 0;
	pci_init();
	assert_int_equal(pci_request_intx(find(0, 3), on_irq, &x), 0);
	fake_irq_gsi(20 + 3);
	assert_int_equal(irqs, 1);
	/* Slot 2 pin A behind the bridge in slot 4: pin C of the bridge. */
	assert_int_equal(pci_request_intx(find(1, 2), on_irq, &y), 0);
	fake_irq_gsi(20 + (4 + 2) % 4);
	assert_int_equal(irqs, 2);
	irq_free(on_irq, &x);
	irq_free(on_irq, &y);
	host.config[PCI_INTERRUPT_PIN] = 0;
	find(0, 0)->irq_pin = 0;
	assert_int_equal(pci_request_intx(find(0, 0), on_irq, &x), -ENODEV);
}

static u32 probed, removed;
static int refuse;
static int on_probe(struct pci_dev *dev)
{
	(void)dev;
	probed++;
	return refuse;
}
static void on_remove(struct pci_dev *dev)
{
	(void)dev;
	removed++;
}

static void drivers_get_what_they_ask_for(void **state)
{
	static const struct pci_id any[] = {{0x1af4, PCI_ANY_ID}, {0, 0}};
	static const struct pci_id one[] = {{0x8086, 1}, {0x1af4, 0x1042}, {0, 0}};
	struct pci_driver a = {.name = "a", .ids = one, .probe = on_probe, .remove = on_remove};
	struct pci_driver b = {.name = "b", .ids = any, .probe = on_probe, .remove = on_remove};

	(void)state;
	probed = removed = 0;
	refuse = 0;
	pci_init();
	pci_register_driver(&a);
	assert_int_equal(probed, 1);
	assert_ptr_equal(find(0, 3)->driver, &a);
	pci_register_driver(&b);
	assert_int_equal(probed, 2); /* not the one that is taken */
	pci_unregister_driver(&a);
	assert_int_equal(removed, 1);
	assert_null(find(0, 3)->driver);
	pci_unregister_driver(&b);
	assert_int_equal(removed, 2);
	refuse = -EIO;
	pci_register_driver(&a);
	assert_null(find(0, 3)->driver);
	pci_unregister_driver(&a);
	assert_int_equal(removed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scan_finds_functions_and_follows_bridges, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_bridge_that_leads_back_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(bars_are_sized, setup, teardown),
		cmocka_unit_test_setup_teardown(bars_without_an_address_get_one, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_memory_stays_free, setup, teardown),
		cmocka_unit_test_setup_teardown(bars_without_room_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(bridges_get_numbers_and_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_stay_within_the_bar, setup, teardown),
		cmocka_unit_test_setup_teardown(capabilities_end_even_in_a_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(msix_entries_fire_their_handlers, setup, teardown),
		cmocka_unit_test_setup_teardown(msix_that_points_nowhere_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(intx_goes_through_the_bridge, setup, teardown),
		cmocka_unit_test_setup_teardown(drivers_get_what_they_ask_for, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
