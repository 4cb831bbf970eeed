/* Character devices: the registered ranges of numbers, and the open that finds the driver. */
#include "fs/char_dev.h"

#include "block/genhd.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/list.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"

struct chrdev_region {
	struct list_head list;		    /* [chrdev_lock] by number */
	u32 major, minor, count;	    /* [const] */
	const char *name;		    /* [const] */
	mode_t mode;			    /* [const] */
	const struct file_operations *fops; /* [const] */
};

/* Regions are never taken back: who holds one needs no lock. */
static struct mutex chrdev_lock = MUTEX_INIT(chrdev_lock);
static LIST_HEAD(regions);

int register_chrdev_region(u32 major, u32 minor, u32 count, const char *name, mode_t mode,
			   const struct file_operations *fops)
{
	struct chrdev_region *r, *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	int err = 0;

	if (!fresh)
		return -ENOMEM;
	*fresh = (struct chrdev_region){.major = major,
					.minor = minor,
					.count = count,
					.name = name,
					.mode = mode,
					.fops = fops};
	mutex_lock(&chrdev_lock);
	list_for_each_entry(r, &regions, list) {
		if (r->major == major && r->minor < minor + count && minor < r->minor + r->count)
			err = -EBUSY;
		if (r->major > major || (r->major == major && r->minor > minor))
			break;
	}
	if (!err)
		list_add_tail(&fresh->list, &r->list);
	mutex_unlock(&chrdev_lock);
	if (err)
		kfree(fresh);
	return err;
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	u32 major = MAJOR(inode->i_rdev), minor = MINOR(inode->i_rdev);
	struct chrdev_region *r;

	mutex_lock(&chrdev_lock);
	list_for_each_entry(r, &regions, list)
		if (r->major == major && minor >= r->minor && minor - r->minor < r->count)
			break;
	mutex_unlock(&chrdev_lock);
	if (&r->list == &regions)
		return -ENXIO;
	file->f_op = r->fops;
	return r->fops->open ? r->fops->open(inode, file) : 0;
}

const struct file_operations def_chr_fops = {.llseek = no_llseek, .open = chrdev_open};

int chrdev_for_each(int (*fn)(const char *name, dev_t dev, mode_t mode, void *arg), void *arg)
{
	struct chrdev_region *r;
	char name[32];
	int ret = 0;

	mutex_lock(&chrdev_lock);
	list_for_each_entry(r, &regions, list) {
		for (u32 i = 0; i < r->count && !ret; i++) {
			u32 minor = r->minor + i;
			const char *number = r->count > 1 ? r->name : NULL;
			size_t n = 0;

			/* One %u in the name stands for the minor. */
			for (; number && *number && *number != '%' && n < sizeof(name) - 1; n++)
				name[n] = *number++;
			if (number)
				snprintf(name + n, sizeof(name) - n, "%u%s", minor,
					 *number == '%' ? number + 2 : "");
			ret = fn(number ? name : r->name, MKDEV(r->major, minor), r->mode, arg);
		}
		if (ret)
			break;
	}
	mutex_unlock(&chrdev_lock);
	return ret;
}
