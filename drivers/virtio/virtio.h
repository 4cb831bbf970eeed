/*
 * The virtio bus: devices of any transport, drivers matched by device id, features negotiated.
 *
 * A transport finds a device, fills a virtio_device and registers it; the bus resets it, negotiates
 * and calls the driver's probe. A driver asks for its queues, and says when it is ready.
 *
 * Invariants:
 * 1. Only features that the device offers and both the driver and the bus know are accepted.
 * 2. After virtio_reset_device() the device touches no memory of ours, even if it lies about the
 *    reset: then the transport cuts it off.
 * 3. No callback of a driver runs before virtio_device_ready() or after virtio_del_vqs().
 *
 * Lock order: bus mutex, then what drivers take, then a virtqueue's lock.
 * Path: hop 13
 */
#pragma once

#include "drivers/virtio/virtio_spec.h"
#include "drivers/virtio/virtqueue.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

#define VIRTIO_MAX_QUEUES 8
#define VIRTIO_NAME_LEN	  16

struct virtio_device;

/* What the interface of 1.0 and later and the legacy one (0.9.5) each do in their own way, whatever
 * the bus is. */
struct virtio_interface {
	u64 features; /* bits that the bus accepts beside the driver's */
	/* Tell the device vdev->features, a part of what it offered. Returns: 0, or -ENODEV with a
	 * message. */
	int (*accept_features)(struct virtio_device *vdev, u64 offered);
	/* Read a field of the configuration, in range. Returns: false when it may be torn. */
	bool (*read_config)(struct virtio_device *vdev, u32 offset, void *buf, u32 len);
	bool fixed_queue_size; /* a queue is as long as the device says, not shorter */
	bool exact_used_len;   /* the used ring's length is what the device wrote */
};
extern const struct virtio_interface virtio_modern, virtio_legacy;

/* How a transport reaches its device. Context: thread, unless noted. Values that come back are
 * [device: untrusted]. */
struct virtio_transport_ops {
	const char *name;
	const struct virtio_interface *interface;
	u8 (*get_status)(struct virtio_device *vdev); /* any context */
	void (*set_status)(struct virtio_device *vdev, u8 status);
	u64 (*get_features)(struct virtio_device *vdev);
	void (*set_features)(struct virtio_device *vdev, u64 features);
	/* Device configuration, in range, a field of len 1, 2, 4 or 8 at a time. The generation is
	 * virtio_modern's. */
	u32 (*config_generation)(struct virtio_device *vdev);
	void (*get_config)(struct virtio_device *vdev, u32 offset, void *buf, u32 len);
	void (*set_config8)(struct virtio_device *vdev, u32 offset, u8 val);
	/* Largest size of a queue, 0 when there is none. */
	u32 (*queue_max_size)(struct virtio_device *vdev, u16 index);
	/* Interrupts for nr queues and configuration changes; none arrives before the device is
	 * ready. And undo. */
	int (*request_irqs)(struct virtio_device *vdev, u16 nr);
	void (*free_irqs)(struct virtio_device *vdev);
	/* Tell the device the ring's place and its vector; fill vq->notify. After an error the
	 * device may know the ring: it must be reset. Returns: 0, -ERANGE (too high an address for
	 * a legacy device), -EBUSY (it does not take the vector, or the queue), -EINVAL (it offers
	 * nonsense). */
	int (*activate_queue)(struct virtio_device *vdev, struct virtqueue *vq);
	/* The device does not reset: keep it from touching memory, by force if there is a way. */
	void (*cut_off)(struct virtio_device *vdev);
};

struct virtio_driver {
	struct list_head list; /* [bus_mutex] */
	const char *name;      /* [const] */
	const u32 *ids;	       /* [const] device ids, ends with 0 */
	const u8 *features;    /* [const] feature bits by number */
	u32 nr_features;       /* [const] */
	/* Take the device, features negotiated. Returns: 0 or -errno. Context: sleeps. */
	int (*probe)(struct virtio_device *vdev);
	/* Give it back, with nothing allocated or in flight. Context: sleeps. */
	void (*remove)(struct virtio_device *vdev);
	/* The device's configuration or status changed. Context: interrupt. */
	void (*config_changed)(struct virtio_device *vdev);
};

struct virtio_device {
	struct list_head list;			/* [bus_mutex] */
	const struct virtio_transport_ops *ops; /* [const] */
	u32 config_len;		    /* [const] bytes of configuration; accesses beyond fail */
	u32 id;			    /* [const] what it is: VIRTIO_ID_... */
	char name[VIRTIO_NAME_LEN]; /* [const] "virtio0" */
	u64 features;		    /* [const once negotiated] */
	const struct virtio_driver *driver;	  /* [bus_mutex] */
	void *priv;				  /* [driver] */
	bool ready;				  /* [atomic] callbacks may run */
	bool has_irqs;				  /* [bus_mutex] */
	u16 nr_vqs;				  /* [const while ready] */
	struct virtqueue *vqs[VIRTIO_MAX_QUEUES]; /* [const while ready] */
};

/* Transports' interrupt handlers; nothing happens while the device is not ready. Context:
 * interrupt. */
void virtio_queue_interrupt(struct virtio_device *vdev, u16 index);
void virtio_config_interrupt(struct virtio_device *vdev);
void virtio_isr_interrupt(struct virtio_device *vdev, u32 isr); /* VIRTIO_ISR_* bits */

/* --- also: devices and drivers find each other, are set up and stop -------------------- */

/* Transports: the device is there, with id, ops and config_len filled. A driver that wants it is
 * bound; one that fails leaves it unbound, with a message. Context: sleeps. */
void virtio_register_device(struct virtio_device *vdev);
/* It goes: its driver is unbound. Owns: vdev is the transport's again. Context: sleeps. */
void virtio_unregister_device(struct virtio_device *vdev);

/* Set bits of the device's status. Context: thread. */
void virtio_add_status(struct virtio_device *vdev, u8 bits);

/* Drivers. Registering binds every device that matches and has no driver; unregistering unbinds.
 * Context: sleeps. */
void register_virtio_driver(struct virtio_driver *drv);
void unregister_virtio_driver(struct virtio_driver *drv);
static inline bool virtio_has_feature(const struct virtio_device *vdev, u32 bit)
{
	return (vdev->features >> bit) & 1;
}
/* Make nr rings, VIRTIO_MAX_QUEUES at most and each at most max_size long where the device lets us
 * choose, and their interrupts. No callback runs before virtio_device_ready().
 * After an error there are no rings and no interrupts, and the device is reset if it may know one.
 * Returns:
 * 0        undone by virtio_del_vqs(), which stops the device.
 * -EINVAL  the device has no such queue, or one of a size that is no power of two or too large.
 * -ENOMEM  no memory for a ring.
 * others   from request_irqs or activate_queue: no interrupt to be had, or the device refuses.
 * Context: sleeps. */
int must_check virtio_find_vqs(struct virtio_device *vdev, u16 nr, u32 max_size,
			       void (*callback)(struct virtqueue *vq), void *const priv[]);
/* Stop the device and free its rings, of which none has anything in flight. Context: sleeps. */
void virtio_del_vqs(struct virtio_device *vdev);
/* Reset the device and let no callback run any more; the rings stay. Context: sleeps. */
void virtio_stop_device(struct virtio_device *vdev);
/* The device may work now (DRIVER_OK). */
void virtio_device_ready(struct virtio_device *vdev);
/* The device stops and forgets its rings. To bind a driver begins with it. Context: sleeps. */
void virtio_reset_device(struct virtio_device *vdev);
/* Does the device say that only a reset helps it (DEVICE_NEEDS_RESET)? Context: any. */
bool virtio_needs_reset(struct virtio_device *vdev);
/* Read a field of the device's configuration, not torn by a change meanwhile. len 1, 2, 4 or 8.
 * After an error buf may hold anything.
 * Returns: 0, or -EIO: no such field, or, with a message, it never stands still. Context:
 * thread. */
int must_check virtio_config_read(struct virtio_device *vdev, u32 offset, void *buf, u32 len);
/* Write a field of one byte. Returns: 0, or -EIO: no such field. Context: thread. */
int must_check virtio_config_write8(struct virtio_device *vdev, u32 offset, u8 val);
/* Read a configuration in memory: widths as virtio-1.2 §4.1.3.1 wants them, by the field's
 * length. */
void virtio_read_regs(const volatile u8 *regs, void *buf, u32 len);
