#include "tests/host/fakes/ext2_model.h"
#include "tests/host/fakes/ext2_world.h"
#include "tests/host/host.h"

#include <unistd.h>

#include "block/genhd.h"
#include "fs/file.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/errno.h"

#define NAMES	   10
#define NODES	   4000
#define MAX_DEPTH  3
#define MAX_WRITE  20000u
#define PAGE_BYTES 4096u

struct mpage {
	u64 index;
	u8 data[PAGE_BYTES];
};

struct node {
	mode_t mode;
	u32 nlink;
	u64 size;
	dev_t rdev;
	char *target;
	struct mpage **pages;
	u32 nr_pages;
	int child[NAMES]; /* node number, 0: none */
};

static struct node nodes[NODES];
static int nr_nodes;
static struct model_limits lim;
static u8 buf[1 << 17];

/* A place in the tree: `node` is 0 when nothing has the name. */
struct place {
	char path[1024];
	int parent, name, node, depth;
};

static const char *name_of(int i)
{
	static char names[NAMES][256];

	if (!names[i][0]) {
		memset(names[i], 'a' + i, i == NAMES - 1 ? 255 : i == NAMES - 2 ? 100 : 3);
		names[i][1] = '-';
	}
	return names[i];
}

static int new_node(mode_t mode)
{
	assert_true(nr_nodes < NODES);
	nodes[nr_nodes] = (struct node){.mode = mode, .nlink = S_ISDIR(mode) ? 2 : 1};
	return nr_nodes++;
}

static void free_contents(struct node *n)
{
	for (u32 i = 0; i < n->nr_pages; i++)
		free(n->pages[i]);
	free(n->pages);
	free(n->target);
	n->pages = NULL;
	n->nr_pages = 0;
	n->target = NULL;
}

void model_reset(const struct model_limits *limits)
{
	for (int i = 0; i < nr_nodes; i++)
		free_contents(&nodes[i]);
	lim = *limits;
	nr_nodes = 1; /* 0 means none */
	new_node(S_IFDIR | 0755);
	nodes[1].nlink = 3; /* lost+found */
}

static struct place pick(void)
{
	struct place p = {.parent = 1};

	strcpy(p.path, "/mnt");
	for (;; p.parent = p.node) {
		p.name = (int)(random() % NAMES);
		strcat(strcat(p.path, "/"), name_of(p.name));
		p.node = nodes[p.parent].child[p.name];
		if (!p.node || !S_ISDIR(nodes[p.node].mode) || ++p.depth == MAX_DEPTH ||
		    random() % 4 == 0)
			return p;
	}
}

/* Did it go as the model says? A full disk may get in between: then nothing has happened. */
static bool agrees(int err, int want, const char *what, const char *path)
{
	if (err == -ENOSPC && lim.tight && want == 0)
		return false;
	if (err != want)
		fail_msg("%s %s: %d, wanted %d", what, path, err, want);
	return want == 0;
}

static struct mpage *page_of(struct node *n, u64 index, bool make)
{
	for (u32 i = 0; i < n->nr_pages; i++)
		if (n->pages[i]->index == index)
			return n->pages[i];
	if (!make)
		return NULL;
	n->pages = realloc(n->pages, (n->nr_pages + 1) * sizeof(*n->pages));
	n->pages[n->nr_pages] = calloc(1, sizeof(struct mpage));
	n->pages[n->nr_pages]->index = index;
	return n->pages[n->nr_pages++];
}

static void put_bytes(struct node *n, u64 pos, const u8 *data, u64 len)
{
	for (u64 i = 0; i < len; i++)
		page_of(n, (pos + i) / PAGE_BYTES, true)->data[(pos + i) % PAGE_BYTES] = data[i];
	if (len && pos + len > n->size)
		n->size = pos + len;
}

static void set_size(struct node *n, u64 size)
{
	for (u32 i = 0; i < n->nr_pages; i++)
		for (u32 j = 0; j < PAGE_BYTES; j++)
			if (n->pages[i]->index * PAGE_BYTES + j >= size)
				n->pages[i]->data[j] = 0;
	n->size = size;
}

/* An offset near something interesting. */
static u64 random_pos(void)
{
	u64 bs = lim.blocksize, ptrs = bs / 4, pos = 0;

	switch (random() % 8) {
	case 0:
		pos = (12 + ptrs) * bs;
		break;
	case 1:
		pos = (12 + ptrs + ptrs * ptrs) * bs;
		break;
	case 2:
		pos = (u64)random() % (1ull << 32);
		break;
	case 3:
		pos = 12 * bs;
		break;
	default:
		return (u64)random() % 60000;
	}
	pos += (u64)random() % 20000;
	pos -= (u64)random() % 20000;
	return pos < lim.max_size - MAX_WRITE ? pos : (u64)random() % 60000;
}

static void op_write(void)
{
	struct place p = pick();
	struct node *n = &nodes[p.node];
	u64 pos = random_pos(), len = 1 + (u64)random() % MAX_WRITE;
	u8 seed = (u8)random();
	ssize_t done;

	if (p.node && !S_ISREG(n->mode))
		return;
	for (u64 i = 0; i < len; i++)
		buf[i] = (u8)(seed + i * 7);
	done = world_write(p.path, buf, len, (loff_t)pos);
	if (done < 0 && !agrees((int)done, 0, "write", p.path)) {
		struct kstat st;

		/* The name may have been made before there was no room. */
		if (p.node || world_stat(p.path, &st) != 0)
			return;
		done = 0;
	}
	if (!lim.tight && done != (ssize_t)len)
		fail_msg("short write %s: %zd of %llu", p.path, done, (unsigned long long)len);
	if (!p.node)
		nodes[p.parent].child[p.name] = p.node = new_node(S_IFREG | 0644);
	put_bytes(&nodes[p.node], pos, buf, (u64)done);
}

static void op_truncate(void)
{
	struct place p = pick();
	u64 size = random() % 3 ? (u64)random() % 70000 : random_pos();

	if (!p.node || !S_ISREG(nodes[p.node].mode))
		return;
	if (agrees(world_truncate(p.path, (loff_t)size), 0, "truncate", p.path))
		set_size(&nodes[p.node], size);
}

static void op_mkdir(void)
{
	struct place p = pick();

	if (!agrees(world_mkdir(p.path), p.node ? -EEXIST : 0, "mkdir", p.path))
		return;
	nodes[p.parent].child[p.name] = new_node(S_IFDIR | 0755);
	nodes[p.parent].nlink++;
}

static void op_mknod(void)
{
	static const mode_t types[] = {S_IFCHR, S_IFBLK, S_IFIFO};
	struct place p = pick();
	mode_t mode = types[random() % 3] | 0600;
	dev_t dev = S_ISFIFO(mode) ? 0 : MKDEV(random() % 600, random() % 2000);
	int err = vfs_mknodat(AT_FDCWD, p.path, mode, dev);

	if (!agrees(err, p.node ? -EEXIST : 0, "mknod", p.path))
		return;
	nodes[p.parent].child[p.name] = p.node = new_node(mode);
	nodes[p.node].rdev = dev;
}

static void op_symlink(void)
{
	struct place p = pick();
	size_t len = random() % 2 ? 1 + (size_t)random() % 100 : 1 + (size_t)random() % 1000;
	char *target = malloc(len + 1);

	memset(target, 'x', len);
	target[len] = '\0';
	if (!agrees(vfs_symlinkat(target, AT_FDCWD, p.path), p.node ? -EEXIST : 0, "symlink",
		    p.path)) {
		free(target);
		return;
	}
	nodes[p.parent].child[p.name] = p.node = new_node(S_IFLNK | 0777);
	nodes[p.node].target = target;
	nodes[p.node].size = len;
}

static void op_link(void)
{
	struct place from = pick(), to = pick();
	struct node *n = &nodes[from.node];
	int want = 0;

	if (!from.node)
		want = -ENOENT;
	else if (to.node)
		want = -EEXIST;
	else if (S_ISDIR(n->mode))
		want = -EPERM;
	if (agrees(vfs_linkat(AT_FDCWD, from.path, AT_FDCWD, to.path, false), want, "link",
		   to.path)) {
		nodes[to.parent].child[to.name] = from.node;
		n->nlink++;
	}
}

static bool is_empty(const struct node *n)
{
	for (int i = 0; i < NAMES; i++)
		if (n->child[i])
			return false;
	return true;
}

static void drop(struct node *n)
{
	if (--n->nlink == 0)
		free_contents(n);
}

static void op_remove(void)
{
	struct place p = pick();
	struct node *n = &nodes[p.node];
	bool dir = random() % 2;
	int want = 0;

	if (!p.node)
		want = -ENOENT;
	else if (dir)
		want = !S_ISDIR(n->mode) ? -ENOTDIR : is_empty(n) ? 0 : -ENOTEMPTY;
	else if (S_ISDIR(n->mode))
		want = -EISDIR;
	if (!agrees(dir ? world_rmdir(p.path) : world_unlink(p.path), want, "remove", p.path))
		return;
	nodes[p.parent].child[p.name] = 0;
	if (dir)
		nodes[p.parent].nlink--;
	drop(n);
}

static int rename_wants(const struct place *from, const struct place *to)
{
	const struct node *f = &nodes[from->node], *t = &nodes[to->node];

	if (!from->node)
		return -ENOENT;
	if (S_ISDIR(f->mode) && strncmp(to->path, from->path, strlen(from->path)) == 0 &&
	    to->path[strlen(from->path)] == '/')
		return -EINVAL;
	if (from->node == to->node || !to->node)
		return 0;
	if (strncmp(from->path, to->path, strlen(to->path)) == 0 &&
	    from->path[strlen(to->path)] == '/')
		return -ENOTEMPTY;
	if (S_ISDIR(f->mode))
		return !S_ISDIR(t->mode) ? -ENOTDIR : is_empty(t) ? 0 : -ENOTEMPTY;
	return S_ISDIR(t->mode) ? -EISDIR : 0;
}

static void op_rename(void)
{
	struct place from = pick(), to = pick();
	int want = rename_wants(&from, &to);
	bool dir = S_ISDIR(nodes[from.node].mode);

	if (!agrees(world_rename(from.path, to.path), want, "rename", to.path) ||
	    from.node == to.node)
		return;
	if (to.node)
		drop(&nodes[to.node]);
	if (to.node && dir)
		nodes[to.parent].nlink--;
	nodes[from.parent].child[from.name] = 0;
	nodes[to.parent].child[to.name] = from.node;
	if (dir) {
		nodes[from.parent].nlink--;
		nodes[to.parent].nlink++;
	}
}

/* Compare the bytes of [pos, pos + len). */
static void compare_range(const char *path, struct node *n, u64 pos, u64 len)
{
	u64 want = pos >= n->size ? 0 : min(len, n->size - pos);

	assert_int_equal(world_read(path, buf, len, (loff_t)pos), want);
	for (u64 i = 0; i < want; i++) {
		struct mpage *page = page_of(n, (pos + i) / PAGE_BYTES, false);
		u8 byte = page ? page->data[(pos + i) % PAGE_BYTES] : 0;

		if (buf[i] != byte)
			fail_msg("%s at %llu: 0x%02x, wanted 0x%02x", path,
				 (unsigned long long)(pos + i), buf[i], byte);
	}
}

static void op_read(void)
{
	struct place p = pick();

	if (p.node && S_ISREG(nodes[p.node].mode))
		compare_range(p.path, &nodes[p.node], random_pos(), 1 + (u64)random() % 30000);
}

void model_random_op(void)
{
	static void (*const ops[])(void) = {op_write,  op_write,  op_write,   op_write, op_truncate,
					    op_mkdir,  op_mknod,  op_symlink, op_link,	op_remove,
					    op_remove, op_rename, op_read};

	ops[random() % ARRAY_SIZE(ops)]();
}

static void verify_node(const char *path, struct node *n)
{
	struct kstat st;

	if (world_stat(path, &st) != 0)
		fail_msg("%s is lost", path);
	assert_int_equal(st.mode, n->mode);
	assert_int_equal(st.nlink, n->nlink);
	assert_int_equal(st.rdev, n->rdev);
	if (!S_ISDIR(n->mode))
		assert_int_equal(st.size, n->size);
	if (S_ISLNK(n->mode)) {
		assert_int_equal(vfs_readlinkat(AT_FDCWD, path, (char *)buf, sizeof(buf)), n->size);
		assert_memory_equal(buf, n->target, n->size);
	}
	for (u32 i = 0; S_ISREG(n->mode) && i < n->nr_pages; i++)
		compare_range(path, n, n->pages[i]->index * PAGE_BYTES, 2 * PAGE_BYTES);
}

static void verify_dir(const char *path, struct node *dir)
{
	int count = dir == &nodes[1]; /* lost+found */
	char sub[1024];

	for (int i = 0; i < NAMES; i++) {
		struct node *n = &nodes[dir->child[i]];

		if (!dir->child[i])
			continue;
		count++;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, name_of(i));
		verify_node(sub, n);
		if (S_ISDIR(n->mode))
			verify_dir(sub, n);
	}
	assert_int_equal(world_list(path, NULL, NULL), count);
}

void model_verify(void)
{
	verify_node("/mnt", &nodes[1]);
	verify_dir("/mnt", &nodes[1]);
}

static void verify_dump(const char *name, struct node *n)
{
	char what[600], file[300];
	FILE *f;

	(void)snprintf(what, sizeof(what), "debugfs -R 'dump /%s '$IMG.out $IMG", name);
	assert_int_equal(world_run(what, false), 0);
	(void)snprintf(file, sizeof(file), "%s.out", getenv("IMG"));
	f = fopen(file, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	assert_int_equal(ftell(f), n->size);
	for (u32 i = 0; i < n->nr_pages; i++) {
		u64 pos = n->pages[i]->index * PAGE_BYTES;
		size_t len = pos < n->size ? (size_t)min(n->size - pos, (u64)PAGE_BYTES) : 0;

		fseek(f, (long)pos, SEEK_SET);
		assert_int_equal(fread(buf, 1, len, f), len);
		assert_memory_equal(buf, n->pages[i]->data, len);
	}
	fclose(f);
	unlink(file);
}

void model_verify_outside(void)
{
	for (int i = 0; i < NAMES; i++) {
		struct node *n = &nodes[nodes[1].child[i]];

		if (nodes[1].child[i] && S_ISREG(n->mode) && n->size < 100000000)
			verify_dump(name_of(i), n);
	}
}
