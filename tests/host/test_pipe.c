// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/nodes/pipe.c fs/vfs/poll.c tests/host/fakes/memfs.c
/* Pipes and FIFOs: the ring against a counter, their ends, who sleeps on them, and poll. */
#include "tests/host/fakes/memfs.h"
#include "tests/host/host.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/nodes/pipe.h"
#include "fs/poll.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

#undef current

static struct file *ends[2];
static u8 buf[PIPE_SIZE * 2];

static ssize_t get(void *to, size_t len)
{
	struct iov_iter it;

	iov_iter_init_kernel(&it, to, len);
	return vfs_readv(ends[0], &it, NULL, 0);
}

static ssize_t put(const void *from, size_t len)
{
	struct iov_iter it;

	iov_iter_init_kernel(&it, (void *)(uintptr_t)from, len);
	return vfs_writev(ends[1], &it, NULL, 0);
}

static void close_end(u32 i)
{
	if (ends[i])
		fput(ends[i]);
	ends[i] = NULL;
}

static void start(u32 flags)
{
	static bool ready;

	memfs_world_start();
	if (!ready)
		pipe_init();
	ready = true;
	assert_int_equal(create_pipe_files(ends, flags), 0);
}

static void end(void)
{
	close_end(0);
	close_end(1);
	memfs_world_end();
}

static void ring_against_counter(void **state)
{
	u32 written = 0, read = 0, seed = host_seed(7);

	(void)state;
	start(O_NONBLOCK);
	while (read < 5000000) {
		size_t len = (seed = seed * 1664525u + 1013904223u) >> 15;
		ssize_t n;

		len = len % 3 ? len % 9000 : len;
		if (seed & 0x200) {
			for (size_t i = 0; i < len; i++)
				buf[i] = (u8)((written + i) * 31 >> 3);
			n = put(buf, len);
			if (n < 0)
				assert_true(n == -EAGAIN &&
					    PIPE_SIZE - (written - read) < max(len, 1ul));
			else if (len <= PIPE_BUF_)
				assert_int_equal(n, len); /* whole or not at all */
			else
				assert_int_equal(n,
						 min(len, (size_t)(PIPE_SIZE - (written - read))));
			written += n > 0 ? (u32)n : 0;
		} else {
			n = get(buf, len);
			if (n == -EAGAIN)
				assert_int_equal(written, read);
			else
				assert_int_equal(n, min(len, (size_t)(written - read)));
			for (ssize_t i = 0; i < n; i++)
				assert_int_equal(buf[i], (u8)((read + (u32)i) * 31 >> 3));
			read += n > 0 ? (u32)n : 0;
		}
	}
	end();
}

static void ends_of_pipes(void **state)
{
	char text[64];
	struct path root;

	(void)state;
	start(0);
	assert_int_equal(vfs_llseek(ends[0], 0, SEEK_SET), -ESPIPE);
	assert_int_equal(kernel_read(ends[0], buf, 1, 0), -ESPIPE);
	assert_int_equal(put("x", 0), 0);
	assert_int_equal(put("last", 4), 4);
	get_fs_root(&root);
	assert_memory_equal(d_path(&ends[0]->f_path, &root, text, sizeof(text)), "pipe:[", 6);
	path_put(&root);
	close_end(1);
	assert_int_equal(get(buf, 100), 4);
	assert_int_equal(get(buf, 100), 0);
	end();
	start(0);
	close_end(0);
	assert_int_equal(put("x", 1), -EPIPE);
	end();
	for (u32 nth = 1; nth < 12; nth++) {
		memfs_world_start();
		mm_fail_after(nth);
		int err = create_pipe_files(ends, 0);

		mm_fail_after(0);
		assert_true(err == -ENOMEM || (err == 0 && nth > 5));
		if (err)
			ends[0] = ends[1] = NULL;
		end();
	}
}

/* The other side, while this one sleeps. */
static enum { DRAIN, FILL, HANG_UP, OPEN_FIFO } other_side;
static struct file *opened;

static bool other_runs(void)
{
	if (other_side == DRAIN)
		return get(buf + PIPE_SIZE, 5000) > 0;
	if (other_side == FILL)
		return put("more", 4) == 4;
	if (other_side == HANG_UP) {
		close_end(1);
		return true;
	}
	opened = filp_open("/fifo", O_WRONLY, 0);
	assert_false(IS_ERR(opened));
	return true;
}

static void sleepers_wake(void **state)
{
	struct pollfd_k fds[2] = {{.fd = 0, .events = POLLIN}, {.fd = 1, .events = POLLOUT}};
	struct thread *me = this_cpu()->current;

	(void)state;
	start(0);
	fake_schedule_hook = other_runs;
	other_side = DRAIN;
	assert_int_equal(put(buf, PIPE_SIZE + 20000), PIPE_SIZE + 20000);
	while (get(buf, 60000) == 60000)
		;
	me->files = files_alloc();
	assert_int_equal(fd_install_new(get_file(ends[0]), 0, false), 0);
	assert_int_equal(fd_install_new(get_file(ends[1]), 0, false), 1);
	/* Whatever is left in it goes first. */
	while (do_poll(fds, 1, 0) == 1)
		assert_true(get(buf, 4096) > 0);
	assert_int_equal(do_poll(fds, 2, 0), 1);
	assert_int_equal(fds[1].revents, POLLOUT);
	other_side = FILL;
	assert_int_equal(do_poll(fds, 1, ~0ull), 1);
	assert_int_equal(fds[0].revents, POLLIN);
	assert_int_equal(get(buf, 4), 4);
	fake_schedule_hook = NULL;
	assert_int_equal(do_poll(fds, 1, 1000), 0); /* timed out */
	fds[0].fd = 77;
	assert_int_equal(do_poll(fds, 1, ~0ull), 1);
	assert_int_equal(fds[0].revents, POLLNVAL);
	fds[0].fd = 0;
	fake_schedule_hook = other_runs;
	other_side = HANG_UP;
	assert_int_equal(fd_close(1), 0);
	assert_int_equal(do_poll(fds, 1, ~0ull), 1);
	assert_int_equal(fds[0].revents, POLLHUP);
	fake_schedule_hook = NULL;
	files_put(me->files);
	me->files = NULL;
	end();
}

static void fifos(void **state)
{
	struct file *f;

	(void)state;
	start(0);
	end();
	memfs_world_start();
	assert_int_equal(vfs_mknodat(AT_FDCWD, "/fifo", S_IFIFO | 0644, 0), 0);
	assert_int_equal(PTR_ERR(filp_open("/fifo", O_WRONLY | O_NONBLOCK, 0)), -ENXIO);
	f = filp_open("/fifo", O_RDONLY | O_NONBLOCK, 0);
	assert_false(IS_ERR(f));
	assert_int_equal(vfs_poll(f, NULL), 0); /* no writer yet is no hang-up */
	fput(f);
	fake_schedule_hook = other_runs;
	other_side = OPEN_FIFO;
	ends[0] = filp_open("/fifo", O_RDONLY, 0);
	fake_schedule_hook = NULL;
	assert_false(IS_ERR(ends[0]));
	ends[1] = opened;
	assert_int_equal(put("hello", 5), 5);
	assert_int_equal(get(buf, 5), 5);
	close_end(1);
	assert_int_equal(vfs_poll(ends[0], NULL), POLLHUP);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/fifo"), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_against_counter),
		cmocka_unit_test(ends_of_pipes),
		cmocka_unit_test(sleepers_wake),
		cmocka_unit_test(fifos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
