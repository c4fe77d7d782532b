/*
 * mask_time.c - finds dates and times of day in lines, whatever they mean: only where they end
 * matters here.
 *
 *	2005-06-03-15.42.50.363779   2015-10-18 18:01:47,978   2024-01-02T03:04:05.678+01:00
 *	17/06/09 20:10:40   20171223-22:15:29:606   04/Dec/2005:04:47:44 +0100   18:01:47
 *	Jun 14 15:16:01   Sun Dec 04 04:47:44 2005
 */
#include "masks_int.h"

struct text {
	const unsigned char *data;
	size_t len;
};

static size_t
count_digits(struct text text, size_t at, size_t most)
{
	size_t count = 0;
	while (count < most && at + count < text.len && sl_mask_is_digit(text.data[at + count]))
		count++;
	return count;
}

static unsigned char
byte_at(struct text text, size_t at)
{
	return at < text.len ? text.data[at] : '\0';
}

/* "+01:00", "Z", " +0100", " UTC" are left to the caller: only what is joined to the digits. */
static size_t
skip_zone(struct text text, size_t at)
{
	unsigned char sign = byte_at(text, at);
	if (sign == 'Z')
		return at + 1;
	if (sign == ' ' && (byte_at(text, at + 1) == '+' || byte_at(text, at + 1) == '-') &&
		count_digits(text, at + 2, 5) == 4)
		return at + 6;
	if (sign != '+' && sign != '-')
		return at;
	size_t digits = count_digits(text, at + 1, 5);
	if (digits == 4)
		return at + 5;
	if (digits == 2 && byte_at(text, at + 3) == ':' && count_digits(text, at + 4, 3) == 2)
		return at + 6;
	return at;
}

/* The end of a time of day that begins at `at`, or 0. */
static size_t
skip_clock(struct text text, size_t at)
{
	size_t hours = count_digits(text, at, 3);
	unsigned char between = byte_at(text, at + hours);
	if (hours == 0 || hours > 2 || (between != ':' && between != '.'))
		return 0;
	size_t minutes = count_digits(text, at + hours + 1, 3);
	size_t seconds_at = at + hours + 1 + minutes + 1;
	if (minutes == 0 || minutes > 2 || byte_at(text, seconds_at - 1) != between)
		return 0;
	size_t seconds = count_digits(text, seconds_at, 3);
	if (seconds == 0 || seconds > 2)
		return 0;
	size_t end = seconds_at + seconds;
	unsigned char point = byte_at(text, end);
	if (point == '.' || point == ',' || point == ':') {
		size_t fraction = count_digits(text, end + 1, 10);
		end += fraction ? fraction + 1 : 0;
	}
	return skip_zone(text, end);
}

/* A time of day may follow a date. */
static size_t
skip_optional_clock(struct text text, size_t at)
{
	unsigned char between = byte_at(text, at);
	if (between != ' ' && between != 'T' && between != '-' && between != ':' && between != '_')
		return at;
	size_t end = skip_clock(text, at + 1);
	return end ? end : at;
}

static bool
is_one_of(struct text text, size_t at, const char *names)
{
	if (at + 3 > text.len)
		return false;
	for (; *names; names += 3)
		if (memcmp(text.data + at, names, 3) == 0)
			return true;
	return false;
}

static bool
is_month(struct text text, size_t at)
{
	return is_one_of(text, at, "JanFebMarAprMayJunJulAugSepOctNovDec");
}

/* Digits, a separator, digits or a month, the separator, digits. */
static size_t
skip_date(struct text text)
{
	size_t first = count_digits(text, 0, 9);
	if (first == 8)
		return 8; /* 20171223, if a time follows */
	unsigned char between = byte_at(text, first);
	if ((first != 4 && first != 2) || (between != '-' && between != '/' && between != '.'))
		return 0;
	size_t second = is_month(text, first + 1) ? 3 : count_digits(text, first + 1, 3);
	size_t third_at = first + 1 + second + 1;
	if ((second != 2 && second != 3) || byte_at(text, third_at - 1) != between)
		return 0;
	size_t third = count_digits(text, third_at, 5);
	bool is_date = first == 4 ? third == 2 : third == 4 || (third == 2 && between == '/');
	return is_date ? third_at + third : 0;
}

static size_t
time_of_digits(struct text text)
{
	size_t end = skip_clock(text, 0);
	if (end && text.data[count_digits(text, 0, 3)] == ':')
		return end;
	end = skip_date(text);
	if (!end)
		return 0;
	size_t clock = skip_optional_clock(text, end);
	return end == 8 && clock == end ? 0 : clock;
}

/* "Jun 14 15:16:01", "Sun Dec 04 04:47:44 2005". */
static size_t
time_of_words(struct text text)
{
	size_t at = 0;
	if (is_one_of(text, 0, "MonTueWedThuFriSatSun") && byte_at(text, 3) == ' ')
		at = 4;
	if (!is_month(text, at) || byte_at(text, at + 3) != ' ')
		return 0;
	at += byte_at(text, at + 4) == ' ' ? 5 : 4;
	size_t day = count_digits(text, at, 3);
	if (day == 0 || day > 2 || byte_at(text, at + day) != ' ')
		return 0;
	size_t end = skip_clock(text, at + day + 1);
	if (end && byte_at(text, end) == ' ' && count_digits(text, end + 1, 5) == 4)
		return end + 5;
	return end;
}

size_t
sl_mask_time(const unsigned char *text, size_t len)
{
	struct text all = { text, len };
	size_t end = sl_mask_is_digit(text[0]) ? time_of_digits(all) : time_of_words(all);
	/* Digits that go on mean something else. */
	return end && !sl_mask_is_digit(byte_at(all, end)) ? end : 0;
}
