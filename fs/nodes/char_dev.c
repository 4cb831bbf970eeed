/*
 * Character devices: the registered numbers, and the open that finds the driver.
 * Also there: character devices
 */
#include "fs/nodes/char_dev.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/list.h"
#include "kernel/mm/kmalloc.h"

struct chrdev {
	struct list_head list;		    /* [chrdev_lock] by number */
	dev_t dev;			    /* [const] */
	const char *name;		    /* [const] */
	mode_t mode;			    /* [const] */
	const struct file_operations *fops; /* [const] */
};

/* Devices are never taken back: who holds one needs no lock. */
static struct mutex chrdev_lock = MUTEX_INIT(chrdev_lock);
static LIST_HEAD(chrdevs);

int register_chrdev(dev_t dev, const char *name, mode_t mode, const struct file_operations *fops)
{
	struct chrdev *c, *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	int err = 0;

	if (!fresh)
		return -ENOMEM;
	*fresh = (struct chrdev){.dev = dev, .name = name, .mode = mode, .fops = fops};
	mutex_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, list)
		if (c->dev >= dev)
			break;
	if (&c->list != &chrdevs && c->dev == dev)
		err = -EBUSY;
	else
		list_add_tail(&fresh->list, &c->list);
	mutex_unlock(&chrdev_lock);
	if (err)
		kfree(fresh);
	return err;
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	struct chrdev *c;

	mutex_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, list)
		if (c->dev == inode->i_rdev)
			break;
	mutex_unlock(&chrdev_lock);
	if (&c->list == &chrdevs)
		return -ENXIO;
	file->f_op = c->fops;
	return c->fops->open ? c->fops->open(inode, file) : 0;
}

const struct file_operations def_chr_fops = {.llseek = no_llseek, .open = chrdev_open};

int chrdev_for_each(int (*fn)(const char *name, dev_t dev, mode_t mode, void *arg), void *arg)
{
	struct chrdev *c;
	int ret = 0;

	mutex_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, list) {
		ret = fn(c->name, c->dev, c->mode, arg);
		if (ret)
			break;
	}
	mutex_unlock(&chrdev_lock);
	return ret;
}
