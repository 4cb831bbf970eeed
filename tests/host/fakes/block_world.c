#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

#include "kernel/arch/clock.h"

struct fake_disk d;
struct block_device *bdev;
u32 ended, errors;
int last_status;
char order[128], failed[128];
bool check_reads;

static void count_end(struct bio *bio)
{
	assert_int_equal(this_cpu()->spin_depth, 0);
	if (ended + 1 < sizeof(order))
		order[ended] = (char)(uintptr_t)bio->bi_private;
	ended++;
	if (bio->bi_status && errors + 1 < sizeof(failed))
		failed[errors] = (char)(uintptr_t)bio->bi_private;
	errors += bio->bi_status != 0;
	last_status = bio->bi_status;
	if (check_reads && !bio->bi_status && bio_op(bio) == REQ_OP_READ)
		assert_int_equal(*(char *)page_address(bio->bi_io_vec[0].bv_page),
				 (char)(uintptr_t)bio->bi_private);
	fake_bio_free(bio);
}

void send_bio(blk_opf_t opf, sector_t sector, u32 sectors, char mark)
{
	struct bio *bio = fake_bio(bdev, opf, sector, sectors, (u8)mark);

	bio->bi_end_io = count_end;
	bio->bi_private = (void *)(uintptr_t)mark;
	submit_bio(bio);
}

void drain(void)
{
	fake_clock_advance(5 * NSEC_PER_MSEC); /* what a queue holds back */
	do
		while (fake_run_pending())
			;
	while (fake_disk_complete_one(&d));
}

int block_start(u16 rings, u16 depth, const struct queue_limits *lim)
{
	fake_block_init();
	fake_disk_create(&d, "vda", rings, depth, lim);
	bdev = fake_open("vda");
	check_reads = false;
	ended = errors = 0;
	memset(order, 0, sizeof(order));
	memset(failed, 0, sizeof(failed));
	return 0;
}

int block_setup(void **state)
{
	(void)state;
	return block_start(1, 32, NULL);
}

int block_teardown(void **state)
{
	(void)state;
	drain();
	blkdev_put(bdev, NULL);
	fake_disk_remove(&d);
	assert_int_equal(fake_pages_live(), 1); /* the page of zeroes */
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}
