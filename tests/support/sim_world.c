/*
 * sim_world.c - the world's birth and end, and what can be asked of it.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <stdlib.h>

/* ---- the world ---- */

struct sim_options
sim_options(uint64_t seed)
{
	return (struct sim_options){ .seed = seed,
		.start_ns = 1000 * SL_NS_PER_S,
		.wall_ns = 1700000000 * SL_NS_PER_S,
		.limit_ns = 10 * 24 * 3600 * SL_NS_PER_S,
		.disk_ns = 2 * SL_NS_PER_MS,
		.net_ns = 20 * SL_NS_PER_MS,
		.short_percent = 33,
		.late_percent = 50,
		.capacity = SL_GIB,
		.dio_align = 4096,
		.fd_limit = 256,
		.watch_queue = 16384,
		.watch_late_ns = SL_NS_PER_MS };
}

struct sim *
sim_new(const struct sim_options *options)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	sl_assert(sim);
	sim->engine = (struct sl_engine){ .methods = &sim_engine_methods,
		.slots = options->slots ? options->slots : SL_ENGINE_SLOTS };
	sim->options = *options;
	sim->first_seed = options->seed;
	sl_random_init(&sim->random, options->seed);
	sim->now = options->start_ns;
	sl_heap_init(&sim->events);
	sl_list_init(&sim->queued);
	sl_list_init(&sim->ready);
	sl_list_init(&sim->hung);
	sl_list_init(&sim->threads);
	sl_list_init(&sim->idle);
	sl_list_init(&sim->inodes);
	sl_list_init(&sim->watchers);
	sl_list_init(&sim->servers);
	sl_list_init(&sim->peers);
	const char *trace_wanted = getenv("SLUICE_SIM_TRACE");
	sim->trace = trace_wanted && *trace_wanted == '1';
	sim->fd_next = SIM_FD_FIRST;
	sim->root = sim_inode_new(sim, S_IFDIR | 0755);
	sim->root->parent = sim->root;
	sim->root->names = 1;
	return sim;
}

void
sim_free(struct sim *sim)
{
	if (!sim)
		return;
	sl_assert(!sim->attached);
	sim_threads_free(sim);
	sim_free(sim->cut.world);
	sim_fd_close_all(sim);
	sim_net_release(sim);
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *inode = sl_list_item(node, struct sim_inode, link);
		sim_disk_forget(inode);
	}
	while (!sl_list_is_empty(&sim->inodes)) {
		struct sim_inode *inode = sl_list_item(sim->inodes.next, struct sim_inode, link);
		sl_list_remove(&inode->link);
		sim_sink_free(inode->sink);
		sim_block_free(inode->data);
		sim_block_free(inode->stable);
		free(inode->target);
		free(inode);
	}
	free(sim->fds);
	sl_heap_release(&sim->events);
	free(sim);
}

struct sl_engine *
sim_engine(struct sim *sim)
{
	sl_assert(!sim->attached);
	sim->attached = true;
	sim->woken = false;
	return &sim->engine;
}

uint64_t
sim_seed(const struct sim *sim)
{
	return sim->options.seed;
}

uint64_t
sim_now(const struct sim *sim)
{
	return sim->now;
}

uint64_t
sim_wall_now(const struct sim *sim)
{
	return sim->options.wall_ns + (sim->now - sim->options.start_ns);
}

uint64_t
sim_ops(const struct sim *sim)
{
	return sim->submitted;
}

uint64_t
sim_ops_of(const struct sim *sim, enum sl_op_kind kind)
{
	return sim->by_kind[kind];
}

unsigned
sim_in_flight_of(const struct sim *sim, enum sl_op_kind kind)
{
	unsigned count = 0;
	for (size_t i = 0; i < sim->job_end; i++)
		count += sim->jobs[i].stage != SIM_FREE && sim->jobs[i].copy.kind == kind;
	return count;
}

unsigned
sim_in_flight(const struct sim *sim)
{
	return sim->in_flight;
}

void
sim_watch(struct sim *sim, uint64_t kinds)
{
	sim->watched = kinds;
	sim->watched_now = sim->watched_peak = 0;
}

unsigned
sim_watched_peak(const struct sim *sim)
{
	return sim->watched_peak;
}

unsigned
sim_open_fds(const struct sim *sim)
{
	return sim->fd_open;
}

unsigned
sim_breaches(const struct sim *sim)
{
	return sim->breaches;
}

const char *
sim_last_breach(const struct sim *sim)
{
	return sim->last_breach;
}

bool
sim_seeds_are_chosen(void)
{
	return getenv("SLUICE_SEED") || getenv("SLUICE_SEEDS");
}

unsigned
sim_stride(unsigned usual)
{
	if (sim_seeds_are_chosen())
		return 1;
#ifdef SL_DEBUG
	usual *= 3;
#endif
	return usual;
}

/* "COUNT" from 1 on, "FIRST:COUNT", or "FIRST:" for `usual` ones. */
static bool
parse_seeds(const char *text, uint64_t usual, struct sim_seeds *out)
{
	const char *colon = strchr(text, ':');
	uint64_t first = 1, count = 0;
	if (colon && !sl_parse_u64(text, (size_t)(colon - text), &first))
		return false;
	text = colon ? colon + 1 : text;
	if (colon && !*text)
		count = usual;
	else if (!sl_parse_u64(text, strlen(text), &count))
		return false;
	if (count == 0 || count - 1 > UINT64_MAX - first)
		return false;
	*out = (struct sim_seeds){ first, first + count };
	return true;
}

struct sim_seeds
sim_seeds(unsigned count)
{
	const char *text = getenv("SLUICE_SEED"), *many = getenv("SLUICE_SEEDS");
	struct sim_seeds seeds;
	uint64_t seed = 0;
	if (text) {
		sim_check(NULL, sl_parse_u64(text, strlen(text), &seed),
			"SLUICE_SEED=%s is not a number below 2^64", text);
		return (struct sim_seeds){ seed, seed + 1 };
	}
#ifdef SL_DEBUG
	count = (count + 3) / 4; /* sanitizers are slow, and the seeds are the same every day */
#endif
	if (many) {
		sim_check(NULL, parse_seeds(many, count, &seeds),
			"SLUICE_SEEDS=%s is neither COUNT nor FIRST:[COUNT] below 2^64", many);
		return seeds;
	}
	return (struct sim_seeds){ 1, (uint64_t)count + 1 };
}
