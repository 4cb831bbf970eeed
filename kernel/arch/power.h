/*
 * Turning the machine off and on again, and leaving QEMU with a status.
 * Also there: the machine goes off
 */
#pragma once

#include "kernel/lib/types.h"

/* By ACPI S5 (PM1a_CNT from the FADT, SLP_TYP from the DSDT's \_S5), or else by isa-debug-exit with
 * QEMU's exit status 33; halts where there is neither. Context: any. */
void power_off(void) __attribute__((__noreturn__));
/* By the keyboard controller, or else a triple fault. */
void power_reset(void) __attribute__((__noreturn__));
/* Stop this processor for good. */
void power_halt(void) __attribute__((__noreturn__));
/* Leave QEMU through isa-debug-exit (port 0xf4): exit status (code << 1) | 1; halts elsewhere. */
void power_exit_qemu(u8 code) __attribute__((__noreturn__));
