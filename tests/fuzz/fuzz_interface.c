/*
 * Values of --interface: what is accepted has an interface, an address or both, and its parts,
 * written with their prefix, are the same again.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/bytes.h"
#include "sluice/net/interface.h"

#include <string.h>

static void
write_parts(struct sl_buf *out, const struct sl_interface *from)
{
	char text[SL_ADDRESS_TEXT] = "";
	if (from->has_address) {
		sl_address_format(text, sizeof(text), &from->address);
		*strrchr(text, ':') = '\0';
	}
	if (!from->device[0])
		sl_buf_printf(out, "host!%s", text);
	else if (from->has_address)
		sl_buf_printf(out, "ifhost!%s!%s", from->device, text);
	else
		sl_buf_printf(out, "if!%s", from->device);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_buf text = { 0 }, parts = { 0 };
	struct sl_interface from, again;
	struct sl_error err = { 0 };
	char shown[2][SL_INTERFACE_TEXT];
	sl_buf_add(&text, data, len);
	if (!text.failed && text.data && sl_interface_parse(&from, text.data, &err) == 0) {
		must(from.has_address || from.device[0]);
		must(strlen(from.device) < SL_INTERFACE_NAME);
		write_parts(&parts, &from);
		must(parts.failed || sl_interface_parse(&again, parts.data, NULL) == 0);
		sl_interface_format(shown[0], sizeof(shown[0]), &from);
		sl_interface_format(shown[1], sizeof(shown[1]), &again);
		must(parts.failed || strcmp(shown[0], shown[1]) == 0);
	}
	sl_buf_release(&text);
	sl_buf_release(&parts);
	return 0;
}
