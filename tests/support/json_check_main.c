/*
 * json_check [KEY...] <LINES
 *
 * Each line of standard input must be one JSON object (RFC 8259) in valid UTF-8, without a key
 * twice at its top level. Prints, for each line, the values of these top-level keys as they stand
 * there, separated by TAB ("-" = missing). Exit status 1 names the first line that is none, on
 * standard error.
 */
#include "sluice/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
#define KEYS_MAX 64

struct member {
	struct sl_span key, value;
};

struct reader {
	const char *at, *end;
	unsigned depth;
	struct member members[KEYS_MAX]; /* of the outermost object */
	size_t count;
};

static bool read_value(struct reader *reader);

static void
skip_space(struct reader *reader)
{
	while (reader->at < reader->end && memchr(" \t\r", *reader->at, 3))
		reader->at++;
}

static bool
take(struct reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool
take_digits(struct reader *reader)
{
	const char *from = reader->at;
	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return reader->at > from;
}

static bool
read_number(struct reader *reader)
{
	take(reader, '-');
	if (!take(reader, '0') && !take_digits(reader))
		return false;
	if (take(reader, '.') && !take_digits(reader))
		return false;
	if (take(reader, 'e') || take(reader, 'E')) {
		if (!take(reader, '+'))
			take(reader, '-');
		return take_digits(reader);
	}
	return true;
}

static bool
read_escape(struct reader *reader)
{
	if (!take(reader, 'u')) {
		bool known = reader->at < reader->end && memchr("\"\\/bfnrt", *reader->at, 8);
		reader->at++;
		return known;
	}
	for (int i = 0; i < 4; i++, reader->at++)
		if (reader->at == reader->end || !memchr("0123456789abcdefABCDEF", *reader->at, 22))
			return false;
	return true;
}

static bool
read_string(struct reader *reader)
{
	if (!take(reader, '"'))
		return false;
	while (reader->at < reader->end && *reader->at != '"') {
		if ((unsigned char)*reader->at < 0x20)
			return false;
		if (*reader->at++ == '\\' && !read_escape(reader))
			return false;
	}
	return take(reader, '"');
}

static bool
keep(struct reader *reader, struct sl_span key, struct sl_span value)
{
	for (size_t i = 0; i < reader->count; i++)
		if (sl_span_equal(reader->members[i].key, key))
			return false;
	if (reader->count == KEYS_MAX)
		return false;
	reader->members[reader->count++] = (struct member){ key, value };
	return true;
}

static bool
read_member(struct reader *reader)
{
	skip_space(reader);
	const char *key = reader->at;
	if (!read_string(reader))
		return false;
	struct sl_span name = sl_span(key + 1, (size_t)(reader->at - key) - 2);
	skip_space(reader);
	if (!take(reader, ':'))
		return false;
	skip_space(reader);
	const char *value = reader->at;
	if (!read_value(reader))
		return false;
	return reader->depth > 1 ||
	       keep(reader, name, sl_span(value, (size_t)(reader->at - value)));
}

/* What stands between the brackets: members or values, separated by commas. */
static bool
read_items(struct reader *reader, char close, bool (*read_item)(struct reader *reader))
{
	if (++reader->depth > DEPTH_MAX)
		return false;
	reader->at++;
	skip_space(reader);
	if (take(reader, close)) {
		reader->depth--;
		return true;
	}
	do {
		if (!read_item(reader))
			return false;
		skip_space(reader);
	} while (take(reader, ','));
	reader->depth--;
	return take(reader, close);
}

static bool
read_word(struct reader *reader, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
		return false;
	reader->at += len;
	return true;
}

static bool
read_value(struct reader *reader)
{
	skip_space(reader);
	if (reader->at == reader->end)
		return false;
	switch (*reader->at) {
	case '{':
		return read_items(reader, '}', read_member);
	case '[':
		return read_items(reader, ']', read_value);
	case '"':
		return read_string(reader);
	case 't':
		return read_word(reader, "true");
	case 'f':
		return read_word(reader, "false");
	case 'n':
		return read_word(reader, "null");
	default:
		return read_number(reader);
	}
}

static bool
is_utf8(struct sl_span text)
{
	while (text.len > 0) {
		uint32_t code = 0;
		size_t used = sl_text_utf8(text, &code);
		if (used == 0)
			return false;
		text.data += used;
		text.len -= used;
	}
	return true;
}

static void
print_members(const struct reader *reader, char **keys)
{
	for (char **key = keys; *key; key++) {
		struct sl_span value = sl_span("-", 1);
		for (size_t i = 0; i < reader->count; i++)
			if (sl_span_is(reader->members[i].key, *key))
				value = reader->members[i].value;
		printf("%s%.*s", key == keys ? "" : "\t", (int)value.len, value.data);
	}
	if (*keys)
		putchar('\n');
}

int
main(int argc, char **argv)
{
	char *line = NULL;
	size_t cap = 0, number = 0;
	ssize_t len;
	(void)argc;
	while ((len = getline(&line, &cap, stdin)) > 0) {
		number++;
		struct reader reader = { .at = line, .end = line + len - 1 };
		bool good = line[len - 1] == '\n' && *line == '{' &&
			    is_utf8(sl_span(line, (size_t)len)) && read_value(&reader) &&
			    reader.at == reader.end;
		if (!good) {
			fprintf(stderr, "json_check: line %zu is not a JSON object: %s", number,
				line);
			free(line);
			return 1;
		}
		print_members(&reader, argv + 1);
	}
	free(line);
	return 0;
}
