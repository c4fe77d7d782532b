/*
 * scan_urls.c - URLs as inputs of a scan: the client of the run, and of each URL a reader that
 * receives ahead of the scan (download/url_reader.h).
 *
 * The scan reads a few streams side by side, so few URLs are requested at a time, and what waits of
 * them is bounded. A server that is faster than the scan waits in its socket.
 */
#include "sluice/cli/scan_urls.h"

#include "sluice/base/redact.h"
#include "sluice/cli/run_client.h"
#include "sluice/net/tls.h"
#include "sluice/scan/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define PIECE (64 * SL_KIB) /* bytes that are passed on at a time: four TLS records */
#define AHEAD 2u            /* pieces that wait */
#define IN_USE 2u           /* one that is being filled, one that is being scanned */

/* For windows of HTTP/2: what the client takes by itself, and at most an eighth of --max-memory, as
 * in get. */
#define WINDOWS (SL_SCAN_STREAMS * 256 * SL_KIB)
#define WINDOWS_SHARE 8u

struct sl_scan_url {
	struct sl_scan_urls *all;
	const char *url; /* NULL = the argument is a file */
	char *name;
	struct sl_input_remote remote;
	struct sl_url_reader *reader; /* NULL before the first read, and once it is closed */
	struct sl_span left;          /* of its last piece */
};

/* ---- for the scan ---- */

static int
open_reader(struct sl_scan_url *url, struct sl_error *err)
{
	struct sl_scan_urls *all = url->all;
	const struct sl_url_reader_options options = { .client = all->client,
		.retry = &all->retry,
		.group = &all->group,
		.piece = PIECE,
		.ahead = AHEAD,
		.compressed = all->options->compressed,
		.most = UINT64_MAX };
	return sl_url_reader_new(&url->reader, url->url, &options, err);
}

SL_SUSPENDS
static int
read_url(void *ctx, unsigned char *data, size_t len, uint64_t deadline_ns, struct sl_error *err)
{
	struct sl_scan_url *url = ctx;
	int code = url->reader ? 1 : open_reader(url, err);
	if (code >= 0 && url->left.len == 0)
		code = sl_url_reader_read(url->reader, &url->left, deadline_ns, err);
	if (code <= 0)
		return code;
	size_t some = SL_MIN(len, url->left.len);
	memcpy(data, url->left.data, some);
	url->left = sl_span(url->left.data + some, url->left.len - some);
	return (int)some;
}

static void
close_url(void *ctx)
{
	struct sl_scan_url *url = ctx;
	sl_url_reader_free(url->reader);
	url->reader = NULL;
	url->left = (struct sl_span){ 0 };
}

/* ---- before and after ---- */

static int
init_url(struct sl_scan_urls *urls, size_t i, const char **names,
	const struct sl_input_remote **remotes)
{
	struct sl_scan_url *url = &urls->items[i];
	const char *argument = urls->options->inputs.items[i];
	struct sl_buf name = { 0 };
	names[i] = argument;
	if (!sl_url_reader_takes(argument))
		return 0;
	sl_redact(&name, sl_span_str(argument));
	url->name = sl_buf_detach(&name);
	if (!url->name)
		return -ENOMEM;
	url->all = urls;
	url->url = argument;
	url->remote = (struct sl_input_remote){ .ctx = url, .read = read_url, .close = close_url };
	names[i] = url->name;
	remotes[i] = &url->remote;
	urls->has_https = urls->has_https || strncasecmp(argument, "https", 5) == 0;
	return 0;
}

/* Redirects may lead to https; and TLS to a proxy comes on top of that to the origin. */
static uint64_t
memory_of(uint64_t streams, const struct sl_proxies *proxies)
{
	unsigned layers = sl_proxies_nest_tls(proxies) ? 2 : 1;
	return streams * ((AHEAD + IN_USE) * PIECE + layers * SL_TLS_MEMORY);
}

static uint64_t
window_memory_of(const struct sl_scan_options *options)
{
	uint64_t share = options->max_memory / WINDOWS_SHARE;
	return options->network.connect.http1 ? 0 : SL_MIN(WINDOWS, share);
}

static int
init_credentials(struct sl_scan_urls *urls, struct sl_error *err)
{
	const struct sl_auth_options *options = &urls->options->network.auth;
	int code = sl_run_credentials_init(&urls->credentials, options, getenv, err);
	for (size_t i = 0; i < urls->count && !code; i++)
		if (urls->items[i].url)
			code = sl_run_credentials_add(&urls->credentials, urls->items[i].url);
	return code;
}

static int
init_items(struct sl_scan_urls *urls, const struct sl_scan_options *options,
	const struct sl_proxies *proxies)
{
	const struct sl_words *inputs = &options->inputs;
	const struct sl_network_options *network = &options->network;
	size_t found = 0;
	*urls = (struct sl_scan_urls){
		.options = options, .proxies = proxies, .count = inputs->count
	};
	for (size_t i = 0; i < inputs->count; i++)
		found += sl_url_reader_takes(inputs->items[i]);
	if (found == 0)
		return 0;
	const char **names = calloc(inputs->count, sizeof(*names));
	const struct sl_input_remote **remotes = calloc(inputs->count, sizeof(*remotes));
	urls->names = names;
	urls->remotes = remotes;
	urls->items = calloc(inputs->count, sizeof(*urls->items));
	if (!names || !remotes || !urls->items)
		return -ENOMEM;
	if (sl_request_fields_init(&urls->fields, &network->headers, network->referer) != 0)
		return -ENOMEM;
	urls->window_memory = window_memory_of(options);
	urls->memory =
		urls->window_memory + memory_of(SL_MIN(found, (size_t)SL_SCAN_STREAMS), proxies);
	for (size_t i = 0; i < inputs->count; i++)
		if (init_url(urls, i, names, remotes) != 0)
			return -ENOMEM;
	return 0;
}

int
sl_scan_urls_init(struct sl_scan_urls *urls, const struct sl_scan_options *options,
	const struct sl_proxies *proxies, struct sl_error *err)
{
	int code = init_items(urls, options, proxies);
	if (!code && urls->items)
		code = init_credentials(urls, err);
	return code ? sl_fail_code(err, SL_PHASE_NONE, code, "cannot scan") : 0;
}

int
sl_scan_urls_begin(struct sl_scan_urls *urls, struct sl_error *err)
{
	const struct sl_scan_options *options = urls->options;
	if (!urls->items)
		return 0;
	urls->retry = sl_run_retry_policy(&options->network);
	struct sl_http_client_options wanted = sl_run_client_options(
		&options->network, urls->proxies, &urls->fields, &urls->credentials);
	wanted.per_host = wanted.total = SL_SCAN_STREAMS;
	wanted.window_memory = urls->window_memory;
	wanted.want_tls = urls->has_https;
	int code = sl_http_client_new(&urls->client, &wanted, err);
	if (code)
		return code;
	sl_group_enter(&urls->group, SL_GROUP_COLLECT);
	urls->is_open = true;
	return 0;
}

void
sl_scan_urls_end(struct sl_scan_urls *urls)
{
	if (!urls->is_open)
		return;
	urls->is_open = false;
	sl_group_cancel(&urls->group, -ECANCELED);
	sl_group_leave(&urls->group);
	sl_http_client_free(urls->client);
	urls->client = NULL;
}

void
sl_scan_urls_release(struct sl_scan_urls *urls)
{
	for (size_t i = 0; urls->items && i < urls->count; i++)
		free(urls->items[i].name);
	sl_run_credentials_release(&urls->credentials);
	free(urls->items);
	free((void *)(uintptr_t)urls->names);
	free((void *)(uintptr_t)urls->remotes);
	sl_request_fields_release(&urls->fields);
	*urls = (struct sl_scan_urls){ 0 };
}
