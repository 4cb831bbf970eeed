/*
 * Out of memory: which program ends so that the others go on.
 *
 * As in Linux it is the one that holds most memory, whoever asked for the last page. Init is never
 * chosen, and root's programs weigh less than others. One victim at a time: who else finds no
 * memory waits for its end, too. A caller may hold a lock that the victim needs, so that nobody
 * waits for ever: a victim that does not end in time is left alone, and another is chosen.
 * Also there: processes
 */
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/page.h"
#include "kernel/proc/process.h"
#include "kernel/sched/wait.h"

#define WAIT_TICKS 200

/* Pages that come back with its end; 0: not to be chosen. */
static u64 badness(const struct process *p)
{
	struct mm_stats stats;
	u64 points, bonus;

	if (p->pid == 1 || !p->mm || !p->thread || p->oom_victim)
		return 0;
	mm_get_stats(&stats);
	points = p->mm->rss + p->mm->map_count * sizeof(struct vma) / PAGE_SIZE + 1;
	bonus = p->thread->cred->euid == 0 ? stats.total_pages * 3 / 100 : 0;
	return points > bonus ? points - bonus : 1;
}

/* Kill the largest, unless one is about to end. Returns: the pid of whom to wait for, or 0. */
static pid_t choose_victim(void)
{
	struct process *p, *victim = NULL;
	u64 most = 0;

	PROC_GUARD();
	list_for_each_entry(p, &processes, all) {
		u64 points = badness(p);

		if (!p->mm)
			continue;
		if (p->oom_victim)
			return p->pid;
		if (points > most) {
			most = points;
			victim = p;
		}
	}
	if (!victim)
		return 0;
	printk("Out of memory: Killed process %d (%s) total-vm:%lukB, rss:%lukB, UID:%u\n",
	       victim->pid, victim->comm, victim->mm->total_bytes >> 10,
	       victim->mm->rss << (PAGE_SHIFT - 10), victim->thread->cred->uid);
	victim->oom_victim = true;
	signal_send_locked(victim, SIGKILL, NULL);
	return victim->pid;
}

/* Returns: whether its memory is free. */
static bool victim_is_gone(pid_t pid)
{
	const struct process *p;

	PROC_GUARD();
	p = process_find(pid);
	return !p || !p->mm;
}

bool out_of_memory(void)
{
	pid_t pid = choose_victim();
	struct process *p;

	if (!pid)
		return false;
	for (int i = 0; i < WAIT_TICKS; i++) {
		if (current_process()->sig.pending & SIGBIT(SIGKILL))
			return false;
		if (victim_is_gone(pid))
			return true;
		(void)thread_sleep_ns(TICK_NS, false);
	}
	PROC_GUARD();
	p = process_find(pid);
	if (p)
		p->oom_victim = false;
	return false;
}
