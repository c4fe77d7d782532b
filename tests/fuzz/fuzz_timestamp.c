/*
 * A log line. What is found in it is found again at its place alone, whatever follows; and the time
 * that the input stands for is read back from each form that programs write.
 */
#include "fuzz/fuzz.h"
#include "sluice/logline/timestamp.h"

#include <stdbool.h>
#include <time.h>

#define NS_PER_S 1000000000ll
#define YEAR_2001 978307200ll
#define YEAR_2100 4102444800ll

struct form {
	const char *text; /* letters after '%' as in strftime; %f: a fraction of six digits */
	const char *before;
	bool has_year, has_zone;
};

static const struct form forms[] = {
	{ "%Y-%m-%dT%H:%M:%S.%fZ", "", true, true },
	{ "%Y-%m-%d %H:%M:%S,%f INFO x", "", true, false },
	{ "%Y/%m/%d %H:%M:%S.%f [error] x", "[", true, false },
	{ "%Y%m%dT%H%M%S.%f x", "", true, false },
	{ "%d/%b/%Y:%H:%M:%S.%f +0000] \"GET", "10.0.0.1 - - [", true, true },
	{ "%b %e %H:%M:%S.%f host x", "<13>", false, false },
	{ "%b %d %H:%M:%S.%f %Y] x", "[Sun ", true, false },
	{ "%b %d, %Y %I:%M:%S.%f %p x", "", true, false },
	{ "E%m%d %H:%M:%S.%f 7 x.go:1] x", "", false, false },
	{ "%m-%d %H:%M:%S.%f  1  2 E x", "", false, false },
	{ "%s.%f x", "", true, true },
	{ "%Y-%m-%d %H:%M:%S.%f x", "a.log.2001-01-01_00:00:00 ", true, false },
	{ "%Y-%m-%dT%H:%M:%S.%f\",\"x\":1}", "{\"a\":\"2001-01-01 00:00:00\",\"ts\":\"", true,
		false },
};

static void
write_field(char *out, size_t room, char letter, const struct tm *tm, int64_t seconds,
	unsigned fraction)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	switch (letter) {
	case 'Y':
		snprintf(out, room, "%04d", tm->tm_year + 1900);
		break;
	case 'b':
		snprintf(out, room, "%s", months[tm->tm_mon]);
		break;
	case 'e':
		snprintf(out, room, "%2d", tm->tm_mday);
		break;
	case 'I':
		snprintf(out, room, "%d", (tm->tm_hour + 11) % 12 + 1);
		break;
	case 'p':
		snprintf(out, room, "%s", tm->tm_hour < 12 ? "AM" : "PM");
		break;
	case 's':
		snprintf(out, room, "%lld", (long long)seconds);
		break;
	case 'f':
		snprintf(out, room, "%06u", fraction);
		break;
	default:
		snprintf(out, room, "%02d",
			letter == 'm'   ? tm->tm_mon + 1
			: letter == 'd' ? tm->tm_mday
			: letter == 'H' ? tm->tm_hour
			: letter == 'M' ? tm->tm_min
					: tm->tm_sec);
		break;
	}
}

static void
write_form(char out[160], const struct form *form, const struct tm *tm, int64_t seconds,
	unsigned fraction)
{
	size_t len = (size_t)snprintf(out, 160, "%s", form->before);
	for (const char *at = form->text; *at; at++) {
		if (*at == '%')
			write_field(out + len, 160 - len, *++at, tm, seconds, fraction);
		else
			snprintf(out + len, 160 - len, "%c", *at);
		len += strlen(out + len);
	}
}

static void
check_forms(int64_t seconds, unsigned fraction)
{
	for (size_t i = 0; i < SL_COUNT_OF(forms); i++) {
		const struct form *form = &forms[i];
		struct tm tm;
		time_t time = (time_t)seconds;
		char line[160];
		must(gmtime_r(&time, &tm));
		write_form(line, form, &tm, seconds, fraction);
		struct sl_timestamp stamp;
		must(sl_timestamp_find(sl_span_str(line), &stamp));
		must(stamp.has_year == form->has_year && stamp.has_zone == form->has_zone);
		must(stamp.unit_ns == 1000 && stamp.zone_s == 0);
		sl_timestamp_settle(&stamp, (int64_t)seconds * NS_PER_S);
		/* A day later counts as not later: then it is the next year's. */
		must(stamp.ns == (int64_t)seconds * NS_PER_S + fraction * 1000ll ||
			(!form->has_year && stamp.ns > (int64_t)seconds * NS_PER_S));
	}
}

static void
check_line(struct sl_span line)
{
	struct sl_timestamp stamp, again;
	if (!sl_timestamp_find(line, &stamp))
		return;
	must(stamp.begin < stamp.end && stamp.end <= line.len && stamp.end - stamp.begin < 160);
	must(stamp.unit_ns >= 1 && stamp.unit_ns <= 60ull * NS_PER_S);
	must(stamp.has_zone || stamp.zone_s == 0);
	must(sl_timestamp_find(line, &again) && again.ns == stamp.ns && again.begin == stamp.begin);
	if (line.data[0] == '{')
		return;
	/* The stamp does not depend on what follows it, but for a year or zone behind it. */
	must(sl_timestamp_find(sl_span(line.data, stamp.end), &again));
	must(again.begin == stamp.begin && again.ns == stamp.ns);
	sl_timestamp_settle(&stamp, 1800000000ll * NS_PER_S);
	must(stamp.has_year);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t number = len;
	for (size_t i = 0; i < len; i++)
		number = (number + data[i]) * 0x9e3779b97f4a7c15ull;
	check_forms(YEAR_2001 + 365 * 86400 +
			    (int64_t)(number % (uint64_t)(YEAR_2100 - YEAR_2001 - 365 * 86400)),
		(unsigned)(number >> 40) % 1000000);
	if (len)
		check_line(sl_span((const char *)data, len));
	return 0;
}
