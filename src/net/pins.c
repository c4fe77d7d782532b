#include "sluice/net/pins.h"

#include "sluice/base/text.h"

#include <string.h>

#define PREFIX "sha256//"

/* Bytes of an entry in a message. */
#define SHOWN_MAX 80

bool
sl_pins_is_list(struct sl_span text)
{
	return text.len >= strlen(PREFIX) && memcmp(text.data, PREFIX, strlen(PREFIX)) == 0;
}

static int
refuse(struct sl_span entry, struct sl_error *err)
{
	struct sl_buf shown = { 0 };
	sl_text_show(&shown, entry, SHOWN_MAX);
	int code = sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"'%s' is not the hash of a public key (" PREFIX
		" and 44 characters of base64; several are separated by ';')",
		shown.data ? shown.data : "");
	sl_buf_release(&shown);
	return code;
}

static bool
parse_one(struct sl_span entry, unsigned char hash[static SL_PIN_SIZE])
{
	size_t len = 0, skip = strlen(PREFIX);
	return sl_pins_is_list(entry) &&
	       sl_text_read_base64(
		       sl_span(entry.data + skip, entry.len - skip), hash, SL_PIN_SIZE, &len) &&
	       len == SL_PIN_SIZE;
}

int
sl_pins_parse(struct sl_pins *pins, struct sl_span text, struct sl_error *err)
{
	pins->count = 0;
	for (;;) {
		const char *end = text.len ? memchr(text.data, ';', text.len) : NULL;
		struct sl_span entry =
			sl_span(text.data, end ? (size_t)(end - text.data) : text.len);
		if (pins->count == SL_PINS_MAX)
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
				"more than %d pinned public keys", SL_PINS_MAX);
		if (!parse_one(entry, pins->hashes[pins->count]))
			return refuse(entry, err);
		pins->count++;
		if (!end)
			return 0;
		text = sl_span(end + 1, text.len - entry.len - 1);
	}
}

bool
sl_pins_has(const struct sl_pins *pins, const unsigned char hash[static SL_PIN_SIZE])
{
	for (size_t i = 0; i < pins->count; i++)
		if (memcmp(pins->hashes[i], hash, SL_PIN_SIZE) == 0)
			return true;
	return false;
}

void
sl_pins_format(struct sl_buf *out, const unsigned char hash[static SL_PIN_SIZE])
{
	sl_buf_add_str(out, PREFIX);
	sl_text_add_base64(out, sl_span((const char *)hash, SL_PIN_SIZE));
}
