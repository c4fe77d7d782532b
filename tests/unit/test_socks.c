/* The messages of SOCKS4, 4a and 5, with replies in all pieces. */
#include "sluice/http/socks.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#define NAME255 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct talk {
	const char *proxy, *name; /* of the target, whose port is 443 */
	const char *sent;         /* in hexadecimal */
	const char *replies;      /* likewise, all of them */
	int code;
	const char *why;
};

static size_t
from_hex(unsigned char *out, const char *hex)
{
	size_t len = 0;
	unsigned byte;
	for (; hex && *hex; hex += 2) {
		while (*hex == ' ')
			hex++;
		cr_assert_eq(sscanf(hex, "%2x", &byte), 1);
		out[len++] = (unsigned char)byte;
	}
	return len;
}

/* With pieces of `first` bytes and then `piece`; *used gets the bytes of the replies taken. */
static int
converse(const struct talk *talk, size_t first, size_t piece, struct sl_buf *sent, size_t *used,
	struct sl_error *err)
{
	struct sl_proxy proxy;
	struct sl_socks socks;
	struct guard guard;
	struct sl_socks_target target = { .name = talk->name, .port = 443 };
	unsigned char replies[1024];
	size_t len = from_hex(replies, talk->replies);
	guard_init(&guard, sizeof(replies));
	cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str(talk->proxy), NULL), 0);
	*used = 0;
	int code = sl_socks_begin(&socks, &proxy, &target, err);
	while (code == 0 && sl_socks_wanted(&socks) > 0) {
		sl_buf_add_span(sent, sl_socks_output(&socks));
		sl_socks_sent(&socks);
		size_t n = SL_MIN(SL_MIN(first, sl_socks_wanted(&socks)), len - *used);
		if (n == 0) {
			code = -ECONNRESET;
			break;
		}
		code = sl_socks_feed(&socks, guard_place(&guard, replies + *used, n), n, err);
		*used += n;
		first = piece;
	}
	if (code == 0)
		cr_expect_eq(sl_socks_output(&socks).len, 0);
	sl_socks_end(&socks);
	sl_proxy_release(&proxy);
	guard_release(&guard);
	return code;
}

static const struct talk talks[] = {
	/* version 5 without and with a password; names, addresses; addresses in the reply */
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 05000001 7f000001 1234", 0,
		NULL },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb",
		"0500 05000004 00000000000000000000000000000001 1234", 0, NULL },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 05000003 03 612e62 1234", 0,
		NULL },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 05000003 00 1234", 0, NULL },
	{ "socks5h://p", "10.1.2.3", "050100 050100010a01020301bb", "0500 05000001 00000000 0000",
		0, NULL },
	{ "socks5h://p", "fd00::1", "050100 05010004fd00000000000000000000000000000101bb",
		"0500 05000001 00000000 0000", 0, NULL },
	{ "socks5://us:pw@p", "10.1.2.3", "05020002 01027573027077 050100010a01020301bb",
		"0502 0100 05000001 00000000 0000", 0, NULL },
	{ "socks5://us@p", "10.1.2.3", "05020002 01027573 00 050100010a01020301bb",
		"0502 0500 05000001 00000000 0000", 0, NULL },
	{ "socks5://us:pw@p", "10.1.2.3", "05020002 050100010a01020301bb",
		"0500 05000001 00000000 0000", 0, NULL },
	/* version 4 and 4a */
	{ "socks4://p", "10.1.2.3", "040101bb0a01020300", "005a000000000000", 0, NULL },
	{ "socks4://me@p", "10.1.2.3", "040101bb0a0102036d6500", "005a123401020304", 0, NULL },
	{ "socks4a://p", "a.b", "040101bb0000000100 612e6200", "005a000000000000", 0, NULL },
	{ "socks4a://me@p", "a.b", "040101bb000000016d6500 612e6200", "005a000000000000", 0, NULL },
	/* refused by the proxy */
	{ "socks5h://p", "a.b", "050100", "05ff", SL_E_AUTH, "requires a user name" },
	{ "socks5h://p", "a.b", "050100", "0502", SL_E_AUTH, "requires a user name" },
	{ "socks5h://us:pw@p", "a.b", "05020002", "05ff", SL_E_AUTH, "accepts no user name" },
	{ "socks5h://us:pw@p", "a.b", "05020002 01027573027077", "0502 0101", SL_E_AUTH,
		"refused the user name or password" },
	{ "socks5h://us:pw@p", "a.b", "05020002 01027573027077", "0502 01ff", SL_E_AUTH,
		"refused the user name or password" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0501", -ECONNREFUSED,
		"cannot connect to 'a.b': general failure" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0502", -EACCES, "rules" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0503", -ENETUNREACH,
		"network" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0504", -EHOSTUNREACH,
		"host unreachable" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0505", -ECONNREFUSED,
		"connection refused" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0506", -ETIMEDOUT, "TTL" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0507", -EOPNOTSUPP,
		"command" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0508", -EAFNOSUPPORT,
		"address type" },
	{ "socks4a://p", "a.b", "040101bb0000000100 612e6200", "005b000000000000", -ECONNREFUSED,
		"rejected or failed" },
	{ "socks4a://p", "a.b", "040101bb0000000100 612e6200", "005c000000000000", SL_E_AUTH,
		"identd" },
	{ "socks4a://p", "a.b", "040101bb0000000100 612e6200", "005d000000000000", SL_E_AUTH,
		"identd" },
	/* not SOCKS */
	{ "socks5h://p", "a.b", "050100", "4854", SL_E_PROTO, "not of version 5" },
	{ "socks5h://p", "a.b", "050100", "0501", SL_E_PROTO, "not offered" },
	{ "socks5h://us:pw@p", "a.b", "05020002", "0503", SL_E_PROTO, "not offered" },
	{ "socks5h://us:pw@p", "a.b", "05020002 01027573027077", "0502 0000", SL_E_PROTO,
		"not one to a user name" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0400", SL_E_PROTO,
		"not of version 5" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0509", SL_E_PROTO,
		"not defined" },
	{ "socks5h://p", "a.b", "050100 0501000303612e6201bb", "0500 0500000200", SL_E_PROTO,
		"unknown type" },
	{ "socks4a://p", "a.b", "040101bb0000000100 612e6200", "4854545020312e31", SL_E_PROTO,
		"not of version 4" },
	{ "socks4a://p", "a.b", "040101bb0000000100 612e6200", "0000000000000000", SL_E_PROTO,
		"not defined" },
	/* cannot be asked */
	{ "socks4://p", "fd00::1", "", "", SL_E_UNSUPPORTED, "SOCKS4 has no IPv6" },
	{ "socks4a://p", "fd00::1", "", "", SL_E_UNSUPPORTED, "SOCKS4 has no IPv6" },
};

static void
expect_talk(const struct talk *talk, size_t first, size_t piece)
{
	unsigned char wanted[1024], replies[1024];
	struct sl_buf sent = { 0 };
	struct sl_error err = { 0 };
	size_t used = 0, wanted_len = from_hex(wanted, talk->sent);
	int code = converse(talk, first, piece, &sent, &used, &err);
	cr_expect_eq(code, talk->code, "%s, replies %s: %d, %s", talk->proxy, talk->replies, code,
		err.text);
	cr_expect_eq(used, from_hex(replies, talk->replies));
	cr_expect(sl_span_equal(sl_buf_span(&sent), sl_span((char *)wanted, wanted_len)),
		"%s, replies %s: sent %zu bytes", talk->proxy, talk->replies, sent.len);
	if (talk->code) {
		cr_expect_eq(err.phase, SL_PHASE_PROXY);
		cr_expect(strstr(err.text, talk->why), "%s", err.text);
		cr_expect_not(strstr(err.text, "pw"), "%s", err.text);
	}
	sl_buf_release(&sent);
}

Test(socks, asks_for_a_connection_with_replies_cut_anywhere)
{
	for (size_t i = 0; i < SL_COUNT_OF(talks); i++) {
		unsigned char replies[1024];
		size_t len = from_hex(replies, talks[i].replies);
		expect_talk(&talks[i], 1, 1);
		for (size_t cut = 1; cut <= len + 1; cut++)
			expect_talk(&talks[i], cut, SIZE_MAX);
	}
}

/* What follows the last reply is the origin's. */
Test(socks, wants_no_byte_beyond_a_reply)
{
	for (size_t i = 0; i < SL_COUNT_OF(talks); i++) {
		struct sl_buf sent = { 0 };
		size_t used = 0;
		char replies[256];
		struct talk talk = talks[i];
		unsigned char bytes[1024];
		snprintf(replies, sizeof(replies), "%s 160301", talk.replies);
		talk.replies = replies;
		converse(&talk, SIZE_MAX, SIZE_MAX, &sent, &used, NULL);
		cr_expect_eq(used, from_hex(bytes, talks[i].replies), "%s", talk.replies);
		sl_buf_release(&sent);
	}
}

Test(socks, ends_early_without_a_result)
{
	for (size_t i = 0; i < SL_COUNT_OF(talks); i++) {
		unsigned char bytes[1024];
		size_t len = from_hex(bytes, talks[i].replies);
		for (size_t end = 0; end < len && talks[i].code == 0; end++) {
			struct sl_buf sent = { 0 }, replies = { 0 };
			size_t used = 0;
			struct talk talk = talks[i];
			sl_buf_add_str(&replies, "");
			for (size_t k = 0; k < end; k++)
				sl_buf_printf(&replies, "%02x", bytes[k]);
			talk.replies = replies.data;
			cr_expect_eq(converse(&talk, SIZE_MAX, SIZE_MAX, &sent, &used, NULL),
				-ECONNRESET);
			sl_buf_release(&sent);
			sl_buf_release(&replies);
		}
	}
}

/* CVE-2023-38545: a name that is too long for SOCKS5 was copied all the same. */
Test(socks, refuses_names_that_do_not_fit)
{
	static const char *const proxies[] = { "socks5h://u:p@p", "socks4a://u@p" };
	static const char name[] = NAME255 "a";
	for (size_t i = 0; i < SL_COUNT_OF(proxies); i++)
		for (size_t over = 0; over < 2; over++) {
			struct sl_proxy proxy;
			struct sl_socks socks;
			char shorter[sizeof(name)];
			snprintf(shorter, sizeof(shorter), "%.*s", (int)(255 + over), name);
			struct sl_socks_target target = { .name = shorter, .port = 1 };
			cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str(proxies[i]), NULL), 0);
			cr_expect_eq(sl_socks_begin(&socks, &proxy, &target, NULL),
				over ? SL_E_LIMIT : 0);
			sl_proxy_release(&proxy);
		}
}

/* The longest user, password and name fit. */
Test(socks, sends_the_longest_of_everything)
{
	static const char *const schemes[] = { "socks5h", "socks4a" };
	for (size_t i = 0; i < SL_COUNT_OF(schemes); i++) {
		struct sl_buf text = { 0 }, sent = { 0 };
		size_t used = 0;
		sl_buf_printf(&text, "%s://%0255d:%0255d@p", schemes[i], 0, 0);
		struct talk talk = { .proxy = text.data,
			.name = NAME255,
			.replies =
				i == 0 ? "0502 0100 05000001 00000000 0000" : "005a000000000000" };
		cr_expect_eq(converse(&talk, SIZE_MAX, SIZE_MAX, &sent, &used, NULL), 0);
		cr_expect_eq(sent.len, i == 0 ? 4u + 513 + 262 : 8u + 256 + 256);
		sl_buf_release(&text);
		sl_buf_release(&sent);
	}
}

Test(socks, keeps_no_password_once_it_was_sent)
{
	struct sl_proxy proxy;
	struct sl_socks socks;
	struct sl_socks_target target = { .name = "a.b", .port = 1 };
	cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str("socks5h://user:hunter2@p"), NULL), 0);
	cr_assert_eq(sl_socks_begin(&socks, &proxy, &target, NULL), 0);
	sl_socks_sent(&socks);
	cr_assert_eq(sl_socks_feed(&socks, "\x05\x02", 2, NULL), 0);
	cr_expect(memmem(&socks, sizeof(socks), "hunter2", 7));
	sl_socks_sent(&socks);
	cr_expect_not(memmem(&socks, sizeof(socks), "hunter2", 7));
	sl_proxy_release(&proxy);
}
