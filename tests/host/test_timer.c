// sources: kernel/sched/timer.c
/* Timers against a clock that the test moves. */
#include "tests/host/host.h"

#include "kernel/arch/clock.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/timer.h"

struct cpu fake_cpu = {.self = &fake_cpu};
bool fake_irqs_on = true;

static ktime_t now;
static void (*run_timers)(void);
static bool raised, locked;

ktime_t ktime_get_ns(void)
{
	return now;
}

void softirq_register(enum softirq nr, void (*handler)(void))
{
	assert_int_equal(nr, SOFTIRQ_TIMER);
	run_timers = handler;
}

void softirq_raise(enum softirq nr)
{
	assert_int_equal(nr, SOFTIRQ_TIMER);
	raised = true;
}

void spin_lock(struct spinlock *l)
{
	(void)l;
	assert_false(locked);
	locked = true;
}

void spin_unlock(struct spinlock *l)
{
	(void)l;
	assert_true(locked);
	locked = false;
}

static void tick_at(ktime_t time)
{
	now = time;
	raised = false;
	timers_tick();
	if (raised)
		run_timers();
}

#define TIMERS 200

static struct timer timers[TIMERS];
static ktime_t due[TIMERS]; /* 0: not armed */
static int fired;
static ktime_t last_expiry;

static void fires(struct timer *t)
{
	size_t i = (size_t)(t - timers);

	assert_false(locked);
	assert_true(due[i] != 0 && due[i] <= now);
	assert_int_equal(due[i], t->expires);
	assert_true(t->expires >= last_expiry);
	last_expiry = t->expires;
	due[i] = 0;
	fired++;
	if (random() % 4 == 0) { /* arm it again from its own function */
		due[i] = now + 1 + (ktime_t)random() % 1000;
		timer_mod(t, due[i]);
	}
}

static void they_fire_in_order_and_on_time(void **state)
{
	(void)state;
	timers_init();
	srandom(host_seed(4));
	for (int i = 0; i < TIMERS; i++)
		timer_init(&timers[i], fires);
	for (ktime_t time = 1; time < 50000; time += (ktime_t)random() % 20) {
		size_t i = (size_t)random() % TIMERS;

		if (random() % 5 == 0) {
			assert_int_equal(timer_del(&timers[i]), due[i] != 0);
			due[i] = 0;
		} else {
			due[i] = time + (ktime_t)random() % 2000 + 1;
			timer_mod(&timers[i], due[i]);
		}
		last_expiry = 0;
		tick_at(time);
		for (i = 0; i < TIMERS; i++) {
			assert_true(due[i] == 0 || due[i] > time);
			assert_int_equal(timer_armed(&timers[i]), due[i] != 0);
		}
	}
	assert_true(fired > 1000);
}

static struct timer first, second;
static int order;

static void first_fires(struct timer *t)
{
	(void)t;
	order = order * 10 + 1;
	(void)timer_del(&second);
}

static void second_fires(struct timer *t)
{
	(void)t;
	order = order * 10 + 2;
}

static void one_may_stop_another(void **state)
{
	(void)state;
	timers_init();
	for (int i = 0; i < TIMERS; i++)
		(void)timer_del(&timers[i]);
	timer_init(&first, first_fires);
	timer_init(&second, second_fires);
	timer_mod(&first, now + 5);
	timer_mod(&second, now + 5);
	tick_at(now + 4);
	assert_int_equal(order, 0);
	tick_at(now + 1);
	assert_int_equal(order, 1);
}

static void rearms_at_once(struct timer *t)
{
	order++;
	timer_mod(t, now);
}

static void arming_for_now_waits_for_the_next_tick(void **state)
{
	(void)state;
	timer_init(&first, rearms_at_once);
	timer_mod(&first, 0);
	order = 0;
	tick_at(now);
	assert_int_equal(order, 1);
	tick_at(now);
	assert_int_equal(order, 2);
	assert_true(timer_del(&first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_fire_in_order_and_on_time),
		cmocka_unit_test(one_may_stop_another),
		cmocka_unit_test(arming_for_now_waits_for_the_next_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
