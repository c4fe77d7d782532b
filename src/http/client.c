/*
 * The client: the connections, limits, credentials and cookies of its requests (chain.c), made
 * before the first of them. TLS is set up when it is needed first, as its certificates take a while
 * to load.
 */
#include "client_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/http/cookie_file.h"
#include "sluice/net/dial.h"
#include "sluice/net/tls.h"

#include <errno.h>
#include <stdlib.h>

/* Of limit_rate, what may be saved up while no connection receives, and then be received at
 * once. */
#define LIMIT_DEPTH_NS (100 * SL_NS_PER_MS)

/*
 * By default a socket buffers 64 KiB before a byte is read. At a rate below that, servers would
 * send many seconds' worth at once, and then see no progress for so long that they close the
 * connection. So the buffer is made as large as what comes in a second, and at least a few packets.
 */
#define LIMIT_DEFAULT_BUFFER (64 * SL_KIB)
#define LIMIT_BUFFER_MIN (4 * SL_KIB)

/* Of a stream of HTTP/2: at least a frame. */
#define H2_WINDOW_MIN (16 * SL_KIB)

/* For each stream, where the user has set no limit. */
#define H2_MEMORY (256 * SL_KIB)

/* ---- TLS ---- */

/*
 * Certificates of proxies are verified as those of servers. But --cert is not for them, --insecure
 * and --pinnedpubkey are about the servers whose files are wanted.
 */
SL_SUSPENDS
static int
load_proxy_tls(struct sl_http_client *client, struct sl_error *err)
{
	const struct sl_tls_options *options = &client->options.tls;
	const struct sl_tls_options wanted = {
		.cacert = options->cacert,
		.capath = options->capath,
		.least = options->least,
		.timeout_ns = options->timeout_ns
	};
	struct sl_tls *tls = client->tls;
	if (options->cert || options->pinnedpubkey || options->insecure) {
		int code = sl_tls_new(&client->proxy_tls, &wanted, err);
		if (code < 0) {
			client->proxy_tls = NULL;
			return code;
		}
		tls = client->proxy_tls;
	}
	sl_route_set_proxy_tls(&client->connections.route, tls);
	return 0;
}

/* Both or none. */
SL_SUSPENDS
static int
load_all_tls(struct sl_http_client *client, struct sl_error *err)
{
	int code = sl_tls_new(&client->tls, &client->options.tls, err);
	if (code == 0 && sl_proxies_have_tls(client->options.proxies)) {
		code = load_proxy_tls(client, err);
		if (code < 0)
			sl_tls_free(client->tls);
	}
	if (code < 0)
		client->tls = NULL;
	else
		sl_connector_set_tls(client->connections.connector, client->tls);
	return code;
}

int
sl_http_client_load_tls(struct sl_http_client *client, struct sl_error *err)
{
	int code = sl_semaphore_take(&client->tls_lock, SL_FOREVER);
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_TLS, code, "cannot set up TLS");
	if (!client->tls)
		code = load_all_tls(client, err);
	sl_semaphore_give(&client->tls_lock);
	return code;
}

/* Of no use without a proxy. */
static void
warn_about_list(const struct sl_proxies *proxies)
{
	bool has_proxy = proxies && (proxies->http.is_set || proxies->https.is_set);
	if (has_proxy && proxies->noproxy_error.code)
		sl_log_warn("%s", proxies->noproxy_error.text);
}

/* The bucket is empty at first: what is saved up until the first body is little in any case. */
static void
init_limits(struct sl_http_client *client)
{
	uint64_t rate = client->options.limit_rate;
	uint64_t depth = rate / (SL_NS_PER_S / LIMIT_DEPTH_NS);
	if (rate > 0)
		sl_limiter_init(
			&client->limiter, "rate limit", rate, SL_MIN(depth, SL_TOKEN_COUNT_MAX), 0);
	sl_host_limits_init(&client->host_limits, client->options.max_rps_milli);
}

/* Of each connection; 0 = as the kernel adapts it. */
static int
receive_buffer(uint64_t limit_rate)
{
	if (limit_rate == 0 || limit_rate >= LIMIT_DEFAULT_BUFFER)
		return 0;
	return sl_int(SL_MAX(limit_rate, LIMIT_BUFFER_MIN));
}

/* Three quarters for as many streams as there are usually, the rest for large bodies. With a limit
 * of the rate, no server sends more than a second's worth ahead. */
static struct sl_h2_windows
windows(const struct sl_http_client_options *options)
{
	uint64_t count = options->streams ? options->streams : options->total;
	uint64_t memory = options->window_memory ? options->window_memory : count * H2_MEMORY;
	uint64_t initial = SL_MIN(memory / 4 * 3 / count, SL_H2_WINDOW_MAX);
	if (options->limit_rate > 0)
		initial = SL_MIN(initial, options->limit_rate);
	initial = SL_MAX(initial, H2_WINDOW_MIN);
	uint64_t left = memory - SL_MIN(initial * count, memory);
	return (struct sl_h2_windows){ .initial = (uint32_t)initial,
		.left = options->limit_rate > 0 ? 0 : left };
}

SL_SUSPENDS
static int
admit(void *ctx, const struct sl_pool_key *key, struct sl_error *err)
{
	return sl_host_limits_take(ctx, key->host, key->taker, err);
}

static int
set_up_connections(struct sl_http_client *client)
{
	const struct sl_http_client_options *options = &client->options;
	struct sl_connections *connections = &client->connections;
	const struct sl_connections_options wanted = {
		.connector = { .receive_buffer = receive_buffer(options->limit_rate),
			.reach = options->reach },
		.pool = { .per_host = options->per_host,
			.total = options->total,
			.tls_memory = options->tls_memory /
				      (sl_proxies_nest_tls(options->proxies) ? 2 : 1),
			.connect_timeout_ns = options->connect_timeout_ns,
			.idle_ns = SL_CLIENT_IDLE_NS,
			.idle_max = SL_MAX(SL_CLIENT_IDLE_MAX, options->per_host),
			.admit = options->max_rps_milli ? admit : NULL,
			.admit_ctx = &client->host_limits },
		.proxies = options->proxies,
		.user_agent = options->user_agent,
		.proxy_timeout_ns = options->proxy_timeout_ns,
		.http1 = options->http1,
		.windows = windows(options)
	};
	connections->stall_timeout_ns = options->stall_timeout_ns;
	connections->head_timeout_ns = options->head_timeout_ns;
	connections->is_limited = options->limit_rate > 0;
	return sl_connections_init(connections, &wanted);
}

int
sl_http_client_new(struct sl_http_client **out, const struct sl_http_client_options *options,
	struct sl_error *err)
{
	struct sl_http_client *client = calloc(1, sizeof(*client));
	if (!client)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot set up HTTP");
	client->options = *options;
	if (!client->options.user_agent)
		client->options.user_agent = "sluice/" SL_VERSION;
	if (options->reach.socket)
		client->options.proxies = NULL; /* it stands for the origin, not for a proxy */
	sl_semaphore_init(&client->tls_lock, "TLS setup", 1);
	warn_about_list(client->options.proxies);
	init_limits(client);
	int code = set_up_connections(client);
	if (code < 0)
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot set up HTTP");
	else if (options->reach.from && !options->reach.socket)
		code = sl_dial_check(options->reach.from, err);
	if (code == 0)
		code = sl_credentials_new(
			&client->authorizer.credentials, &options->credentials, err);
	if (code == 0 && options->cookie_file)
		code = sl_cookie_file_load(
			&client->cookies, options->cookie_file, sl_clock_wall_s(), err);
	if (code == 0 && options->want_tls)
		code = sl_http_client_load_tls(client, err);
	if (code < 0) {
		sl_http_client_free(client);
		return code;
	}
	*out = client;
	return 0;
}

void
sl_http_client_free(struct sl_http_client *client)
{
	if (!client)
		return;
	sl_assert(client->exchanges == 0);
	sl_connections_release(&client->connections);
	sl_host_limits_release(&client->host_limits);
	sl_authorizer_release(&client->authorizer);
	sl_cookie_jar_release(&client->cookies);
	sl_tls_free(client->proxy_tls);
	sl_tls_free(client->tls);
	free(client);
}
