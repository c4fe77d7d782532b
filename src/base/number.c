/*
 * number.c - parsing of numbers, and sizes as text. Nothing but what number.h lists is accepted: no
 * sign, no blanks, no exponent, and no value that does not fit.
 */
#include "sluice/base/number.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MILLI_MAX 1000000000000000ull
#define DURATION_MAX_NS (10ull * 365 * 24 * 3600 * SL_NS_PER_S)

bool
sl_parse_u64(const char *text, size_t len, uint64_t *out)
{
	uint64_t value = 0;
	if (len == 0 || len > 20)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (!sl_mul_u64(value, 10, &value) ||
			!sl_add_u64(value, (uint64_t)(text[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

int
sl_hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
sl_parse_hex(const char *text, size_t len, uint64_t *out)
{
	uint64_t value = 0;
	if (len == 0 || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		int digit = sl_hex_digit((unsigned char)text[i]);
		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	*out = value;
	return true;
}

/* Parse "12" or "12.5" and multiply it by the scale of the suffix after it. */
static bool
parse_scaled(
	const char *text, uint64_t (*scale_of)(const char *suffix), uint64_t max, uint64_t *out)
{
	size_t whole_len = strspn(text, "0123456789");
	uint64_t whole = 0;
	if (!sl_parse_u64(text, whole_len, &whole))
		return false;
	const char *rest = text + whole_len;
	uint64_t part = 0, part_unit = 1;
	if (*rest == '.') {
		size_t part_len = strspn(rest + 1, "0123456789");
		if (part_len > 6 || !sl_parse_u64(rest + 1, part_len, &part))
			return false;
		for (size_t i = 0; i < part_len; i++)
			part_unit *= 10;
		rest += 1 + part_len;
	}
	uint64_t scale = scale_of(rest), value = 0, extra = 0;
	if (scale == 0 || !sl_mul_u64(whole, scale, &value) || !sl_mul_u64(part, scale, &extra))
		return false;
	if (!sl_add_u64(value, extra / part_unit, &value) || value > max)
		return false;
	*out = value;
	return true;
}

static uint64_t
size_scale(const char *suffix)
{
	static const struct {
		const char *name;
		uint64_t scale;
	} units[] = {
		{ "", 1 },
		{ "b", 1 },
		{ "k", SL_KIB },
		{ "kib", SL_KIB },
		{ "kb", 1000 },
		{ "m", SL_MIB },
		{ "mib", SL_MIB },
		{ "mb", 1000000 },
		{ "g", SL_GIB },
		{ "gib", SL_GIB },
		{ "gb", 1000000000 },
		{ "t", SL_GIB * 1024 },
		{ "tib", SL_GIB * 1024 },
		{ "tb", 1000000000000 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(units); i++)
		if (strcasecmp(units[i].name, suffix) == 0)
			return units[i].scale;
	return 0;
}

static uint64_t
duration_scale(const char *suffix)
{
	static const struct {
		const char *name;
		uint64_t scale;
	} units[] = {
		{ "", SL_NS_PER_S },
		{ "s", SL_NS_PER_S },
		{ "ms", SL_NS_PER_MS },
		{ "m", 60 * SL_NS_PER_S },
		{ "h", 3600 * SL_NS_PER_S },
	};
	for (size_t i = 0; i < SL_COUNT_OF(units); i++)
		if (strcmp(units[i].name, suffix) == 0)
			return units[i].scale;
	return 0;
}

static uint64_t
milli_scale(const char *suffix)
{
	return *suffix ? 0 : 1000;
}

bool
sl_parse_size(const char *text, uint64_t *out)
{
	return parse_scaled(text, size_scale, INT64_MAX, out);
}

bool
sl_parse_milli(const char *text, uint64_t *out)
{
	return parse_scaled(text, milli_scale, MILLI_MAX, out);
}

bool
sl_parse_duration(const char *text, uint64_t *out_ns)
{
	return parse_scaled(text, duration_scale, DURATION_MAX_NS, out_ns);
}

const char *
sl_format_size(char *text, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit + 1 < SL_COUNT_OF(units); unit++)
		value /= 1024;
	snprintf(text, SL_SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}
