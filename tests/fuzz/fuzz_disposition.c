/*
 * The value of a Content-Disposition: a name that is taken is one safe component, is the same if it
 * is sent once more, quoted, and comes with no reason; one that is not usable has a reason.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/http/disposition.h"
#include "sluice/http/url.h"

#include <ctype.h>

static void
check_name(struct sl_span name)
{
	must(name.len > 0 && name.len <= SL_URL_FILE_NAME_MAX);
	must(name.data[0] != '.' && name.data[0] != '-');
	must(sl_text_is_utf8(name));
	for (size_t i = 0; i < name.len; i++)
		must(!strchr("/\\", name.data[i]) && !iscntrl((unsigned char)name.data[i]));
}

static void
check_again(struct sl_span name)
{
	struct sl_buf value = { 0 }, again = { 0 };
	const char *why = NULL;
	sl_buf_add_str(&value, "attachment; filename=\"");
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '"')
			sl_buf_add_char(&value, '\\');
		sl_buf_add_char(&value, name.data[i]);
	}
	sl_buf_add_char(&value, '"');
	must(sl_disposition_parse(sl_buf_span(&value), &again, &why) == SL_DISPOSITION_NAME);
	must(sl_span_equal(sl_buf_span(&again), name));
	sl_buf_release(&value);
	sl_buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_buf name = { 0 };
	const char *why = NULL;
	switch (sl_disposition_parse(sl_span((const char *)data, len), &name, &why)) {
	case SL_DISPOSITION_NONE:
		must(!why && name.len == 0);
		break;
	case SL_DISPOSITION_NAME:
		must(!why);
		check_name(sl_buf_span(&name));
		check_again(sl_buf_span(&name));
		break;
	case SL_DISPOSITION_UNUSABLE:
		must(why != NULL);
		break;
	default:
		must(false);
	}
	sl_buf_release(&name);
	return 0;
}
