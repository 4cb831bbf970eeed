/*
 * The skeleton of /dev, /proc, /sys and their like: a tree of entries. Names are looked up in it,
 * directories are read from it, and a text is made when somebody reads it. devfs keeps its names in
 * the dcache and has operations of its own for directories; the rest it has from here.
 *
 * Invariants:
 * 1. The tree of entries only grows, at boot; it needs no lock.
 * 2. Inodes and dentries live only while they are used, so what has gone leaves nothing. (devfs
 *    pins its own.)
 * 3. An inode's number is one of its node alone while that lives. Nobody takes it apart.
 * Also there: /dev, /proc and /sys
 */
#pragma once

#include "fs/super.h"
#include "fs/vfs/seq_file.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct file_operations;
struct inode;
struct inode_operations;
struct path;
struct pseudo_entry;

/* What an inode stands for: an entry, and the process or device that it is about. */
struct pseudo_node {
	struct pseudo_entry *entry;
	u32 id;	   /* of a process or a device; 0: of none */
	u32 sub;   /* which part of it: the number of a descriptor, below 2^20 */
	u64 birth; /* of the id, which may be used again */
};

/* A child that has no entry of its own in the tree. */
struct pseudo_child {
	struct pseudo_node node; /* set before: the directory's */
	u32 number;		 /* its place in the directory */
	mode_t mode;		 /* 0: the entry's */
	char name[40];		 /* empty: the number */
};

/* A directory, file or link by its mode. What is not set is not there. */
struct pseudo_entry {
	const char *name;
	mode_t mode; /* with its type */
	int what;    /* for the functions */
	/* The text of a file or a link; m->private is its pseudo_node. Returns: 0 or -errno. */
	int (*show)(struct seq_file *m);
	/* What a program wrote, ended by a zero byte; it may be changed. Returns: 0 or -errno. */
	int (*write)(const struct pseudo_node *of, char *text, size_t len);
	/* A magic link: where it leads, references held. */
	int (*get_link)(const struct pseudo_node *of, struct path *path);
	/* A directory's child with the lowest number from this on, behind the entries below it.
	 * Returns: false when there is none. */
	bool (*next)(const struct pseudo_node *dir, u32 from, struct pseudo_child *child);
	bool numbered;			    /* a child's name is its number */
	const struct inode_operations *iop; /* in place of the skeleton's */
	const struct file_operations *fop;
	struct pseudo_entry *children, *sibling; /* pseudo_add's */
	u32 no;					 /* [atomic] the skeleton's */
};

struct pseudo_fs {
	struct file_system_type type; /* with pseudo_fill_super */
	u64 magic;
	loff_t file_bytes;	  /* what stat tells of a file's size */
	bool absent_is_error;	  /* look-up of an absent name fails: nobody can create it */
	struct pseudo_entry root; /* its mode, and more */
	/* When an id was born, and its owner. Returns: 0 if it is gone. NULL: nobody checks. */
	u64 (*birth)(u32 id, uid_t *uid, gid_t *gid);
};

/* Put n entries at the end of a directory. Context: boot. Owns: the entries stay the caller's. */
void pseudo_add(struct pseudo_entry *dir, struct pseudo_entry *entries, size_t n);
int must_check pseudo_fill_super(struct super_block *sb, const char *data, bool silent);
/* An inode of this node, with one reference, not hashed. Returns: NULL if no memory. */
struct inode *must_check pseudo_inode(struct super_block *sb, const struct pseudo_node *node,
				      mode_t mode);
struct pseudo_node *pseudo_node(struct inode *inode);
/* Of a file whose entry has no fop. Those of others may call them. */
extern const struct file_operations pseudo_text_fops;
