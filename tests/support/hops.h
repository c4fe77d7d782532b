/*
 * hops.h - downloads over chains of redirects between real origins, and what of the user's secrets
 * each server was sent.
 *
 * HOPS_SERVERS servers listen on ports of 127.0.0.1, "$0" to "$4" in texts. Each takes HTTP and,
 * after a first byte of TLS, HTTPS on the same port, so that two origins may differ in the scheme
 * alone. Every host name leads there; the certificate is good for localhost, sluice.test and
 * *.wild.test. A server is also a proxy that plays the origins behind it: by CONNECT and in
 * absolute form.
 */
#ifndef TESTS_SUPPORT_HOPS_H
#define TESTS_SUPPORT_HOPS_H

#include "sluice/http/client.h"

#define HOPS_SERVERS 5
#define HOPS_URLS 8
#define HOPS_ORIGINS 3

struct hops_row {
	/* Where the downloads lead: each URL redirects to the next one, and the last one is a file.
	 * One that begins with '+' is a new download of the same run, after the last one's end. */
	const char *urls[HOPS_URLS];
	/*
	 * What the servers were sent, in order, with "; " between requests: the number of the
	 * server, an 's' for TLS, " CONNECT" or " absolute" for a request to a proxy, and ": " with
	 * what describe() of hops.c finds. "0s: me:pw" is a request over TLS to server 0 with Basic
	 * credentials; "1: -" one with no secret.
	 */
	const char *want;
	/* Of the response to each URL: complete lines; a value of WWW-Authenticate, with which a
	 * request without Digest credentials is refused; a value of Proxy-Authenticate likewise. */
	const char *fields[HOPS_URLS], *challenges[HOPS_URLS], *proxy_challenges[HOPS_URLS];
	/* The origins on the command line and those of --auth-origin. */
	const char *typed[HOPS_ORIGINS], *named[HOPS_ORIGINS];
	const char *user, *password;
	const char *bearer, *netrc, *cookies; /* contents of files */
	const char *header;                   /* of --header: "Name: value" */
	const char *own_header;               /* of the download in a list, likewise; with one for
					         Host its value is not compared with the URLs */
	const char *connect_reply;            /* of proxies to CONNECT; NULL = 200 */
	const char *proxy, *proxy_user;       /* of options; see http/proxies.h */
	const char *http_proxy, *https_proxy; /* of the environment */
	bool only_digest, allow_downgrade;
	unsigned connections; /* that all servers accepted; 0 = any number */
	int code;             /* of the last download; those before have to end well */
	const char *words;    /* in its message */
};

/* Play each row in a run of its own and compare; once in a process. Ends the test where it cannot
 * go on. */
void hops_check(const struct hops_row *rows, size_t count);

#endif
