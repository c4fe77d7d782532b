/*
 * Any bytes as a saved digest: they are refused by name, or what was read is written as the same
 * digest again; and comparing with it lists each of its kinds once.
 */
#include "fuzz/fuzz.h"
#include "sluice/digest/changes.h"
#include "sluice/digest/saved.h"

#include <string.h>

static void
write_all(const struct sl_saved *saved, struct sl_buf *out)
{
	sl_saved_begin(out, saved->lines, saved->dropped, saved->count);
	for (size_t i = 0; i < saved->count; i++)
		sl_saved_add(out, &saved->kinds[i]);
	must(!out->failed);
}

static void
check_changes(const struct sl_saved *saved)
{
	struct sl_changes changes;
	must(sl_changes_make(&changes, NULL, 0, saved) == 0);
	must(changes.count == saved->count && changes.numbers[SL_CHANGE_GONE] == saved->count);
	sl_changes_release(&changes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_saved saved, again;
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 }, more = { 0 };
	int code = sl_saved_read(&saved, sl_span((const char *)data, len), "name", &err);
	if (code) {
		must(code == SL_E_USAGE || code == SL_E_UNSUPPORTED);
		must(strstr(err.text, "'name'"));
	} else {
		write_all(&saved, &text);
		must(sl_saved_read(&again, sl_buf_span(&text), "name", &err) == 0);
		write_all(&again, &more);
		must(sl_span_equal(sl_buf_span(&text), sl_buf_span(&more)));
		check_changes(&saved);
		sl_saved_release(&again);
	}
	sl_saved_release(&saved);
	sl_buf_release(&text);
	sl_buf_release(&more);
	return 0;
}
