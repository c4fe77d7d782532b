/*
 * Lines: a proxy, a list of hosts without one, and a host. An accepted proxy holds its invariants
 * and formats to text that reads back as the same one without its user; and each item of the list
 * alone matches no host that the list does not.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/no_proxy.h"
#include "sluice/http/proxy.h"

#include <ctype.h>

static void
check_proxy(struct sl_span text)
{
	struct sl_proxy proxy, again;
	struct sl_error err = { 0 };
	struct sl_buf shown = { 0 };
	int code = sl_proxy_parse(&proxy, text, &err);
	must((code == 0) == (err.code == 0));
	if (code) {
		must(!proxy.host && !proxy.user && !proxy.password);
		return;
	}
	must(proxy.port != 0 && proxy.host[0] && (proxy.user != NULL) == (proxy.password != NULL));
	for (const char *c = proxy.host; *c; c++)
		must(islower(*c) || isdigit(*c) || strchr(proxy.is_ipv6 ? ":." : "-._", *c));
	sl_proxy_format(&shown, &proxy);
	must(!memchr(shown.data, '@', shown.len));
	must(sl_proxy_parse(&again, sl_buf_span(&shown), NULL) == 0);
	must(again.kind == proxy.kind && again.port == proxy.port && !again.user);
	must(strcmp(again.host, proxy.host) == 0);
	sl_proxy_release(&again);
	sl_proxy_release(&proxy);
	sl_buf_release(&shown);
}

static void
check_list(struct sl_span list, struct sl_span host_text)
{
	char *host = sl_span_dup(host_text);
	if (strchr(host, '*')) { /* no host is called that */
		free(host);
		return;
	}
	bool any = false, all = sl_no_proxy_matches(list, host);
	bool is_star = sl_span_is(list, "*"), all_good = true;
	struct sl_span rest = list;
	while (rest.len > 0) {
		size_t end = 0;
		while (end < rest.len && !memchr(", \t", rest.data[end], 3))
			end++;
		struct sl_span item = sl_span(rest.data, end);
		/* "*" is special only alone. */
		bool matches = !sl_span_is(item, "*") && sl_no_proxy_matches(item, host);
		bool is_good = sl_no_proxy_check(item, NULL) == 0;
		any = any || matches;
		all_good = all_good && is_good && !sl_span_is(item, "*");
		/* No host of a URL has these, unless it is an IPv6 address. */
		must(is_good || !matches || strpbrk(host, "/:*"));
		end += end < rest.len;
		rest = sl_span(rest.data + end, rest.len - end);
	}
	must(all == (any || is_star));
	must((sl_no_proxy_check(list, NULL) == 0) == (all_good || is_star));
	free(host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span rest = sl_span((const char *)data, len), line = { 0 }, list = { 0 };
	if (!sl_span_take_until(&rest, '\n', &line)) {
		check_proxy(rest);
		return 0;
	}
	check_proxy(line);
	if (sl_span_take_until(&rest, '\n', &list))
		check_list(list, rest);
	return 0;
}
