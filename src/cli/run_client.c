#include "sluice/cli/run_client.h"

#include "sluice/base/clock.h"

#include <unistd.h>

struct sl_http_client_options
sl_run_client_options(const struct sl_network_options *options, const struct sl_proxies *proxies,
	const struct sl_request_fields *fields, const struct sl_run_credentials *credentials)
{
	return (struct sl_http_client_options){
		.reach = sl_connect_options_reach(&options->connect),
		.http1 = options->connect.http1,
		.connect_timeout_ns = options->connect_timeout_ns,
		.proxy_timeout_ns = options->proxy_timeout_ns,
		.stall_timeout_ns = options->stall_timeout_ns,
		.head_timeout_ns = options->head_timeout_ns,
		.least_rate = options->least_rate,
		.slow_time_ns = options->slow_time_ns,
		.max_redirects = options->max_redirects,
		.allow_downgrade = options->allow_downgrade,
		.tls = sl_tls_options_of_run(&options->tls),
		.proxies = proxies,
		.user_agent = options->user_agent,
		.headers = fields->items,
		.header_count = fields->count,
		.credentials = credentials->options,
		.cookie_file = options->auth.cookie_file,
	};
}

struct sl_retry_policy
sl_run_retry_policy(const struct sl_network_options *options)
{
	return (struct sl_retry_policy){ .retries = options->retries,
		.max_wait_ns = options->retry_max_wait_ns,
		.seed = sl_clock_wall_ns() ^ (uint64_t)getpid() << 32 };
}
