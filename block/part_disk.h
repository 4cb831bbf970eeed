/*
 * Partition tables as they lie on a disk: MBR, and GPT (UEFI 2.10 §5).
 * Also there: partitions are read when a disk comes
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define MBR_ENTRIES	   446 /* offset of the four entries */
#define MBR_SIGNATURE	   510
#define MBR_PROTECTIVE	   0xee
#define MBR_EXTENDED	   0x05
#define MBR_EXTENDED_LBA   0x0f
#define MBR_EXTENDED_LINUX 0x85

struct mbr_entry {
	u8 status; /* 0x80: active */
	u8 chs_first[3];
	u8 type; /* 0: unused */
	u8 chs_last[3];
	le32_t start; /* logical blocks; of a logical partition: from its table */
	le32_t nr;
} __packed;
static_assert(sizeof(struct mbr_entry) == 16, "MBR entry");

#define GPT_SIGNATURE "EFI PART"

struct gpt_header {
	char signature[8];
	le32_t revision;
	le32_t header_size; /* bytes that header_crc covers */
	le32_t header_crc;  /* CRC-32 with this field zero */
	le32_t reserved;
	le64_t my_lba, alternate_lba;
	le64_t first_usable_lba, last_usable_lba;
	u8 disk_guid[16];
	le64_t entries_lba;
	le32_t nr_entries, entry_size, entries_crc;
} __packed;
static_assert(sizeof(struct gpt_header) == 92, "GPT header");

struct gpt_entry {
	u8 type_guid[16]; /* all zero: unused */
	u8 guid[16];
	le64_t first_lba, last_lba; /* last_lba belongs to it */
	le64_t attributes;
	u8 name[72]; /* UTF-16LE */
} __packed;
static_assert(sizeof(struct gpt_entry) == 128, "GPT entry");
