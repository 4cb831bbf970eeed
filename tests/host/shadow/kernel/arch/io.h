/* Host tests: stands in for kernel/arch/io.h; ports and registers are functions of a fake bus. */
#pragma once

#include "kernel/lib/types.h"

u8 inb(u16 port);
u16 inw(u16 port);
u32 inl(u16 port);
void outb(u16 port, u8 v);
void outw(u16 port, u16 v);
void outl(u16 port, u32 v);

u8 mmio_read8(const volatile void *addr);
u16 mmio_read16(const volatile void *addr);
u32 mmio_read32(const volatile void *addr);
void mmio_write8(volatile void *addr, u8 v);
void mmio_write16(volatile void *addr, u16 v);
void mmio_write32(volatile void *addr, u32 v);
static inline void mmio_write64(volatile void *addr, u64 v)
{
	mmio_write32(addr, (u32)v);
	mmio_write32((volatile char *)addr + 4, (u32)(v >> 32));
}

/* A program of a lab's cases watches the barriers (tools/labkit/case_main.c). */
#ifdef LAB_CASES
void lab_barrier(char which);
#define host_barrier(which) lab_barrier(which)
#else
#define host_barrier(which) __sync_synchronize()
#endif

static inline void smp_mb(void)
{
	host_barrier('M');
}
static inline void smp_rmb(void)
{
	host_barrier('R');
}
static inline void smp_wmb(void)
{
	host_barrier('W');
}
