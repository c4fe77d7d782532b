/* network_options.c - the defaults and rules of the options of the network, for get and scan. */
#include "option_int.h"

#include <stdlib.h>

void
option_init_network(struct sl_network_options *options)
{
	*options = (struct sl_network_options){
		.connect_timeout_ns = SL_OPTION_CONNECT_NS,
		.stall_timeout_ns = SL_OPTION_STALL_NS,
		.retries = SL_OPTION_RETRIES,
		.retry_max_wait_ns = SL_OPTION_RETRY_WAIT_NS,
		.max_redirects = SL_OPTION_REDIRECTS,
	};
}

static int
check_speed(struct option_parser *parser, struct sl_network_options *options)
{
	if (options->slow_time_ns && !options->least_rate)
		return option_usage(parser, "--speed-time needs the rate of --speed-limit");
	if (!options->slow_time_ns)
		options->slow_time_ns = SL_OPTION_SLOW_NS;
	return 0;
}

int
option_check_network(struct option_parser *parser, struct sl_network_options *options)
{
	int code = check_speed(parser, options);
	if (!code)
		code = option_check_tls(parser, &options->tls);
	if (!code)
		code = option_check_auth(parser, &options->auth);
	if (!code)
		code = option_check_connect(parser, &options->connect);
	if (!code)
		code = option_check_field(parser, "user-agent", "User-Agent", options->user_agent);
	if (!code)
		code = option_check_field(parser, "referer", "Referer", options->referer);
	return code;
}

void
option_release_network(struct sl_network_options *options)
{
	option_release_connect(&options->connect);
	free(options->auth.origins.items);
	free(options->headers.items);
	options->headers = options->auth.origins = (struct sl_words){ 0 };
}
