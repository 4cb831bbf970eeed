/* The public cases of step 3: the block layer above a driver of the tests. */
#include "block_kit.h"

CASE(soft_one)
{
	kit_start(1, 32);
	send_bio(REQ_OP_READ | REQ_SYNC, lab_random(100), 8, 'r');
	CHECK(d.nr_flying == 1 && ended == 0, "the bio ended before its request");
	kit_complete();
	CHECK(ended == 1 && errors == 0, "the request is done; of its one bio %u ended, %u failed",
	      ended, errors);
	kit_end();
}

CASE(soft_later)
{
	u32 n = 1 + lab_random(20);

	kit_start(1, 32);
	for (u32 i = 0; i < n; i++)
		send_bio(REQ_OP_READ | REQ_SYNC, i * 16, 8, 'r');
	fake_bh_disable();
	while (fake_disk_complete_one(&d))
		;
	CHECK(ended == 0, "%u bios ended in the interrupt: they must wait for the softirq", ended);
	fake_bh_enable();
	CHECK(ended == n, "%u requests are done, and the softirq ended %u bios", n, ended);
	kit_end();
}
