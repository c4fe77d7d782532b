/*
 * units.c - numbers in readable form. Sums and products that may exceed 64 bits are avoided; values
 * are rounded down, except shares (sl_units_share), which are rounded half up.
 */
#include "sluice/ui/units.h"

#include "sluice/base/bytes.h"
#include "sluice/base/number.h"

#include <stdio.h>
#include <string.h>

static const struct sl_units unknown = { "--" };

uint64_t
sl_units_scaled(uint64_t part, uint64_t whole, uint64_t scale)
{
	if (whole == 0)
		return 0;
	if (part >= whole)
		return scale;
	uint64_t product = 0;
	if (sl_mul_u64(part, scale, &product))
		return product / whole;
	/* Too large to multiply: `whole` is above 2^32 then. A step rounded up never shows more
	 * than there is. */
	return part / (whole / scale + 1);
}

struct sl_units
sl_units_size(uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	struct sl_units out;
	if (bytes == SL_UNITS_UNKNOWN)
		return unknown;
	unsigned power = 0;
	while (power + 1 < SL_COUNT_OF(names) && bytes >> (10 * power) >= 1024)
		power++;
	uint64_t whole = bytes >> (10 * power);
	if (power == 0 || whole >= 100) {
		snprintf(out.text, sizeof(out.text), "%u %s", (unsigned)whole, names[power]);
		return out;
	}
	/* At most 2^60 - 1, so that ten times it still fits. */
	uint64_t below = bytes & ((1ull << (10 * power)) - 1);
	snprintf(out.text, sizeof(out.text), "%u.%u %s", (unsigned)whole,
		(unsigned)(below * 10 >> (10 * power)), names[power]);
	return out;
}

struct sl_units
sl_units_rate(uint64_t bytes_s)
{
	if (bytes_s == SL_UNITS_UNKNOWN)
		return unknown;
	struct sl_units out = sl_units_size(bytes_s);
	size_t len = strlen(out.text);
	snprintf(out.text + len, sizeof(out.text) - len, "/s");
	return out;
}

struct sl_units
sl_units_time(uint64_t ns)
{
	struct sl_units out;
	if (ns == SL_UNITS_UNKNOWN)
		return unknown;
	uint64_t seconds = ns / SL_NS_PER_S, minutes = seconds / 60, hours = minutes / 60,
		 days = hours / 24;
	if (minutes == 0)
		snprintf(out.text, sizeof(out.text), "%us", (unsigned)seconds);
	else if (hours == 0)
		snprintf(out.text, sizeof(out.text), "%um%02us", (unsigned)minutes,
			(unsigned)(seconds % 60));
	else if (days == 0)
		snprintf(out.text, sizeof(out.text), "%uh%02um", (unsigned)hours,
			(unsigned)(minutes % 60));
	else if (days <= 99)
		snprintf(out.text, sizeof(out.text), "%ud%02uh", (unsigned)days,
			(unsigned)(hours % 24));
	else
		snprintf(out.text, sizeof(out.text), ">99d");
	return out;
}

struct sl_units
sl_units_elapsed(uint64_t ns)
{
	struct sl_units out;
	unsigned hundredths = (unsigned)(SL_MIN(ns, 60 * SL_NS_PER_S) / (10 * SL_NS_PER_MS));
	if (hundredths < 1000)
		snprintf(out.text, sizeof(out.text), "%u.%02u s", hundredths / 100,
			hundredths % 100);
	else if (hundredths < 6000)
		snprintf(out.text, sizeof(out.text), "%u.%u s", hundredths / 100,
			hundredths / 10 % 10);
	else
		out = sl_units_time(ns);
	return out;
}

struct sl_units
sl_units_count(uint64_t count)
{
	struct sl_units out;
	char buf[SL_U64_DIGITS];
	struct sl_span digits = sl_span_u64(buf, count);
	size_t used = 0;
	for (size_t i = 0; i < digits.len; i++) {
		if (i > 0 && (digits.len - i) % 3 == 0)
			out.text[used++] = ',';
		out.text[used++] = digits.data[i];
	}
	out.text[used] = '\0';
	return out;
}

struct sl_units
sl_units_percent(uint64_t done, uint64_t total)
{
	struct sl_units out;
	if (total == SL_UNITS_UNKNOWN)
		return unknown;
	unsigned percent = total == 0 ? 100 : (unsigned)sl_units_scaled(done, total, 100);
	snprintf(out.text, sizeof(out.text), "%u%%", percent);
	return out;
}

struct sl_units
sl_units_share(uint64_t part, uint64_t whole)
{
	struct sl_units out;
	/* Rounded half up, but 100% only if part equals whole. */
	unsigned share = (unsigned)((sl_units_scaled(part, whole, 20000) + 1) / 2);
	if (share == 10000 && part < whole)
		share--;
	if (whole == 0)
		snprintf(out.text, sizeof(out.text), "-");
	else if (share == 0 && part > 0)
		snprintf(out.text, sizeof(out.text), "<0.01%%");
	else
		snprintf(out.text, sizeof(out.text), "%u.%02u%%", share / 100, share % 100);
	return out;
}
