/*
 * manifest.c - the front of all lists: keeps the text that is not parsed yet, finds out what kind
 * of list it is, and passes the text to the parser of that kind.
 *
 *  - The kind is decided once, by the first bytes. Compressed text is decompressed before.
 *  - A parser consumes something of a full buffer (manifest_kind.h), so the buffer never grows.
 *  - After a failure that ends the list, nothing more is parsed, and what is fed is ignored.
 */
#include "sluice/download/manifest.h"

#include "sluice/download/manifest_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A kind that accepts more stands behind one that accepts less. */
static const struct sl_manifest_kind *const kinds[] = {
	&sl_manifest_metalink,
	&sl_manifest_jsonl,
	&sl_manifest_sums,
	&sl_manifest_plain,
};

struct sl_manifest {
	struct sl_manifest_options options;
	const struct sl_manifest_kind *kind; /* NULL until it is known */
	void *parser;                        /* of that kind */
	struct sl_span input;                /* fed, not in `text` yet */
	bool is_last;                        /* nothing follows `input` */
	bool is_begun;                       /* the byte order mark was looked for */
	bool has_ended;
	size_t begin, end; /* of what is in `text` and not parsed */
	char text[SL_MANIFEST_TEXT];
};

int
sl_manifest_new(struct sl_manifest **out, const struct sl_manifest_options *options)
{
	struct sl_manifest *manifest = malloc(sizeof(*manifest));
	*out = manifest;
	if (!manifest)
		return -ENOMEM;
	memset(manifest, 0, offsetof(struct sl_manifest, text));
	manifest->options = *options;
	return 0;
}

void
sl_manifest_free(struct sl_manifest *manifest)
{
	if (manifest && manifest->parser)
		manifest->kind->free(manifest->parser);
	free(manifest);
}

void
sl_manifest_feed(struct sl_manifest *manifest, struct sl_span bytes, bool is_last)
{
	sl_assert(manifest->input.len == 0 && !manifest->is_last);
	manifest->input = bytes;
	manifest->is_last = is_last;
}

/* ---- the text ---- */

static struct sl_span
unparsed(const struct sl_manifest *manifest)
{
	return sl_span(manifest->text + manifest->begin, manifest->end - manifest->begin);
}

/* All of the list is in `text`. */
static bool
is_complete(const struct sl_manifest *manifest)
{
	return manifest->is_last && manifest->input.len == 0;
}

/* Move what fits from the input into `text`. False if there was nothing to move or no room. */
static bool
refill(struct sl_manifest *manifest)
{
	struct sl_span rest = unparsed(manifest);
	size_t len = SL_MIN(manifest->input.len, sizeof(manifest->text) - rest.len);
	if (len == 0)
		return false;
	memmove(manifest->text, rest.data, rest.len);
	memcpy(manifest->text + rest.len, manifest->input.data, len);
	manifest->begin = 0;
	manifest->end = rest.len + len;
	manifest->input.data += len;
	manifest->input.len -= len;
	return true;
}

/* ---- the beginning ---- */

enum begin_result { BEGIN_DONE, BEGIN_MORE, BEGIN_FAILED };

static bool
begins_with(struct sl_span text, const char *magic, size_t len)
{
	return text.len >= len && memcmp(text.data, magic, len) == 0;
}

/* Encodings other than UTF-8, by their byte order marks; UTF-8's, which some editors write, is
 * removed. */
static enum begin_result
check_encoding(struct sl_manifest *manifest, struct sl_error *err)
{
	struct sl_span head = unparsed(manifest);
	if (head.len < 3 && !is_complete(manifest))
		return BEGIN_MORE;
	if (begins_with(head, "\xff\xfe", 2) || begins_with(head, "\xfe\xff", 2)) {
		sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"the list is encoded in UTF-16, which is not supported: convert it with "
			"'iconv -f UTF-16 -t UTF-8'");
		return BEGIN_FAILED;
	}
	if (begins_with(head, "\xef\xbb\xbf", 3))
		manifest->begin += 3;
	manifest->is_begun = true;
	return BEGIN_DONE;
}

static enum begin_result
detect_kind(struct sl_manifest *manifest, struct sl_error *err)
{
	struct sl_span head = unparsed(manifest);
	bool is_all = is_complete(manifest) || head.len == sizeof(manifest->text);
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		enum sl_manifest_match match = kinds[i]->detect(head, is_all);
		if (match == SL_MANIFEST_IS_UNSURE)
			return BEGIN_MORE;
		if (match == SL_MANIFEST_IS) {
			manifest->kind = kinds[i];
			break;
		}
	}
	manifest->parser = manifest->kind->new (&manifest->options);
	if (manifest->parser)
		return BEGIN_DONE;
	sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
	return BEGIN_FAILED;
}

static enum begin_result
begin(struct sl_manifest *manifest, struct sl_error *err)
{
	enum begin_result result = BEGIN_DONE;
	if (!manifest->is_begun)
		result = check_encoding(manifest, err);
	if (result == BEGIN_DONE && !manifest->parser)
		result = detect_kind(manifest, err);
	return result;
}

/* ---- entries ---- */

/* From what is in `text`. */
static enum sl_manifest_result
parse(struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err)
{
	enum begin_result begun = begin(manifest, err);
	if (begun != BEGIN_DONE)
		return begun == BEGIN_MORE ? SL_MANIFEST_MORE : SL_MANIFEST_BROKEN;
	struct sl_span text = unparsed(manifest);
	size_t used = 0;
	enum sl_manifest_result result = manifest->kind->parse(
		manifest->parser, text, is_complete(manifest), &used, out, err);
	bool is_stuck = result == SL_MANIFEST_MORE && used == 0;
	sl_assert(used <= text.len && !(is_stuck && text.len == sizeof(manifest->text)));
	manifest->begin += used;
	return result;
}

enum sl_manifest_result
sl_manifest_next(struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err)
{
	enum sl_manifest_result result = SL_MANIFEST_END;
	while (!manifest->has_ended) {
		*out = (struct sl_entry){ .from_list = true };
		result = parse(manifest, out, err);
		if (result != SL_MANIFEST_MORE || !refill(manifest))
			break;
	}
	if (result == SL_MANIFEST_MORE && is_complete(manifest))
		result = SL_MANIFEST_END;
	manifest->has_ended = result == SL_MANIFEST_END || result == SL_MANIFEST_BROKEN;
	if (manifest->has_ended || result == SL_MANIFEST_MORE)
		manifest->input.len = 0;
	return result;
}

void
sl_manifest_add_ignored(const struct sl_manifest *manifest, struct sl_buf *out)
{
	if (manifest->parser && manifest->kind->add_ignored)
		manifest->kind->add_ignored(manifest->parser, out);
}
