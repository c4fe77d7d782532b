/*
 * Secrets that other programs have sent to those whom they were not for: each test plays what the
 * CVEs above it describe, between real origins, and compares all that the servers were sent.
 * (support/hops.h)
 */
#include "support/hops.h"

#include <criterion/criterion.h>

#define CHECK(rows) hops_check(rows, SL_COUNT_OF(rows))

#define A "http://a.wild.test:$0"
#define B "http://b.wild.test:$1"
#define A_TLS "https://a.wild.test:$0"
#define B_TLS "https://b.wild.test:$1"

/* CVE-2018-1000007 (curl), CVE-2021-31879 (wget): a field Authorization of the user's own followed
 * a redirect to another host. CVE-2018-18074 (requests): -u from https to http. */
Test(leaks, authorization_of_the_user_stays_with_its_origin)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", B "/y" },
			.typed = { A },
			.header = "Authorization: Custom key",
			.want = "0: Custom key; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.own_header = "Authorization: Custom key",
			.want = "0: Custom key; 1: -" },
		{ .urls = { A "/x", A "/y", "http://A.wild.test:$0/z" },
			.own_header = "Authorization: Custom key",
			.want = "0: Custom key; 0: Custom key; 0: Custom key" },
		{ .urls = { A "/x", B "/y" },
			.own_header = "Cookie: id=1",
			.want = "0: Cookie=id=1; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.own_header = "X-Key: k",
			.want = "0: X-Key=k; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.typed = { A },
			.user = "me",
			.password = "pw",
			.want = "0: me:pw; 1: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x", B "/y" }, .want = "0: me:pw; 1: -" },
		{ .urls = { A_TLS "/x", "http://a.wild.test:$0/y" },
			.typed = { A_TLS },
			.user = "me",
			.password = "pw",
			.allow_downgrade = true,
			.want = "0s: me:pw; 0: -" },
		{ .urls = { "https://me:pw@a.wild.test:$0/x", A "/y" },
			.allow_downgrade = true,
			.want = "0s: me:pw; 0: -" },
	};
	CHECK(rows);
}

/* CVE-2022-27774, CVE-2022-27776 (curl): another port or scheme of the host counted as the same. */
Test(leaks, another_port_or_scheme_of_a_host_is_another_origin)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://me:pw@a.wild.test:$0/x", "http://a.wild.test:$1/y" },
			.want = "0: me:pw; 1: -" },
		{ .urls = { "https://me:pw@a.wild.test:$0/x", "https://a.wild.test:$1/y" },
			.want = "0s: me:pw; 1s: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x", A_TLS "/y" },
			.want = "0: me:pw; 0s: -" },
		{ .urls = { A "/x", "http://a.wild.test:$1/y" },
			.own_header = "Authorization: Custom key",
			.want = "0: Custom key; 1: -" },
		{ .urls = { A "/x", "http://a.wild.test:$1/y" },
			.own_header = "Cookie: id=1",
			.want = "0: Cookie=id=1; 1: -" },
		{ .urls = { A "/x", "http://a.wild.test:$1/y" },
			.typed = { A },
			.bearer = "T",
			.want = "0: Bearer T; 1: -" },
		/* An address and the name that leads to it are two hosts. */
		{ .urls = { "http://me:pw@localhost:$0/x", "http://127.0.0.1:$0/y" },
			.want = "0: me:pw; 0: -" },
		/* A dot at the end makes another name (CVE-2022-27779 is the same of cookies). */
		{ .urls = { "http://me:pw@localhost:$0/x", "http://localhost.:$0/y" },
			.want = "0: me:pw; 0: -" },
	};
	CHECK(rows);
}

/* CVE-2024-45336 (Go): fields that a redirect to another host had taken away came back with the
 * next one within that host. */
Test(leaks, what_a_redirect_took_away_never_comes_back)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", B "/1", B "/2" },
			.own_header = "Authorization: Custom key",
			.want = "0: Custom key; 1: -; 1: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x", B "/1", B "/2" },
			.want = "0: me:pw; 1: -; 1: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x", B "/1", A "/2", A "/3" },
			.want = "0: me:pw; 1: -; 0: -; 0: -" },
		{ .urls = { A "/x", B "/1", A "/2" },
			.typed = { A },
			.user = "me",
			.password = "pw",
			.want = "0: me:pw; 1: -; 0: -" },
		{ .urls = { A "/x", B "/1", A "/2" },
			.typed = { A },
			.bearer = "T",
			.want = "0: Bearer T; 1: -; 0: -" },
		/* The next download begins anew. */
		{ .urls = { A "/x", B "/1", "+" A "/2" },
			.typed = { A },
			.user = "me",
			.password = "pw",
			.want = "0: me:pw; 1: -; 0: me:pw" },
		/* Named by --auth-origin, but reached by way of another one. */
		{ .urls = { A "/x", "http://c.wild.test:$2/1", B "/2" },
			.typed = { A },
			.named = { B },
			.user = "me",
			.password = "pw",
			.want = "0: me:pw; 2: -; 1: -" },
	};
	CHECK(rows);
}

/* CVE-2024-11053 (curl): the host of a redirect had an entry without a password, and got that of
 * the first host. CVE-2025-0167 (curl): the same with a "default" without login and password. */
Test(leaks, an_entry_of_netrc_without_a_password_gives_none)
{
	static const char first[] = "machine a.wild.test login alice password alicespw\n";
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", B "/y" }, .netrc = first, .want = "0: alice:alicespw; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.netrc = "machine a.wild.test\n login alice\n password "
				 "alicespw\n\ndefault\n login bob\n",
			.want = "0: alice:alicespw; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.netrc = "machine b.wild.test\n login bob\n\nmachine a.wild.test\n login "
				 "alice\n "
				 "password alicespw\n",
			.want = "0: alice:alicespw; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.netrc = "machine a.wild.test login alice password alicespw\ndefault\n",
			.want = "0: alice:alicespw; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.typed = { A, B },
			.netrc = "machine a.wild.test login alice password alicespw\ndefault\n",
			.want = "0: alice:alicespw; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.netrc = "machine a.wild.test login alice password alicespw\nmachine "
				 "b.wild.test\n",
			.want = "0: alice:alicespw; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.netrc = "machine a.wild.test login alice password alicespw\n"
				 "machine b.wild.test login bob password bobspw\n",
			.want = "0: alice:alicespw; 1: bob:bobspw" },
	};
	CHECK(rows);
}

/* CVE-2026-3783 (curl): a bearer token went to the host of a redirect if that had an entry in
 * .netrc, or there was a default. CVE-2025-14524 (curl): by a redirect to another protocol. */
Test(leaks, a_bearer_token_stays_with_its_origin)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", B "/y" },
			.typed = { A },
			.bearer = "T",
			.netrc = "machine b.wild.test login bob\n",
			.want = "0: Bearer T; 1: -" },
		{ .urls = { A "/x", B "/y" },
			.typed = { A },
			.bearer = "T",
			.netrc = "machine b.wild.test login bob password bobspw\n",
			.want = "0: Bearer T; 1: bob:bobspw" },
		{ .urls = { A "/x", B "/y" },
			.typed = { A },
			.bearer = "T",
			.netrc = "default login bob password bobspw\n",
			.want = "0: Bearer T; 1: -" },
		{ .urls = { A "/x", "imap://b.wild.test:$1/y" },
			.typed = { A },
			.bearer = "T",
			.want = "0: Bearer T",
			.code = SL_E_REDIRECT,
			.words = "only http and https" },
		{ .urls = { A_TLS "/x", "http://a.wild.test:$0/y" },
			.typed = { A_TLS },
			.bearer = "T",
			.allow_downgrade = true,
			.want = "0s: Bearer T; 0: -" },
	};
	CHECK(rows);
}

/* CVE-2026-6429 (curl): two hosts behind one proxy share its connection there, and the password of
 * the first was sent for the second. */
Test(leaks, a_password_of_netrc_stays_with_its_host_behind_one_proxy)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", B "/y", A "/z" },
			.proxy = "http://127.0.0.1:$2",
			.netrc = "machine a.wild.test login alice password alicespw\n",
			.want = "2 absolute: alice:alicespw; 2 absolute: -; 2 absolute: "
				"alice:alicespw" },
		{ .urls = { A "/x", "+" B "/y", "+" A "/z" },
			.proxy = "http://127.0.0.1:$2",
			.netrc = "machine a.wild.test login alice password alicespw\n",
			.want = "2 absolute: alice:alicespw; 2 absolute: -; 2 absolute: "
				"alice:alicespw" },
		{ .urls = { A_TLS "/x", B_TLS "/y" },
			.proxy = "http://127.0.0.1:$2",
			.netrc = "machine a.wild.test login alice password alicespw\n",
			.want = "2 CONNECT: -; 2s: alice:alicespw; 2 CONNECT: -; 2s: -" },
	};
	CHECK(rows);
}

/* CVE-2026-8926 (curl): a URL with a user got the password of another user of that host. */
Test(leaks, a_user_of_a_url_gets_no_password_of_another_one)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://bob@a.wild.test:$0/x" },
			.netrc = "machine a.wild.test login alice password alicespw\n",
			.want = "0: bob:" },
		{ .urls = { "http://bob@a.wild.test:$0/x" },
			.netrc = "machine a.wild.test login alice password alicespw\n"
				 "machine a.wild.test login bob password bobspw\n",
			.want = "0: bob:bobspw" },
		{ .urls = { "http://bob@a.wild.test:$0/x" },
			.netrc = "machine a.wild.test password pw\n",
			.want = "0: bob:" },
		{ .urls = { "http://bob@a.wild.test:$0/x" },
			.typed = { A },
			.netrc = "default login alice password alicespw\n",
			.want = "0: bob:" },
		/* Another download's user is not remembered. */
		{ .urls = { "http://bob:pw@a.wild.test:$0/x", "+" A "/y",
			  "+http://bob@a.wild.test:$0/z" },
			.netrc = "machine a.wild.test login alice password alicespw\n",
			.want = "0: bob:pw; 0: alice:alicespw; 0: bob:" },
	};
	CHECK(rows);
}

/* CVE-2024-47081 (requests): of http://a.test:@b.test/ the user decided which entry was taken. */
Test(leaks, an_entry_of_netrc_is_that_of_the_host_to_which_the_request_goes)
{
	static const char netrc[] = "machine a.wild.test login alice password alicespw\n";
	static const struct hops_row rows[] = {
		{ .urls = { "http://a.wild.test:@b.wild.test:$1/x" },
			.netrc = netrc,
			.want = "1: a.wild.test:" },
		{ .urls = { "http://a.wild.test@b.wild.test:$1/x" },
			.netrc = netrc,
			.want = "1: a.wild.test:" },
		{ .urls = { "http://b.wild.test:$1/a.wild.test" }, .netrc = netrc, .want = "1: -" },
		{ .urls = { B "/x", "http://a.wild.test:@b.wild.test:$1/x" },
			.netrc = netrc,
			.want = "1: -; 1: -" },
		/* Host of the user's own is a name for the server, not one of an entry. */
		{ .urls = { B "/x" },
			.netrc = netrc,
			.own_header = "Host: a.wild.test",
			.want = "1: -" },
	};
	CHECK(rows);
}

#define CHALLENGE "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"

/* CVE-2026-11856 (curl): after Digest with one origin the next one got the Authorization for it. */
Test(leaks, what_was_agreed_with_digest_stays_with_its_origin)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://me:pw@a.wild.test:$0/x", "+" B "/y", "+" A "/z" },
			.challenges = { CHALLENGE },
			.want = "0: me:pw; 0: Digest me; 1: -; 0: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x", B "/y" },
			.challenges = { CHALLENGE },
			.want = "0: me:pw; 0: Digest me; 1: -" },
		{ .urls = { A "/x", "+" B "/y", "+http://a.wild.test:$1/z", "+" A "/w" },
			.typed = { A },
			.user = "me",
			.password = "pw",
			.challenges = { CHALLENGE },
			.want = "0: me:pw; 0: Digest me; 1: -; 1: -; 0: Digest me" },
		/* Another typed origin, which asks for nothing, gets the password by Basic, but no
		 * answer to the first one's challenge; with --digest it gets nothing. */
		{ .urls = { A "/x", "+" B "/y" },
			.typed = { A, B },
			.user = "me",
			.password = "pw",
			.challenges = { CHALLENGE },
			.want = "0: me:pw; 0: Digest me; 1: me:pw" },
		{ .urls = { A "/x", "+" B "/y" },
			.typed = { A, B },
			.user = "me",
			.password = "pw",
			.only_digest = true,
			.challenges = { CHALLENGE },
			.want = "0: -; 0: Digest me; 1: -" },
		/* A challenge of an origin that gets no credentials is not answered. */
		{ .urls = { "http://me:pw@a.wild.test:$0/x", B "/y" },
			.challenges = { NULL, CHALLENGE },
			.want = "0: me:pw; 1: -",
			.code = SL_E_STATUS,
			.words = "401" },
	};
	CHECK(rows);
}

/* CVE-2021-22876 (curl): a Referer with a user and password. CVE-2026-9546 (curl): an old Referer
 * was sent again. */
Test(leaks, no_referer_is_sent_but_the_users_own)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://me:pw@a.wild.test:$0/x?token=t", A "/y", B "/z" },
			.want = "0: me:pw; 0: me:pw; 1: -" },
		{ .urls = { A "/x", A "/y", B "/z", "+" A "/w" },
			.own_header = "Referer: http://r/",
			.want = "0: Referer=http://r/; 0: Referer=http://r/; 1: -; 0: "
				"Referer=http://r/" },
	};
	CHECK(rows);
}

/* ---- proxies ---- */

#define PROXY "http://127.0.0.1:$2"
#define PROXY_2 "http://127.0.0.1:$3"
#define PROXY_USER "http://pu:pp@127.0.0.1:$2"

/* CVE-2003-1605 (curl), CVE-2023-32681 (requests): after CONNECT the origin got the credentials for
 * the proxy. CVE-2015-3153 (curl): the proxy got the fields for the origin. */
Test(leaks, what_is_for_the_proxy_does_not_reach_the_origin_nor_the_reverse)
{
	static const struct hops_row rows[] = {
		{ .urls = { "https://me:pw@a.wild.test:$0/x" },
			.proxy = PROXY_USER,
			.want = "2 CONNECT: proxy pu:pp; 2s: me:pw" },
		{ .urls = { A_TLS "/x", A_TLS "/y", B_TLS "/z" },
			.proxy = PROXY_USER,
			.own_header = "X-Key: k",
			.want = "2 CONNECT: proxy pu:pp; 2s: X-Key=k; 2s: X-Key=k; 2 CONNECT: "
				"proxy "
				"pu:pp; 2s: -" },
		{ .urls = { A_TLS "/x" },
			.proxy = PROXY,
			.proxy_user = "pu:pp",
			.own_header = "Cookie: id=1",
			.want = "2 CONNECT: proxy pu:pp; 2s: Cookie=id=1" },
		{ .urls = { A_TLS "/x" },
			.typed = { A_TLS },
			.proxy = PROXY_USER,
			.bearer = "T",
			.want = "2 CONNECT: proxy pu:pp; 2s: Bearer T" },
		/* From http to https: CONNECT has nothing of the origin's, the origin nothing of
		 * the proxy's. */
		{ .urls = { "http://me:pw@a.wild.test:$0/x", A_TLS "/y" },
			.proxy = PROXY_USER,
			.want = "2 absolute: proxy pu:pp, me:pw; 2 CONNECT: proxy pu:pp; 2s: -" },
	};
	CHECK(rows);
}

/* CVE-2026-6253 (curl): a redirect to a URL with another proxy, which has no user, took that of the
 * first along. CVE-2026-9079 (curl): a password that was taken back was used again. */
Test(leaks, a_proxy_gets_no_credentials_of_another_one)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", B_TLS "/y" },
			.http_proxy = PROXY_USER,
			.https_proxy = PROXY_2,
			.want = "2 absolute: proxy pu:pp; 3 CONNECT: -; 3s: -" },
		{ .urls = { B_TLS "/x", A "/y", B_TLS "/z" },
			.allow_downgrade = true,
			.http_proxy = PROXY_2,
			.https_proxy = PROXY_USER,
			.want = "2 CONNECT: proxy pu:pp; 2s: -; 3 absolute: -; 2s: -" },
		{ .urls = { A "/x", B_TLS "/y" },
			.http_proxy = PROXY_USER,
			.https_proxy = "http://other:op@127.0.0.1:$3",
			.want = "2 absolute: proxy pu:pp; 3 CONNECT: proxy other:op; 3s: -" },
		{ .urls = { A "/x", B_TLS "/y" },
			.http_proxy = PROXY_USER,
			.want = "2 absolute: proxy pu:pp; 1s: -" },
		/* One proxy, with a user for http alone. */
		{ .urls = { A "/x", A_TLS "/y" },
			.http_proxy = PROXY_USER,
			.https_proxy = PROXY,
			.want = "2 absolute: proxy pu:pp; 2 CONNECT: -; 2s: -" },
	};
	CHECK(rows);
}

/* CVE-2026-7168, CVE-2026-8927 (curl): after Digest with one proxy the next one got the
 * Proxy-Authorization for it. */
Test(leaks, what_was_agreed_with_digest_stays_with_its_proxy)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/x", "+" B_TLS "/y", "+" A "/z" },
			.http_proxy = PROXY_USER,
			.https_proxy = PROXY_2,
			.proxy_challenges = { CHALLENGE },
			.want = "2 absolute: proxy pu:pp; 2 absolute: proxy Digest pu; 3 CONNECT: "
				"-; "
				"3s: -; 2 absolute: proxy Digest pu" },
		{ .urls = { A "/x", B_TLS "/y" },
			.http_proxy = PROXY_USER,
			.https_proxy = "http://pu:pp@127.0.0.1:$3",
			.proxy_challenges = { CHALLENGE },
			.want = "2 absolute: proxy pu:pp; 2 absolute: proxy Digest pu; 3 CONNECT: "
				"proxy pu:pp; 3s: -" },
		/* And neither hop takes the other's challenge for its own. */
		{ .urls = { "http://me:pw@a.wild.test:$0/x" },
			.proxy = PROXY_USER,
			.proxy_challenges = { CHALLENGE },
			.challenges = { CHALLENGE },
			.want = "2 absolute: proxy pu:pp, me:pw; 2 absolute: proxy Digest pu, "
				"me:pw; 2 "
				"absolute: proxy Digest pu, Digest me" },
	};
	CHECK(rows);
}

/* CVE-2026-86414 (curl): a proxy that answered CONNECT with 401 instead of 407 got the origin's
 * credentials. */
Test(leaks, a_proxy_gets_no_credentials_of_the_origin_whatever_it_answers)
{
	static const struct hops_row rows[] = {
		{ .urls = { "https://me:pw@a.wild.test:$0/x" },
			.proxy = PROXY_USER,
			.connect_reply = "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic "
					 "realm=\"r\"\r\nContent-Length: 0\r\n\r\n",
			.want = "2 CONNECT: proxy pu:pp",
			.code = SL_E_AUTH,
			.words = "the proxy answered 401" },
		{ .urls = { "https://me:pw@a.wild.test:$0/x" },
			.proxy = PROXY,
			.connect_reply = "HTTP/1.1 401 x\r\nWWW-Authenticate: " CHALLENGE
					 "\r\nContent-Length: 0\r\n\r\n",
			.want = "2 CONNECT: -",
			.code = SL_E_AUTH,
			.words = "the proxy answered 401" },
		{ .urls = { "https://me:pw@a.wild.test:$0/x" },
			.proxy = PROXY,
			.connect_reply = "HTTP/1.1 407 x\r\nProxy-Authenticate: " CHALLENGE
					 "\r\nContent-Length: 0\r\n\r\n",
			.want = "2 CONNECT: -",
			.code = SL_E_STATUS,
			.words = "407" },
		{ .urls = { "https://me:pw@a.wild.test:$0/x" },
			.proxy = PROXY,
			.connect_reply = "HTTP/1.1 302 x\r\nLocation: https://a.wild.test:$0/"
					 "\r\nContent-Length: 0\r\n\r\n",
			.want = "2 CONNECT: -",
			.code = SL_E_PROTO,
			.words = "the proxy answered 302" },
	};
	CHECK(rows);
}

/* ---- connections that are used again ---- */

/*
 * CVE-2015-3143, CVE-2016-0755, CVE-2026-1965 (curl, NTLM and Negotiate), CVE-2022-22576 (curl,
 * bearer): a connection that one user had signed in was used for another. There is no such
 * authentication here: each request carries its own credentials. CVE-2015-3236 (curl): one without
 * a user got those of the request before it on its connection.
 */
Test(leaks, a_request_on_a_connection_used_again_has_its_own_credentials)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://me:pw@a.wild.test:$0/1", "+http://you:pw2@a.wild.test:$0/2",
			  "+" A "/3", "+http://me:pw@a.wild.test:$0/4" },
			.want = "0: me:pw; 0: you:pw2; 0: -; 0: me:pw",
			.connections = 1 },
		{ .urls = { "https://me:pw@a.wild.test:$0/1", "+https://you:pw2@a.wild.test:$0/2",
			  "+" A_TLS "/3" },
			.want = "0s: me:pw; 0s: you:pw2; 0s: -",
			.connections = 1 },
		{ .urls = { A "/1", "+http://you:pw2@a.wild.test:$0/2", "+" A "/3" },
			.typed = { A },
			.bearer = "T",
			.want = "0: Bearer T; 0: you:pw2; 0: Bearer T",
			.connections = 1 },
		{ .urls = { "http://me:pw@a.wild.test:$0/1" },
			.challenges = { "NTLM" },
			.want = "0: me:pw",
			.code = SL_E_STATUS },
		{ .urls = { "http://me:pw@a.wild.test:$0/1" },
			.challenges = { "Negotiate" },
			.only_digest = true,
			.want = "0: -",
			.code = SL_E_STATUS },
	};
	CHECK(rows);
}

/* CVE-2026-3784 (curl): a tunnel that was opened for one user of a proxy was used for another.
 * CVE-2026-4873 (curl): a plain connection was used where TLS was required. CVE-2022-27782,
 * CVE-2026-8932 (curl): one with other settings of TLS, which are those of the run here. */
Test(leaks, a_connection_is_used_again_for_its_own_origin_and_way_alone)
{
	static const struct hops_row rows[] = {
		{ .urls = { A "/1", "+" A_TLS "/2", "+" A "/3", "+" A_TLS "/4" },
			.want = "0: -; 0s: -; 0: -; 0s: -",
			.connections = 2 },
		{ .urls = { A_TLS "/1", "+https://b.wild.test:$0/2", "+" A_TLS "/3" },
			.want = "0s: -; 0s: -; 0s: -",
			.connections = 2 },
		/* By a proxy, and by the same one as another user. */
		{ .urls = { A "/1", "+" A_TLS "/2", "+" A "/3", "+" A_TLS "/4" },
			.http_proxy = PROXY_USER,
			.https_proxy = "http://other:op@127.0.0.1:$2",
			.want = "2 absolute: proxy pu:pp; 2 CONNECT: proxy other:op; 2s: -; 2 "
				"absolute: "
				"proxy pu:pp; 2s: -",
			.connections = 2 },
		/* A proxy for https alone: the tunnel is not for http, nor the plain connection
		 * for https. */
		{ .urls = { A "/1", "+" A_TLS "/2", "+" A "/3" },
			.https_proxy = PROXY,
			.want = "0: -; 2 CONNECT: -; 2s: -; 0: -",
			.connections = 2 },
	};
	CHECK(rows);
}

/* ---- where a redirect may lead ---- */

/* RFC 9110 15.4 permits it; CVE-2022-42916, CVE-2022-43551, CVE-2023-23914 (curl) are about HSTS,
 * which was to prevent it. There is none here: a downgrade is refused, whatever the name is. */
Test(leaks, a_redirect_from_https_to_http_is_refused)
{
	static const struct hops_row rows[] = {
		{ .urls = { A_TLS "/x", A "/y" },
			.want = "0s: -",
			.code = SL_E_REDIRECT,
			.words = "--allow-downgrade" },
		{ .urls = { A_TLS "/x", B "/y" },
			.want = "0s: -",
			.code = SL_E_REDIRECT,
			.words = "--allow-downgrade" },
		{ .urls = { A_TLS "/x", "http://a.wild.test.:$0/y" },
			.want = "0s: -",
			.code = SL_E_REDIRECT,
			.words = "--allow-downgrade" },
		{ .urls = { A_TLS "/x", "http://a\xe3\x80\x82wild\xe3\x80\x82test:$0/y" },
			.want = "0s: -",
			.code = SL_E_REDIRECT },
		{ .urls = { A "/x", A_TLS "/y", A "/z" },
			.want = "0: -; 0s: -",
			.code = SL_E_REDIRECT,
			.words = "--allow-downgrade" },
		{ .urls = { A_TLS "/x", "//b.wild.test:$1/y", "/z" },
			.want = "0s: -; 1s: -; 1s: -" },
	};
	CHECK(rows);
}

/* CVE-2009-0037 (curl): a redirect to file: or scp:. CVE-2024-2004 (curl): a list of protocols
 * without any left all of them on. */
Test(leaks, a_redirect_leads_to_http_and_https_only)
{
	static const char *const targets[] = { "file:///etc/passwd", "FILE:/etc/passwd",
		"file://a.wild.test/etc/passwd", "scp://a.wild.test/x", "gopher://127.0.0.1:$1/_x",
		"ftp://127.0.0.1:$1/x", "dict://127.0.0.1:$1/x", "data:,hello", "javascript:x",
		"ws://a.wild.test:$1/x", "httpx://a.wild.test:$1/", "unix:/run/x" };
	struct hops_row rows[SL_COUNT_OF(targets)];
	for (size_t i = 0; i < SL_COUNT_OF(targets); i++)
		rows[i] = (struct hops_row){ .urls = { A "/x", targets[i] },
			.want = "0: -",
			.code = SL_E_REDIRECT,
			.words = "only http and https" };
	CHECK(rows);
}

/*
 * A password that reaches another host, since the program and the reader of the URL take different
 * parts of it for the host. CVE-2016-8624 (curl): '#' before '@'. CVE-2020-8169 (curl): a part of a
 * password with '@' was looked up. CVE-2022-27780 (curl): %2F within the host. CVE-2024-10524 and
 * CVE-2024-38428 (wget): no scheme, and ';' in the user. CVE-2016-8625 (curl): IDNA 2003, in which
 * the German sharp s is "ss".
 */
Test(leaks, the_host_of_a_url_is_the_one_that_all_readers_see)
{
#define REFUSED .want = "", .code = SL_E_USAGE
	static const struct hops_row rows[] = {
		{ .urls = { "http://a.wild.test:$0#@b.wild.test:$1/x" }, .want = "0: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0#@b.wild.test:$1/x" }, .want = "0: me:pw" },
		{ .urls = { "http://a.wild.test:$0?@b.wild.test:$1/x" }, .want = "0: -" },
		{ .urls = { "http://me:p@w@a.wild.test:$0/" }, REFUSED },
		{ .urls = { "http://me@a.wild.test@b.wild.test:$1/" }, REFUSED },
		{ .urls = { "http://me:p%40w@a.wild.test:$0/" }, .want = "0: me:p@w" },
		{ .urls = { "http://a.wild.test%2Fb.wild.test:$1/" }, REFUSED },
		{ .urls = { "http://a.wild.test%00.b.wild.test:$1/" }, REFUSED },
		{ .urls = { "http://me:pw@a.wild.test\\@b.wild.test:$1/" }, REFUSED },
		{ .urls = { "http://a.wild.test:$0 b.wild.test/" }, REFUSED },
		{ .urls = { "http://a.wild.test\tb.wild.test/" }, REFUSED },
		{ .urls = { "http://:$0/" }, REFUSED },
		{ .urls = { "http://me:pw@/" }, REFUSED },
		{ .urls = { "http:a.wild.test:$0/" }, REFUSED },
		{ .urls = { "http://me;type=a:pw@a.wild.test:$0/" }, .want = "0: me;type=a:pw" },
		{ .urls = { "http://me:pw;x@a.wild.test:$0/" }, .want = "0: me:pw;x" },
		{ .urls = { "http://127.1:$0/" }, REFUSED },
		{ .urls = { "http://0x7f.0.0.1:$0/" }, REFUSED },
		{ .urls = { "http://0177.0.0.1:$0/" }, REFUSED },
		{ .urls = { "http://2130706433:$0/" }, REFUSED },
		/* xn--strae-oqa, not strasse */
		{ .urls = { "http://stra\xc3\x9f"
			    "e.wild.test:$0/",
			  "http://xn--strae-oqa.wild.test:$0/x" },
			.own_header = "X-Key: k",
			.want = "0: X-Key=k; 0: X-Key=k" },
		/* A redirect is read in the same way. */
		{ .urls = { "http://me:pw@a.wild.test:$0/x", "http://me:p@w@b.wild.test:$1/" },
			.want = "0: me:pw",
			.code = SL_E_REDIRECT },
		{ .urls = { "http://me:pw@a.wild.test:$0/x",
			  "http://a.wild.test:$0\\@b.wild.test:$1/" },
			.want = "0: me:pw; 0: me:pw" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x", "//a.wild.test%2F@b.wild.test:$1/" },
			.want = "0: me:pw; 1: -" },
		{ .urls = { "http://me:pw@a.wild.test:$0/x",
			  "http://a.wild.test%2Fb.wild.test:$1/" },
			.want = "0: me:pw",
			.code = SL_E_REDIRECT },
	};
	CHECK(rows);
}
