/*
 * manifest.c - the front of all lists: decompresses, keeps the text that is not parsed yet, finds
 * out what kind of list it is, and passes the text to the parser of that kind.
 *
 *  - Compression is detected by the first bytes that are fed, encoding and kind by those of the
 *    text. Each is decided once.
 *  - Compressed data that cannot be decoded any further ends the list behind the entries that are
 *    complete in what was decoded.
 *  - A parser consumes something of a full buffer (manifest_kind.h), so the buffer never grows.
 *  - After a failure that ends the list, nothing more is parsed, and what is fed is ignored.
 */
#include "sluice/download/manifest.h"

#include "sluice/codec/decoder.h"
#include "sluice/download/manifest_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of lists compressed with the strongest setting of xz; zstd needs less for most. */
#define WINDOW_MAX (64 * SL_MIB)

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
	bool is_detected;                    /* whether it is compressed */
	enum sl_codec codec;
	struct sl_decoder *decoder;              /* NULL = not compressed */
	enum sl_decode_step decoded;             /* what the last step returned */
	unsigned char magic[SL_CODEC_MAGIC_MAX]; /* the first bytes, not decoded yet */
	size_t magic_len;
	bool is_begun; /* the byte order mark was looked for */
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
	if (manifest)
		sl_decoder_free(manifest->decoder);
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
	return manifest->is_last && manifest->input.len == 0 &&
	       (!manifest->decoder || manifest->decoded == SL_DECODE_END);
}

/* Room behind the text that is not parsed, which is moved to the beginning. */
static size_t
make_room(struct sl_manifest *manifest)
{
	struct sl_span rest = unparsed(manifest);
	memmove(manifest->text, rest.data, rest.len);
	manifest->begin = 0;
	manifest->end = rest.len;
	return sizeof(manifest->text) - rest.len;
}

/* At first only as much as shows whether it is compressed. */
static bool
copy_input(struct sl_manifest *manifest)
{
	size_t room = make_room(manifest);
	if (!manifest->is_detected)
		room = SL_CODEC_MAGIC_MAX - manifest->end;
	size_t len = SL_MIN(manifest->input.len, room);
	if (len > 0)
		memcpy(manifest->text + manifest->end, manifest->input.data, len);
	manifest->end += len;
	manifest->input.data += len;
	manifest->input.len -= len;
	return len > 0;
}

/* The first bytes were moved aside before it was known that they are compressed. */
static bool
decode_input(struct sl_manifest *manifest)
{
	bool is_magic = manifest->magic_len > 0;
	struct sl_span from = is_magic ? sl_span((const char *)manifest->magic, manifest->magic_len)
				       : manifest->input;
	if (manifest->decoded == SL_DECODE_END || sl_decode_is_failure(manifest->decoded))
		return false;
	size_t room = make_room(manifest);
	struct sl_decode_io io = { .in = (const unsigned char *)from.data,
		.in_len = from.len,
		.out = (unsigned char *)manifest->text + manifest->end,
		.out_len = room,
		.is_last = manifest->is_last && (!is_magic || manifest->input.len == 0) };
	enum sl_decode_step before = manifest->decoded;
	manifest->decoded = sl_decoder_step(manifest->decoder, &io);
	manifest->end += room - io.out_len;
	if (is_magic) {
		memmove(manifest->magic, manifest->magic + manifest->magic_len - io.in_len,
			io.in_len);
		manifest->magic_len = io.in_len;
	} else {
		manifest->input = sl_span((const char *)io.in, io.in_len);
	}
	return io.out_len < room || io.in_len < from.len || manifest->decoded != before;
}

/* Move what fits from the input into `text`. False if nothing has changed. */
static bool
refill(struct sl_manifest *manifest)
{
	return manifest->decoder ? decode_input(manifest) : copy_input(manifest);
}

/* ---- the beginning ---- */

enum begin_result { BEGIN_DONE, BEGIN_MORE, BEGIN_FAILED };

static bool
begins_with(struct sl_span text, const char *magic, size_t len)
{
	return text.len >= len && memcmp(text.data, magic, len) == 0;
}

static enum sl_codec_match
match_codec(const struct sl_manifest *manifest, enum sl_codec *out)
{
	struct sl_span head = unparsed(manifest);
	enum sl_codec_match best = SL_CODEC_DIFFERS;
	for (int codec = SL_CODEC_NONE + 1; codec < SL_CODECS; codec++) {
		enum sl_codec_match match =
			sl_codec_has_magic((enum sl_codec)codec)
				? sl_codec_match((enum sl_codec)codec,
					  (const unsigned char *)head.data, head.len)
				: SL_CODEC_DIFFERS;
		if (match == SL_CODEC_MATCHES)
			*out = (enum sl_codec)codec;
		best = SL_MAX(best, match);
	}
	return best;
}

static enum begin_result
detect_codec(struct sl_manifest *manifest, struct sl_error *err)
{
	enum sl_codec_match match = match_codec(manifest, &manifest->codec);
	struct sl_span head = unparsed(manifest);
	if (match == SL_CODEC_IS_PREFIX && !is_complete(manifest))
		return BEGIN_MORE;
	manifest->is_detected = true;
	if (match != SL_CODEC_MATCHES)
		return BEGIN_DONE;
	manifest->decoder = sl_decoder_new(manifest->codec, WINDOW_MAX);
	if (!manifest->decoder) {
		sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
		return BEGIN_FAILED;
	}
	memcpy(manifest->magic, head.data, head.len);
	manifest->magic_len = head.len;
	manifest->begin = manifest->end = 0;
	manifest->decoded = SL_DECODE_MORE;
	return BEGIN_DONE;
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
	if (!manifest->is_detected)
		result = detect_codec(manifest, err);
	if (result == BEGIN_DONE && !manifest->is_begun)
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

static enum sl_manifest_result
fail_decoding(const struct sl_manifest *manifest, struct sl_error *err)
{
	char reason[SL_DECODE_REASON];
	bool no_memory = manifest->decoded == SL_DECODE_NO_MEMORY;
	sl_decode_reason(manifest->decoded, manifest->codec, WINDOW_MAX, reason);
	sl_fail(err, SL_PHASE_NONE, no_memory ? -ENOMEM : SL_E_USAGE,
		"cannot read the list to its end: %s", reason);
	return SL_MANIFEST_BROKEN;
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
	else if (result == SL_MANIFEST_MORE && sl_decode_is_failure(manifest->decoded))
		result = fail_decoding(manifest, err);
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
