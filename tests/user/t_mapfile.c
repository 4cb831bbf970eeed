/* Mapped files whose pages go: truncation, rewriting, private copies, what other programs see. */
#include "tests/user/peek.h"
#include "tests/user/tap.h"

#include <sys/mman.h>

#define PAGE 4096

/* A file of so many pages, page n filled with 'a' + n. */
static int make_file(int pages)
{
	char page[PAGE];
	int fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		CHECK(write(fd, page, PAGE) == PAGE);
	}
	return fd;
}

static char *map_file(int fd, int pages, int prot, int flags)
{
	char *p = mmap(NULL, (size_t)pages * PAGE, prot, flags, fd, 0);

	CHECK(p != MAP_FAILED);
	for (int i = 0; p != MAP_FAILED && i < pages; i++)
		(void)peek(p + i * PAGE);
	return p;
}

TEST(truncation_takes_pages_away)
{
	int fd = make_file(6);
	char *shared = map_file(fd, 6, PROT_READ, MAP_SHARED);
	char *private = map_file(fd, 6, PROT_READ, MAP_PRIVATE);

	CHECK(ftruncate(fd, 2 * PAGE) == 0);
	for (int i = 0; i < 6; i++) {
		CHECK(peek(shared + i * PAGE) == (i < 2 ? 'a' + i : -SIGBUS));
		CHECK(peek(private + i * PAGE) == (i < 2 ? 'a' + i : -SIGBUS));
	}
	/* And growth brings zeroes. */
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	for (int i = 2; i < 6; i++)
		CHECK(peek(shared + i * PAGE) == (i < 4 ? 0 : -SIGBUS));
	CHECK(truncate("f", 0) == 0 && peek(shared) == -SIGBUS && peek(private) == -SIGBUS);
}

TEST(the_last_page_ends_in_zeroes)
{
	int fd = make_file(3);
	char *p = map_file(fd, 3, PROT_READ, MAP_SHARED);

	CHECK(ftruncate(fd, PAGE + 100) == 0);
	CHECK(p[PAGE + 99] == 'b' && p[PAGE + 100] == 0 && p[2 * PAGE - 1] == 0);
	CHECK(peek(p + 2 * PAGE) == -SIGBUS);
}

TEST(what_is_written_anew_is_seen)
{
	int fd = make_file(2), again;
	char *p = map_file(fd, 2, PROT_READ, MAP_SHARED), *q;

	q = map_file(fd, 2, PROT_READ, MAP_PRIVATE);
	CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, "new", 3, 0) == 3);
	CHECK(peek(p) == 'n' && peek(q) == 'n' && peek(p + 3) == 0 && peek(p + PAGE) == -SIGBUS);
	again = open("f", O_WRONLY | O_TRUNC);
	CHECK(peek(p) == -SIGBUS);
	CHECK(write(again, "newer", 5) == 5 && peek(p + 3) == 'e' && peek(q + 4) == 'r');
	/* Where nothing was written there is a hole. */
	CHECK(pwrite(fd, "x", 1, 2 * PAGE) == 1 && peek(p + PAGE) == 0);
}

TEST(private_copies_go_with_the_file)
{
	int fd = make_file(3);
	char *p = map_file(fd, 3, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	p[0] = p[PAGE] = p[2 * PAGE] = 'X';
	CHECK(ftruncate(fd, PAGE + 1) == 0);
	/* Of the pages that stay in part the copy is as it was. */
	CHECK(p[0] == 'X' && p[PAGE] == 'X' && p[PAGE + 100] == 'b');
	CHECK(peek(p + 2 * PAGE) == -SIGBUS);
	CHECK(ftruncate(fd, 3 * PAGE) == 0 && peek(p + 2 * PAGE) == 0);
	p[2 * PAGE] = 'Y';
	CHECK(pwrite(fd, "Z", 1, 2 * PAGE) == 1 && p[2 * PAGE] == 'Y');
}

TEST(other_programs_see_it_too)
{
	int fd = make_file(4), fds[2], back[2];
	char *p = map_file(fd, 4, PROT_READ, MAP_SHARED), c;
	pid_t pid;

	CHECK(pipe(fds) == 0 && pipe(back) == 0);
	CHILD(pid, char *q = map_file(fd, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE); q[PAGE] = 'X';
	      write(back[1], "r", 1); read(fds[0], &c, 1); CHECK(peek(p) == 'n');
	      CHECK(peek(q) == 'n'); CHECK(peek(p + PAGE) == -SIGBUS);
	      CHECK(peek(q + PAGE) == -SIGBUS); CHECK(peek(q + 3 * PAGE) == -SIGBUS));
	CHECK(read(back[0], &c, 1) == 1);
	CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, "n", 1, 0) == 1);
	write(fds[1], "x", 1);
	CHECK(reap(pid) == 0);
}

TEST(parts_of_a_mapping_know_their_place)
{
	int fd = make_file(8);
	char *p = map_file(fd, 8, PROT_READ, MAP_SHARED), *q;

	/* Holes, other rights, another place. */
	CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
	CHECK(mprotect(p + 4 * PAGE, PAGE, PROT_NONE) == 0);
	q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 5 * PAGE);
	CHECK(peek(q) == 'f' && peek(q + PAGE) == 'g');
	q = mremap(q, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && peek(q + 2 * PAGE) == 'h');
	CHECK(ftruncate(fd, 6 * PAGE) == 0);
	CHECK(peek(p) == 'a' && peek(p + 2 * PAGE) == -SIGSEGV && peek(p + 3 * PAGE) == 'd');
	CHECK(peek(p + 4 * PAGE) == -SIGSEGV && peek(p + 5 * PAGE) == 'f');
	CHECK(peek(p + 6 * PAGE) == -SIGBUS && peek(p + 7 * PAGE) == -SIGBUS);
	CHECK(peek(q) == 'f' && peek(q + PAGE) == -SIGBUS && peek(q + 2 * PAGE) == -SIGBUS);
}

TEST(the_kernel_does_not_read_beyond_the_end)
{
	int fd = make_file(2), to;
	char *p = map_file(fd, 2, PROT_READ, MAP_SHARED);

	to = open("g", O_RDWR | O_CREAT, 0600);
	CHECK(ftruncate(fd, PAGE) == 0);
	FAILS(write(to, p + PAGE, 10), EFAULT);
	CHECK(write(to, p + PAGE - 3, 10) == 3); /* as far as there is memory */
}

#define REFUSES(call, err) CHECK((errno = 0, (call) == MAP_FAILED) && errno == (err))

TEST(rights_and_flags_of_mappings)
{
	int fd = make_file(1), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY);
	const int validate = MAP_SHARED | MAP_PRIVATE;
	const off_t last = (off_t)0x7ffffffffffff000;

	REFUSES(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	REFUSES(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, wo, 0), EACCES);
	REFUSES(mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE, wo, 0), EACCES);
	CHECK(peek(mmap(NULL, PAGE, PROT_READ, validate, ro, 0)) == 'a');
	REFUSES(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, validate, ro, 0), EACCES);
	REFUSES(mmap(NULL, PAGE, PROT_READ, validate | 0x800000, fd, 0), EOPNOTSUPP);
	REFUSES(mmap(NULL, PAGE, PROT_READ, validate | 0x80000, fd, 0), EOPNOTSUPP); /* MAP_SYNC */
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | 0x800000, fd, 0) != MAP_FAILED);
	REFUSES(mmap(NULL, PAGE, PROT_READ, validate | MAP_ANONYMOUS, -1, 0), EINVAL);
	REFUSES(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, last), EOVERFLOW);
	REFUSES(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, -PAGE), EOVERFLOW);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
