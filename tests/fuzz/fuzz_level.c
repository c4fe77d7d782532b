/*
 * A log line. What is found lies in it; a level at its usual place is found whatever the message
 * is, and pairs of logfmt lie in the line one behind the other.
 */
#include "fuzz/fuzz.h"
#include "sluice/logline/level.h"
#include "sluice/logline/logfmt.h"

#include <stdbool.h>

static const struct {
	const char *before;
	enum sl_level level;
} heads[] = {
	{ "2015-10-18 18:01:47,978 ERROR ", SL_LEVEL_ERROR },
	{ "2015/10/18 18:01:47 [warn] 12#0: ", SL_LEVEL_WARNING },
	{ "<14>Oct 11 22:14:15 host su: ", SL_LEVEL_INFO },
	{ "E1018 18:01:47.978901 7 x.go:1] ", SL_LEVEL_ERROR },
	{ "level=fatal msg=", SL_LEVEL_CRITICAL },
	{ "DEBUG:root:", SL_LEVEL_DEBUG },
	{ "x: notice: ", SL_LEVEL_NOTICE },
	{ "{\"level\":10,\"msg\":\"", SL_LEVEL_TRACE },
};

static void
check_heads(struct sl_span message)
{
	for (size_t i = 0; i < SL_COUNT_OF(heads); i++) {
		struct sl_buf line = { 0 };
		sl_buf_add_str(&line, heads[i].before);
		sl_buf_add_span(&line, message);
		must(!line.failed);
		struct sl_level_found found = sl_level_find(sl_buf_span(&line));
		must(found.level == heads[i].level && found.end <= strlen(heads[i].before));
		sl_buf_release(&line);
	}
}

static void
check_pairs(struct sl_span line)
{
	struct sl_logfmt logfmt = sl_logfmt_begin(line);
	struct sl_logfmt_pair pair;
	const char *at = line.data, *end = line.data + line.len;
	while (sl_logfmt_next(&logfmt, &pair)) {
		must(pair.key.len && pair.key.data >= at);
		must(pair.value.data > pair.key.data + pair.key.len - 1);
		at = pair.value.data + pair.value.len;
		must(at <= end && logfmt.at >= at && logfmt.at <= end);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span line = { (const char *)data, len };
	struct sl_level_found found = sl_level_find(line);
	must(found.level < SL_LEVELS && found.begin <= found.end && found.end <= len);
	must((found.level == SL_LEVEL_NONE) == (found.begin == found.end));
	must(sl_level_name(found.level));
	if (len) {
		check_pairs(line);
		check_heads(line);
	}
	return 0;
}
