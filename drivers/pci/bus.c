/*
 * The bus as drivers see it: its devices at boot, and which driver gets which.
 *
 * Lock order: bus mutex, then what drivers take.
 * Also there: devices are found at boot
 */
#include "drivers/pci/internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/mutex.h"

static struct mutex bus_mutex = MUTEX_INIT(bus_mutex);
static LIST_HEAD(drivers); /* [bus_mutex] */

void pci_init(void)
{
	u32 count = 0;
	struct pci_dev *dev;

	pci_scan_bus(0, NULL);
	pci_assign();
	list_for_each_entry(dev, &pci_devices, list)
		count++;
	printk("pci: %u functions\n", count);
}

static bool driver_matches(const struct pci_driver *drv, const struct pci_dev *dev)
{
	for (const struct pci_id *id = drv->ids; id->vendor; id++)
		if (id->vendor == dev->vendor &&
		    (id->device == dev->device || id->device == PCI_ANY_ID))
			return true;
	return false;
}

void pci_register_driver(struct pci_driver *drv)
{
	struct pci_dev *dev;

	mutex_lock(&bus_mutex);
	list_add_tail(&drv->list, &drivers);
	list_for_each_entry(dev, &pci_devices, list) {
		int err;

		if (dev->driver || !driver_matches(drv, dev))
			continue;
		err = drv->probe(dev);
		if (err == 0)
			dev->driver = drv;
		else if (err != -ENODEV)
			printk("pci: %02x:%02x.%x: %s: error %d\n", dev->bus, dev->slot, dev->fn,
			       drv->name, err);
	}
	mutex_unlock(&bus_mutex);
}

void pci_unregister_driver(struct pci_driver *drv)
{
	struct pci_dev *dev;

	mutex_lock(&bus_mutex);
	list_for_each_entry(dev, &pci_devices, list) {
		if (dev->driver != drv)
			continue;
		drv->remove(dev);
		dev->driver = NULL;
	}
	list_del(&drv->list);
	mutex_unlock(&bus_mutex);
}
