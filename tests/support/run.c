#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define FDS_WAIT_MS 60000

struct sim *
sim_plain(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	return sim_new(&options);
}

static struct sl_rt *
start(struct sim *sim, struct sl_engine *engine, unsigned workers)
{
	struct sl_rt_options options = { .engine = engine, .workers = workers };
	struct sl_error err = { 0 };
	struct sl_rt *rt = NULL;
	int code = sl_rt_new(&rt, &options, &err);
	sim_check(sim, code == 0, "no runtime: %s", err.text);
	return rt;
}

int
sim_run(struct sim *sim, sl_task_fn *fn, void *arg)
{
	unsigned before = sim_open_fds(sim);
	struct sl_rt *rt = start(sim, sim_engine(sim), 1);
	int result = sl_rt_run(rt, fn, arg);
	sim_check(sim, result != -EDEADLK, "deadlock");
	sim_finish_abandoned(sim);
	sim_check(sim, sim_in_flight(sim) == 0, "operations are left");
	sim_check(sim, sim_open_fds(sim) == before, "descriptors: %u before, %u after", before,
		sim_open_fds(sim));
	sl_rt_free(rt);
	return result;
}

struct cancelled_run {
	sl_task_fn *fn;
	void *arg;
	uint64_t after_ns;
	int result;
};

SL_SUSPENDS
static int
cancel_task(void *arg)
{
	struct cancelled_run *run = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&group, "task", run->fn, run->arg, &run->result);
	if (!code)
		code = sl_sleep(run->after_ns);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	return code;
}

int
sim_run_cancelled(struct sim *sim, sl_task_fn *fn, void *arg, uint64_t after_ns)
{
	struct cancelled_run run = { fn, arg, after_ns, 0 };
	int code = sim_run(sim, cancel_task, &run);
	sim_check(sim, code == 0, "run: %d", code);
	return run.result;
}

unsigned
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	sl_assert(dir);
	unsigned count = 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* ".", ".." and the directory's own */
}

void
wait_for_fds(unsigned count)
{
	for (int i = 0; i < FDS_WAIT_MS && count_fds() != count; i++)
		usleep(1000);
	sim_check(
		NULL, count_fds() == count, "descriptors: %u before, %u after", count, count_fds());
}

struct sl_rt *
ring_rt(unsigned workers)
{
	struct sl_engine *engine = NULL;
	struct sl_error err = { 0 };
	int code = sl_engine_uring_new(&engine, &err);
	sim_check(NULL, code == 0, "no ring: %s", err.text);
	return start(NULL, engine, workers);
}

int
ring_run(unsigned workers, sl_task_fn *fn, void *arg)
{
	unsigned before = count_fds();
	struct sl_rt *rt = ring_rt(workers);
	int result = sl_rt_run(rt, fn, arg);
	sl_rt_free(rt);
	wait_for_fds(before);
	return result;
}
