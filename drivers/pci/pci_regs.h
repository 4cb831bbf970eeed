/*
 * PCI configuration space: offsets and bits. Source: PCI Local Bus 3.0 chapter 6, MSI-X §6.8.2,
 * PCI-to-PCI Bridge 1.2 chapter 3.
 * Data only: shared with host tests.
 * Also there: devices are found at boot
 */
#pragma once

#define PCI_CONFIG_ADDRESS 0xcf8
#define PCI_CONFIG_DATA	   0xcfc

#define PCI_VENDOR_ID		       0x00
#define PCI_DEVICE_ID		       0x02
#define PCI_COMMAND		       0x04
#define PCI_COMMAND_IO		       0x0001
#define PCI_COMMAND_MEMORY	       0x0002
#define PCI_COMMAND_MASTER	       0x0004
#define PCI_COMMAND_INTX_DISABLE       0x0400
#define PCI_STATUS		       0x06
#define PCI_STATUS_CAP_LIST	       0x0010
#define PCI_REVISION_ID		       0x08
#define PCI_HEADER_TYPE		       0x0e
#define PCI_HEADER_TYPE_MULTI_FUNCTION 0x80
#define PCI_HEADER_TYPE_MASK	       0x7f
#define PCI_HEADER_TYPE_BRIDGE	       0x01
#define PCI_BASE_ADDRESS_0	       0x10
#define PCI_BASE_ADDRESS_IO	       0x01u
#define PCI_BASE_ADDRESS_TYPE_MASK     0x06u
#define PCI_BASE_ADDRESS_TYPE_64       0x04u
#define PCI_BASE_ADDRESS_IO_MASK       0xfffffffcu
#define PCI_BASE_ADDRESS_MEM_MASK      0xfffffff0u
#define PCI_PRIMARY_BUS		       0x18 /* and secondary, subordinate, latency timer */
#define PCI_SECONDARY_BUS	       0x19
#define PCI_SUBORDINATE_BUS	       0x1a
#define PCI_IO_BASE		       0x1c /* and limit */
#define PCI_MEMORY_BASE		       0x20 /* and limit */
#define PCI_PREF_MEMORY_BASE	       0x24 /* and limit */
#define PCI_PREF_BASE_UPPER32	       0x28
#define PCI_PREF_LIMIT_UPPER32	       0x2c
#define PCI_IO_BASE_UPPER16	       0x30 /* and limit */
#define PCI_BRIDGE_BARS		       2
#define PCI_SUBSYSTEM_ID	       0x2e
#define PCI_CAPABILITY_LIST	       0x34
#define PCI_INTERRUPT_LINE	       0x3c
#define PCI_INTERRUPT_PIN	       0x3d
#define PCI_CONFIG_SIZE		       0x100

#define PCI_CAP_ID_VNDR 0x09
#define PCI_CAP_ID_MSIX 0x11

#define PCI_MSIX_FLAGS		   0x02
#define PCI_MSIX_FLAGS_QSIZE	   0x07ff
#define PCI_MSIX_FLAGS_MASKALL	   0x4000
#define PCI_MSIX_FLAGS_ENABLE	   0x8000
#define PCI_MSIX_TABLE		   0x04
#define PCI_MSIX_TABLE_BIR	   0x07u
#define PCI_MSIX_ENTRY_SIZE	   16u
#define PCI_MSIX_ENTRY_ADDR	   0u
#define PCI_MSIX_ENTRY_DATA	   8u
#define PCI_MSIX_ENTRY_CTRL	   12u
#define PCI_MSIX_ENTRY_CTRL_MASKED 1u

/* The Q35's host bridge (device of vendor 0x8086), data sheet §5.1.19: where its memory-mapped
 * configuration space lies. Bit 0: on, bits 1-2: size, bits 28-35: address. */
#define Q35_HOST     0x29c0
#define Q35_PCIEXBAR 0x60
