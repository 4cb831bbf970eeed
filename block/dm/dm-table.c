/*
 * Tables: the virtual disks that the command line asks for, each made of targets.
 * Also there: virtual disks are made at boot
 */
#include "block/dm/dm.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

#define MAX_ARGS 40

static u32 dm_major, next_minor;
static LIST_HEAD(dm_disks); /* [driver] in the order of the command line */

static const struct dm_target_ops *const target_types[] = {&dm_linear, &dm_striped, &dm_mirror,
							   &dm_delay, &dm_error};

static const struct block_device_operations dm_fops = {
	.submit_bio = dm_submit_bio,
	.ioctl = dm_mirror_ioctl,
};

/* The next word of *s up to a character of `stop`, terminated; NULL at the end. */
static char *next_field(char **s, char stop)
{
	char *start = *s, *end;

	if (!start)
		return NULL;
	end = strchr(start, stop);
	if (end)
		*end++ = '\0';
	*s = end;
	return start;
}

static u32 split_words(char *line, char **argv)
{
	u32 argc = 0;
	char *word;

	while (argc < MAX_ARGS && (word = next_field(&line, ' ')) != NULL)
		if (*word)
			argv[argc++] = word;
	return argc;
}

static int add_target(struct dm_disk *dm, char *line)
{
	struct dm_target *t = &dm->targets[dm->nr_targets];
	char *argv[MAX_ARGS];
	u32 argc = split_words(line, argv);

	if (argc < 3 || dm->nr_targets == DM_MAX_TARGETS || dm_number(argv[0], &t->begin) ||
	    dm_number(argv[1], &t->len) || t->begin != get_capacity(dm->disk) || !t->len ||
	    t->len > (1ull << 48))
		return -EINVAL;
	for (u32 i = 0; i < ARRAY_SIZE(target_types); i++)
		if (strcmp(target_types[i]->name, argv[2]) == 0)
			t->ops = target_types[i];
	if (!t->ops)
		return -EINVAL;
	t->dm = dm;
	dm->nr_targets++;
	set_capacity(dm->disk, t->begin + t->len);
	return t->ops->ctr(t, argc - 3, argv + 3);
}

static void dm_free(struct dm_disk *dm)
{
	for (u32 i = 0; i < dm->nr_targets; i++) {
		struct dm_target *t = &dm->targets[i];

		if (t->ops->dtr)
			t->ops->dtr(t);
		for (u32 dev = 0; dev < t->nr_devs; dev++)
			blkdev_put(t->devs[dev].bdev, dm);
	}
	put_disk(dm->disk);
	kfree(dm);
}

static struct dm_disk *dm_alloc(bool write, u32 minor)
{
	struct dm_disk *dm = kzalloc(sizeof(*dm), GFP_KERNEL);

	if (!dm || !(dm->disk = alloc_disk(1))) {
		kfree(dm);
		return NULL;
	}
	spin_lock_init(&dm->lock, "dm", LOCK_ANY);
	work_init(&dm->work, dm_work);
	dm->write = write;
	dm->disk->read_only = !write;
	dm->disk->major = dm_major;
	dm->disk->first_minor = minor;
	dm->disk->fops = &dm_fops;
	dm->disk->private_data = dm;
	snprintf(dm->disk->disk_name, sizeof(dm->disk->disk_name), "dm-%u", minor);
	return dm;
}

/* One disk of the command line: "name,uuid,minor,flags,table,table...". */
static int dm_create(char *spec)
{
	char *name = next_field(&spec, ','), *uuid = next_field(&spec, ','),
	     *minor = next_field(&spec, ','), *mode = next_field(&spec, ','), *line;
	u64 nr = next_minor;
	struct dm_disk *dm;
	int err = -EINVAL;

	(void)uuid;
	if (!spec || (*minor && dm_number(minor, &nr)) || nr > 255 ||
	    (strcmp(mode, "rw") != 0 && strcmp(mode, "ro") != 0))
		return -EINVAL;
	dm = dm_alloc(strcmp(mode, "ro") != 0, (u32)nr);
	if (!dm)
		return -ENOMEM;
	while ((line = next_field(&spec, ',')) != NULL) {
		err = add_target(dm, line);
		if (err)
			goto err_free;
	}
	err = device_add_disk(dm->disk);
	if (err)
		goto err_free;
	for (u32 i = 0; i < dm->nr_targets; i++)
		if (dm->targets[i].ops->resume)
			dm->targets[i].ops->resume(&dm->targets[i]);
	next_minor = (u32)nr + 1;
	list_add_tail(&dm->list, &dm_disks);
	printk("%s: %s, %llu sectors in %u targets\n", dm->disk->disk_name, name,
	       (unsigned long long)get_capacity(dm->disk), dm->nr_targets);
	return 0;

err_free:
	dm_free(dm);
	return err;
}

void dm_init(void)
{
	const char *given = cmdline_get("dm-mod.create");
	char *copy, *rest, *spec;
	int major, err;

	if (!given)
		return;
	major = register_blkdev(0, "device-mapper");
	copy = rest = kstrdup(given, GFP_KERNEL);
	dm_wq = dm_wq ? dm_wq : workqueue_create("kdm");
	dm_rebuild_wq = dm_rebuild_wq ? dm_rebuild_wq : workqueue_create("kdm-rebuild");
	if (major < 0 || !copy || !dm_wq || !dm_rebuild_wq)
		panic("dm: no memory for the disks of the command line");
	dm_major = (u32)major;
	while ((spec = next_field(&rest, ';')) != NULL) {
		err = dm_create(spec);
		if (err)
			printk("dm: '%s' cannot be made: error %d\n", spec, -err);
	}
	kfree(copy);
}

/* The last disk first: it may be made of earlier ones. */
void dm_exit(void)
{
	while (!list_empty(&dm_disks)) {
		struct dm_disk *dm = list_last_entry(&dm_disks, struct dm_disk, list);

		list_del(&dm->list);
		del_gendisk(dm->disk);
		flush_work(&dm->work);
		dm_free(dm);
	}
	if (dm_major)
		unregister_blkdev(dm_major);
	dm_major = next_minor = 0;
}
