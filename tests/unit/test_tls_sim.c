/*
 * TLS connections and the pool on the simulator: the server is OpenSSL too, over memory, and every
 * receive may be short, late, cancelled or fail. A buffer that is received into and touched, a
 * descriptor or an operation left over end the test.
 */
#include "sluice/net/dial.h"
#include "sluice/net/pool.h"

#include "sluice/base/random.h"
#include "support/peer.h"
#include "support/pool_key.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS "127.0.0.1"
#define PORT 443
#define TUNNEL_PORT 444
#define LONG_NS (3600 * SL_NS_PER_S)
#define MOST ((size_t)100000) /* bytes of one exchange */

static const char *certs;
static SSL_CTX *context;
static char ca_path[128], ca[16384];
static size_t ca_len;

struct scene {
	struct sim *sim;
	struct sl_random random;
	struct sl_tls *tls;
	bool in_tunnel;
	unsigned char sent[MOST], got[MOST];
};

/* ---- the server ---- */

struct server_end {
	SSL *ssl, *tunnel; /* tunnel: below, or NULL */
	BIO *in, *out;
};

static SSL *
new_end(BIO *in, BIO *out)
{
	SSL *ssl = SSL_new(context);
	SSL_set_bio(ssl, in, out);
	SSL_set_accept_state(ssl);
	return ssl;
}

static struct server_end *
open_end(struct sim_peer *peer)
{
	struct server_end *end = calloc(1, sizeof(*end));
	end->in = BIO_new(BIO_s_mem());
	end->out = BIO_new(BIO_s_mem());
	end->ssl = new_end(end->in, end->out);
	sim_peer_set_data(peer, end);
	return end;
}

static void
on_open(struct sim_peer *peer, void *ctx)
{
	(void)ctx;
	open_end(peer);
}

/* The stream of the test is TLS within TLS. */
static void
on_open_tunnel(struct sim_peer *peer, void *ctx)
{
	struct server_end *end = open_end(peer);
	BIO *bio = BIO_new(BIO_f_ssl());
	(void)ctx;
	end->tunnel = end->ssl;
	BIO_set_ssl(bio, end->tunnel, BIO_NOCLOSE);
	end->ssl = new_end(bio, bio);
}

/* Returns what it gets; leaves its errors in the queue, as another task of the program might. */
static void
on_data(struct sim_peer *peer, void *ctx, const char *data, size_t len)
{
	struct server_end *end = sim_peer_data(peer);
	char piece[20000];
	int got;
	(void)ctx;
	ERR_clear_error(); /* which the BIO of a tunnel looks at */
	cr_assert_eq(BIO_write(end->in, data, (int)len), (int)len);
	while ((got = SSL_read(end->ssl, piece, sizeof(piece))) > 0)
		(void)SSL_write(end->ssl, piece, got);
	while ((got = BIO_read(end->out, piece, sizeof(piece))) > 0)
		sim_peer_send_copy(peer, piece, (size_t)got);
	ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

static void
on_close(struct sim_peer *peer, void *ctx)
{
	struct server_end *end = sim_peer_data(peer);
	(void)ctx;
	SSL_free(end->ssl);
	SSL_free(end->tunnel);
	free(end);
}

static const struct sim_server_methods echo = { on_open, on_data, on_close };
static const struct sim_server server = { .address = ADDRESS, .port = PORT, .methods = &echo };

static const struct sim_server_methods tunnel_echo = { on_open_tunnel, on_data, on_close };
static const struct sim_server tunnel = {
	.address = ADDRESS, .port = TUNNEL_PORT, .methods = &tunnel_echo
};

/* ---- the client ---- */

static int
open_connection(struct scene *scene, struct sl_connection **out, struct sl_error *err)
{
	struct sl_addresses addresses = { .count = 1 };
	struct sl_dialler dialler = { 0 };
	size_t index;
	uint16_t port = scene->in_tunnel ? TUNNEL_PORT : PORT;
	cr_assert(sl_address_parse(&addresses.list[0], ADDRESS, port));
	int fd = sl_dial(&dialler, &addresses, "localhost", sl_deadline_in(LONG_NS), &index, err);
	struct sl_connection *plain = NULL;
	if (fd < 0)
		return fd;
	int code = sl_connection_open_plain(fd, &plain);
	if (code < 0)
		return code;
	struct sl_connection *below = plain;
	if (scene->in_tunnel)
		code = sl_tls_connect(
			scene->tls, plain, "sluice.test", TUNNEL_PORT, SL_FOREVER, &below, err);
	if (code < 0)
		return code;
	return sl_tls_connect(scene->tls, below, "localhost", PORT, SL_FOREVER, out, err);
}

/* All of len bytes, under deadlines that often come first. */
static int
receive_all(struct scene *scene, struct sl_connection *connection, size_t len, struct sl_error *err)
{
	size_t done = 0;
	while (done < len) {
		size_t ask = 1 + (size_t)sl_random_below(&scene->random, len - done);
		uint64_t patience_ns = sl_random_below(&scene->random, 30 * SL_NS_PER_MS);
		bool whole = sl_random_below(&scene->random, 2) == 1;
		int code = sl_connection_recv(connection, scene->got + done, ask, whole,
			sl_deadline_in(patience_ns), err);
		/* Both may come in the same moment: the deadline's word is heard first then. */
		if (code == -ETIMEDOUT && sl_task_cancelled())
			return sl_task_cancelled();
		if (code == -ETIMEDOUT)
			continue;
		if (code <= 0)
			return code < 0 ? code : -ECONNRESET;
		sim_check(scene->sim, (size_t)code <= ask, "more than asked: %d", code);
		done += (size_t)code;
	}
	return 0;
}

static int
exchange(struct scene *scene, struct sl_connection *connection, struct sl_error *err)
{
	size_t len = 1 + (size_t)sl_random_below(&scene->random, MOST);
	for (size_t i = 0; i < len; i++)
		scene->sent[i] = (unsigned char)sl_random_next(&scene->random);
	int code = sl_connection_send_all(connection, scene->sent, len, SL_FOREVER, err);
	if (code == 0)
		code = receive_all(scene, connection, len, err);
	if (code == 0)
		sim_check(scene->sim, memcmp(scene->sent, scene->got, len) == 0, "other bytes");
	return code;
}

static int
converse(void *arg)
{
	struct scene *scene = arg;
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	int code = open_connection(scene, &connection, &err);
	for (int round = 0; code == 0 && round < 3; round++)
		code = exchange(scene, connection, &err);
	/* The last operation of all may be the one that is made to fail, or during which the task
	 * is cancelled: then every connection counts as disturbed. */
	if (code == 0)
		sim_check(scene->sim,
			!sl_connection_is_disturbed(connection) || sim_faults(scene->sim) > 0 ||
				sl_task_cancelled(),
			"bytes left over");
	sl_connection_close(connection);
	return code;
}

static int
set_up_tls(struct scene *scene)
{
	struct sl_error err = { 0 };
	int code = sl_tls_new(&scene->tls, &(struct sl_tls_options){ .cacert = ca_path }, &err);
	sim_check(scene->sim, code == 0 || sim_faults(scene->sim) > 0, "%s", err.text);
	return code;
}

static int
converse_undisturbed(void *arg)
{
	struct scene *scene = arg;
	int code = set_up_tls(scene);
	code = code ? code : converse(scene);
	sl_tls_free(scene->tls);
	return code;
}

static int
converse_in_tunnel(void *arg)
{
	struct scene *scene = arg;
	scene->in_tunnel = true;
	return converse_undisturbed(scene);
}

static int
converse_until_cancelled(void *arg)
{
	struct scene *scene = arg;
	struct sl_group group;
	int result = 0, code = set_up_tls(scene);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "converse", converse, scene, &result), 0);
	code = code ? code : sl_sleep(sl_random_below(&scene->random, 400 * SL_NS_PER_MS));
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	sim_check(scene->sim, result == 0 || result == -ECANCELED, "ended with %d", result);
	sl_tls_free(scene->tls);
	return code;
}

static int
converse_in_tunnel_until_cancelled(void *arg)
{
	struct scene *scene = arg;
	scene->in_tunnel = true;
	return converse_until_cancelled(scene);
}

static void
play(struct sim *sim, sl_task_fn *fn, int *result)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	scene->sim = sim;
	sl_random_init(&scene->random, sim_seed(sim));
	sim_listen(sim, &server);
	sim_listen(sim, &tunnel);
	sim_put_file(sim, ca_path, ca, ca_len, 0644);
	*result = sim_run(sim, fn, scene);
	free(scene);
}

static void
play_all(unsigned count, sl_task_fn *fn)
{
	struct sim_seeds seeds = sim_seeds(count);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim *sim = sim_plain(seed);
		int result;
		play(sim, fn, &result);
		sim_check(sim, result == 0, "the scene ended with %d", result);
		sim_free(sim);
	}
}

static void
make_context(void)
{
	certs = peer_make_certs();
	context = peer_tls_context(certs, "server");
	snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", certs);
	FILE *file = fopen(ca_path, "r");
	cr_assert(file);
	ca_len = fread(ca, 1, sizeof(ca), file);
	cr_assert(ca_len > 0 && ca_len < sizeof(ca) && fclose(file) == 0);
}

static void
drop_context(void)
{
	SSL_CTX_free(context);
	peer_remove_certs();
}

TestSuite(net_tls_sim, .init = make_context, .fini = drop_context);

Test(net_tls_sim, carries_bytes_unchanged_however_they_come)
{
	play_all(60, converse_undisturbed);
}

Test(net_tls_sim, carries_bytes_unchanged_in_a_tunnel_of_tls)
{
	play_all(30, converse_in_tunnel);
}

Test(net_tls_sim, ends_a_tunnel_of_tls_cleanly_whenever_it_is_cancelled)
{
	play_all(40, converse_in_tunnel_until_cancelled);
}

Test(net_tls_sim, ends_cleanly_whenever_it_is_cancelled)
{
	play_all(80, converse_until_cancelled);
}

/* Each of the first, which are the handshake's, then ever fewer: there are thousands. */
static void
fail_each(sl_task_fn *fn)
{
	for (uint64_t nth = 1;; nth += 1 + nth / 15) {
		struct sim *sim = sim_plain(1);
		int result;
		sim_fail_nth(sim, nth, 0, 0);
		play(sim, fn, &result);
		bool failed = sim_faults(sim) > 0;
		sim_check(sim, result <= 0 && (failed || result == 0), "%llu-th: %d",
			(unsigned long long)nth, result);
		sim_free(sim);
		if (!failed)
			break;
	}
}

Test(net_tls_sim, ends_cleanly_whichever_operation_fails)
{
	fail_each(converse_undisturbed);
}

Test(net_tls_sim, ends_a_tunnel_of_tls_cleanly_whichever_operation_fails)
{
	fail_each(converse_in_tunnel);
}

/* ---- the pool over it ---- */

static int
ask_once(struct scene *scene, struct sl_pool *pool, struct sl_connector *connector)
{
	struct sl_pool_key key = pool_key(connector, true, ADDRESS, PORT);
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	int code = sl_pool_take(pool, &key, false, &connection, &err);
	if (code < 0) {
		sim_check(scene->sim, err.code == code && err.text[0] && err.phase, "%d", code);
		return code;
	}
	code = exchange(scene, connection, &err);
	sl_pool_give(pool, connection, code == 0);
	return code;
}

static int
ask_thrice(void *arg)
{
	struct scene *scene = arg;
	struct sl_pool *pool = NULL;
	struct sl_pool_stats stats;
	int code = set_up_tls(scene);
	if (code)
		return code;
	cr_assert_eq(sl_pool_new(&pool, &(struct sl_pool_options){ .per_host = 1,
						.total = 1,
						.connect_timeout_ns = LONG_NS,
						.idle_ns = 60 * SL_NS_PER_S }),
		0);
	struct sl_connector *connector = pool_connector(scene->tls);
	for (int i = 0; i < 3; i++)
		code = ask_once(scene, pool, connector);
	sl_pool_stats(pool, &stats);
	sim_check(
		scene->sim, stats.taken == 0 && stats.idle <= 1, "%u %u", stats.taken, stats.idle);
	sim_check(scene->sim, sim_faults(scene->sim) > 0 || stats.reused == 2, "reused %d",
		(int)stats.reused);
	if (code == 0) {
		cr_expect_eq(sl_sleep(61 * SL_NS_PER_S), 0);
		code = ask_once(scene, pool, connector);
		sl_pool_stats(pool, &stats);
		sim_check(scene->sim, sim_faults(scene->sim) > 0 || stats.dialled == 2,
			"dialled %d", (int)stats.dialled);
	}
	sl_pool_free(pool);
	sl_connector_free(connector);
	sl_tls_free(scene->tls);
	return code;
}

Test(net_tls_sim, reuses_a_connection_until_it_is_too_old)
{
	play_all(10, ask_thrice);
}

Test(net_tls_sim, gives_places_back_whichever_operation_fails)
{
	for (uint64_t nth = 1;; nth++) {
		struct sim *sim = sim_plain(2);
		int result;
		sim_fail_nth(sim, nth, 0, 0);
		play(sim, ask_thrice, &result);
		bool failed = sim_faults(sim) > 0;
		sim_free(sim);
		if (!failed)
			break;
	}
}
