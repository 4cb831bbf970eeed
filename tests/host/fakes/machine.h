/* A machine with virtio devices, brought up by the kernel's own drivers and taken down again. */
#pragma once

#include "kernel/lib/types.h"

/* After fake_bus_reset() and plugging devices. */
void machine_up(const char *cmdline);
/* Unbind everything and give everything back. Returns: what is still held, 0 if all is well. */
size_t machine_down(void);
