/*
 * torture_connections [ROUNDS [SEED]] - a thousand connections a round open and close at random: by
 * plain HTTP, HTTPS and HTTP/2, from the client on the ring to servers that close, reset and stall
 * (support/rough_server.h).
 *
 * A round has generations: two clients, of which one has little patience, and tasks that share
 * them. Tasks read whole bodies or a part, end at once, have deadlines of a few ms, and are
 * cancelled wherever they wait. After each generation, nothing may be left: no task, chunk,
 * connection or descriptor; after the run, no thread and, by ASan, no memory. A body that is said
 * to be whole is.
 */
#include "support/peer.h"
#include "support/rough_server.h"
#include "support/run.h"
#include "support/torture.h"

#include "sluice/base/clock.h"
#include "sluice/base/random.h"
#include "sluice/http/client.h"
#include "sluice/rt/chunk.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 1000u /* of a round, at least */
#define GUESTS 48         /* tasks of a generation */
#define CHUNKS 24
#define CHUNK_SIZE (4 * SL_CHUNK_ALIGN)

/* What waits for longer waits for what will never come. */
#define NEVER_NS (300 * SL_NS_PER_S)
#define IMPATIENCE_NS (30 * SL_NS_PER_MS)

/* Behind the kinds of servers. */
enum { CLOSED = ROUGH_KINDS, FULL };

enum { PATIENT, IMPATIENT, CLIENTS };

struct world {
	const struct torture *torture;
	struct sl_random random;
	char ca[128];
	struct rough_server *server;
	struct peer_full full;
	uint16_t closed_port;
	struct sl_chunk_pool *pool;
	struct sl_http_client *clients[CLIENTS];
	unsigned fds; /* before the first client */
	uint64_t rounds, generations, connections[ROUGH_KINDS];
	uint64_t visits, whole, part, cut[SL_PHASE_BODY + 1];
};

static uint64_t
below(struct world *world, uint64_t bound)
{
	return sl_random_below(&world->random, bound);
}

static bool
one_in(struct world *world, uint64_t bound)
{
	return below(world, bound) == 0;
}

/* ---- a request ---- */

struct visit {
	struct world *world;
	unsigned client, kind;
	enum rough_act act;
	size_t size;
	bool is_head;
	size_t limit;         /* bytes that are read; more than there are = all */
	uint64_t deadline_ns; /* from its begin; 0 = none */
	bool is_cancelled;
	size_t got;
	struct sl_error err;
};

static void
complain(const struct visit *visit, int code, const char *what)
{
	fprintf(stderr, "%s %s of %zu bytes, kind %u, client %u: %d '%s', phase %d, %zu bytes\n",
		visit->is_head ? "HEAD" : "GET", rough_act_name(visit->act), visit->size,
		visit->kind, visit->client, code, visit->err.text, (int)visit->err.phase,
		visit->got);
	require(false, what);
}

static bool
is_expected(int code)
{
	static const int codes[] = { -ETIMEDOUT, -ECANCELED, -ECONNRESET, -ECONNREFUSED, -EPIPE,
		SL_E_PROTO, SL_E_TLS, SL_E_SHORT_BODY, SL_E_STALE };
	for (size_t i = 0; i < SL_COUNT_OF(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* Time and cancellation end only what is bounded so; the rest has an end of its own. */
static void
check_failure(const struct visit *visit, int code)
{
	bool may_time_out = visit->deadline_ns > 0 || visit->client == IMPATIENT;
	if (!is_expected(code))
		complain(visit, code, "an unexpected failure");
	if (code == -ETIMEDOUT && !may_time_out)
		complain(visit, code, "a timeout without a limit");
	if (code == -ECANCELED && !visit->is_cancelled)
		complain(visit, code, "cancelled for nothing");
	if (!visit->err.text[0] && code != -ECANCELED && code != -ETIMEDOUT)
		complain(visit, code, "a failure without a text");
	if (!sl_phase_is_network(visit->err.phase) && visit->err.text[0])
		complain(visit, code, "a failure without a phase");
	visit->world->cut[SL_MIN(visit->err.phase, SL_PHASE_BODY)]++;
}

static void
check_bytes(struct visit *visit, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != rough_byte(visit->size, visit->got + i))
			complain(visit, data[i], "a wrong byte");
	visit->got += len;
}

static void
check_whole(const struct visit *visit)
{
	bool good = visit->is_head ? visit->got == 0 : visit->got == visit->size;
	if (!good || (!visit->is_head && rough_act_cuts_body(visit->act)))
		complain(visit, 0, "a body that is not whole passes for one");
	visit->world->whole++;
}

/* As a download does: into a chunk of a pool, which may have to be waited for. 1 = there is more.
 */
SL_SUSPENDS
static int
read_some(struct visit *visit, struct sl_http_exchange *exchange)
{
	struct sl_chunk *chunk = NULL;
	int code = sl_chunk_take(visit->world->pool, &chunk, SL_FOREVER);
	if (code < 0)
		return code;
	size_t len = 1 + (size_t)below(visit->world, chunk->size);
	int got = sl_http_read(exchange, chunk->data, len, &visit->err);
	if (got > (int)len)
		complain(visit, got, "more than was asked for");
	if (got > 0)
		check_bytes(visit, chunk->data, (size_t)got);
	if (got > 0 && one_in(visit->world, 20)) /* slower than the server */
		code = sl_sleep(below(visit->world, 5 * SL_NS_PER_MS));
	sl_chunk_unref(chunk);
	return code < 0 ? code : SL_MIN(got, 1);
}

SL_SUSPENDS
static void
read_body(struct visit *visit, struct sl_http_exchange *exchange)
{
	uint64_t length = sl_http_body_length(exchange);
	int code = 1;
	if (rough_act_cuts_head(visit->act))
		complain(visit, 0, "a head that was not sent");
	if (length != SL_BODY_UNKNOWN && length != visit->size)
		complain(visit, 0, "another length than was sent");
	while (code > 0 && visit->got < visit->limit)
		code = read_some(visit, exchange);
	if (code < 0)
		check_failure(visit, code);
	else if (code == 0)
		check_whole(visit);
	else
		visit->world->part++;
}

static uint16_t
port_of(const struct visit *visit)
{
	if (visit->kind == CLOSED)
		return visit->world->closed_port;
	if (visit->kind == FULL)
		return visit->world->full.port;
	return rough_server_port(visit->world->server, (enum rough_kind)visit->kind);
}

static void
make_url(struct visit *visit, struct sl_url *url)
{
	char text[96];
	bool tls = visit->kind == ROUGH_TLS || visit->kind == ROUGH_H2;
	int len = snprintf(text, sizeof(text), "%s://%s:%u/%s/%zu", tls ? "https" : "http",
		one_in(visit->world, 4) ? "localhost" : "127.0.0.1", port_of(visit),
		rough_act_name(visit->act), visit->size);
	require(sl_url_parse(url, sl_span(text, (size_t)len), NULL) == 0, "URL");
}

SL_SUSPENDS
static int
make_visit(void *arg)
{
	struct visit *visit = arg;
	struct sl_http_exchange *exchange = NULL;
	struct sl_deadline scope;
	struct sl_url url;
	make_url(visit, &url);
	const struct sl_http_request request = { .method = visit->is_head ? "HEAD" : "GET",
		.url = &url };
	sl_deadline_begin(
		&scope, visit->deadline_ns ? sl_deadline_in(visit->deadline_ns) : SL_FOREVER);
	int code = sl_http_open(
		visit->world->clients[visit->client], &request, &exchange, &visit->err);
	if (code == 0) {
		read_body(visit, exchange);
		sl_http_close(exchange);
	} else {
		check_failure(visit, code);
	}
	sl_deadline_end(&scope);
	sl_url_release(&url);
	visit->world->visits++;
	return 0;
}

/* ---- a guest ---- */

static size_t
choose_size(struct world *world)
{
	static const uint64_t most[] = { 10, 1000, 20000, 70000, 400000 };
	return 2 + (size_t)below(world, most[below(world, SL_COUNT_OF(most))]);
}

static size_t
choose_limit(struct world *world, size_t size)
{
	switch (below(world, 6)) {
	case 0:
		return 0;
	case 1:
		return (size_t)below(world, size);
	default:
		return SIZE_MAX;
	}
}

static uint64_t
choose_deadline(struct world *world)
{
	switch (below(world, 8)) {
	case 0:
		return 1 + below(world, 5 * SL_NS_PER_MS);
	case 1:
		return 1 + below(world, 50 * SL_NS_PER_MS);
	default:
		return 0;
	}
}

static struct visit
choose_visit(struct world *world)
{
	struct visit visit = { .world = world,
		.client = one_in(world, 4) ? IMPATIENT : PATIENT,
		.kind = (unsigned)below(world, ROUGH_KINDS),
		.act = one_in(world, 2) ? ROUGH_WHOLE : (enum rough_act)below(world, ROUGH_ACTS),
		.size = choose_size(world),
		.is_head = one_in(world, 8),
		.deadline_ns = choose_deadline(world) };
	visit.limit = choose_limit(world, visit.size);
	if (one_in(world, 40))
		visit.kind = CLOSED;
	if (one_in(world, 40)) {
		visit.kind = FULL; /* which has no end of its own */
		visit.deadline_ns = 1 + below(world, 50 * SL_NS_PER_MS);
	}
	return visit;
}

/* The visit in a task of its own, which is cancelled after a while, unless it has ended. */
SL_SUSPENDS
static void
cancel_visit(struct visit *visit)
{
	struct world *world = visit->world;
	struct sl_group group;
	uint64_t after_ns = below(world, one_in(world, 3) ? 40 * SL_NS_PER_MS : 4 * SL_NS_PER_MS);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	require(sl_group_spawn(&group, "visit", make_visit, visit, NULL) == 0, "spawn");
	require(sl_sleep(after_ns) == 0, "a guest was disturbed");
	visit->is_cancelled = true;
	sl_group_cancel(&group, -ECANCELED);
	require(sl_group_leave(&group) == -ECANCELED, "the group's reason is lost");
}

SL_SUSPENDS
static void
play_visit(struct visit *visit)
{
	if (one_in(visit->world, 4))
		cancel_visit(visit);
	else
		(void)make_visit(visit);
}

SL_SUSPENDS
static int
live(void *arg)
{
	struct world *world = arg;
	for (uint64_t count = 1 + below(world, 4); count > 0; count--) {
		struct visit visit = choose_visit(world);
		play_visit(&visit);
		if (!visit.is_head)
			continue;
		/* As for a file that may be there already. */
		visit.is_head = visit.is_cancelled = false;
		visit.err = (struct sl_error){ 0 };
		play_visit(&visit);
	}
	return 0;
}

/* ---- a generation ---- */

SL_SUSPENDS
static void
make_clients(struct world *world)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		uint64_t wait_ns = i == IMPATIENT ? IMPATIENCE_NS : NEVER_NS;
		const struct sl_http_client_options options = { .per_host = 1 + (unsigned)below(
											world, 8),
			.total = 2 + (unsigned)below(world, 9),
			.streams = 1 + (unsigned)below(world, GUESTS),
			.window_memory = SL_MIB + below(world, 4 * SL_MIB),
			.connect_timeout_ns = wait_ns,
			.stall_timeout_ns = wait_ns,
			.head_timeout_ns = wait_ns,
			.max_redirects = 5,
			.http1 = one_in(world, 8),
			.want_tls = one_in(world, 2),
			.tls.cacert = world->ca };
		struct sl_error err = { 0 };
		if (sl_http_client_new(&world->clients[i], &options, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			require(false, "no client");
		}
	}
}

/* Servers see the end of a connection after the client, and calls that were abandoned end later. */
SL_SUSPENDS
static void
expect_nothing_left(struct world *world)
{
	uint64_t until_ns = sl_deadline_in(NEVER_NS);
	require(sl_task_count() == 1, "tasks are left");
	while (sl_now() < until_ns &&
		(rough_server_open(world->server) > 0 || count_fds() != world->fds))
		require(sl_sleep(SL_NS_PER_MS) == 0, "the main task was disturbed");
	require(rough_server_open(world->server) == 0, "connections are left");
	require(count_fds() == world->fds, "descriptors are left");
}

SL_SUSPENDS
static void
play_generation(struct world *world)
{
	struct sl_group group;
	make_clients(world);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < GUESTS; i++)
		require(sl_group_spawn(&group, "guest", live, world, NULL) == 0, "spawn");
	require(sl_group_leave(&group) == 0, "guests");
	for (unsigned i = 0; i < CLIENTS; i++)
		sl_http_client_free(world->clients[i]);
	expect_nothing_left(world);
	world->generations++;
}

static uint64_t
accepted(struct world *world)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < ROUGH_KINDS; i++)
		sum += world->connections[i] =
			rough_server_accepted(world->server, (enum rough_kind)i);
	return sum;
}

SL_SUSPENDS
static void
play_round(struct world *world)
{
	uint64_t enough = accepted(world) + CONNECTIONS;
	do
		play_generation(world);
	while (accepted(world) < enough);
	world->rounds++;
}

SL_SUSPENDS
static int
play(void *arg)
{
	struct world *world = arg;
	require(sl_chunk_pool_new(&world->pool, CHUNKS, CHUNK_SIZE) == 0, "pool");
	world->fds = count_fds();
	for (uint64_t i = 0; torture_continues(world->torture, i); i++)
		play_round(world);
	sl_chunk_pool_free(world->pool); /* asserts that all chunks are back */
	return 0;
}

/* ---- the run ---- */

static unsigned
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned count = 0;
	require(dir, "/proc/self/task");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void *
do_nothing(void *arg)
{
	return arg;
}

/* TSan begins a thread of its own with the first one of the program. */
static unsigned
count_threads_at_first(void)
{
	pthread_t thread;
	require(pthread_create(&thread, NULL, do_nothing, NULL) == 0, "thread");
	pthread_join(thread, NULL);
	return count_threads();
}

/* A name lookup that was abandoned ends after its runtime. */
static void
expect_no_thread(unsigned before)
{
	uint64_t until_ns = sl_clock_monotonic_ns() + NEVER_NS;
	while (count_threads() != before && sl_clock_monotonic_ns() < until_ns)
		usleep(1000);
	require(count_threads() == before, "threads are left");
}

static void
print_counts(const struct world *world)
{
	printf("torture_connections: seed %llu, %llu rounds, %llu generations, connections %llu "
	       "plain, %llu TLS, %llu HTTP/2\n",
		(unsigned long long)world->torture->seed, (unsigned long long)world->rounds,
		(unsigned long long)world->generations,
		(unsigned long long)world->connections[ROUGH_PLAIN],
		(unsigned long long)world->connections[ROUGH_TLS],
		(unsigned long long)world->connections[ROUGH_H2]);
	printf("torture_connections: %llu requests, %llu whole, %llu in part; failed by phase:",
		(unsigned long long)world->visits, (unsigned long long)world->whole,
		(unsigned long long)world->part);
	for (unsigned i = 0; i < SL_COUNT_OF(world->cut); i++)
		printf(" %llu", (unsigned long long)world->cut[i]);
	printf("\n");
}

int
main(int argc, char **argv)
{
	struct torture torture = torture_begin("torture_connections", argc, argv, 1);
	const char *certs = peer_make_certs();
	unsigned fds = count_fds(), threads = count_threads_at_first();
	struct world world = { .torture = &torture, .closed_port = peer_unused_port() };
	sl_random_init(&world.random, torture.seed);
	snprintf(world.ca, sizeof(world.ca), "%s/ca.pem", certs);
	signal(SIGPIPE, SIG_IGN);
	peer_full_open(&world.full);
	world.server = rough_server_new(certs, torture.seed);
	require(ring_run(2, play, &world) == 0, "the run failed");
	rough_server_free(world.server);
	peer_full_close(&world.full);
	peer_remove_certs();
	require(count_fds() == fds, "descriptors are left at the end");
	expect_no_thread(threads);
	print_counts(&world);
	require(world.whole > 0, "not a body was whole");
	return torture_end(&torture);
}
