/* The pool of connections on loopback: reuse, bounds, failures, TLS. */
#include "sluice/net/pool.h"

#include "support/peer.h"
#include "support/pool_key.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LONG_NS (60 * SL_NS_PER_S)

/* Two servers, so that there are two hosts for the pool. */
static struct peer peers[2];
static struct sl_connector *connector;

static const struct sl_pool_options roomy = {
	.per_host = 4,
	.total = 8,
	.connect_timeout_ns = LONG_NS,
	.idle_ns = LONG_NS,
};

/* Returns each byte; closes when it gets a 'q'. */
static void
serve_echo(struct peer *peer, int fd)
{
	char byte;
	(void)peer;
	while (recv(fd, &byte, 1, 0) == 1 && byte != 'q')
		peer_send(fd, &byte, 1);
}

static struct sl_pool_key
key_of(const struct peer *peer)
{
	return pool_key(connector, false, "127.0.0.1", peer->port);
}

static struct sl_connection *
take(struct sl_pool *pool, const struct peer *peer, bool fresh)
{
	struct sl_pool_key key = key_of(peer);
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	cr_assert_eq(sl_pool_take(pool, &key, fresh, &connection, &err), 0, "%s", err.text);
	sl_assert(connection);
	return connection;
}

/* One exchange, to be sure that the server has seen the connection. */
static void
use(struct sl_connection *connection)
{
	char byte = 0;
	cr_assert_eq(sl_connection_send_all(connection, "x", 1, SL_FOREVER, NULL), 0);
	cr_assert_eq(sl_connection_recv(connection, &byte, 1, false, SL_FOREVER, NULL), 1);
	cr_assert_eq(byte, 'x');
}

static struct sl_pool_stats
stats_of(const struct sl_pool *pool)
{
	struct sl_pool_stats stats;
	sl_pool_stats(pool, &stats);
	return stats;
}

/* ---- runs ---- */

struct test {
	sl_task_fn *fn;
	struct sl_pool_options options;
	struct sl_pool *pool;
};

static int
with_pool(void *arg)
{
	struct test *test = arg;
	connector = pool_connector(NULL);
	cr_assert_eq(sl_pool_new(&test->pool, &test->options), 0);
	int code = test->fn(test->pool);
	cr_expect_eq(stats_of(test->pool).taken, 0);
	sl_pool_free(test->pool);
	sl_connector_free(connector);
	return code;
}

static void
run(sl_task_fn *fn, struct sl_pool_options options)
{
	struct test test = { .fn = fn, .options = options };
	for (size_t i = 0; i < SL_COUNT_OF(peers); i++)
		peer_start(&peers[i], serve_echo, NULL);
	cr_expect_eq(peer_run(with_pool, &test), 0);
	for (size_t i = 0; i < SL_COUNT_OF(peers); i++)
		peer_stop(&peers[i]);
}

/* ---- reuse ---- */

static int
use_again(void *arg)
{
	struct sl_pool *pool = arg;
	char peer[SL_ADDRESS_TEXT];
	struct sl_connection *first = take(pool, &peers[0], false);
	snprintf(peer, sizeof(peer), "127.0.0.1:%u", (unsigned)peers[0].port);
	cr_expect(strcmp(first->peer, peer) == 0, "%s", first->peer);
	cr_expect_not(first->reused);
	use(first);
	sl_pool_give(pool, first, true);
	cr_expect_eq(stats_of(pool).idle, 1);
	struct sl_connection *second = take(pool, &peers[0], false);
	cr_expect_eq(second, first);
	cr_expect(second->reused);
	use(second);
	sl_pool_give(pool, second, true);
	cr_expect_eq(stats_of(pool).dialled, 1);
	cr_expect_eq(stats_of(pool).reused, 1);
	return 0;
}

Test(net_pool, uses_an_idle_connection_again)
{
	run(use_again, roomy);
	cr_expect_eq(atomic_load(&peers[0].accepted), 1);
}

static int
newest_first(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *a = take(pool, &peers[0], false), *b = take(pool, &peers[0], false);
	cr_expect_neq(a, b);
	sl_pool_give(pool, a, true);
	sl_pool_give(pool, b, true);
	cr_expect_eq(take(pool, &peers[0], false), b);
	cr_expect_eq(take(pool, &peers[0], false), a);
	sl_pool_give(pool, a, true);
	sl_pool_give(pool, b, true);
	return 0;
}

Test(net_pool, prefers_the_most_recently_used)
{
	run(newest_first, roomy);
}

static int
hosts_apart(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *a = take(pool, &peers[0], false);
	sl_pool_give(pool, a, true);
	struct sl_connection *b = take(pool, &peers[1], false);
	cr_expect_neq(a, b);
	cr_expect_not(b->reused);
	sl_pool_give(pool, b, true);
	struct sl_pool_key key = pool_key(connector, false, "127.0.0.2", peers[0].port);
	struct sl_connection *c = NULL;
	cr_expect_eq(sl_pool_take(pool, &key, false, &c, NULL), -ECONNREFUSED);
	key = key_of(&peers[0]);
	key.tls = true;
	cr_expect_eq(sl_pool_take(pool, &key, false, &c, NULL), SL_E_UNSUPPORTED);
	cr_expect_eq(stats_of(pool).idle, 2);
	return 0;
}

Test(net_pool, keeps_hosts_ports_and_schemes_apart)
{
	run(hosts_apart, roomy);
}

static int
lanes_apart(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_pool_key key = key_of(&peers[0]);
	struct sl_connection *out = NULL;
	for (unsigned i = 0; i < 4; i++) {
		key.lane = i % 2;
		cr_assert_eq(sl_pool_take(pool, &key, false, &out, NULL), 0);
		cr_expect_eq(out->reused, i >= 2, "take %u", i);
		use(out);
		sl_pool_give(pool, out, true);
	}
	key.lane = 2; /* within the host's bound the oldest idle one makes room */
	for (unsigned i = 0; i < 3; i++, key.lane++) {
		cr_assert_eq(sl_pool_take(pool, &key, false, &out, NULL), 0);
		cr_expect_not(out->reused);
		sl_pool_give(pool, out, true);
	}
	cr_expect_eq(stats_of(pool).dialled, 5);
	cr_expect_eq(stats_of(pool).idle, roomy.per_host);
	return 0;
}

Test(net_pool, uses_an_idle_connection_again_only_in_its_lane)
{
	run(lanes_apart, roomy);
}

static int
routes_apart(void *arg)
{
	static const char *const routes[] = { "", "by proxy a", "by proxy b" };
	struct sl_pool *pool = arg;
	struct sl_pool_key key = key_of(&peers[0]);
	struct sl_connection *out = NULL;
	for (unsigned i = 0; i < 6; i++) {
		char route[32];
		snprintf(route, sizeof(route), "%s", routes[i % 3]);
		key.route = route; /* gone when the key is made again */
		cr_assert_eq(sl_pool_take(pool, &key, false, &out, NULL), 0);
		cr_expect_eq(out->reused, i >= 3, "take %u", i);
		use(out);
		sl_pool_give(pool, out, true);
	}
	cr_expect_eq(stats_of(pool).dialled, 3);
	return 0;
}

Test(net_pool, uses_an_idle_connection_again_only_on_its_route)
{
	run(routes_apart, roomy);
}

static int
not_reusable(void *arg)
{
	struct sl_pool *pool = arg;
	sl_pool_give(pool, take(pool, &peers[0], false), false);
	cr_expect_eq(stats_of(pool).idle, 0);
	sl_pool_give(pool, take(pool, &peers[0], false), true);
	sl_pool_give(pool, take(pool, &peers[0], true), true);
	cr_expect_eq(stats_of(pool).dialled, 3);
	cr_expect_eq(stats_of(pool).reused, 0);
	return 0;
}

Test(net_pool, reuses_neither_what_was_given_up_nor_when_asked_for_a_fresh_one)
{
	run(not_reusable, roomy);
}

static int
disturbed(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *a = take(pool, &peers[0], false), *b = take(pool, &peers[0], false);
	char byte;
	/* One that its server closes, one whose server sends more than was requested. */
	cr_assert_eq(sl_connection_send_all(a, "q", 1, SL_FOREVER, NULL), 0);
	cr_assert_eq(sl_connection_send_all(b, "xx", 2, SL_FOREVER, NULL), 0);
	cr_assert_eq(sl_connection_recv(b, &byte, 1, false, SL_FOREVER, NULL), 1);
	while (!sl_connection_is_disturbed(a) || !sl_connection_is_disturbed(b))
		cr_assert_eq(sl_yield(), 0);
	sl_pool_give(pool, a, true);
	sl_pool_give(pool, b, true);
	struct sl_connection *c = take(pool, &peers[0], false);
	cr_expect_not(c->reused);
	use(c);
	sl_pool_give(pool, c, true);
	cr_expect_eq(stats_of(pool).idle, 1);
	return 0;
}

Test(net_pool, closes_idle_connections_that_were_disturbed)
{
	run(disturbed, roomy);
	cr_expect_eq(atomic_load(&peers[0].accepted), 3);
}

static int
too_old(void *arg)
{
	struct sl_pool *pool = arg;
	sl_pool_give(pool, take(pool, &peers[0], false), true);
	cr_expect_eq(stats_of(pool).idle, 1);
	uint64_t given_ns = sl_now();
	while (sl_now() < given_ns + 1000)
		cr_assert_eq(sl_yield(), 0);
	sl_pool_give(pool, take(pool, &peers[1], false), true);
	cr_expect_eq(stats_of(pool).idle, 1, "an old one goes whatever host is asked for");
	return 0;
}

Test(net_pool, closes_idle_connections_that_are_too_old)
{
	struct sl_pool_options options = roomy;
	options.idle_ns = 1;
	run(too_old, options);
}

static int
never_idle(void *arg)
{
	struct sl_pool *pool = arg;
	sl_pool_give(pool, take(pool, &peers[0], false), true);
	cr_expect_eq(stats_of(pool).idle, 0);
	return 0;
}

Test(net_pool, keeps_nothing_if_idle_time_is_zero)
{
	struct sl_pool_options options = roomy;
	options.idle_ns = 0;
	run(never_idle, options);
}

/* ---- bounds ---- */

struct job {
	struct sl_pool *pool;
	unsigned index;
};

static int
work(void *arg)
{
	const struct job *job = arg;
	for (unsigned round = 0; round < 8; round++) {
		unsigned at = (job->index + round) % 2;
		bool reusable = (job->index + round) % 3 != 0;
		struct sl_connection *connection =
			take(job->pool, &peers[at], (job->index + round) % 5 == 0);
		struct sl_pool_stats stats = stats_of(job->pool);
		cr_expect_leq(stats.taken + stats.idle, 3);
		cr_expect_leq(stats.most_per_host, 2);
		use(connection);
		sl_pool_give(job->pool, connection, reusable);
	}
	return 0;
}

static int
crowd(void *arg)
{
	struct job jobs[6];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (unsigned i = 0; i < SL_COUNT_OF(jobs); i++) {
		jobs[i] = (struct job){ arg, i };
		cr_assert_eq(sl_group_spawn(&group, "job", work, &jobs[i], NULL), 0);
	}
	int code = sl_group_leave(&group);
	struct sl_pool_stats stats = stats_of(arg);
	cr_expect_eq(stats.dialled + stats.reused, 6 * 8);
	cr_expect_leq(stats.idle, 3);
	cr_expect_leq(stats.most_per_host, 2);
	return code;
}

Test(net_pool, serves_a_crowd_within_its_bounds)
{
	struct sl_pool_options options = roomy;
	options.per_host = 2;
	options.total = 3;
	run(crowd, options);
}

static int
take_and_give(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *connection = take(pool, &peers[0], false);
	bool reused = connection->reused;
	use(connection);
	sl_pool_give(pool, connection, true);
	return reused;
}

static int
handed_on(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *connection = take(pool, &peers[0], false);
	struct sl_group group;
	int result = -1;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "waits", take_and_give, pool, &result), 0);
	cr_assert_eq(sl_yield(), 0);
	cr_expect_eq(result, -1, "no connection is free");
	sl_pool_give(pool, connection, true);
	cr_expect_eq(sl_group_leave(&group), 0);
	cr_expect_eq(result, 1, "the idle one goes to the task that waited");
	return 0;
}

Test(net_pool, hands_a_connection_given_back_to_the_task_that_waits)
{
	struct sl_pool_options options = roomy;
	options.per_host = 1;
	run(handed_on, options);
	cr_expect_eq(atomic_load(&peers[0].accepted), 1);
}

static int
idle_ones_give_way(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *a = take(pool, &peers[0], false), *b = take(pool, &peers[0], false);
	use(a);
	use(b);
	sl_pool_give(pool, a, true);
	sl_pool_give(pool, b, true);
	struct sl_connection *c = take(pool, &peers[1], false);
	use(c);
	cr_expect_eq(stats_of(pool).idle, 1, "only as many as needed");
	cr_expect_eq(take(pool, &peers[0], false), b, "and the oldest");
	sl_pool_give(pool, b, true);
	sl_pool_give(pool, c, true);
	return 0;
}

Test(net_pool, closes_the_oldest_idle_connection_rather_than_let_a_task_wait)
{
	struct sl_pool_options options = roomy;
	options.total = 2;
	run(idle_ones_give_way, options);
}

static int
fresh_takes_the_place(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *a = take(pool, &peers[0], false);
	use(a);
	sl_pool_give(pool, a, true);
	struct sl_connection *b = take(pool, &peers[0], true);
	cr_expect_not(b->reused);
	cr_expect_eq(stats_of(pool).idle, 0);
	use(b);
	sl_pool_give(pool, b, true);
	return 0;
}

Test(net_pool, closes_an_idle_connection_to_make_room_for_a_fresh_one)
{
	struct sl_pool_options options = roomy;
	options.per_host = 1;
	run(fresh_takes_the_place, options);
}

/* ---- admission ---- */

/* How often `admit` was called, and what it returns. */
static struct {
	unsigned calls;
	int code;
} admission;

static int
count_admission(void *ctx, const struct sl_pool_key *key, struct sl_error *err)
{
	(void)ctx;
	(void)key;
	admission.calls++;
	return admission.code ? sl_fail_code(err, SL_PHASE_REQUEST, admission.code, "refused") : 0;
}

/* Else those that wait for a connection would all have been admitted long before they get one. */
static int
admit_last(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_pool_key key = key_of(&peers[0]);
	struct sl_connection *second = NULL;
	struct sl_deadline scope;
	admission.calls = 0;
	admission.code = 0;
	struct sl_connection *first = take(pool, &peers[0], false);
	cr_expect_eq(admission.calls, 1);
	sl_deadline_begin(&scope, sl_deadline_in(20 * SL_NS_PER_MS));
	cr_expect_eq(sl_pool_take(pool, &key, false, &second, NULL), -ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_expect_eq(admission.calls, 1, "not while it waits for a connection");
	sl_pool_give(pool, first, true);
	admission.code = -ECANCELED;
	cr_expect_eq(sl_pool_take(pool, &key, false, &second, NULL), -ECANCELED);
	admission.code = 0;
	first = take(pool, &peers[0], false);
	cr_expect_eq(admission.calls, 3);
	sl_pool_give(pool, first, true);
	return 0;
}

Test(net_pool, admits_only_what_may_have_a_connection)
{
	struct sl_pool_options options = roomy;
	options.per_host = 1;
	options.admit = count_admission;
	run(admit_last, options);
}

/* ---- waits and failures ---- */

static int
only_take(void *arg)
{
	struct sl_pool_key key = key_of(&peers[0]);
	struct sl_connection *connection = NULL;
	return sl_pool_take(arg, &key, false, &connection, NULL);
}

static int
cancelled(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *connection = take(pool, &peers[0], false);
	struct sl_group group;
	int result = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "waits", only_take, pool, &result), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	sl_pool_give(pool, connection, true);
	sl_pool_give(pool, take(pool, &peers[0], false), true);
	return 0;
}

static int
past_deadline(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *connection = take(pool, &peers[0], false);
	struct sl_pool_key key = key_of(&peers[0]);
	struct sl_connection *none = NULL;
	struct sl_error err = { 0 };
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(10 * SL_NS_PER_MS));
	cr_expect_eq(sl_pool_take(pool, &key, false, &none, &err), -ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_expect_str_eq(
		err.text, "cannot connect to '127.0.0.1': all connections are in use: timed out");
	sl_pool_give(pool, connection, true);
	sl_pool_give(pool, take(pool, &peers[0], false), true);
	return 0;
}

Test(net_pool, stops_waiting_for_a_connection_when_cancelled)
{
	struct sl_pool_options options = roomy;
	options.per_host = 1;
	run(cancelled, options);
	options = roomy;
	options.total = 1;
	run(cancelled, options);
}

Test(net_pool, stops_waiting_for_a_connection_at_a_deadline)
{
	struct sl_pool_options options = roomy;
	options.per_host = 1;
	run(past_deadline, options);
	options = roomy;
	options.total = 1;
	run(past_deadline, options);
}

static int
fails_often(void *arg)
{
	struct sl_pool_key key = pool_key(connector, false, "127.0.0.1", peer_unused_port());
	for (int i = 0; i < 20; i++) {
		struct sl_connection *connection = NULL;
		struct sl_error err = { 0 };
		cr_expect_eq(sl_pool_take(arg, &key, false, &connection, &err), -ECONNREFUSED);
		cr_expect_eq(err.phase, SL_PHASE_CONNECT);
	}
	key.host = "name..invalid";
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	cr_expect_eq(sl_pool_take(arg, &key, false, &connection, &err), SL_E_RESOLVE);
	cr_expect_eq(err.phase, SL_PHASE_RESOLVE);
	return 0;
}

Test(net_pool, gives_the_permit_of_a_failed_connection_back)
{
	struct sl_pool_options options = roomy;
	options.per_host = 1;
	options.total = 1;
	run(fails_often, options);
}

static int
give_while_cancelled(void *arg)
{
	struct sl_pool *pool = arg;
	struct sl_connection *a = take(pool, &peers[0], false), *b = take(pool, &peers[0], false);
	int code = sl_sleep(LONG_NS);
	sl_pool_give(pool, a, true);
	sl_pool_give(pool, b, false);
	return code;
}

static int
cancel_holder(void *arg)
{
	struct sl_group group;
	int result = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "holds", give_while_cancelled, arg, &result), 0);
	while (stats_of(arg).dialled < 2)
		cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	cr_expect_eq(stats_of(arg).idle, 1);
	return 0;
}

Test(net_pool, takes_connections_back_from_a_cancelled_task)
{
	run(cancel_holder, roomy);
}

/* ---- TLS ---- */

static void
serve_tls_echo(struct peer *peer, int fd)
{
	SSL *ssl = peer_tls_accept(peer->ctx, fd);
	char byte;
	while (ssl && SSL_read(ssl, &byte, 1) == 1)
		(void)SSL_write(ssl, &byte, 1);
	SSL_free(ssl);
}

static int
over_tls(void *arg)
{
	struct sl_pool *pool = NULL;
	struct sl_tls *tls = NULL;
	char path[128];
	snprintf(path, sizeof(path), "%s/ca.pem", (const char *)arg);
	cr_assert_eq(sl_pool_new(&pool, &roomy), 0);
	cr_assert_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, NULL), 0);
	connector = pool_connector(NULL);
	sl_connector_set_tls(connector, tls);
	struct sl_pool_key key = pool_key(connector, true, "127.0.0.1", peers[0].port);
	for (int i = 0; i < 3; i++) {
		struct sl_connection *connection = NULL;
		struct sl_error err = { 0 };
		cr_assert_eq(sl_pool_take(pool, &key, false, &connection, &err), 0, "%s", err.text);
		cr_expect(connection->tls);
		cr_expect_eq(connection->reused, i > 0);
		use(connection);
		sl_pool_give(pool, connection, true);
	}
	sl_pool_free(pool);
	sl_connector_free(connector);
	sl_tls_free(tls);
	return 0;
}

static int
one_tls_connection(void *arg)
{
	struct sl_pool_options options = roomy;
	struct sl_pool *pool = NULL;
	struct sl_tls *tls = NULL;
	char path[128];
	snprintf(path, sizeof(path), "%s/ca.pem", (const char *)arg);
	cr_assert_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, NULL), 0);
	connector = pool_connector(tls);
	options.tls_memory = 1;
	cr_assert_eq(sl_pool_new(&pool, &options), 0);
	struct sl_pool_key key = pool_key(connector, true, "localhost", peers[0].port);
	struct sl_connection *connection = NULL;
	cr_assert_eq(sl_pool_take(pool, &key, false, &connection, NULL), 0);
	use(connection);
	sl_pool_give(pool, connection, true);
	sl_pool_free(pool);
	sl_connector_free(connector);
	sl_tls_free(tls);
	return 0;
}

static void
run_tls(sl_task_fn *fn)
{
	const char *certs = peer_make_certs();
	SSL_CTX *context = peer_tls_context(certs, "server");
	char dir[64];
	snprintf(dir, sizeof(dir), "%s", certs);
	peer_start(&peers[0], serve_tls_echo, context);
	peer_start(&peers[1], serve_echo, NULL);
	cr_expect_eq(peer_run(fn, dir), 0);
	peer_stop(&peers[0]);
	peer_stop(&peers[1]);
	SSL_CTX_free(context);
	peer_remove_certs();
}

Test(net_pool, keeps_tls_connections_too)
{
	run_tls(over_tls);
	cr_expect_eq(atomic_load(&peers[0].accepted), 1);
}

struct tls_job {
	struct sl_pool *pool;
	const char *host;
	unsigned *open, *open_most;
};

static int
use_tls(void *arg)
{
	const struct tls_job *job = arg;
	struct sl_pool_key key = pool_key(connector, true, job->host, peers[0].port);
	for (int i = 0; i < 4; i++) {
		struct sl_connection *connection = NULL;
		struct sl_error err = { 0 };
		cr_assert_eq(
			sl_pool_take(job->pool, &key, i % 2, &connection, &err), 0, "%s", err.text);
		++*job->open;
		*job->open_most = SL_MAX(*job->open_most, *job->open);
		use(connection);
		--*job->open;
		sl_pool_give(job->pool, connection, true);
	}
	return 0;
}

/* Two hosts of TLS share the memory of two connections; plain ones take none of it. */
static int
tls_within_memory(void *arg)
{
	struct sl_pool_options options = roomy;
	struct sl_pool *pool = NULL;
	struct sl_tls *tls = NULL;
	struct tls_job jobs[6];
	struct sl_group group;
	unsigned open = 0, open_most = 0;
	char path[128];
	snprintf(path, sizeof(path), "%s/ca.pem", (const char *)arg);
	cr_assert_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, NULL), 0);
	connector = pool_connector(tls);
	options.tls_memory = 3 * SL_TLS_MEMORY - 1;
	cr_assert_eq(sl_pool_new(&pool, &options), 0);
	struct sl_connection *plain[3];
	for (size_t i = 0; i < SL_COUNT_OF(plain); i++)
		plain[i] = take(pool, &peers[1], false);
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (size_t i = 0; i < SL_COUNT_OF(jobs); i++) {
		jobs[i] = (struct tls_job){ pool, i % 2 ? "127.0.0.1" : "localhost", &open,
			&open_most };
		cr_assert_eq(sl_group_spawn(&group, "job", use_tls, &jobs[i], NULL), 0);
	}
	int code = sl_group_leave(&group);
	cr_expect_eq(open_most, 2);
	cr_expect_leq(stats_of(pool).idle, 2, "idle ones count");
	for (size_t i = 0; i < SL_COUNT_OF(plain); i++)
		sl_pool_give(pool, plain[i], true);
	sl_pool_free(pool);
	sl_connector_free(connector);
	sl_tls_free(tls);
	return code;
}

Test(net_pool, opens_as_many_tls_connections_as_their_memory_allows)
{
	run_tls(tls_within_memory);
}

Test(net_pool, opens_one_tls_connection_however_little_memory_there_is)
{
	run_tls(one_tls_connection);
}
