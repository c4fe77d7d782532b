/*
 * get_budget.c - what a run of `sluice get` may use, from its options and the limits of the system.
 */
#include "sluice/cli/get_budget.h"

#include "sluice/base/log.h"
#include "sluice/net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#define OWN_DESCRIPTORS 12u /* standard ones, ring, wake-up, signals, a list, libraries' */
/* A directory, a partial file, a connection, and one to spare. */
#define DESCRIPTORS_MIN (OWN_DESCRIPTORS + 4)
/* Inherited ones are looked for below this: where a limit is tight. */
#define INHERITED_MAX 256u
/* With less memory chunks are smaller, so that there are enough of them. */
#define SMALL_MEMORY (16 * SL_MIB)
#define SMALL_CHUNK (256 * SL_KIB)
#define CHUNK_MIN (64 * SL_KIB)
#define CHUNKS_PER_JOB 2 /* one at the socket, one on its way to the disk */

/* ---- descriptors ---- */

/* Descriptors that this program was started with, but for the standard three: they count in the
 * limit. Its own are closed on exec, which these were not. */
static unsigned
inherited_descriptors(uint64_t limit)
{
	unsigned count = 0;
	for (int fd = STDERR_FILENO + 1; fd < (int)SL_MIN(limit, INHERITED_MAX); fd++)
		count += fcntl(fd, F_GETFD) == 0;
	return count;
}

/* Raise the limit of open files, and check that it is enough. */
static int
raise_descriptor_limit(struct sl_get_budget *budget, struct sl_error *err)
{
	struct rlimit limit = { 0 };
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	uint64_t count = SL_MIN((uint64_t)limit.rlim_cur, 1u << 20);
	unsigned inherited = inherited_descriptors(count);
	if (count < DESCRIPTORS_MIN + inherited)
		return sl_fail(err, SL_PHASE_NONE, -EMFILE,
			"only %llu open files are allowed: at least %u are needed (see 'ulimit "
			"-n')",
			(unsigned long long)count, DESCRIPTORS_MIN + inherited);
	budget->descriptors = (unsigned)count - OWN_DESCRIPTORS - inherited;
	return 0;
}

/* ---- connections ---- */

static bool
any_is_https(const struct sl_words *urls)
{
	for (size_t i = 0; i < urls->count; i++)
		if (strncasecmp(urls->items[i], "http://", 7) != 0)
			return true;
	return false;
}

/* At once: the segments of one file are to one host, so that more than its limit serves only other
 * hosts. */
static unsigned
wanted_connections(const struct sl_get_options *options)
{
	unsigned of_one = SL_MIN(options->segments, options->connections_per_host);
	return options->jobs +
	       SL_MIN(options->jobs * (of_one - 1), 2 * options->connections_per_host);
}

int
sl_get_budget_init(
	struct sl_get_budget *budget, const struct sl_get_options *options, struct sl_error *err)
{
	*budget = (struct sl_get_budget){ .has_https = any_is_https(&options->urls) ||
						       any_is_https(&options->mirrors),
		.connections = wanted_connections(options) };
	return raise_descriptor_limit(budget, err);
}

unsigned
sl_get_budget_connections(const struct sl_get_budget *budget)
{
	return SL_MAX(SL_MIN(budget->connections * 2, budget->descriptors / 4), 1u);
}

/* ---- memory ---- */

/*
 * Divide --max-memory: a sixteenth for stacks and names, two for TLS connections, two for windows
 * of HTTP/2 (a quarter of that while only a redirect can lead to https), what --scan needs, the
 * rest for chunks. If the TLS connections of all jobs need more, their share grows to up to seven
 * sixteenths.
 */
void
sl_get_budget_share_memory(
	struct sl_get_budget *budget, const struct sl_get_options *options, uint64_t scan_memory)
{
	uint64_t sixteenth = options->max_memory / 16, jobs = options->jobs;
	bool https = budget->has_https || options->lists.count > 0;
	uint64_t wanted = https ? budget->connections * SL_TLS_MEMORY : 0;
	budget->tls_memory = SL_MIN(SL_MAX(wanted, 2 * sixteenth), 7 * sixteenth);
	budget->window_memory = options->network.connect.http1 ? 0
				: https                        ? 2 * sixteenth
							       : sixteenth / 2;
	uint64_t others = budget->tls_memory + budget->window_memory + scan_memory;
	budget->chunk_memory = others < 14 * sixteenth ? 15 * sixteenth - others : sixteenth;
	if (https && jobs * SL_TLS_MEMORY > budget->tls_memory)
		sl_log_warn("at most %llu TLS connections at once: --max-memory is too small for "
			    "the buffers of %llu",
			(unsigned long long)(budget->tls_memory / SL_TLS_MEMORY),
			(unsigned long long)jobs);
}

int
sl_get_budget_make_pool(const struct sl_get_budget *budget, const struct sl_get_options *options,
	struct sl_chunk_pool **out, struct sl_error *err)
{
	uint64_t memory = budget->chunk_memory;
	uint64_t needed = (uint64_t)options->jobs * CHUNKS_PER_JOB;
	size_t size = options->max_memory < SMALL_MEMORY ? SMALL_CHUNK : SL_CHUNK_SIZE;
	while (size > CHUNK_MIN && memory / size < needed)
		size /= 2;
	uint64_t count = memory / size;
	if (count < needed)
		sl_log_warn("at most %llu files at once: --max-memory is too small for the buffers "
			    "of %u",
			(unsigned long long)count / CHUNKS_PER_JOB, options->jobs);
	/* More chunks than the jobs can use at once would only spread the work over cold memory. */
	count = SL_MIN(count, (uint64_t)SL_MAX(options->jobs * 8, budget->connections * 4));
	int code = sl_chunk_pool_new(out, (size_t)SL_MAX(count, 4u), size);
	if (code)
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot allocate memory for buffers");
	return 0;
}
