/*
 * scan_urls.h - the inputs of `sluice scan` that are URLs: arguments that begin with http:// or
 * https://. Each is requested when the scan comes to it, and read as a stream; nothing is stored.
 */
#ifndef SLUICE_CLI_SCAN_URLS_H
#define SLUICE_CLI_SCAN_URLS_H

#include "sluice/cli/request_fields.h"
#include "sluice/cli/run_credentials.h"
#include "sluice/download/url_reader.h"
#include "sluice/scan/source.h"

struct sl_scan_url; /* one of them */

/* {0} = there is none. Readable: the first group. */
struct sl_scan_urls {
	/* For each argument: what it is called in results and messages, without secrets; and how it
	 * is read, NULL for a file. */
	const char *const *names;
	const struct sl_input_remote *const *remotes;
	uint64_t memory;        /* that reading them takes */
	uint64_t window_memory; /* of it, for windows of HTTP/2 */

	const struct sl_scan_options *options;
	const struct sl_proxies *proxies;
	struct sl_request_fields fields;
	struct sl_scan_url *items; /* one for each argument */
	size_t count;
	bool has_https;
	struct sl_run_credentials credentials;
	struct sl_retry_policy retry;
	struct sl_http_client *client;
	struct sl_group group;
	bool is_open;
};

/* Not in a task. Both are borrowed. Without URLs it stays as it is. Asks for a password if --user
 * has none. Returns 0; -ENOMEM; what sl_run_credentials_init returns. */
int sl_scan_urls_init(struct sl_scan_urls *urls, const struct sl_scan_options *options,
	const struct sl_proxies *proxies, struct sl_error *err) SL_MUST_CHECK;

/* In the task that scans, before it does. Returns what sl_http_client_new returns. */
SL_SUSPENDS
int sl_scan_urls_begin(struct sl_scan_urls *urls, struct sl_error *err) SL_MUST_CHECK;

/* In the same task, after the scan: what is still received ends. */
SL_SUSPENDS
void sl_scan_urls_end(struct sl_scan_urls *urls);

/* Not in a task. */
void sl_scan_urls_release(struct sl_scan_urls *urls);

#endif
