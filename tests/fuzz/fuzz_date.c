/*
 * An HTTP date and, behind the first newline, the time it is read at. What is accepted is what the
 * C library writes for the same second in one of the three forms; and any second that the input
 * stands for is read back from each form.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/date.h"

#include <stdbool.h>
#include <strings.h>
#include <time.h>

#define YEAR_1 (-62135596800)  /* 0001-01-01 */
#define YEAR_9999 253402300799 /* its last second */

enum form { FIXDATE, RFC850, ASCTIME, ASCTIME_TWO_DIGITS, FORMS };

static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
	"Friday", "Saturday" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };

/* The day of the week need not fit. */
static void
format(char text[64], enum form form, const struct tm *tm, int weekday)
{
	const char *day = days[weekday], *month = months[tm->tm_mon];
	int year = tm->tm_year + 1900;
	char time[16];
	snprintf(time, sizeof(time), "%02d:%02d:%02d", tm->tm_hour, tm->tm_min, tm->tm_sec);
	switch (form) {
	case FIXDATE:
		snprintf(
			text, 64, "%.3s, %02d %s %04d %s GMT", day, tm->tm_mday, month, year, time);
		break;
	case RFC850:
		snprintf(text, 64, "%s, %02d-%s-%02d %s GMT", day, tm->tm_mday, month, year % 100,
			time);
		break;
	case ASCTIME:
		snprintf(text, 64, "%.3s %s %2d %s %04d", day, month, tm->tm_mday, time, year);
		break;
	default:
		snprintf(text, 64, "%.3s %s %02d %s %04d", day, month, tm->tm_mday, time, year);
		break;
	}
}

static bool
is_written_so(struct sl_span text, const struct tm *tm)
{
	char want[64];
	for (enum form form = 0; form < FORMS; form++)
		for (int weekday = 0; weekday < 7; weekday++) {
			format(want, form, tm, weekday);
			if (strlen(want) == text.len && strncasecmp(want, text.data, text.len) == 0)
				return true;
		}
	return false;
}

static struct tm
calendar(int64_t seconds)
{
	struct tm tm;
	time_t time = (time_t)seconds;
	must(gmtime_r(&time, &tm));
	return tm;
}

static void
check_text(struct sl_span text, int64_t now_s)
{
	int64_t seconds = 42;
	if (!sl_date_parse(text, now_s, &seconds)) {
		must(seconds == 42);
		return;
	}
	must(seconds >= YEAR_1 && seconds <= YEAR_9999 + 1);
	struct tm tm = calendar(seconds), leap = calendar(seconds - 1);
	leap.tm_sec++; /* 60 is read as the second after it */
	must(is_written_so(text, &tm) || (leap.tm_sec == 60 && is_written_so(text, &leap)));
}

/* The century of two digits: at most 50 years ahead, less than 50 behind. */
static void
check_century(int64_t seconds, int64_t read_s, int64_t now_s)
{
	int now = calendar(now_s).tm_year, year = calendar(read_s).tm_year;
	must((year - calendar(seconds).tm_year) % 100 == 0);
	must(year > now - 50 && year <= now + 50);
}

static void
check_time(int64_t seconds, int64_t now_s)
{
	struct tm tm = calendar(seconds);
	for (enum form form = 0; form < FORMS; form++) {
		char text[64];
		int64_t read_s = 0;
		format(text, form, &tm, tm.tm_wday);
		bool is_read = sl_date_parse(sl_span_str(text), now_s, &read_s);
		/* 29 February does not exist in every century. */
		must(is_read || (form == RFC850 && tm.tm_mon == 1 && tm.tm_mday == 29));
		if (is_read && form == RFC850)
			check_century(seconds, read_s, now_s);
		else
			must(!is_read || read_s == seconds);
	}
}

/* Within the years that dates can have. */
static int64_t
to_time(uint64_t value)
{
	return YEAR_1 + (int64_t)(value % (uint64_t)(YEAR_9999 - YEAR_1 + 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	const char *newline = len ? memchr(text, '\n', len) : NULL;
	size_t first = newline ? (size_t)(newline - text) : len;
	uint64_t number = 0;
	for (size_t i = first; i < len; i++)
		number = number * 31 + data[i];
	/* From 1970 on, and so that 50 years ahead are years of four digits. */
	int64_t now_s = (int64_t)(number % (uint64_t)(YEAR_9999 - 60ll * 366 * 86400));
	check_text(sl_span(text, first), now_s);
	for (size_t i = 0; i < first; i++)
		number = number * 0x9e3779b97f4a7c15ull + data[i];
	check_time(to_time(number), now_s);
	return 0;
}
