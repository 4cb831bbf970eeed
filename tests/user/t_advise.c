/* madvise and mremap: what they do, and what they answer to wrong arguments. */
#include "tests/user/peek.h"
#include "tests/user/tap.h"

#include <sys/mman.h>
#include <sys/utsname.h>

#define PAGE 4096ul
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, RW, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static char *map_filled(size_t pages)
{
	char *p = map(pages);

	for (size_t i = 0; i < pages; i++)
		memset(p + i * PAGE, 'a' + (int)i, PAGE);
	return p;
}

static char *map_file(int pages, int prot, int flags)
{
	char page[PAGE], *p;
	int fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		CHECK(write(fd, page, PAGE) == (ssize_t)PAGE);
	}
	p = mmap(NULL, (size_t)pages * PAGE, prot, flags, fd, 0);
	CHECK(p != MAP_FAILED);
	close(fd);
	return p;
}

TEST(advice_is_checked)
{
	char *p = map(4);

	FAILS(madvise(p, PAGE, 999), EINVAL);
	FAILS(madvise(p, PAGE, 5), EINVAL);
	FAILS(madvise(p, PAGE, -1), EINVAL);
	FAILS(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
	FAILS(madvise(p, -PAGE, MADV_NORMAL), EINVAL); /* around the end */
	FAILS(madvise(p, -1ul, MADV_NORMAL), EINVAL);
	CHECK(madvise(p, 0, MADV_DONTNEED) == 0);
	CHECK(madvise(p, 1, MADV_NORMAL) == 0);
	for (int advice = MADV_NORMAL; advice <= MADV_DONTNEED; advice++)
		CHECK(madvise(p, 4 * PAGE, advice) == 0);
	CHECK(madvise(p, 4 * PAGE, MADV_COLD) == 0);
	CHECK(madvise(p, 4 * PAGE, MADV_FREE) == 0);
}

/* What is mapped gets the advice all the same. */
TEST(holes_are_told)
{
	char *p = map_filled(5);

	CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
	FAILS(madvise(p, 5 * PAGE, MADV_NORMAL), ENOMEM);
	FAILS(madvise(p + PAGE, 3 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK(p[0] == 'a' && p[PAGE] == 0 && p[3 * PAGE] == 0 && p[4 * PAGE] == 'e');
	FAILS(madvise(p + 2 * PAGE, PAGE, MADV_WILLNEED), ENOMEM);
	FAILS(madvise((void *)0x10000000000, PAGE, MADV_DONTNEED), ENOMEM);
	FAILS(madvise(p, 5 * PAGE, MADV_POPULATE_WRITE), ENOMEM);
}

TEST(wipe_on_fork)
{
	char *p = map_filled(4), *file = map_file(1, PROT_READ, MAP_PRIVATE);
	char *shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(madvise(p + PAGE, 2 * PAGE, MADV_WIPEONFORK) == 0);
	CHECK(IN_CHILD(CHECK(p[0] == 'a' && p[PAGE] == 0 && p[2 * PAGE] == 0); p[PAGE] = 'x';
		       CHECK(p[3 * PAGE] == 'd'); CHECK(IN_CHILD(CHECK(p[PAGE] == 0)) == 0)) == 0);
	CHECK(p[PAGE] == 'b' && p[2 * PAGE] == 'c');
	CHECK(madvise(p, 4 * PAGE, MADV_KEEPONFORK) == 0);
	CHECK(IN_CHILD(CHECK(p[PAGE] == 'b' && p[2 * PAGE] == 'c')) == 0);
	FAILS(madvise(file, PAGE, MADV_WIPEONFORK), EINVAL);
	FAILS(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
}

TEST(not_for_the_child)
{
	char *p = map_filled(3);

	CHECK(madvise(p + PAGE, PAGE, MADV_DONTFORK) == 0 && p[PAGE] == 'b');
	CHECK(IN_CHILD(CHECK(peek(p) == 'a' && peek(p + PAGE) == -SIGSEGV);
		       CHECK(peek(p + 2 * PAGE) == 'c')) == 0);
	CHECK(madvise(p + PAGE, PAGE, MADV_DOFORK) == 0);
	CHECK(IN_CHILD(CHECK(peek(p + PAGE) == 'b')) == 0);
}

TEST(dropped_pages_of_files_come_back)
{
	char *p = map_file(3, RW, MAP_PRIVATE);

	p[0] = p[PAGE] = 'X';
	CHECK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(p[0] == 'X' && p[PAGE] == 'b' && p[2 * PAGE] == 'c');
	FAILS(madvise(p, PAGE, MADV_FREE), EINVAL);
}

TEST(remove_is_for_shared_memory)
{
	char *p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(p, 'x', 3 * PAGE);
	CHECK(IN_CHILD(CHECK(madvise(p + PAGE, PAGE, MADV_REMOVE) == 0)) == 0);
	CHECK(p[0] == 'x' && p[PAGE] == 0 && p[2 * PAGE - 1] == 0 && p[2 * PAGE] == 'x');
	FAILS(madvise(map(1), PAGE, MADV_REMOVE), EINVAL);
}

TEST(populate)
{
	char *p = map(8), *file = map_file(2, PROT_READ, MAP_PRIVATE);

	CHECK(madvise(p, 8 * PAGE, MADV_POPULATE_WRITE) == 0 && p[7 * PAGE] == 0);
	CHECK(madvise(file, 2 * PAGE, MADV_POPULATE_READ) == 0 && file[PAGE] == 'b');
	FAILS(madvise(file, PAGE, MADV_POPULATE_WRITE), EINVAL);
	CHECK(truncate("f", PAGE) == 0);
	FAILS(madvise(file, 2 * PAGE, MADV_POPULATE_READ), EFAULT);
	CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
	FAILS(madvise(p, PAGE, MADV_POPULATE_READ), EINVAL);
}

/* Linux has a new order of checks from 6.17 on. */
static int is_error(long ret, int error)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (ret == -1 && errno == error)
		return 1;
	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	return ret == -1 && errno == EINVAL && major * 1000 + minor >= 6017;
}

TEST(mremap_is_checked)
{
	char *p = map_filled(4);

	FAILS(mremap(p, PAGE, PAGE, 8), EINVAL);
	FAILS(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + 2 * PAGE), EINVAL); /* without MAYMOVE */
	CHECK(is_error((long)mremap(p, PAGE, 1ul << 50, 0), ENOMEM));
	CHECK(is_error((long)mremap(p, PAGE, 1ul << 50, MREMAP_MAYMOVE), ENOMEM));
	CHECK(is_error((long)mremap(p, 4 * PAGE, 1ul << 47, MREMAP_MAYMOVE), ENOMEM));
	FAILS(syscall(SYS_mremap, p, PAGE, -1ul, MREMAP_MAYMOVE), EINVAL); /* rounded up: 0 */
	FAILS(mremap(p, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
	FAILS(mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL); /* private */
	FAILS(mremap(p, 5 * PAGE, 9 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK(is_error((long)mremap((void *)0x10000000000, PAGE, 1ul << 50, MREMAP_MAYMOVE),
		       EFAULT));
	CHECK(p[0] == 'a' && p[3 * PAGE] == 'd');
}

TEST(mremap_to_a_place)
{
	char *p = map_filled(4), *room = map_filled(8), *q;

	FAILS(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 1), EINVAL);
	FAILS(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EINVAL);
	FAILS(mremap(p, PAGE, 1ul << 50, MREMAP_MAYMOVE | MREMAP_FIXED, room), EINVAL);
	FAILS(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x7ffffffff000), EINVAL);
	/* Over others, the same size. */
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + PAGE);
	CHECK(q == room + PAGE && q[0] == 'a' && q[PAGE] == 'b');
	CHECK(room[0] == 'a' && room[3 * PAGE] == 'd' && peek(p) == -SIGSEGV);
	CHECK(peek(p + PAGE) == -SIGSEGV && peek(p + 2 * PAGE) == 'c');
	/* Shrinking: the tail goes. */
	q = mremap(p + 2 * PAGE, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 4 * PAGE);
	CHECK(q == room + 4 * PAGE && q[0] == 'c' && peek(q + PAGE) == 'f');
	CHECK(peek(p + 3 * PAGE) == -SIGSEGV);
	/* Growing. */
	q = mremap(q, PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	CHECK(q == p && p[0] == 'c' && p[PAGE] == 0 && p[2 * PAGE] == 0);
	CHECK(peek(room + 4 * PAGE) == -SIGSEGV);
}

TEST(mremap_leaves_the_old_place)
{
	char *p = map_filled(2), *q;

	FAILS(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	FAILS(mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP), EINVAL);
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(q != MAP_FAILED && q != p && q[0] == 'a' && q[PAGE] == 'b');
	CHECK(p[0] == 0 && p[PAGE] == 0);
	p[0] = 'n';
	CHECK(q[0] == 'a');
}

TEST(mremap_of_shared_memory)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;
	char *room = map(4);
	int fds[2];
	pid_t pid;
	char c;

	p[0] = 'a';
	CHECK(pipe(fds) == 0);
	CHILD(pid, read(fds[0], &c, 1); CHECK(p[0] == 'm'); p[PAGE] = 'c');
	q = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	CHECK(q == room && q[0] == 'a' && peek(p) == -SIGSEGV);
	q[0] = 'm';
	write(fds[1], "x", 1);
	CHECK(reap(pid) == 0 && q[PAGE] == 'c');
	CHECK(peek(q + 2 * PAGE) == -SIGBUS); /* there is no more of it */
	CHECK(mremap(q, 2 * PAGE, PAGE, 0) == q && q[0] == 'm');
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
