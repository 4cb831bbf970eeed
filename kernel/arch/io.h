/*
 * Port I/O, MMIO accessors and memory barriers for devices.
 * Also there: ports, device registers, barriers
 */
#pragma once

#include "kernel/lib/types.h"

static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ __volatile__("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline u16 inw(u16 port)
{
	u16 v;

	__asm__ __volatile__("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ __volatile__("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline void outb(u16 port, u8 v)
{
	__asm__ __volatile__("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}
static inline void outw(u16 port, u16 v)
{
	__asm__ __volatile__("outw %0, %1" ::"a"(v), "Nd"(port) : "memory");
}
static inline void outl(u16 port, u32 v)
{
	__asm__ __volatile__("outl %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

/* Memory-mapped registers: one access of exactly this width, in program order. */
static inline u8 mmio_read8(const volatile void *addr)
{
	return *(const volatile u8 *)addr;
}
static inline u16 mmio_read16(const volatile void *addr)
{
	return *(const volatile u16 *)addr;
}
static inline u32 mmio_read32(const volatile void *addr)
{
	return *(const volatile u32 *)addr;
}
static inline void mmio_write8(volatile void *addr, u8 v)
{
	*(volatile u8 *)addr = v;
}
static inline void mmio_write16(volatile void *addr, u16 v)
{
	*(volatile u16 *)addr = v;
}
static inline void mmio_write32(volatile void *addr, u32 v)
{
	*(volatile u32 *)addr = v;
}
/* 64-bit device fields are written as two 32-bit halves, low first (virtio-1.2 §4.1.3.1). */
static inline void mmio_write64(volatile void *addr, u64 v)
{
	mmio_write32(addr, (u32)v);
	mmio_write32((volatile char *)addr + 4, (u32)(v >> 32));
}

/* Barriers between memory accesses that another CPU or a device sees. On x86 loads stay in order
 * with loads and stores with stores; only a store followed by a load needs an instruction. */
static inline void smp_mb(void)
{
	__asm__ __volatile__("mfence" ::: "memory");
}
static inline void smp_rmb(void)
{
	__asm__ __volatile__("" ::: "memory");
}
static inline void smp_wmb(void)
{
	__asm__ __volatile__("" ::: "memory");
}
