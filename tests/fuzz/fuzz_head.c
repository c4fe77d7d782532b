/*
 * A response's head: byte by byte, cut once and whole give the same result; limits hold; framing
 * decides without asserting; what follows the head is left alone.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/framing.h"
#include "sluice/http/head.h"
#include "sluice/http/header.h"

struct outcome {
	enum sl_parse result;
	size_t used;
	struct sl_head head;
	struct sl_error err;
};

/* Feed in pieces: the first of `first` bytes, the others of `step`. */
static void
run(struct outcome *out, const char *data, size_t len, size_t first, size_t step)
{
	size_t piece = first;
	memset(out, 0, sizeof(*out));
	sl_head_init(&out->head);
	while (out->result == SL_PARSE_MORE && out->used < len) {
		size_t n = SL_MIN(piece, len - out->used), used = 0;
		out->result = sl_head_feed(&out->head, data + out->used, n, &used, &out->err);
		must(used <= n && (out->result != SL_PARSE_MORE || used == n));
		must((out->result == SL_PARSE_BAD) == (out->err.code != 0));
		out->used += used;
		piece = step;
	}
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
	must(a->result == b->result);
	if (a->result == SL_PARSE_BAD)
		return;
	must(a->used == b->used && a->head.status == b->head.status &&
		a->head.minor == b->head.minor);
	must(sl_span_equal(sl_head_reason(&a->head), sl_head_reason(&b->head)));
	must(sl_head_count(&a->head) == sl_head_count(&b->head));
	for (size_t i = 0; i < sl_head_count(&a->head); i++) {
		struct sl_head_field fa = sl_head_at(&a->head, i), fb = sl_head_at(&b->head, i);
		must(sl_span_equal(fa.name, fb.name) && sl_span_equal(fa.value, fb.value));
	}
}

static void
check_done(const struct outcome *out, const char *data)
{
	struct sl_framing framing;
	must(out->used <= SL_HEAD_MAX && sl_head_count(&out->head) <= SL_HEAD_FIELDS_MAX);
	must(out->head.status >= 100 && out->head.status <= 999 && (out->head.minor | 1) == 1);
	must(data[out->used - 1] == '\n');
	for (size_t i = 0; i < sl_head_count(&out->head); i++) {
		struct sl_head_field field = sl_head_at(&out->head, i);
		must(field.name.len > 0);
		for (size_t k = 0; k < field.value.len; k++)
			must(field.value.data[k] && !strchr("\r\n", field.value.data[k]));
	}
	for (int was_head = 0; was_head < 2; was_head++) {
		if (sl_framing_decide(&framing, &out->head, was_head, NULL) != 0)
			continue;
		must(framing.length <= INT64_MAX);
		must(framing.kind != SL_FRAMING_CLOSE || !framing.keep_alive);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct outcome whole, bytes, cut;
	run(&whole, text, len, SIZE_MAX, SIZE_MAX);
	run(&bytes, text, len, 1, 1);
	run(&cut, text, len, len ? data[len - 1] : 0, SIZE_MAX);
	check_same(&whole, &bytes);
	check_same(&whole, &cut);
	if (whole.result == SL_PARSE_DONE)
		check_done(&whole, text);
	sl_head_release(&whole.head);
	sl_head_release(&bytes.head);
	sl_head_release(&cut.head);
	return 0;
}
