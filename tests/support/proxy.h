/*
 * proxy.h - a proxy on loopback for tests: HTTP by CONNECT and in absolute form, SOCKS 4, 4a and 5,
 * and what broken ones do. Each kind has a port of its own:
 *
 *	http, tls       without a user; tls: TLS to the proxy
 *	auth, tls_auth  requires the Basic credentials user:secret
 *	digest          requires Digest credentials for user:secret, offers Basic as well
 *	again           answers 407 whatever it gets
 *	socks           SOCKS without a user
 *	socks_auth      SOCKS5 for user:secret only
 *	garbage         answers what is not HTTP
 *	hangup          closes the connection once it was asked
 *	silent          never answers
 *	interim         answers 100 again and again
 *	excess          answers CONNECT with 200 and a body
 *	unmodified      answers 304
 *	refuse          answers 403
 */
#ifndef TESTS_SUPPORT_PROXY_H
#define TESTS_SUPPORT_PROXY_H

#include <stdbool.h>

struct proxy;

struct proxy_options {
	const char *log;        /* gets a line for each request and field; may be truncated */
	const char *ready_file; /* gets NAME=PORT lines once all ports listen */
	const char *cert, *key; /* NULL = no ports with TLS */
};

/* Serve until SIGTERM, SIGINT or the end of the parent. Returns an exit status. */
int proxy_run(const struct proxy_options *options);

#endif
