// sources: fs/vfs/locks.c kernel/lib/string.c tests/host/fakes/kmalloc.c
// sources: tests/host/fakes/printk.c tests/host/fakes/sched.c tests/host/fakes/fail.c
/* Locks on files against a model that knows each byte's owners. */
#include "tests/host/host.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/vfs/locks.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"

#define BYTES  40
#define OWNERS 3

static struct inode inode;
static struct file file = {.f_inode = &inode};
static char owners[OWNERS];	/* their addresses are what counts */
static u8 model[BYTES][OWNERS]; /* LOCK_NONE, LOCK_READ, LOCK_WRITE */
static u32 seed;

static u32 random_below(u32 n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 10) % n;
}

static bool model_allows(u32 who, enum lock_type type, u32 start, u32 end)
{
	for (u32 i = start; i <= end && type != LOCK_NONE; i++)
		for (u32 o = 0; o < OWNERS; o++)
			if (o != who && model[i][o] != LOCK_NONE &&
			    (type == LOCK_WRITE || model[i][o] == LOCK_WRITE))
				return false;
	return true;
}

/* The last byte stands for all that follow it. */
static loff_t last(u32 end)
{
	return end == BYTES - 1 ? INT64_MAX : end;
}

static int set(u32 who, enum lock_type type, loff_t start, loff_t end)
{
	struct file_lock want = {.owner = &owners[who],
				 .pid = (s32)who + 1,
				 .type = type,
				 .start = start,
				 .end = end};

	return file_lock_set(&file, &want, false, false);
}

/* For each byte: what a stranger who wants to write it is told. */
static void compare(void)
{
	static char stranger;

	for (u32 i = 0; i < BYTES; i++) {
		struct file_lock l = {.owner = &stranger, .type = LOCK_WRITE, .start = i, .end = i};
		bool taken = false;

		for (u32 o = 0; o < OWNERS; o++)
			taken |= model[i][o] != LOCK_NONE;
		file_lock_get(&file, &l);
		assert_int_equal(l.type != LOCK_NONE, taken);
		if (!taken)
			continue;
		assert_int_equal(model[i][l.pid - 1], l.type);
		/* It is as long as the model says: joined with all that touches it. */
		assert_true(l.start == 0 || model[l.start - 1][l.pid - 1] != l.type);
		assert_true(l.end == INT64_MAX || model[l.end + 1][l.pid - 1] != l.type);
		for (loff_t k = l.start; k <= min(l.end, (loff_t)BYTES - 1); k++)
			assert_int_equal(model[k][l.pid - 1], l.type);
	}
}

static void forget(u32 who)
{
	file_locks_drop(&file, &owners[who]);
	for (u32 i = 0; i < BYTES; i++)
		model[i][who] = LOCK_NONE;
}

static void ranges_against_a_model(void **state)
{
	size_t live = fake_kmalloc_live();
	u32 first = host_seed(1);

	(void)state;
	memset(model, LOCK_NONE, sizeof(model));
	for (u32 round = 0; round < 39; round++) {
		seed = first + round;
		for (int i = 0; i < 2000; i++) {
			u32 who = random_below(OWNERS), start = random_below(BYTES);
			u32 end = start + random_below(BYTES - start);
			enum lock_type type = random_below(3);
			bool allowed = model_allows(who, type, start, end);

			if (random_below(50) == 0) {
				forget(who);
				continue;
			}
			assert_int_equal(set(who, type, start, last(end)), allowed ? 0 : -EAGAIN);
			for (u32 k = start; k <= end && allowed; k++)
				model[k][who] = type;
			compare();
		}
	}
	for (u32 o = 0; o < OWNERS; o++)
		forget(o);
	compare();
	file_locks_evict(&inode);
	inode.i_locks = NULL;
	assert_int_equal(fake_kmalloc_live(), live);
}

static void no_memory_changes_nothing(void **state)
{
	size_t live = fake_kmalloc_live();

	(void)state;
	for (u32 i = 0; i < 4; i++) { /* the first time it is the lists' */
		mm_fail_after(1 + i % 2);
		assert_int_equal(set(0, LOCK_WRITE, 0, 9), -ENOLCK);
		mm_fail_after(0);
	}
	assert_int_equal(set(0, LOCK_WRITE, 0, 9), 0);
	mm_fail_after(1);
	assert_int_equal(set(0, LOCK_NONE, 4, 4), -ENOLCK);
	mm_fail_after(0);
	assert_int_equal(set(1, LOCK_READ, 4, 4), -EAGAIN);
	file_locks_drop(&file, &owners[0]);
	file_locks_evict(&inode);
	inode.i_locks = NULL;
	assert_int_equal(fake_kmalloc_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_against_a_model),
		cmocka_unit_test(no_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
