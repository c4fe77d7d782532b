/*
 * A value of Repr-Digest, Content-Digest or Digest (by the first byte): what is found has the
 * length of its kind, comes from the server, and is in the value as base64; a stronger digest in
 * front of it is found instead.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/download/digest_field.h"

#include <string.h>

#define SHA512 \
	"3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

static bool
read_field(const char *name, const char *before, struct sl_span value, struct sl_checksum *out)
{
	struct sl_head head;
	struct sl_buf text = { 0 };
	struct sl_error err = { 0 };
	size_t used = 0;
	sl_buf_printf(&text, "HTTP/1.1 200 OK\r\n%s:%s", name, before);
	sl_buf_add_span(&text, value);
	sl_buf_add_str(&text, "\r\n\r\n");
	sl_head_init(&head);
	bool found = sl_head_feed(&head, text.data, text.len, &used, &err) == SL_PARSE_DONE &&
		     sl_digest_field_read(&head, true, out);
	sl_head_release(&head);
	sl_buf_release(&text);
	return found;
}

static void
check(const struct sl_checksum *sum, struct sl_span value)
{
	struct sl_buf text = { 0 };
	must(sum->from_server && sum->kind != SL_CHECKSUM_NONE);
	must(sum->len == sl_checksum_len(sum->kind));
	sl_text_add_base64(&text, sl_span((const char *)sum->value, sum->len));
	/* without its last digit, whose spare bits may be anything */
	size_t len = strcspn(text.data, "=") - 1;
	must(memmem(value.data, value.len, text.data, len) != NULL);
	sl_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const names[] = { "Repr-Digest", "Content-Digest", "Digest" };
	struct sl_checksum sum, more;
	if (len == 0)
		return 0;
	const char *name = names[data[0] % 3];
	struct sl_span value = sl_span((const char *)data + 1, len - 1);
	if (memchr(value.data, '\n', value.len))
		return 0; /* other fields */
	bool found = read_field(name, " ", value, &sum);
	if (!found)
		return 0;
	check(&sum, value);
	const char *before = data[0] % 3 == 2 ? "sha-512=" SHA512 "," : "sha-512=:" SHA512 ":,";
	must(read_field(name, before, value, &more));
	must(more.kind == SL_CHECKSUM_SHA512);
	return 0;
}
