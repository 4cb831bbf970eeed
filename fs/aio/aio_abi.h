/*
 * Linux's <linux/aio_abi.h>: what programs and kernel tell each other about asynchronous I/O.
 * Also there: many requests at a time
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/types.h"

enum {
	IOCB_CMD_PREAD = 0,
	IOCB_CMD_PWRITE = 1,
	IOCB_CMD_FSYNC = 2,
	IOCB_CMD_FDSYNC = 3,
	IOCB_CMD_PREADV = 7,
	IOCB_CMD_PWRITEV = 8,
};

#define IOCB_FLAG_RESFD (1u << 0)

struct iocb {
	u64 aio_data; /* comes back as the event's data */
	u32 aio_key;  /* written by the kernel */
	u32 aio_rw_flags;
	u16 aio_lio_opcode;
	s16 aio_reqprio;
	u32 aio_fildes;
	u64 aio_buf;
	u64 aio_nbytes;
	s64 aio_offset;
	u64 aio_reserved2;
	u32 aio_flags;
	u32 aio_resfd;
};
static_assert(sizeof(struct iocb) == 64, "struct iocb");

struct io_event {
	u64 data, obj;
	s64 res, res2;
};
static_assert(sizeof(struct io_event) == 32, "struct io_event");

/* The head of the ring, one event long, which libaio reads in the program's memory. */
#define AIO_RING_MAGIC 0xa10a10a1u
struct aio_ring {
	u32 id, nr; /* nr: events in the ring */
	u32 head;   /* [program: untrusted] */
	u32 tail;
	u32 magic, compat_features, incompat_features, header_length;
};
static_assert(sizeof(struct aio_ring) == sizeof(struct io_event), "struct aio_ring");
