/*
 * The files of /proc that belong to no layer above: each function puts some into a directory.
 * Also there: /dev, /proc and /sys
 */
#pragma once

struct pseudo_entry;
struct seq_file;

void proc_files_init(struct pseudo_entry *root, struct pseudo_entry *ringlet);
void proc_counts_init(struct pseudo_entry *fs);
void proc_sysctl_init(struct pseudo_entry *kernel, struct pseudo_entry *vm);
int proc_show_cpuinfo(struct seq_file *m);
