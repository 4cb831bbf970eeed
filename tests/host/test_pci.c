// sources: drivers/pci/msix.c kernel/lib/string.c tests/host/fakes/bus.c
// sources: tests/host/fakes/printk.c tests/host/fakes/fail.c tests/host/fakes/kmalloc.c
// sources: tests/host/fakes/sched.c
/* The bus scan, BARs, capabilities, MSI-X, drivers; against a bus with well and ill behaved
 * functions. */
#include "tests/host/host.h"
#include "tests/host/fakes/bus.h"

/* Included for its list of devices: a kernel never takes the bus away. */
#include "drivers/pci/pci.c"

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

static int setup(void **state)
{
	(void)state;
	fake_bus_reset();
	memset(&host, 0, sizeof(host));
	memset(&bridge, 0, sizeof(bridge));
	memset(&card, 0, sizeof(card));
	memset(&behind, 0, sizeof(behind));
	fake_pci_add(&host, 0, 0, 0x8086, 0x1237, 0);
	fake_pci_add(&card, 0, 3, 0x1af4, 0x1042, 0);
	fake_pci_add(&bridge, 0, 4, 0x1b36, 0x0001, PCI_HEADER_TYPE_BRIDGE);
	bridge.config[PCI_SECONDARY_BUS] = 1;
	fake_pci_add(&behind, 1, 2, 0x1af4, 0x1001, 0);
	return 0;
}

static int teardown(void **state)
{
	struct pci_dev *dev, *next;

	(void)state;
	list_for_each_entry_safe(dev, next, &devices, list) {
		list_del(&dev->list);
		kfree(dev);
	}
	assert_int_equal(fake_kmalloc_live() + fake_irq_live() + fake_ioremap_live(), 0);
	return 0;
}

static struct pci_dev *find(u8 bus, u8 slot)
{
	struct pci_dev *dev;

	list_for_each_entry(dev, &devices, list)
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
	list_for_each_entry(dev, &devices, list)
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
	fake_pci_set_bar(&card, 5, mem32, 0); /* the firmware left it out */
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
