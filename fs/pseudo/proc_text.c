/*
 * Open files of /proc: the text is made by a read at its start; later reads continue in it.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/procfs_internal.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define PROC_WRITE_MAX 4095u
#define SEQ_SIZE_MAX   (1u << 20)

static int call_show(const struct inode *inode, struct seq_file *m)
{
	const struct proc_pid_entry *e = inode->i_private;
	pid_t pid = PID_OF(inode->i_ino);

	return pid ? e->show(pid, e->what, m) :
		     ((const struct proc_entry *)inode->i_private)->show(m);
}

/* Make the text from a byte on, in as large a buffer as it takes, or as much as there may be. */
static int make_text(const struct inode *inode, struct seq_file *m, u64 from)
{
	size_t size = m->size ? m->size : 1024;
	int err;

	for (;; size *= 2) {
		if (size != m->size) {
			kfree(m->buf);
			m->buf = kmalloc(size, GFP_KERNEL);
			m->size = m->buf ? size : 0;
		}
		m->count = 0;
		m->from = m->skip = from;
		m->overflow = false;
		if (!m->buf)
			return -ENOMEM;
		err = call_show(inode, m);
		if (err || !m->overflow || size == SEQ_SIZE_MAX)
			return err;
	}
}

static int proc_open(struct inode *inode, struct file *file)
{
	(void)inode;
	file->private_data = kzalloc(sizeof(struct seq_file), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static void proc_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	(void)inode;
	kfree(m->buf);
	kfree(m);
}

static ssize_t proc_read(struct kiocb *iocb, struct iov_iter *to)
{
	const struct inode *inode = iocb->ki_filp->f_inode;
	struct seq_file *m = iocb->ki_filp->private_data;
	u64 pos = (u64)iocb->ki_pos;
	size_t n = 0, want;
	int err;

	if (!PID_OF(inode->i_ino) && !((const struct proc_entry *)inode->i_private)->show)
		return -EINVAL;
	if (pos == 0 || !m->buf || pos < m->from || (m->overflow && pos >= m->from + m->count)) {
		err = make_text(inode, m, pos);
		/* Of another process with the same number by now? It has lived all the time if
		 * not. */
		if (!err && !inode->i_sb->s_op->d_revalidate(iocb->ki_filp->f_path.dentry))
			err = -ESRCH;
		if (err) {
			m->count = 0;
			return err;
		}
	}
	if (pos < m->from + m->count) {
		pos -= m->from;
		want = min(m->count - (size_t)pos, iov_iter_count(to));
		n = copy_to_iter(m->buf + pos, want, to);
		if (n == 0 && want > 0)
			return -EFAULT;
	}
	iocb->ki_pos += (loff_t)n;
	return (ssize_t)n;
}

static ssize_t proc_write(struct kiocb *iocb, struct iov_iter *from)
{
	const struct inode *inode = iocb->ki_filp->f_inode;
	const struct proc_pid_entry *of_pid = inode->i_private;
	const struct proc_entry *e = inode->i_private;
	pid_t pid = PID_OF(inode->i_ino);
	size_t len = iov_iter_count(from);
	char *text;
	int err;

	if (!(pid ? of_pid->write != NULL : e->write != NULL) || len > PROC_WRITE_MAX)
		return -EINVAL;
	text = kzalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, len, from) != len)
		err = -EFAULT;
	else
		err = pid ? of_pid->write(pid, text, len) : e->write(text, len);
	kfree(text);
	return err ? err : (ssize_t)len;
}

const struct file_operations proc_fops = {
	.read_iter = proc_read,
	.write_iter = proc_write,
	.open = proc_open,
	.release = proc_release,
};
