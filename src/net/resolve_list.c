/*
 * Entries "HOST:PORT:ADDRESS[,ADDRESS...]", and the search for the one of a host.
 *
 * An entry is made completely before the list changes, so that one which is refused leaves the list
 * as it was. Lists are short: they are searched from the front.
 */
#include "sluice/net/resolve_list.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 80 /* bytes of an entry in a message */

static int
refuse(struct sl_span text, const char *why, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "'%.*s%s': %s",
		(int)SL_MIN(text.len, (size_t)SHOWN_MAX), text.data,
		text.len > SHOWN_MAX ? "..." : "", why);
}

/* Up to `end`, which is skipped and sets *more, or all that is left. An address in brackets may
 * have the byte in it. False without a closing bracket, or with something else behind it. */
static bool
next_part(struct sl_span *rest, char end, struct sl_span *out, bool *more)
{
	size_t skipped = 0;
	if (rest->len > 0 && rest->data[0] == '[') {
		const char *closing = memchr(rest->data, ']', rest->len);
		if (!closing)
			return false;
		skipped = (size_t)(closing - rest->data) + 1;
		if (skipped < rest->len && rest->data[skipped] != end)
			return false;
	}
	const char *at = memchr(rest->data + skipped, end, rest->len - skipped);
	size_t len = at ? (size_t)(at - rest->data) : rest->len;
	*more = at != NULL;
	*out = sl_span(rest->data, len);
	*rest = at ? sl_span(at + 1, rest->len - len - 1) : sl_span(rest->data + len, 0);
	return true;
}

static bool
parse_address(struct sl_span text, uint16_t port, struct sl_address *out)
{
	char host[SL_ADDRESS_TEXT];
	bool brackets = text.len > 2 && text.data[0] == '[';
	if (brackets)
		text = sl_span(text.data + 1, text.len - 2);
	if (text.len >= sizeof(host) || memchr(text.data, '\0', text.len))
		return false;
	memcpy(host, text.data, text.len);
	host[text.len] = '\0';
	return sl_address_parse(out, host, port) &&
	       (!brackets || out->storage.ss_family == AF_INET6);
}

/* What may be in the name of a host, "*" included. */
static bool
is_host_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("/@#?\\,%[]", c);
}

/* The canonical form of an IPv6 address in brackets, as URLs have it; NULL with the reason in
 * *why. */
static char *
copy_v6(struct sl_span text, const char **why)
{
	struct sl_address address;
	char canonical[SL_ADDRESS_TEXT];
	*why = "the host in brackets is not an IPv6 address";
	if (!parse_address(text, 0, &address))
		return NULL;
	*why = NULL;
	sl_address_format(canonical, sizeof(canonical), &address); /* "[ADDRESS]:0" */
	return sl_span_dup(sl_span(canonical + 1, strcspn(canonical, "]") - 1));
}

/* A host as URLs have it: in lower case, without a final dot. NULL with the reason in *why; NULL
 * and NULL if there is no memory. */
static char *
copy_host(struct sl_span text, const char **why)
{
	if (text.len > 0 && text.data[0] == '[')
		return copy_v6(text, why);
	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.len--;
	*why = "the host name is missing or too long";
	if (text.len == 0 || text.len > SL_RESOLVE_HOST_MAX)
		return NULL;
	*why = "a part of the host name is missing";
	if (text.data[0] == '.' || text.data[text.len - 1] == '.' ||
		memmem(text.data, text.len, "..", 2))
		return NULL;
	*why = "the host must be a name in ASCII (international ones begin with xn--), a numeric "
	       "address or *";
	for (size_t i = 0; i < text.len; i++)
		if (!is_host_char(text.data[i]))
			return NULL;
	*why = NULL;
	char *host = sl_span_dup(text);
	for (size_t i = 0; host && host[i]; i++)
		host[i] = (char)sl_lower((unsigned char)host[i]);
	return host;
}

static void
release_entry(struct sl_resolve_entry *entry)
{
	free(entry->host);
	free(entry->list);
	*entry = (struct sl_resolve_entry){ 0 };
}

static int
parse_addresses(struct sl_resolve_entry *out, struct sl_span rest, struct sl_span whole,
	struct sl_error *err)
{
	bool more = false;
	out->list = calloc(SL_RESOLVE_ADDRESSES, sizeof(*out->list));
	if (!out->list)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot take addresses");
	do {
		struct sl_span part;
		if (out->count == SL_RESOLVE_ADDRESSES)
			return refuse(whole, "it has more than 32 addresses", err);
		if (!next_part(&rest, ',', &part, &more) ||
			!parse_address(part, out->port, &out->list[out->count]))
			return refuse(whole,
				"write it as HOST:PORT:ADDRESS[,ADDRESS...], with numeric "
				"addresses",
				err);
		out->count++;
	} while (more);
	return 0;
}

/* HOST:PORT, and what is behind it. */
static int
parse_place(struct sl_resolve_entry *out, struct sl_span *rest, struct sl_span whole,
	struct sl_error *err)
{
	struct sl_span host, port;
	uint64_t number = 0;
	const char *why = NULL;
	bool more = false;
	if (!next_part(rest, ':', &host, &more) || !next_part(rest, ':', &port, &more))
		return refuse(whole, "write it as HOST:PORT:ADDRESS[,ADDRESS...]", err);
	if (!sl_parse_u64(port.data, port.len, &number) || number == 0 || number > UINT16_MAX)
		return refuse(whole, "the port behind HOST: must be a number from 1 to 65535", err);
	out->port = (uint16_t)number;
	out->host = copy_host(host, &why);
	if (!out->host && why)
		return refuse(whole, why, err);
	return out->host ? 0 : sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot take addresses");
}

static int
parse_entry(struct sl_resolve_entry *out, struct sl_span text, bool removes, struct sl_error *err)
{
	struct sl_span rest = text;
	int code = parse_place(out, &rest, text, err);
	if (code)
		return code;
	if (!removes)
		return parse_addresses(out, rest, text, err);
	return rest.len == 0 ? 0 : refuse(text, "write an entry to remove as -HOST:PORT", err);
}

static struct sl_resolve_entry *
find(const struct sl_resolve_list *list, struct sl_span host, uint16_t port)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].port == port && sl_span_is(host, list->items[i].host))
			return &list->items[i];
	return NULL;
}

static void
remove_entry(struct sl_resolve_list *list, struct sl_resolve_entry *entry)
{
	release_entry(entry);
	*entry = list->items[--list->count];
}

/* Takes what is in *entry. */
static bool
put_entry(struct sl_resolve_list *list, struct sl_resolve_entry *entry)
{
	struct sl_resolve_entry *present = find(list, sl_span_str(entry->host), entry->port);
	if (!present) {
		struct sl_resolve_entry *items =
			realloc(list->items, (list->count + 1) * sizeof(*items));
		if (!items)
			return false;
		list->items = items;
		present = &items[list->count++];
		*present = (struct sl_resolve_entry){ 0 };
	}
	release_entry(present);
	*present = *entry;
	*entry = (struct sl_resolve_entry){ 0 };
	return true;
}

int
sl_resolve_list_add(struct sl_resolve_list *list, struct sl_span text, struct sl_error *err)
{
	struct sl_resolve_entry entry = { 0 };
	bool removes = text.len > 0 && text.data[0] == '-';
	if (text.len > 0 && text.data[0] == '+')
		return refuse(text,
			"addresses that expire (+) are not supported: without the + they are used "
			"for the whole run",
			err);
	if (removes)
		text = sl_span(text.data + 1, text.len - 1);
	int code = parse_entry(&entry, text, removes, err);
	if (code == 0 && removes) {
		struct sl_resolve_entry *present = find(list, sl_span_str(entry.host), entry.port);
		if (present)
			remove_entry(list, present);
	} else if (code == 0 && !put_entry(list, &entry)) {
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot take addresses");
	}
	release_entry(&entry);
	return code;
}

const struct sl_resolve_entry *
sl_resolve_list_find(const struct sl_resolve_list *list, const char *host, uint16_t port)
{
	struct sl_span name = sl_span_str(host);
	if (name.len > 1 && name.data[name.len - 1] == '.')
		name.len--;
	const struct sl_resolve_entry *entry = find(list, name, port);
	return entry ? entry : find(list, sl_span_str("*"), port);
}

void
sl_resolve_list_release(struct sl_resolve_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		release_entry(&list->items[i]);
	free(list->items);
	*list = (struct sl_resolve_list){ 0 };
}
