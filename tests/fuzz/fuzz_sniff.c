/*
 * What the bytes of an input are, whatever they are. The first byte says which property is checked:
 * what a hole in front changes, whether lines are found when they are written in UTF-16, or what
 * more bytes change.
 */
#include "fuzz/fuzz.h"
#include "sluice/scan/sniff.h"
#include "sluice/scan/wide.h"

#include <string.h>

#define MOST (64u * 1024u)
#define HOLE 4096u

static unsigned char other[2 * MOST + HOLE];

/* A hole in front makes nothing binary. */
static void
check_hole(const uint8_t *data, size_t len)
{
	memset(other, 0, HOLE);
	memcpy(other + HOLE, data, len);
	must(!sl_sniff_is_binary(other, HOLE + len) || sl_sniff_is_binary(data, len));
}

/* Text without magic numbers, made of the input; returns its longest line that has a newline. */
static size_t
make_text(const uint8_t *data, size_t len)
{
	size_t longest = 0, line = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)(0x20 + data[i] % 0x60);
		other[i] = i == 0 ? 'x' : c == 0x7f || c == 'u' ? '\n' : c;
		longest = other[i] == '\n' ? SL_MAX(longest, line) : longest;
		line = other[i] == '\n' ? 0 : line + 1;
	}
	return longest;
}

/* The same for any cut, of which the text says one. */
static bool
has_wide(const uint8_t *data, size_t len)
{
	struct sl_wide all, left, right;
	size_t cut = (size_t)data[len / 2] * len / 256;
	sl_wide_search(&all, data, len);
	sl_wide_search(&left, data, cut);
	sl_wide_search(&right, data + cut, len - cut);
	sl_wide_merge(&left, &right);
	must(left.is_found == all.is_found && left.len == all.len);
	must(!all.is_found || (left.at == all.at && left.text_len == all.text_len));
	must(all.is_found || left.open_len == all.open_len);
	return all.is_found;
}

static void
check_wide(const uint8_t *data, size_t len, bool big_endian)
{
	size_t longest = make_text(data, len);
	must(sl_sniff_form(other, len) == SL_FORM_PLAIN);
	must(!has_wide(other, len));
	must(!sl_sniff_is_binary(other, len));
	for (size_t i = len; i-- > 0;) {
		unsigned char c = other[i];
		other[2 * i + big_endian] = c;
		other[2 * i + !big_endian] = 0;
	}
	must(has_wide(other, 2 * len) == (longest >= SL_WIDE_LINE || len >= SL_WIDE_RUN));
}

/* The form is known as soon as no more bytes are wanted, wherever the input is cut. */
static void
check_growth(const uint8_t *data, size_t len)
{
	enum sl_form all = sl_sniff_form(data, len);
	for (size_t some = 0; some <= SL_MIN(len, (size_t)SL_SNIFF_WINDOW + 9); some++) {
		if (sl_sniff_wants_more(data, some))
			must(some < SL_SNIFF_WINDOW);
		else
			must(sl_sniff_form(data, some) == all);
	}
	must(sl_sniff_named_form(sl_span_str("text"), data, len) == all);
	if (len >= 10 && !sl_sniff_is_binary_throughout(data, len))
		must(sl_sniff_named_form(sl_span_str("a.gz"), data, len) == all);
	if (sl_sniff_has_only_cr(data, len))
		must(memchr(data, '\r', len) && !memchr(data, '\n', SL_MIN(len, SL_SNIFF_WINDOW)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2 || len > MOST)
		return 0;
	/* Memory of its own, so that a byte read beyond it is noticed. */
	size_t text_len = len - 1;
	uint8_t *text = malloc(text_len);
	must(text);
	memcpy(text, data + 1, text_len);
	if (data[0] % 4 == 0)
		check_hole(text, text_len);
	else if (data[0] % 4 == 3)
		check_growth(text, text_len);
	else
		check_wide(text, text_len, data[0] % 4 == 2);
	free(text);
	return 0;
}
