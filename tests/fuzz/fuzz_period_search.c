/*
 * Bytes decide which lines a large file has, most of them with ascending stamps, and which period
 * is looked for in it. The part begins and ends where lines do; if the lines are sorted, it has all
 * those of the period.
 */
#include "fuzz/fuzz.h"
#include "sluice/scan/period_search.h"

#include <string.h>

#define FILE_MAX (12u * SL_PERIOD_SEARCH_BLOCK)
#define LINE_MAX (256u * 160u)
#define READS_MAX (SL_PERIOD_SEARCH_MAX * 32u)
#define BASE_S 1445169600ll
#define NS_PER_S INT64_C(1000000000)

static char file[FILE_MAX + LINE_MAX];

/* A line; the time goes on. */
static size_t
add_line(size_t at, uint8_t kind, uint8_t value, long long *at_s)
{
	size_t len = 0;
	switch (kind % 8) {
	case 0:
		memset(file + at, 'x', len = value);
		break;
	case 1:
		memset(file + at, value == '\n' ? 'x' : value, len = value * 160u);
		break;
	case 2:
		len = (size_t)snprintf(file + at, LINE_MAX, "{\"time\":%lld,\"pad\":\"%0*d\"}",
			*at_s, value + 1, 0);
		break;
	case 3:
		len = (size_t)snprintf(file + at, LINE_MAX, "%lld back", *at_s - value);
		break;
	default:
		*at_s += value % 16;
		len = (size_t)snprintf(file + at, LINE_MAX, "%lld %0*d", *at_s, value + 1, 0);
	}
	file[at + len] = '\n';
	return len + 1;
}

/* Lines as the bytes say, over and over. */
static size_t
make_file(const struct input *in, long long *end_s)
{
	size_t len = 0;
	*end_s = BASE_S;
	while (len < FILE_MAX - LINE_MAX)
		for (size_t i = 0; i + 1 < in->len && len < FILE_MAX - LINE_MAX; i += 2)
			len += add_line(len, in->at[i], in->at[i + 1], end_s);
	return len;
}

static struct sl_moment
moment_at(long long end_s, uint8_t share)
{
	int64_t ns = (BASE_S - 10 + (end_s - BASE_S + 20) * share / 255) * NS_PER_S;
	return (struct sl_moment){ .ns = ns, .local_ns = ns, .is_instant = share % 2 };
}

static bool
is_line_begin(uint64_t off, size_t len)
{
	return off == 0 || off == len || file[off - 1] == '\n';
}

static void
check(const struct sl_period *period, size_t len, uint64_t begin, uint64_t end)
{
	struct sl_period_order order = { 0 }, one;
	bool is_inside = !period->has_since, has_all = true;
	for (size_t at = 0; at < len;) {
		const char *newline = memchr(file + at, '\n', len - at);
		size_t line_end = newline ? (size_t)(newline - file) : len;
		enum sl_period_side side =
			sl_period_look(period, sl_span(file + at, line_end - at), &one);
		sl_period_order_join(&order, &one);
		if (side != SL_PERIOD_UNKNOWN)
			is_inside = side == SL_PERIOD_INSIDE;
		has_all = has_all && (!is_inside || (at >= begin && at < end));
		at = line_end + (newline != NULL);
	}
	must(has_all || sl_period_is_broken(period, &order));
}

static void
search_all(struct sl_period_search *search, const struct sl_period *period, size_t len,
	bool keeps_begin)
{
	uint64_t off;
	size_t block_len;
	unsigned reads = 0;
	sl_period_search_init(search, period, len, keeps_begin);
	while (sl_period_search_next(search, &off, &block_len)) {
		must(reads++ < READS_MAX && off + block_len <= len);
		sl_period_search_add(search, (const unsigned char *)file + off, block_len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct sl_period_search search;
	uint8_t how = take(&in), since = take(&in), until = take(&in);
	long long end_s;
	struct sl_period period = { .has_since = how % 4 != 0, .has_until = how % 4 != 1 };
	period.is_sorted = true;
	period.slack_ns = take(&in) * NS_PER_S;
	bool keeps_begin = how / 4 % 8 == 0, has_last_newline = how / 32 % 2;
	if (in.len < 2)
		return 0;
	size_t file_len = make_file(&in, &end_s) - !has_last_newline;
	period.since = moment_at(end_s, since);
	period.until = moment_at(end_s, until);
	search_all(&search, &period, file_len, keeps_begin);
	must(search.begin <= search.end && search.end <= file_len);
	must(is_line_begin(search.begin, file_len) && is_line_begin(search.end, file_len));
	must(!keeps_begin || search.begin == 0);
	check(&period, file_len, search.begin, search.end);
	return 0;
}
