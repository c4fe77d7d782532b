/*
 * Text of any kind around a secret. Whatever stands before and behind it, redaction shows no part
 * of a secret in the places where secrets are known to be, invents nothing, and leaves text alone
 * that has none of the marks of a secret.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/redact.h"

#include <stdbool.h>

#define SECRET "5EcR3t"

typedef void redact(struct sl_buf *out, struct sl_span text);

/* Each begins a line; SECRET is what must not be seen. */
static const char *const lines[] = {
	"Authorization: Basic " SECRET,
	"> Cookie: a=b; c=" SECRET,
	"x-api-key:" SECRET,
	"https://user:" SECRET "@host/",
	"https://" SECRET "@host/",
	"https//user:" SECRET "@host/",
	"https://host/?token=" SECRET,
	"https://host/f?x=1&X-Amz-Signature=" SECRET "&y=2",
	"https://host/#access_token=" SECRET,
	"https://host/;jsessionid=" SECRET,
	"https://host/?next=https%3A%2F%2Fu%3A" SECRET "%40h",
};

/* The same in documents. */
static const char *const members[] = {
	"{\"token\": \"" SECRET "\"}",
	"{'password':'" SECRET "'}",
	"{\"e\": \"{\\\"token\\\": \\\"" SECRET "\\\"}\"}",
	"{\"secret\": [\"" SECRET "\"]}",
	"<Token>" SECRET "</Token>",
	"<a token=\"" SECRET "\"/>",
	"password=" SECRET,
	"api_key: " SECRET,
};

static bool
is_skipped(char c)
{
	return c == '*' || c == ' ';
}

/* All but the masks, and the blank before one, comes from the text, in its order. */
static bool
is_made_of(struct sl_span shown, struct sl_span text)
{
	size_t at = 0;
	for (size_t i = 0; i < shown.len; i++) {
		if (is_skipped(shown.data[i]))
			continue;
		while (at < text.len && text.data[at] != shown.data[i])
			at++;
		if (at == text.len)
			return false;
		at++;
	}
	return true;
}

static bool
has_any(struct sl_span text, const char *chars)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] && strchr(chars, text.data[i]))
			return true;
	return false;
}

static void
check_text(redact *fn, struct sl_span text, const char *marks)
{
	struct sl_buf out = { 0 };
	fn(&out, text);
	struct sl_span shown = sl_buf_span(&out);
	must(!out.failed && is_made_of(shown, text));
	must(has_any(text, marks) || sl_span_equal(shown, text));
	sl_buf_release(&out);
}

static void
check_secret(redact *fn, struct sl_span before, const char *line, struct sl_span behind)
{
	struct sl_buf text = { 0 }, out = { 0 };
	sl_buf_add(&text, before.data, before.len);
	sl_buf_add_char(&text, '\n');
	sl_buf_add_str(&text, line);
	sl_buf_add(&text, behind.data, behind.len);
	fn(&out, sl_buf_span(&text));
	must(!text.failed && !out.failed);
	must(out.len == 0 || !memmem(out.data, out.len, SECRET, strlen(SECRET)));
	sl_buf_release(&text);
	sl_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span text = sl_span((const char *)data, len);
	check_text(sl_redact, text, "=:@");
	check_text(sl_redact_document, text, "=:<@");
	if (memmem(data, len, "5E", 2)) /* the secret, or a part that what is planted completes */
		return 0;
	struct sl_span before = sl_span(text.data, len / 2);
	struct sl_span behind = sl_span(text.data + len / 2, len - len / 2);
	for (size_t i = 0; i < SL_COUNT_OF(lines); i++) {
		check_secret(sl_redact, before, lines[i], behind);
		check_secret(sl_redact_document, before, lines[i], behind);
	}
	for (size_t i = 0; i < SL_COUNT_OF(members); i++)
		check_secret(sl_redact_document, before, members[i], behind);
	return 0;
}
