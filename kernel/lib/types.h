/*
 * Integer types, units as types, and little-endian fields of the outside world.
 *
 * Host tests (HOST_TEST) take the POSIX names from the C library; the sizes are the same.
 * Also there: integers and units
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int8_t s8;
typedef int32_t s32;
typedef int64_t s64;

#ifdef HOST_TEST
#include <sys/types.h>
#else
typedef s64 ssize_t;
typedef s64 off_t;
typedef s64 loff_t;
typedef u64 dev_t;
typedef u64 ino_t;
typedef u32 mode_t;
typedef u32 uid_t;
typedef u32 gid_t;
typedef s32 pid_t;
#endif

typedef u64 sector_t; /* 512-byte units, on every device */
typedef u64 blkno_t;  /* filesystem blocks */
typedef u64 pgoff_t;  /* 4 KiB pages within a file or device */
typedef u64 ktime_t;  /* nanoseconds since boot */

/* A physical address. */
typedef struct {
	u64 v;
} paddr_t;

/* An address that a program gave us: dereferenced only by kernel/mm/uaccess.h. */
typedef struct {
	u64 v;
} userptr_t;

#define PADDR(x)   ((paddr_t){(u64)(x)})
#define USERPTR(x) ((userptr_t){(u64)(x)})

/* Little-endian integers as they lie on a disk or in a device's memory. x86 is little-endian. */
typedef struct {
	u16 raw;
} le16_t;
typedef struct {
	u32 raw;
} le32_t;
typedef struct {
	u64 raw;
} le64_t;

static inline u16 le16_to_cpu(le16_t x)
{
	return x.raw;
}
static inline u32 le32_to_cpu(le32_t x)
{
	return x.raw;
}
static inline u64 le64_to_cpu(le64_t x)
{
	return x.raw;
}
static inline le16_t cpu_to_le16(u16 x)
{
	return (le16_t){x};
}
static inline le32_t cpu_to_le32(u32 x)
{
	return (le32_t){x};
}
static inline le64_t cpu_to_le64(u64 x)
{
	return (le64_t){x};
}

#define S32_MAX 0x7fffffff
#define S32_MIN (-S32_MAX - 1)

#define SECTOR_SHIFT 9
#define SECTOR_SIZE  512u
#define PAGE_SHIFT   12
#define PAGE_SIZE    4096ul
#define PAGE_MASK    (~(PAGE_SIZE - 1))
