/*
 * What OpenSSL allocates for a connection, counted for each thread: the client's side runs on the
 * test's own, the server's on others.
 */
#include "sluice/net/pool.h"

#include "sluice/net/dial.h"
#include "support/peer.h"
#include "support/pool_key.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define LONG_NS (60 * SL_NS_PER_S)
#define MUCH 200000
#define IDLE_MEMORY (SL_TLS_MEMORY / 3)

static _Thread_local size_t held;
static int counting;

static void *
counting_malloc(size_t size, const char *file, int line)
{
	void *memory = malloc(size);
	(void)file;
	(void)line;
	held += malloc_usable_size(memory);
	return memory;
}

static void
counting_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	held -= malloc_usable_size(memory);
	free(memory);
}

static void *
counting_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	held -= malloc_usable_size(memory);
	memory = realloc(memory, size);
	held += malloc_usable_size(memory);
	return memory;
}

/* OpenSSL accepts them before its first allocation only, and libraries of the test's make one. */
static void
count_allocations(void)
{
	counting = CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free);
}

__attribute__((section(".preinit_array"), used)) static void (*const at_start)(
	void) = count_allocations;

static void
serve_echo(struct peer *peer, int fd)
{
	SSL *ssl = peer_tls_accept(peer->ctx, fd);
	static char data[MUCH];
	int got;
	while (ssl && (got = SSL_read(ssl, data, sizeof(data))) > 0)
		if (SSL_write(ssl, data, got) != got)
			break;
	SSL_free(ssl);
}

static struct sl_connection *
connect_to(struct sl_tls *tls, const struct peer *peer)
{
	struct sl_dialler dialler = { 0 };
	struct sl_addresses addresses = { .count = 1, .list = { peer_address(peer) } };
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	size_t index;
	int fd = sl_dial(&dialler, &addresses, "localhost", sl_deadline_in(LONG_NS), &index, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	struct sl_connection *plain = NULL;
	cr_assert_eq(sl_connection_open_plain(fd, &plain), 0);
	cr_assert_eq(sl_tls_connect(tls, plain, "localhost", peer->port, sl_deadline_in(LONG_NS),
			     &connection, &err),
		0, "%s", err.text);
	return connection;
}

/* There and back. */
static void
exchange(struct sl_connection *connection, size_t len)
{
	static char data[MUCH];
	size_t done = 0;
	cr_assert_eq(sl_connection_send_all(connection, data, len, SL_FOREVER, NULL), 0);
	while (done < len) {
		int got = sl_connection_recv(connection, data, len - done, true, SL_FOREVER, NULL);
		cr_assert_gt(got, 0);
		done += (size_t)got;
	}
}

struct scene {
	struct peer peer;
	char cacert[128];
};

static int
measure(void *arg)
{
	struct scene *scene = arg;
	struct sl_tls *tls = NULL;
	char byte;
	cr_assert_eq(
		sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = scene->cacert }, NULL), 0);
	/* The first connection fills caches of OpenSSL's that later ones share. */
	sl_connection_close(connect_to(tls, &scene->peer));
	size_t before = held;
	struct sl_connection *connection = connect_to(tls, &scene->peer);
	exchange(connection, MUCH);
	cr_expect_eq(sl_connection_recv(
			     connection, &byte, 1, false, sl_deadline_in(20 * SL_NS_PER_MS), NULL),
		-ETIMEDOUT);
	size_t busy = held - before;
	sl_connection_release_memory(connection);
	size_t idle = held - before;
	cr_expect_leq(busy, SL_TLS_MEMORY, "%zu", busy);
	cr_expect_gt(2 * busy, SL_TLS_MEMORY, "the estimate is far too high: %zu", busy);
	cr_expect_leq(idle, IDLE_MEMORY, "%zu", idle);
	/* It works as before, also if it is released over and over. */
	for (int i = 0; i < 3; i++) {
		cr_expect_not(sl_connection_is_disturbed(connection));
		exchange(connection, 10);
		sl_connection_release_memory(connection);
		cr_expect_leq(held - before, idle);
	}
	sl_connection_close(connection);
	sl_tls_free(tls);
	return 0;
}

static int
measure_pool(void *arg)
{
	struct scene *scene = arg;
	struct sl_pool_options options = {
		.per_host = 1, .total = 1, .connect_timeout_ns = LONG_NS, .idle_ns = LONG_NS
	};
	struct sl_connection *connection = NULL;
	struct sl_pool *pool = NULL;
	struct sl_tls *tls = NULL;
	cr_assert_eq(
		sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = scene->cacert }, NULL), 0);
	struct sl_connector *connector = pool_connector(tls);
	struct sl_pool_key key = pool_key(connector, true, "localhost", scene->peer.port);
	cr_assert_eq(sl_pool_new(&pool, &options), 0);
	cr_assert_eq(sl_pool_take(pool, &key, false, &connection, NULL), 0);
	sl_pool_give(pool, connection, false);
	size_t before = held;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(sl_pool_take(pool, &key, false, &connection, NULL), 0);
		cr_expect_eq(connection->reused, i > 0);
		exchange(connection, MUCH);
		sl_pool_give(pool, connection, true);
		cr_expect_leq(held - before, IDLE_MEMORY, "%zu", held - before);
	}
	sl_pool_free(pool);
	sl_connector_free(connector);
	sl_tls_free(tls);
	return 0;
}

static void
run(sl_task_fn *fn)
{
	struct scene scene;
	const char *certs = peer_make_certs();
	SSL_CTX *context = peer_tls_context(certs, "chained");
	cr_assert(counting);
	snprintf(scene.cacert, sizeof(scene.cacert), "%s/ca.pem", certs);
	peer_start(&scene.peer, serve_echo, context);
	cr_expect_eq(peer_run(fn, &scene), 0);
	peer_stop(&scene.peer);
	SSL_CTX_free(context);
	peer_remove_certs();
}

Test(net_tls_memory, is_bounded_and_can_be_given_back)
{
	run(measure);
}

Test(net_tls_memory, is_given_back_while_idle_in_the_pool)
{
	run(measure_pool);
}
