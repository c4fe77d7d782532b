/*
 * netrc.c - a walk over the words of a .netrc file. An entry ends where the next "machine" or
 * "default" begins: that word is left for the next call. What is not understood is refused, since
 * the words after it would be taken for other values than the user means; messages never contain
 * words of the file, any of which may be a password.
 */
#include "sluice/http/netrc.h"

#include "sluice/base/text.h"

#include <errno.h>

/* ---- words ---- */

static int
refuse(const struct sl_netrc *netrc, struct sl_error *err, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %u: %s", netrc->line, why);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip(struct sl_netrc *netrc, size_t len)
{
	for (size_t i = 0; i < len; i++)
		netrc->line += netrc->rest.data[i] == '\n';
	netrc->rest = sl_span(netrc->rest.data + len, netrc->rest.len - len);
}

static void
skip_blanks(struct sl_netrc *netrc)
{
	while (netrc->rest.len > 0 && is_blank(netrc->rest.data[0]))
		skip(netrc, 1);
}

static void
skip_line(struct sl_netrc *netrc)
{
	const char *end = memchr(netrc->rest.data, '\n', netrc->rest.len);
	skip(netrc, end ? (size_t)(end - netrc->rest.data) + 1 : netrc->rest.len);
}

/* The next word where a keyword is expected; empty at the end. */
static struct sl_span
peek_keyword(struct sl_netrc *netrc)
{
	size_t len = 0;
	skip_blanks(netrc);
	while (netrc->rest.len > 0 && netrc->rest.data[0] == '#') {
		skip_line(netrc);
		skip_blanks(netrc);
	}
	while (len < netrc->rest.len && !is_blank(netrc->rest.data[len]))
		len++;
	return sl_span(netrc->rest.data, len);
}

/* What follows a backslash: a letter for a control byte, or the character itself. */
static char
unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* The text behind a quote, up to the next one. */
static int
take_quoted(struct sl_netrc *netrc, struct sl_buf *out, struct sl_error *err)
{
	struct sl_span rest = netrc->rest;
	size_t i = 1;
	for (; i < rest.len && rest.data[i] != '"' && rest.data[i] != '\n'; i++) {
		bool is_escaped = rest.data[i] == '\\' && i + 1 < rest.len;
		i += is_escaped;
		sl_buf_add_char(out, is_escaped ? unescape(rest.data[i]) : rest.data[i]);
	}
	if (i >= rest.len || rest.data[i] != '"')
		return refuse(netrc, err, "a quoted value does not end on its line");
	if (i + 1 < rest.len && !is_blank(rest.data[i + 1]))
		return refuse(netrc, err, "a quoted value is followed by other text");
	skip(netrc, i + 1);
	return 0;
}

/* A value of a keyword; *out, which may hold an earlier one, is replaced. */
static int
take_value(struct sl_netrc *netrc, struct sl_buf *out, struct sl_error *err)
{
	int code = 0;
	size_t len = 0;
	sl_buf_wipe(out);
	skip_blanks(netrc);
	while (len < netrc->rest.len && !is_blank(netrc->rest.data[len]))
		len++;
	if (len == 0)
		return refuse(netrc, err, "a value is missing");
	if (netrc->rest.data[0] == '"') {
		code = take_quoted(netrc, out, err);
	} else {
		sl_buf_add(out, netrc->rest.data, len);
		skip(netrc, len);
	}
	if (!code && sl_text_has_control(sl_buf_span(out)))
		return refuse(netrc, err, "a value contains a control byte");
	return code;
}

/* A macro ends with an empty line. */
static void
skip_macro(struct sl_netrc *netrc)
{
	bool is_empty = false;
	skip_line(netrc);
	while (!is_empty && netrc->rest.len > 0) {
		const char *line = netrc->rest.data;
		skip_line(netrc);
		is_empty = line[0] == '\n' || (line[0] == '\r' && line + 2 == netrc->rest.data);
	}
}

/* ---- entries ---- */

void
sl_netrc_entry_release(struct sl_netrc_entry *entry)
{
	sl_buf_wipe(&entry->machine);
	sl_buf_wipe(&entry->login);
	sl_buf_wipe(&entry->password);
	*entry = (struct sl_netrc_entry){ 0 };
}

void
sl_netrc_init(struct sl_netrc *netrc, struct sl_span text)
{
	/* An editor's byte order mark. */
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = sl_span(text.data + 3, text.len - 3);
	*netrc = (struct sl_netrc){ .rest = text.len > 0 ? text : sl_span("", 0), .line = 1 };
}

/* The word that begins an entry. Returns 1, or 0 at the end. */
static int
begin_entry(struct sl_netrc *netrc, struct sl_netrc_entry *entry, struct sl_error *err)
{
	for (;;) {
		struct sl_span word = peek_keyword(netrc);
		bool is_machine = sl_span_is(word, "machine");
		entry->is_default = sl_span_is(word, "default");
		bool is_macro = sl_span_is(word, "macdef");
		if (word.len == 0)
			return 0;
		if (!is_machine && !entry->is_default && !is_macro)
			return refuse(netrc, err, "'machine' or 'default' is expected");
		skip(netrc, word.len);
		if (is_macro) {
			skip_macro(netrc);
			continue;
		}
		int code = is_machine ? take_value(netrc, &entry->machine, err) : 0;
		return code ? code : 1;
	}
}

/* One keyword of an entry and its value. Returns 1; 0 if the entry ends before it. */
static int
take_member(struct sl_netrc *netrc, struct sl_netrc_entry *entry, struct sl_error *err)
{
	struct sl_buf unused = { 0 };
	struct sl_span word = peek_keyword(netrc);
	int code = 0;
	if (word.len == 0 || sl_span_is(word, "machine") || sl_span_is(word, "default"))
		return 0;
	bool is_login = sl_span_is(word, "login") || sl_span_is(word, "user");
	bool is_password = sl_span_is(word, "password");
	bool is_macro = sl_span_is(word, "macdef");
	if (!is_login && !is_password && !is_macro && !sl_span_is(word, "account"))
		return refuse(netrc, err,
			"a keyword is expected: machine, default, login, password, account or "
			"macdef (values with blanks need quotes)");
	skip(netrc, word.len);
	if (is_macro)
		skip_macro(netrc);
	else
		code = take_value(netrc,
			is_login      ? &entry->login
			: is_password ? &entry->password
				      : &unused,
			err);
	entry->has_login = entry->has_login || is_login;
	entry->has_password = entry->has_password || is_password;
	sl_buf_wipe(&unused);
	return code ? code : 1;
}

static bool
has_failed(const struct sl_netrc_entry *entry)
{
	return entry->machine.failed || entry->login.failed || entry->password.failed;
}

int
sl_netrc_next(struct sl_netrc *netrc, struct sl_netrc_entry *entry, struct sl_error *err)
{
	sl_netrc_entry_release(entry);
	int got = begin_entry(netrc, entry, err);
	int code = got;
	while (code == 1)
		code = take_member(netrc, entry, err);
	if (code == 0 && got == 1 && has_failed(entry))
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read an entry");
	if (code < 0 || got == 0)
		sl_netrc_entry_release(entry);
	return code < 0 ? code : got;
}

int
sl_netrc_find(struct sl_span text, const char *host, const char *login, bool use_default,
	struct sl_netrc_entry *found, struct sl_error *err)
{
	struct sl_netrc netrc;
	struct sl_netrc_entry entry = { 0 };
	bool has_host = false;
	int code;
	sl_netrc_init(&netrc, text);
	sl_netrc_entry_release(found);
	while ((code = sl_netrc_next(&netrc, &entry, err)) == 1) {
		bool is_host =
			!entry.is_default && sl_span_is_nocase(sl_buf_span(&entry.machine), host);
		bool is_complete = entry.has_login && entry.has_password &&
				   (!login || sl_span_is(sl_buf_span(&entry.login), login));
		if (is_host && !has_host)
			sl_netrc_entry_release(found); /* the default entry, if there was one */
		has_host = has_host || is_host;
		bool counts = is_host || (entry.is_default && use_default && !has_host);
		if (counts && is_complete && !found->has_login) {
			*found = entry;
			entry = (struct sl_netrc_entry){ 0 };
		}
	}
	if (code < 0)
		sl_netrc_entry_release(found);
	return code < 0 ? code : found->has_login;
}
