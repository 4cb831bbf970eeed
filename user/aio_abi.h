/* Linux's <linux/aio_abi.h>, which musl does not bring. */
#pragma once

#include <assert.h>
#include <stdint.h>

struct iocb {
	uint64_t data;
	uint32_t key, rw_flags;
	uint16_t opcode;
	int16_t reqprio;
	uint32_t fildes;
	uint64_t buf, nbytes;
	int64_t offset;
	uint64_t reserved2;
	uint32_t flags, resfd;
};
struct io_event {
	uint64_t data, obj;
	int64_t res, res2;
};
static_assert(sizeof(struct iocb) == 64 && sizeof(struct io_event) == 32, "the system call's ABI");
