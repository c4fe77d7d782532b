#include "sluice/http/no_proxy.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <arpa/inet.h>

#define ADDRESS_MAX 16 /* bytes of an IPv6 address */

#define ITEM_SHOWN_MAX 100 /* bytes of an item in messages */

struct address {
	unsigned char bytes[ADDRESS_MAX];
	size_t len; /* 4 or 16; 0 = it is a name */
};

/* Text of more bytes than any address has is none. */
static struct address
read_address(struct sl_span text)
{
	struct address out = { .len = 0 };
	char copy[INET6_ADDRSTRLEN];
	if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
		text = sl_span(text.data + 1, text.len - 2);
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
		return out;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, out.bytes) == 1)
		out.len = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, copy, out.bytes) == 1)
		out.len = sizeof(struct in6_addr);
	return out;
}

static bool
has_prefix(const struct address *address, const struct address *network, uint64_t bits)
{
	size_t whole = (size_t)bits / 8;
	unsigned rest = (unsigned)bits % 8;
	if (memcmp(address->bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 || (address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}

struct network {
	struct address base; /* len 0: it is none */
	uint64_t bits;
};

/* An address, or a network. */
static struct network
read_network(struct sl_span item)
{
	struct sl_span base = item;
	bool has_bits = sl_span_take_until(&item, '/', &base);
	struct network out = { .base = read_address(base) };
	uint64_t most = out.base.len * 8;
	out.bits = most;
	if (has_bits && (!sl_parse_u64(item.data, item.len, &out.bits) || out.bits > most))
		out.base.len = 0;
	return out;
}

static bool
is_address_in(const struct address *address, struct sl_span item)
{
	struct network network = read_network(item);
	return network.base.len == address->len && has_prefix(address, &network.base, network.bits);
}

static struct sl_span
without_last_dot(struct sl_span name)
{
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

/* The name itself, or one below it: "example.com" and "www.example.com", but not
 * "notexample.com". */
static bool
is_name_in(struct sl_span name, struct sl_span item)
{
	item = without_last_dot(item);
	if (item.len > 0 && item.data[0] == '.')
		item = sl_span(item.data + 1, item.len - 1);
	if (item.len == 0 || item.len > name.len)
		return false;
	size_t above = name.len - item.len;
	return sl_span_equal_nocase(sl_span(name.data + above, item.len), item) &&
	       (above == 0 || name.data[above - 1] == '.');
}

static bool
is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

static struct sl_span
next_item(struct sl_span *rest)
{
	size_t begin = 0, end;
	while (begin < rest->len && is_separator(rest->data[begin]))
		begin++;
	for (end = begin; end < rest->len && !is_separator(rest->data[end]); end++)
		;
	struct sl_span item = sl_span(rest->data + begin, end - begin);
	*rest = sl_span(rest->data + end, rest->len - end);
	return item;
}

bool
sl_no_proxy_matches(struct sl_span list, const char *host)
{
	struct address address = read_address(sl_span_str(host));
	struct sl_span name = without_last_dot(sl_span_str(host));
	if (sl_span_is(list, "*"))
		return true;
	while (list.len > 0) {
		struct sl_span item = next_item(&list);
		if (address.len > 0 ? is_address_in(&address, item) : is_name_in(name, item))
			return true;
	}
	return false;
}

/* NULL = nothing. */
static const char *
what_is_wrong(struct sl_span item)
{
	bool has_bits = memchr(item.data, '/', item.len) != NULL;
	if (memchr(item.data, '*', item.len))
		return "'*' alone is for all hosts, and the name of a domain is for all hosts in "
		       "it";
	if (read_network(item).base.len > 0)
		return NULL;
	if (has_bits)
		return "a network is ADDRESS/BITS, such as 10.0.0.0/8";
	if (memchr(item.data, ':', item.len))
		return "it is not an address, and ports are not supported";
	return NULL;
}

int
sl_no_proxy_check(struct sl_span list, struct sl_error *why)
{
	bool is_all = sl_span_is(list, "*");
	while (list.len > 0 && !is_all) {
		struct sl_span item = next_item(&list);
		const char *wrong = item.len > 0 ? what_is_wrong(item) : NULL;
		struct sl_buf shown = { 0 };
		if (!wrong)
			continue;
		sl_text_show(&shown, item, ITEM_SHOWN_MAX);
		sl_fail(why, SL_PHASE_PROXY, SL_E_USAGE, "'%s' matches no host: %s",
			shown.data ? shown.data : "", wrong);
		sl_buf_release(&shown);
		return SL_E_USAGE;
	}
	return 0;
}
