/*
 * run_client.h - what the options of the network mean for the HTTP client of a run and for what
 * retries its requests.
 */
#ifndef SLUICE_CLI_RUN_CLIENT_H
#define SLUICE_CLI_RUN_CLIENT_H

#include "sluice/cli/network_options.h"
#include "sluice/cli/request_fields.h"
#include "sluice/cli/run_credentials.h"
#include "sluice/download/retry.h"
#include "sluice/http/client.h"

/* The caller adds how many connections there may be, and whether TLS is needed. All is borrowed. */
struct sl_http_client_options sl_run_client_options(const struct sl_network_options *options,
	const struct sl_proxies *proxies, const struct sl_request_fields *fields,
	const struct sl_run_credentials *credentials);

/* Its seed differs from run to run. */
struct sl_retry_policy sl_run_retry_policy(const struct sl_network_options *options);

#endif
