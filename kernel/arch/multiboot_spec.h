/*
 * What a multiboot loader hands over. Source: Multiboot 0.6.96 §3.3. Data only.
 * Also there: what the boot loader left
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define MULTIBOOT_LOADER_MAGIC 0x2badb002u

#define MULTIBOOT_INFO_CMDLINE	   (1u << 2)
#define MULTIBOOT_INFO_MMAP	   (1u << 6)
#define MULTIBOOT_INFO_LOADER_NAME (1u << 9)

struct multiboot_info {
	u32 flags;
	u32 mem_lower, mem_upper;
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives_length, drives_addr;
	u32 config_table;
	u32 boot_loader_name;
}; /* what follows is not read */
static_assert(sizeof(struct multiboot_info) == 68, "multiboot_info");
static_assert(__builtin_offsetof(struct multiboot_info, boot_loader_name) == 64, "multiboot_info");

/* `size` counts the bytes after itself. */
struct multiboot_mmap {
	u32 size;
	u64 addr, len;
	u32 type; /* 1: usable memory */
} __packed;
static_assert(sizeof(struct multiboot_mmap) == 24, "multiboot_mmap");
