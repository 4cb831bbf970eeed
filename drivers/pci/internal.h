/*
 * Inside drivers/pci. bus.c calls probe.c (the scan) and setup.c (what the firmware left out), and
 * all reach the devices through pci.c.
 * Also there: devices are found at boot
 */
#pragma once

#include "drivers/pci/pci.h"

/* In order of discovery: a bridge before what is behind it. [const after pci_init] */
extern struct list_head pci_devices;

void pci_write32(const struct pci_dev *dev, u8 offset, u32 val);
/* Enter the functions of a bus into the list, and those behind bridges that have bus numbers.
 * Context: pci_init. */
void pci_scan_bus(u8 bus, struct pci_dev *bridge);
/* Give bus numbers, windows and addresses to what has none. Context: pci_init, after the scan. */
void pci_assign(void);
