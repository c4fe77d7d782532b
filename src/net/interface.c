/*
 * The text forms of where connections come from.
 */
#include "sluice/net/interface.h"

#include "sluice/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEVICE "if!"
#define HOST "host!"
#define BOTH "ifhost!"

static bool
skip(const char **text, const char *prefix)
{
	size_t len = strlen(prefix);
	if (strncmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

/* As the kernel allows them (dev_valid_name); a name that it does not is no interface's. */
static int
take_device(struct sl_interface *out, struct sl_span name, struct sl_error *err)
{
	if (name.len == 0)
		return sl_fail(
			err, SL_PHASE_NONE, SL_E_USAGE, "the name of an interface is missing");
	if (name.len >= SL_INTERFACE_NAME)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"'%.*s' is neither a numeric address nor the name of an interface, which "
			"has at most %d bytes (host names are not looked up)",
			(int)SL_MIN(name.len, (size_t)64), name.data, SL_INTERFACE_NAME - 1);
	for (size_t i = 0; i < name.len; i++)
		if (strchr("/: \t\n\v\f\r!", name.data[i]))
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
				"'%.*s' cannot be the name of an interface", (int)name.len,
				name.data);
	memcpy(out->device, name.data, name.len);
	return 0;
}

static bool
try_address(struct sl_interface *out, const char *text)
{
	char host[SL_ADDRESS_TEXT];
	size_t len = strlen(text);
	bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
	if (len >= sizeof(host))
		return false;
	memcpy(host, text + brackets, len + 1 - brackets);
	if (brackets)
		host[len - 2] = '\0';
	out->has_address = sl_address_parse(&out->address, host, 0) &&
			   (!brackets || out->address.storage.ss_family == AF_INET6);
	return out->has_address;
}

static int
take_address(struct sl_interface *out, const char *text, struct sl_error *err)
{
	if (try_address(out, text))
		return 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"'%.64s' is not a numeric IPv4 or IPv6 address (host names are not looked up)",
		text);
}

int
sl_interface_parse(struct sl_interface *out, const char *text, struct sl_error *err)
{
	*out = (struct sl_interface){ 0 };
	if (skip(&text, DEVICE))
		return take_device(out, sl_span_str(text), err);
	if (skip(&text, HOST))
		return take_address(out, text, err);
	if (!skip(&text, BOTH))
		return try_address(out, text) ? 0 : take_device(out, sl_span_str(text), err);
	const char *mark = strchr(text, '!');
	if (!mark)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "write both as ifhost!NAME!ADDRESS");
	int code = take_device(out, sl_span(text, (size_t)(mark - text)), err);
	return code ? code : take_address(out, mark + 1, err);
}

/* Without the port, which is 0. */
static void
format_address(char *text, size_t cap, const struct sl_address *address)
{
	sl_address_format(text, cap, address);
	char *port = strrchr(text, ':');
	if (port)
		*port = '\0';
}

void
sl_interface_format(char *text, size_t cap, const struct sl_interface *from)
{
	char address[SL_ADDRESS_TEXT] = "";
	if (from->has_address)
		format_address(address, sizeof(address), &from->address);
	if (!from->device[0])
		snprintf(text, cap, "%s", address);
	else
		snprintf(text, cap, "%s%sinterface '%s'", address, from->has_address ? " on " : "",
			from->device);
}
