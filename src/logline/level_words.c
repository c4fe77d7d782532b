/*
 * level_words.c - the words, letters, numbers and keys that stand for levels.
 */
#include "level_int.h"

#include "sluice/base/bytes.h"

#define WORD_MAX 13u /* "informational" */

/* By their first letters. */
static const struct level_word words[] = {
	{ "alert", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "crit", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "critical", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "dbg", SL_LEVEL_DEBUG, LEVEL_WEAK },
	{ "dbug", SL_LEVEL_DEBUG, LEVEL_WEAK },
	{ "debu", SL_LEVEL_DEBUG, LEVEL_SHORT },
	{ "debug", SL_LEVEL_DEBUG, LEVEL_STRONG },
	{ "emerg", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "emergency", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "err", SL_LEVEL_ERROR, LEVEL_STRONG },
	{ "erro", SL_LEVEL_ERROR, LEVEL_SHORT },
	{ "error", SL_LEVEL_ERROR, LEVEL_STRONG },
	{ "fail", SL_LEVEL_ERROR, LEVEL_WEAK },
	{ "fata", SL_LEVEL_CRITICAL, LEVEL_SHORT },
	{ "fatal", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "fine", SL_LEVEL_DEBUG, LEVEL_WEAK },
	{ "finer", SL_LEVEL_TRACE, LEVEL_WEAK },
	{ "finest", SL_LEVEL_TRACE, LEVEL_WEAK },
	{ "ftl", SL_LEVEL_CRITICAL, LEVEL_WEAK },
	{ "inf", SL_LEVEL_INFO, LEVEL_WEAK },
	{ "info", SL_LEVEL_INFO, LEVEL_STRONG },
	{ "information", SL_LEVEL_INFO, LEVEL_WEAK },
	{ "informational", SL_LEVEL_INFO, LEVEL_WEAK },
	{ "log", SL_LEVEL_INFO, LEVEL_WEAK },
	{ "note", SL_LEVEL_NOTICE, LEVEL_WEAK },
	{ "notice", SL_LEVEL_NOTICE, LEVEL_STRONG },
	{ "pani", SL_LEVEL_CRITICAL, LEVEL_SHORT },
	{ "panic", SL_LEVEL_CRITICAL, LEVEL_STRONG },
	{ "severe", SL_LEVEL_ERROR, LEVEL_STRONG },
	{ "system", SL_LEVEL_INFO, LEVEL_WEAK },
	{ "trac", SL_LEVEL_TRACE, LEVEL_SHORT },
	{ "trace", SL_LEVEL_TRACE, LEVEL_STRONG },
	{ "trc", SL_LEVEL_TRACE, LEVEL_WEAK },
	{ "trce", SL_LEVEL_TRACE, LEVEL_WEAK },
	{ "vrb", SL_LEVEL_TRACE, LEVEL_WEAK },
	{ "verbose", SL_LEVEL_TRACE, LEVEL_WEAK },
	{ "warn", SL_LEVEL_WARNING, LEVEL_STRONG },
	{ "warning", SL_LEVEL_WARNING, LEVEL_STRONG },
	{ "wrn", SL_LEVEL_WARNING, LEVEL_WEAK },
};

/* Bit n: words begin with the nth letter. */
#define FIRST_LETTERS \
	(1u | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 11 | 1u << 13 | 1u << 15 | \
		1u << 18 | 1u << 19 | 1u << 21 | 1u << 22)

const struct level_word *
sl_level_word(const char *text, size_t len)
{
	char lower[WORD_MAX];
	unsigned first = ((unsigned char)text[0] | 0x20u) - 'a';
	if (len < 3 || len > WORD_MAX || !(FIRST_LETTERS >> first & 1))
		return NULL;
	for (size_t i = 0; i < len; i++)
		lower[i] = (char)(text[i] | 0x20);
	for (size_t i = 0; i < SL_COUNT_OF(words) && words[i].text[0] <= lower[0]; i++)
		if (words[i].text[0] == lower[0] && strncmp(words[i].text, lower, len) == 0 &&
			!words[i].text[len])
			return &words[i];
	return NULL;
}

static enum sl_level
level_of_number(uint64_t number)
{
	static const enum sl_level syslog[] = { SL_LEVEL_CRITICAL, SL_LEVEL_CRITICAL,
		SL_LEVEL_CRITICAL, SL_LEVEL_ERROR, SL_LEVEL_WARNING, SL_LEVEL_NOTICE, SL_LEVEL_INFO,
		SL_LEVEL_DEBUG };
	static const enum sl_level bunyan[] = { SL_LEVEL_TRACE, SL_LEVEL_DEBUG, SL_LEVEL_INFO,
		SL_LEVEL_WARNING, SL_LEVEL_ERROR, SL_LEVEL_CRITICAL };
	if (number < SL_COUNT_OF(syslog))
		return syslog[number];
	if (number < 10)
		return SL_LEVEL_NONE;
	return bunyan[SL_MIN(number / 10, SL_COUNT_OF(bunyan)) - 1];
}

enum sl_level
sl_level_of_letter(char c)
{
	switch (c) {
	case 'V':
		return SL_LEVEL_TRACE;
	case 'D':
		return SL_LEVEL_DEBUG;
	case 'I':
		return SL_LEVEL_INFO;
	case 'W':
		return SL_LEVEL_WARNING;
	case 'E':
		return SL_LEVEL_ERROR;
	case 'F':
		return SL_LEVEL_CRITICAL;
	default:
		return SL_LEVEL_NONE;
	}
}

enum sl_level
sl_level_of_value(struct sl_span value)
{
	uint64_t number = 0;
	if (value.len == 0)
		return SL_LEVEL_NONE;
	if (level_is_digit(value.data[0])) {
		for (size_t i = 0; i < value.len; i++)
			if (!level_is_digit(value.data[i]) || i > 3)
				return SL_LEVEL_NONE;
			else
				number = number * 10 + (uint64_t)(value.data[i] - '0');
		return level_of_number(number);
	}
	if (value.len == 1)
		return sl_level_of_letter(value.data[0]);
	const struct level_word *word =
		level_is_letter(value.data[0]) ? sl_level_word(value.data, value.len) : NULL;
	return word ? word->level : SL_LEVEL_NONE;
}

bool
sl_level_is_key(struct sl_span key)
{
	static const char *const keys[] = { "level", "severity", "lvl", "loglevel", "log_level",
		"log.level", "levelname", "level_name", "severity_text", "severitytext", "priority",
		"@l", "s" };
	if (key.len == 0 || !level_is_one_of((char)(key.data[0] | 0x20), "lsp@`"))
		return false;
	for (size_t i = 0; i < SL_COUNT_OF(keys); i++)
		if (sl_span_is_nocase(key, keys[i]))
			return true;
	return false;
}

enum sl_level
sl_level_of_name(struct sl_span name)
{
	bool is_word = name.len > 0 && level_is_letter(name.data[0]);
	const struct level_word *word = is_word ? sl_level_word(name.data, name.len) : NULL;
	return word && word->strength == LEVEL_STRONG ? word->level : SL_LEVEL_NONE;
}

const char *
sl_level_name(enum sl_level level)
{
	static const char *const names[] = { "none", "trace", "debug", "info", "notice", "warning",
		"error", "critical" };
	return names[level];
}
