#include "sluice/follow/rotation.h"

#include <stddef.h>
#include <string.h>

#define DATE_DIGITS 6u /* fewer are a number */
#define DIGITS_MAX 18u /* of both: 20260131235959 has 14 */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

/* What is between a separator behind the beginning of the name and the extension of the name, if
 * that comes last; NULL if there is nothing like it. */
static const char *
generation(const char *name, const char *other)
{
	size_t len = strlen(name);
	if (strncmp(name, other, len) == 0 && is_separator(other[len]))
		return other + len + 1;
	const char *dot = strrchr(name, '.');
	size_t stem = dot ? (size_t)(dot - name) : 0;
	if (stem == 0 || strncmp(name, other, stem) != 0 || !is_separator(other[stem]) ||
		!is_digit(other[stem + 1]))
		return NULL;
	const char *extension = strstr(other + stem + 1, dot);
	size_t end = strlen(dot);
	return extension && (extension[end] == '\0' || extension[end] == '.') ? other + stem + 1
									      : NULL;
}

static bool
is_suffix(const char *text)
{
	static const char *const suffixes[] = { ".gz", ".zst", ".xz", ".bz2" };
	bool is_found = false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		is_found = is_found || strcmp(text, suffixes[i]) == 0;
	return is_found;
}

bool
sl_rotation_is_compressed(const char *name, const char *other)
{
	size_t len = strlen(name);
	return strncmp(name, other, len) == 0 && is_suffix(other + len);
}

bool
sl_rotation_may_be(const char *name, const char *other)
{
	const char *rest = generation(name, other);
	return rest && *rest;
}

/* What is before the separator, and if there is an extension, its dot and it. */
static void
put_name(const struct sl_rotation_names *names, char *name)
{
	const char *extension = names->other + names->extension;
	size_t len = names->separator, end = 0;
	memcpy(name, names->other, len);
	if (names->extension > len) {
		end = 1 + strcspn(extension + 1, ".");
		memcpy(name + len, extension, end);
	}
	name[len + end] = '\0';
}

/* The next separator, without an extension at first, or the next dot behind it. */
static bool
move_on(struct sl_rotation_names *names)
{
	const char *other = names->other;
	const char *dot = names->separator ? strchr(other + names->extension + 1, '.') : NULL;
	if (dot) {
		names->extension = (size_t)(dot - other);
		return true;
	}
	if (other[names->separator] == '\0')
		return false;
	do
		names->separator++;
	while (other[names->separator] && !is_separator(other[names->separator]));
	names->extension = names->separator;
	return other[names->separator] != '\0';
}

bool
sl_rotation_next_name(struct sl_rotation_names *names, char *name)
{
	while (move_on(names)) {
		put_name(names, name);
		if (sl_rotation_may_be(name, names->other))
			return true;
	}
	return false;
}

/* 20260131, 2026-01-31, 2026-01-31T23:59 and the like. */
static unsigned
read_digits(const char **text, uint64_t *number)
{
	const char *at = *text;
	unsigned digits = 0;
	*number = 0;
	while (digits < DIGITS_MAX) {
		if (is_digit(*at)) {
			*number = *number * 10 + (uint64_t)(*at - '0');
			digits++;
			at++;
		} else if (digits >= 4 && (*at == '-' || *at == '_' || *at == ':' || *at == 'T') &&
			   is_digit(at[1])) {
			at++;
		} else {
			break;
		}
	}
	*text = at;
	return digits;
}

/* Dates of fewer digits are older by their number alone: all are brought to the same length. */
static uint64_t
to_full_length(uint64_t number, unsigned digits)
{
	for (; digits < DIGITS_MAX; digits++)
		number *= 10;
	return number;
}

struct sl_rotation_age
sl_rotation_age(const char *name, const char *other)
{
	struct sl_rotation_age age = { 0 };
	const char *rest = generation(name, other);
	unsigned digits = rest ? read_digits(&rest, &age.number) : 0;
	if (digits == 0 || is_digit(*rest))
		return (struct sl_rotation_age){ 0 };
	const char *dot = strrchr(name, '.');
	size_t extension = dot && strncmp(rest, dot, strlen(dot)) == 0 ? strlen(dot) : 0;
	age.is_known = *rest == '\0' || rest[extension] == '\0' || is_suffix(rest) ||
		       is_suffix(rest + extension);
	age.is_date = digits >= DATE_DIGITS;
	if (age.is_date)
		age.number = to_full_length(age.number, digits);
	return age;
}

bool
sl_rotation_is_newer(struct sl_rotation_age a, struct sl_rotation_age b)
{
	if (!a.is_known || !b.is_known || a.is_date != b.is_date)
		return false;
	return a.is_date ? a.number > b.number : a.number < b.number;
}

/* The name without what is between the separator at `at` and `rest`, behind which comes no more
 * than the suffix of a format. */
static bool
cut(char *base, const char *name, size_t at, const char *rest)
{
	const char *dot = strrchr(rest, '.');
	size_t len = strlen(rest) - (dot && is_suffix(dot) ? strlen(dot) : 0);
	memcpy(base, name, at);
	memcpy(base + at, rest, len);
	base[at + len] = '\0';
	return sl_rotation_age(base, name).is_known;
}

void
sl_rotation_base(const char *name, char *base)
{
	bool is_found = false;
	size_t len = strlen(name);
	for (size_t at = 1; at < len && !is_found; at++) {
		const char *rest = name + at + 1;
		uint64_t number;
		if (!is_separator(name[at]) || read_digits(&rest, &number) == 0)
			continue;
		is_found = cut(base, name, at, "") || cut(base, name, at, rest);
	}
	const char *suffix = strrchr(name, '.');
	if (!is_found && suffix && suffix > name && is_suffix(suffix))
		len = (size_t)(suffix - name);
	if (!is_found) {
		memcpy(base, name, len);
		base[len] = '\0';
	}
}
