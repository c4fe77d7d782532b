/*
 * Entries of --resolve, one a line: what is accepted is found under its host and port, written in
 * its canonical form it is the same entry, and what is refused changes nothing.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/bytes.h"
#include "sluice/net/resolve_list.h"

#include <string.h>

static void
write_entry(struct sl_buf *out, const struct sl_resolve_entry *entry)
{
	bool is_v6 = strchr(entry->host, ':') != NULL;
	sl_buf_printf(out, is_v6 ? "[%s]:%u:" : "%s:%u:", entry->host, (unsigned)entry->port);
	for (size_t i = 0; i < entry->count; i++) {
		char text[SL_ADDRESS_TEXT];
		sl_address_format(text, sizeof(text), &entry->list[i]);
		must(sl_address_port(&entry->list[i]) == entry->port);
		*strrchr(text, ':') = '\0';
		sl_buf_printf(out, "%s%s", i ? "," : "", text);
	}
}

static void
check_entry(const struct sl_resolve_entry *entry)
{
	struct sl_resolve_list again = { 0 };
	struct sl_buf text = { 0 }, second = { 0 };
	must(entry->count > 0 && entry->count <= SL_RESOLVE_ADDRESSES && entry->port > 0);
	must(strlen(entry->host) <= SL_RESOLVE_HOST_MAX);
	write_entry(&text, entry);
	if (!text.failed && sl_resolve_list_add(&again, sl_buf_span(&text), NULL) == 0) {
		must(again.count == 1);
		write_entry(&second, &again.items[0]);
		must(second.failed || sl_span_equal(sl_buf_span(&text), sl_buf_span(&second)));
	} else {
		must(entry->host[0] == '-' || entry->host[0] == '+'); /* behind a "-" of an entry */
	}
	sl_buf_release(&text);
	sl_buf_release(&second);
	sl_resolve_list_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_resolve_list list = { 0 };
	struct sl_span rest = sl_span((const char *)data, len), line;
	while (sl_span_take_until(&rest, '\n', &line)) {
		size_t before = list.count;
		struct sl_error err = { 0 };
		int code = sl_resolve_list_add(&list, line, &err);
		must((code == 0) == (err.text[0] == '\0'));
		must(code == 0 ? list.count <= before + 1 : list.count == before);
	}
	for (size_t i = 0; i < list.count; i++) {
		check_entry(&list.items[i]);
		must(sl_resolve_list_find(&list, list.items[i].host, list.items[i].port) ==
			&list.items[i]);
	}
	sl_resolve_list_release(&list);
	return 0;
}
