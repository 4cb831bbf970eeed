/*
 * llseek for files that need no operation of their own.
 * Also there: the position of a file
 */
#include "fs/file.h"

#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"

loff_t no_llseek(struct file *file, loff_t off, int whence)
{
	(void)file;
	(void)off;
	(void)whence;
	return -ESPIPE;
}

loff_t generic_file_llseek_size(struct file *file, loff_t off, int whence, loff_t most, loff_t size)
{
	loff_t base = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file->f_pos;
		break;
	case SEEK_END:
		base = size;
		break;
	case SEEK_DATA_:
	case SEEK_HOLE_:
		if (off < 0 || off >= size)
			return -ENXIO;
		off = whence == SEEK_HOLE_ ? size : off;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off) || off < 0 || off > most)
		return -EINVAL;
	file->f_pos = off;
	return off;
}

loff_t generic_file_llseek(struct file *file, loff_t off, int whence)
{
	return generic_file_llseek_size(file, off, whence, (loff_t)file->f_inode->i_sb->s_maxbytes,
					file->f_mapping->host->i_size);
}
