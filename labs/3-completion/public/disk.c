/* The public cases of steps 2 and 4. */
#include "disk_kit.h"

CASE(used_one)
{
	disk_up(VDEV_MMIO, 1, "");
	disk_send(0, 0, REQ_OP_READ);
	CHECK(!flight[0].f->done, "the request ended before the device had finished it");
	disk_finish(0, VIRTIO_BLK_S_OK, PIECE + 1);
	vdev_interrupt_queue(&dev, 0);
	disk_expect(0, 0, "the device finished it well");
	disk_down();
}

CASE(status_known)
{
	static const int errors[] = {0, -EIO, -EOPNOTSUPP};

	disk_up(VDEV_MMIO, 1, "");
	for (u32 n = 0; n < 12; n++) {
		u32 status = n < 3 ? n : lab_random(3);

		disk_send(n, 0, REQ_OP_WRITE);
		disk_finish(n, (u8)status, 1);
		vdev_interrupt_queue(&dev, 0);
		disk_expect(n, errors[status],
			    status == 0 ? "status OK" :
			    status == 1 ? "status IOERR" :
					  "status UNSUPP");
	}
	disk_down();
}

CASE(fail_id)
{
	disk_up(VDEV_MMIO, 1, "");
	for (u32 i = 0; i < 4; i++)
		disk_send(i, 0, REQ_OP_READ);
	disk_used(0, 1000 + lab_random(50000), 1);
	vdev_interrupt_queue(&dev, 0);
	fake_run_pending();
	for (u32 i = 0; i < 4; i++)
		disk_expect(i, -EIO, "the device named a request that is not there");
	disk_down();
}
