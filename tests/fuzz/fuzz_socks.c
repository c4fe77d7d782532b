/*
 * The first byte chooses proxy and target, the rest is what the proxy sends: whole, byte by byte
 * and cut once, the outcome is the same and the same bytes are used.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/socks.h"

#include <errno.h>

static const char *const proxies[] = { "socks4://p", "socks4a://user@p", "socks5://p",
	"socks5h://user:password@p" };
static const char *const names[] = { "host.example", "10.0.0.1", "fd00::1" };

struct outcome {
	int code;
	size_t used, sent;
};

static void
run(struct outcome *out, unsigned choice, struct sl_span replies, size_t first, size_t piece)
{
	struct sl_proxy proxy;
	struct sl_socks socks;
	struct sl_error err = { 0 };
	struct sl_socks_target target = { .name = names[choice / 4 % SL_COUNT_OF(names)],
		.port = 443 };
	*out = (struct outcome){ 0 };
	must(sl_proxy_parse(&proxy, sl_span_str(proxies[choice % 4]), NULL) == 0);
	out->code = sl_socks_begin(&socks, &proxy, &target, &err);
	while (out->code == 0 && sl_socks_wanted(&socks) > 0) {
		out->sent += sl_socks_output(&socks).len;
		sl_socks_sent(&socks);
		size_t n = SL_MIN(SL_MIN(first, sl_socks_wanted(&socks)), replies.len - out->used);
		first = piece;
		if (n == 0) {
			out->code = -ECONNRESET;
			break;
		}
		out->code = sl_socks_feed(&socks, replies.data + out->used, n, &err);
		must((out->code == 0) == (err.code == 0));
		out->used += n;
	}
	must(out->code <= 0 && sl_socks_output(&socks).len <= SL_SOCKS_OUTPUT_MAX);
	sl_socks_end(&socks);
	sl_proxy_release(&proxy);
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
	must(a->code == b->code && a->used == b->used && a->sent == b->sent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct outcome whole, bytes, cut;
	if (len == 0)
		return 0;
	struct sl_span replies = sl_span((const char *)data + 1, len - 1);
	run(&whole, data[0], replies, SIZE_MAX, SIZE_MAX);
	run(&bytes, data[0], replies, 1, 1);
	run(&cut, data[0], replies, data[len - 1] % 16 + 1u, SIZE_MAX);
	check_same(&whole, &bytes);
	check_same(&whole, &cut);
	return 0;
}
