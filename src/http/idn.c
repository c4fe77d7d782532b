#include "sluice/http/idn.h"

#include "sluice/base/text.h"

#include <errno.h>
#include <idn2.h>
#include <stdlib.h>

static int
refuse(struct sl_error *err, struct sl_span host, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_text_make_safe(&shown, host);
	int code = sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "host name '%.256s' is not allowed: %s",
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	return code;
}

int
sl_idn_to_ascii(struct sl_buf *out, struct sl_span host, struct sl_error *err)
{
	/* libidn2 reads a C string: it would ignore the rest of the name after a NUL. */
	if (host.len == 0 || memchr(host.data, '\0', host.len) || !sl_text_is_utf8(host))
		return refuse(err, host, "it is not valid UTF-8");
	char *name = sl_span_dup(host);
	if (!name)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot convert a host name");
	uint8_t *ascii = NULL;
	/* Not IDN2_USE_STD3_ASCII_RULES: libidn2 then drops characters that those rules forbid
	 * instead of refusing them. The caller's check of the ASCII form refuses them. */
	int result = idn2_lookup_u8(
		(const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	int code = 0;
	if (result == IDN2_MALLOC)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot convert a host name");
	else if (result != IDN2_OK)
		code = refuse(err, host, idn2_strerror(result));
	else
		sl_buf_add_str(out, (const char *)ascii);
	if (!code && out->failed)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot convert a host name");
	idn2_free(ascii);
	free(name);
	return code;
}
