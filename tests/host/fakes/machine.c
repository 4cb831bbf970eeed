/* The buses' sources are included, for their lists: a kernel never takes a bus away. */
#include "kernel/arch/bootinfo.h"
#include "tests/host/fakes/bus.h"
#include "tests/host/fakes/machine.h"
#include "tests/host/host.h"

#define drivers	       pci_drivers
#define bus_mutex      pci_bus_mutex
#define driver_matches pci_driver_matches
#include "drivers/pci/bus.c"
#undef drivers
#undef bus_mutex
#undef driver_matches
#include "drivers/virtio/virtio.c"
#include "drivers/virtio/virtio_mmio.c"

#include "drivers/block/virtio_blk.h"
#include "drivers/virtio/virtio_pci.h"

struct bootinfo bootinfo;

void machine_up(const char *cmdline)
{
	cmdline_init(cmdline);
	pci_init();
	virtio_pci_init();
	virtio_mmio_init();
	virtio_blk_init();
}

size_t machine_down(void)
{
	struct pci_dev *pdev, *next_pdev;
	struct virtio_device *vdev, *next_vdev;

	virtio_blk_exit();
	while (!list_empty(&pci_drivers))
		pci_unregister_driver(list_first_entry(&pci_drivers, struct pci_driver, list));
	list_for_each_entry_safe(vdev, next_vdev, &devices, list) {
		struct virtio_mmio *vm = to_mmio(vdev);

		virtio_unregister_device(vdev);
		iounmap(vm->regs, vm->size);
		kfree(vm);
	}
	list_for_each_entry_safe(pdev, next_pdev, &pci_devices, list) {
		list_del(&pdev->list);
		kfree(pdev);
	}
	nr_devices = 0;
	return fake_kmalloc_live() + fake_pages_live() + fake_irq_live() + fake_ioremap_live();
}
