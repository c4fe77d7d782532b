/*
 * A .netrc file: the entries of a walk have no control bytes, and the one that is found for the
 * first of them is of its host; one that is written anew, quoted, is read as the same.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/http/netrc.h"

static void
add_quoted(struct sl_buf *out, const char *keyword, const struct sl_buf *value)
{
	sl_buf_printf(out, " %s \"", keyword);
	for (size_t i = 0; i < value->len; i++) {
		if (strchr("\"\\", value->data[i]))
			sl_buf_add_char(out, '\\');
		sl_buf_add_char(out, value->data[i]);
	}
	sl_buf_add_char(out, '"');
}

static void
check_again(const struct sl_netrc_entry *entry)
{
	struct sl_buf text = { 0 };
	struct sl_netrc_entry again = { 0 };
	add_quoted(&text, "machine", &entry->machine);
	add_quoted(&text, "login", &entry->login);
	add_quoted(&text, "password", &entry->password);
	struct sl_netrc netrc;
	sl_netrc_init(&netrc, sl_buf_span(&text));
	must(sl_netrc_next(&netrc, &again, NULL) == 1);
	must(sl_span_equal(sl_buf_span(&again.machine), sl_buf_span(&entry->machine)));
	must(sl_span_equal(sl_buf_span(&again.login), sl_buf_span(&entry->login)));
	must(sl_span_equal(sl_buf_span(&again.password), sl_buf_span(&entry->password)));
	must(sl_netrc_next(&netrc, &again, NULL) == 0);
	sl_netrc_entry_release(&again);
	sl_buf_release(&text);
}

static void
check_found(struct sl_span text, const char *host)
{
	struct sl_netrc_entry found = { 0 };
	struct sl_error err = { 0 };
	int code = sl_netrc_find(text, host, NULL, true, &found, &err);
	must(code == 0 || code == 1 || (code == SL_E_USAGE && err.text[0]));
	must(code != 1 || (found.has_login && found.has_password));
	must(code != 1 || found.is_default || sl_span_is_nocase(sl_buf_span(&found.machine), host));
	sl_netrc_entry_release(&found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span text = sl_span((const char *)data, len);
	struct sl_netrc netrc;
	struct sl_netrc_entry entry = { 0 };
	bool is_first = true;
	int code;
	sl_netrc_init(&netrc, text);
	while ((code = sl_netrc_next(&netrc, &entry, NULL)) == 1) {
		must(!sl_text_has_control(sl_buf_span(&entry.login)));
		must(!sl_text_has_control(sl_buf_span(&entry.password)));
		check_again(&entry);
		if (is_first && entry.machine.data)
			check_found(text, entry.machine.data);
		is_first = false;
	}
	must(code == 0 || code == SL_E_USAGE);
	sl_netrc_entry_release(&entry);
	return 0;
}
