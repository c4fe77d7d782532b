#include "sluice/http/no_proxy.h"

#include "sluice/base/number.h"

#include <arpa/inet.h>

#define ADDRESS_MAX 16 /* bytes of an IPv6 address */

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

/* An address, or a network. */
static bool
is_address_in(const struct address *address, struct sl_span item)
{
	struct sl_span base = item;
	uint64_t bits = address->len * 8;
	if (sl_span_take_until(&item, '/', &base) &&
		(!sl_parse_u64(item.data, item.len, &bits) || bits > address->len * 8))
		return false;
	struct address network = read_address(base);
	return network.len == address->len && has_prefix(address, &network, bits);
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
