/* A list of pinned public keys: one that is taken is the same when it is written and read again. */
#include "fuzz/fuzz.h"
#include "sluice/net/pins.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct sl_pins pins, again;
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 };
	int code = sl_pins_parse(&pins, sl_span((const char *)data, len), &err);
	must(code == 0 || (code == SL_E_USAGE && err.code == code && err.text[0]));
	if (code)
		return 0;
	must(pins.count > 0 && pins.count <= SL_PINS_MAX);
	for (size_t i = 0; i < pins.count; i++) {
		if (i > 0)
			sl_buf_add_char(&text, ';');
		sl_pins_format(&text, pins.hashes[i]);
		must(sl_pins_has(&pins, pins.hashes[i]));
	}
	must(sl_pins_parse(&again, sl_buf_span(&text), NULL) == 0);
	must(again.count == pins.count &&
		memcmp(again.hashes, pins.hashes, pins.count * SL_PIN_SIZE) == 0);
	sl_buf_release(&text);
	return 0;
}
