/*
 * Content-Encoding, Content-Type and Content-Disposition, compared with the names of the file and
 * of the URL; digests (RFC 9530); the size.
 */
#include "sluice/download/answer.h"

#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/download/digest_field.h"
#include "sluice/http/coding.h"
#include "sluice/http/disposition.h"
#include "sluice/http/header.h"
#include "sluice/http/resource.h"

#include <string.h>

#define SHOWN_MAX 100 /* bytes of a field's value in a message */

/* ---- names ---- */

static bool
ends_with(struct sl_span text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len &&
	       sl_span_equal_nocase(sl_span(text.data + text.len - len, len), sl_span(end, len));
}

static bool
ends_with_any(struct sl_span text, const char *const *ends)
{
	for (; *ends; ends++)
		if (ends_with(text, *ends))
			return true;
	return false;
}

static struct sl_span
url_path(const struct sl_url *url)
{
	return sl_span(url->target, strcspn(url->target, "?"));
}

/* ---- content codings ---- */

/*
 * Where none is decoded, what comes with a coding all the same is stored as it came:
 * objects that were uploaded compressed (S3, Google Cloud Storage) and files that a server takes
 * for encoded cannot be had in another form.
 */
static void
note_coding(const struct sl_head *head, struct sl_span url, struct sl_span name, const char *path)
{
	struct sl_header_list list;
	struct sl_span coding;
	struct sl_buf codings = { 0 };
	sl_header_list_init(&list, head, "Content-Encoding");
	while (sl_header_list_next(&list, &coding)) {
		if (sl_coding_is_none(coding) || sl_coding_is_named_by(coding, name) ||
			sl_coding_is_named_by(coding, url) || codings.len > SHOWN_MAX)
			continue;
		if (codings.len > 0)
			sl_buf_add_str(&codings, ", ");
		coding.len = SL_MIN(coding.len, (size_t)SHOWN_MAX);
		sl_text_make_safe(&codings, coding);
	}
	if (codings.len > 0 && !codings.failed)
		sl_log_info("'%s' is stored with the content coding %s that the server applied; "
			    "it was not requested and is not decoded",
			path, codings.data);
	sl_buf_release(&codings);
}

/* ---- pages ---- */

/* Kinds of files that are downloaded and are never HTML. */
static const char *const other_kinds[] = { ".zip", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz",
	".zst", ".lz4", ".7z", ".rar", ".tar", ".iso", ".img", ".qcow2", ".bin", ".exe", ".msi",
	".dmg", ".pkg", ".deb", ".rpm", ".apk", ".jar", ".whl", ".gem", ".crate", ".pdf", ".epub",
	".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff", ".mp3", ".mp4", ".mkv", ".webm",
	".mov", ".avi", ".flac", ".wav", ".ogg", ".csv", ".tsv", ".json", ".jsonl", ".ndjson",
	".xlsx", ".docx", ".pptx", ".ods", ".odt", ".parquet", ".arrow", ".avro", ".npy", ".npz",
	".h5", ".hdf5", ".nc", ".mat", ".rds", ".pkl", ".safetensors", ".gguf", ".pt", ".pth",
	".ckpt", ".onnx", ".pb", ".tflite", ".fasta", ".fastq", ".fa", ".fq", ".bam", ".vcf",
	".sqlite", ".db", ".sql", NULL };

/* A login page, a captcha or "file not found" with the status 200. */
static void
warn_about_page(const struct sl_head *head, struct sl_span name, const char *path)
{
	struct sl_span type = sl_header_media_type(head);
	bool is_page = sl_span_is_nocase(type, "text/html") ||
		       sl_span_is_nocase(type, "application/xhtml+xml");
	if (is_page && ends_with_any(name, other_kinds))
		sl_log_warn("'%s' was sent as %.*s: it may be a login or error page instead of the "
			    "file",
			path, (int)type.len, type.data);
}

/* ---- the server's name ---- */

/* Only if the URL gave the name: of one that the user has chosen the server's is of no interest. */
static void
note_name(const struct sl_head *head, const struct sl_url *url, const struct sl_place *place)
{
	struct sl_span field = sl_head_find(head, "Content-Disposition", 0);
	struct sl_buf suggested = { 0 }, from_url = { 0 }, shown = { 0 };
	const char *why = NULL;
	if (sl_log_level() < SL_LOG_INFO || !field.data || !place->name)
		return;
	if (sl_disposition_parse(field, &suggested, &why) == SL_DISPOSITION_NAME &&
		sl_url_file_name(url, &from_url, NULL) == 0 &&
		sl_span_is(sl_buf_span(&from_url), place->name) &&
		!sl_span_is(sl_buf_span(&suggested), place->name)) {
		sl_text_show(&shown, sl_buf_span(&suggested), SHOWN_MAX);
		sl_log_info("the server suggested the file name '%s' for '%s' "
			    "(--content-disposition uses it)",
			shown.data ? shown.data : "", place->path);
	}
	sl_buf_release(&suggested);
	sl_buf_release(&from_url);
	sl_buf_release(&shown);
}

void
sl_answer_note(const struct sl_head *head, enum sl_codec decoded, const struct sl_url *url,
	const struct sl_place *place)
{
	struct sl_span from_url = url_path(url);
	struct sl_span name = place->name ? sl_span_str(place->name) : from_url; /* of a stream */
	if (decoded == SL_CODEC_NONE)
		note_coding(head, from_url, name, place->path);
	else
		sl_log_info("'%s' is sent with the content coding %s and decoded", place->path,
			sl_codec_name(decoded));
	warn_about_page(head, name, place->path);
	note_name(head, url, place);
}

/* ---- what can be verified ---- */

bool
sl_answer_digest(const struct sl_head *head, struct sl_checksum *out)
{
	enum sl_codec codec;
	*out = (struct sl_checksum){ 0 };
	return sl_coding_read(head, &codec) == SL_CODING_NONE &&
	       sl_digest_field_read(head, head->status == 200, out);
}

int
sl_answer_check_size(
	const struct sl_entry *entry, uint64_t length, const char *path, struct sl_error *err)
{
	if (!entry->has_size || length == SL_LENGTH_UNKNOWN || length == entry->size)
		return 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_CHECKSUM,
		"size of '%s' does not match: the server sends %llu bytes, the list has %llu", path,
		(unsigned long long)length, (unsigned long long)entry->size);
}
