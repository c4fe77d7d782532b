/*
 * Metalink lists: RFC 5854, and version 3.0, which has the same elements in other places. Read by
 * expat as the text arrives; a file is returned as soon as its element ends.
 *
 * Rules:
 *  - Elements count in the namespace of the root element, which is that of either version or none.
 *    Others are skipped with what is in them, wherever they are (RFC 5854 5.1).
 *  - A document type declaration ends the list. Without one there are no entities but the five of
 *    XML, so that none can be external, and none can multiply (billion laughs).
 *  - Memory is bounded: expat keeps one token, whose length is limited here, a stack of elements,
 *    whose depth is, and each different name of an element, attribute or prefix, which are counted.
 *  - A fault within a file refuses that file. One of the XML ends the list: what comes behind it
 *    cannot be told.
 */
#include "sluice/download/manifest_kind.h"

#include "sluice/base/number.h"
#include "sluice/download/metalink_file.h"

#include <errno.h>
#include <expat.h>
#include <stdlib.h>

#define DEPTH_MAX 64u             /* elements within each other; Metalink 3 needs 6 */
#define TOKEN_MAX (32u * 1024u)   /* bytes of a tag or comment; up to STEP more may pass */
#define VALUE_MAX (16u * 1024u)   /* bytes of an element's text */
#define STEP (32u * 1024u)        /* bytes handed to expat at once */
#define NAMES_MAX (1024u * 1024u) /* bytes of different names, with NAME_COST for each */
#define NAME_COST 128u            /* what expat allocates for one, about */
#define SEEN 256u                 /* slots for names that were counted already */
#define SEPARATOR '\n'            /* between namespace and name: not a character of a URI */

enum namespace { NAMESPACE_NONE, NAMESPACE_3, NAMESPACE_4, NAMESPACE_OTHER };

enum element {
	DOCUMENT,
	METALINK,
	FILES,
	A_FILE,
	SIZE,
	HASH,
	URL,
	METAURL,
	PIECES,
	PIECE_HASH,
	VERIFICATION,
	RESOURCES,
	SKIPPED,
};

/* Which element is which, and where it has a meaning. FILES, VERIFICATION and RESOURCES are of
 * version 3. */
static const struct {
	enum element parent;
	const char *name;
	enum element element;
} elements[] = {
	{ DOCUMENT, "metalink", METALINK },
	{ METALINK, "files", FILES },
	{ METALINK, "file", A_FILE },
	{ FILES, "file", A_FILE },
	{ A_FILE, "size", SIZE },
	{ A_FILE, "hash", HASH },
	{ A_FILE, "url", URL },
	{ A_FILE, "metaurl", METAURL },
	{ A_FILE, "pieces", PIECES },
	{ A_FILE, "verification", VERIFICATION },
	{ A_FILE, "resources", RESOURCES },
	{ PIECES, "hash", PIECE_HASH },
	{ VERIFICATION, "hash", HASH },
	{ VERIFICATION, "pieces", PIECES },
	{ RESOURCES, "url", URL },
};

struct metalink {
	XML_Parser xml;
	bool is_suspended;      /* at the end of a file: expat has text left that was consumed */
	bool has_ended;         /* expat was told that no more follows */
	uint64_t fed;           /* bytes, to compare with expat's position */
	struct sl_error broken; /* why the rest cannot be read */
	enum namespace namespace;
	enum element path[DEPTH_MAX + 1]; /* path[0] = DOCUMENT */
	unsigned depth;
	struct sl_metalink_file file;
	/* of the element whose text is collected */
	uint64_t line;
	struct sl_buf value;
	struct sl_buf type; /* attribute of a hash; number of a piece */
	bool has_type;
	uint32_t rank;
	uint64_t seen[SEEN]; /* hashes of names, each in the slot of its last bits */
	uint64_t name_bytes;
};

/* ---- limits ---- */

static uint64_t
line_of(const struct metalink *metalink)
{
	return XML_GetCurrentLineNumber(metalink->xml);
}

/* The rest of the list is not read. */
static void
give_up(struct metalink *metalink, const char *why)
{
	sl_manifest_fail_line(&metalink->broken, line_of(metalink), why);
	XML_StopParser(metalink->xml, XML_FALSE);
}

/* Names come again and again, and expat keeps each different one once: a name that was counted a
 * moment ago is not counted again. */
static void
count_name(struct metalink *metalink, const char *name)
{
	size_t len = strlen(name);
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
	if (metalink->seen[hash % SEEN] == hash)
		return;
	metalink->seen[hash % SEEN] = hash;
	metalink->name_bytes += len + NAME_COST;
	if (metalink->name_bytes > NAMES_MAX)
		give_up(metalink, "too many different names of elements and attributes");
}

/* ---- names ---- */

static const char *
local_name(const char *name)
{
	const char *separator = strrchr(name, SEPARATOR);
	return separator ? separator + 1 : name;
}

static enum namespace namespace_of(const char *name)
{
	const char *separator = strrchr(name, SEPARATOR);
	struct sl_span uri = sl_span(name, separator ? (size_t)(separator - name) : 0);
	return uri.len == 0                                         ? NAMESPACE_NONE
	       : sl_span_is(uri, "urn:ietf:params:xml:ns:metalink") ? NAMESPACE_4
	       : sl_span_is(uri, "http://www.metalinker.org/")      ? NAMESPACE_3
								    : NAMESPACE_OTHER;
}

static enum element
element_below(enum element parent, const char *name)
{
	for (size_t i = 0; i < SL_COUNT_OF(elements); i++)
		if (elements[i].parent == parent && strcmp(elements[i].name, name) == 0)
			return elements[i].element;
	return SKIPPED;
}

static const char *
attribute(const XML_Char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

/* ---- elements ---- */

static bool
has_text(enum element element)
{
	return element == SIZE || element == HASH || element == URL || element == PIECE_HASH;
}

/* Priority of version 4: 1 is best, 999999 last. Preference of version 3: 100 is best. Anything
 * else counts as missing. */
static uint32_t
rank_of(const XML_Char **attributes)
{
	const char *priority = attribute(attributes, "priority");
	const char *preference = attribute(attributes, "preference");
	uint64_t number = 0;
	if (priority && sl_parse_u64(priority, strlen(priority), &number) && number > 0 &&
		number < SL_METALINK_LAST)
		return sl_u32(number);
	if (preference && sl_parse_u64(preference, strlen(preference), &number) && number <= 100)
		return 100 - sl_u32(number);
	return SL_METALINK_LAST;
}

static void
keep_type(struct metalink *metalink, const char *type)
{
	sl_buf_clear(&metalink->type);
	sl_buf_add_str(&metalink->type, type ? type : "");
	metalink->has_type = type != NULL;
}

static void
begin_url(struct metalink *metalink, const XML_Char **attributes)
{
	keep_type(metalink, attribute(attributes, "type"));
	metalink->rank = rank_of(attributes);
}

static void
begin_element(struct metalink *metalink, enum element element, const XML_Char **attributes)
{
	struct sl_metalink_file *file = &metalink->file;
	uint64_t line = line_of(metalink);
	if (element == SKIPPED) /* perhaps within a URL, whose text continues behind it */
		return;
	sl_buf_clear(&metalink->value);
	metalink->line = line;
	switch (element) {
	case A_FILE:
		sl_metalink_file_begin(file, line, attribute(attributes, "name"));
		break;
	case HASH:
		keep_type(metalink, attribute(attributes, "type"));
		break;
	case URL:
		begin_url(metalink, attributes);
		break;
	case METAURL:
		file->ignored.torrents++;
		break;
	case PIECES:
		sl_metalink_file_pieces(
			file, line, attribute(attributes, "type"), attribute(attributes, "length"));
		break;
	case PIECE_HASH:
		keep_type(metalink, attribute(attributes, "piece"));
		break;
	default:
		break;
	}
}

static void
end_url(struct metalink *metalink, struct sl_span url)
{
	if (sl_span_is(sl_buf_span(&metalink->type), "bittorrent"))
		metalink->file.ignored.torrents++; /* the URL is that of a torrent */
	else
		sl_metalink_file_url(&metalink->file, metalink->line, metalink->rank, url);
}

static void
end_element(struct metalink *metalink, enum element element)
{
	struct sl_metalink_file *file = &metalink->file;
	/* Around the text of indented elements is white space. */
	struct sl_span value = sl_span_trim_lines(sl_buf_span(&metalink->value));
	const char *type = metalink->has_type ? metalink->type.data : NULL;
	if (metalink->value.failed || metalink->type.failed) {
		sl_fail_code(&metalink->broken, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
		XML_StopParser(metalink->xml, XML_FALSE);
		return;
	}
	switch (element) {
	case A_FILE:
		XML_StopParser(metalink->xml, XML_TRUE);
		break;
	case SIZE:
		sl_metalink_file_size(file, metalink->line, value);
		break;
	case HASH:
		sl_metalink_file_hash(file, metalink->line, type, value);
		break;
	case URL:
		end_url(metalink, value);
		break;
	case PIECE_HASH:
		sl_metalink_file_piece(file, metalink->line, type, value);
		break;
	default:
		break;
	}
}

/* ---- what expat calls ---- */

static bool
is_root_ours(struct metalink *metalink, const char *name, enum namespace namespace)
{
	if (sl_span_is_nocase(sl_span_str(local_name(name)), "html"))
		give_up(metalink, "this is an HTML page, not a list");
	else if (namespace == NAMESPACE_OTHER || strcmp(local_name(name), "metalink") != 0)
		give_up(metalink, "this is XML, but not a Metalink document");
	metalink->namespace = namespace;
	return metalink->broken.code == 0;
}

static void XMLCALL
on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct metalink *metalink = context;
	enum namespace namespace = namespace_of(name);
	enum element parent = metalink->path[metalink->depth];
	if (metalink->broken.code ||
		(parent == DOCUMENT && !is_root_ours(metalink, name, namespace)))
		return;
	if (metalink->depth == DEPTH_MAX) {
		give_up(metalink, "elements are nested too deeply");
		return;
	}
	count_name(metalink, name);
	for (const XML_Char **item = attributes; *item; item += 2)
		count_name(metalink, *item);
	enum element element = namespace == metalink->namespace
				       ? element_below(parent, local_name(name))
				       : SKIPPED;
	metalink->path[++metalink->depth] = element;
	begin_element(metalink, element, attributes);
}

static void XMLCALL
on_end(void *context, const XML_Char *name)
{
	struct metalink *metalink = context;
	(void)name;
	if (metalink->broken.code)
		return;
	sl_assert(metalink->depth > 0);
	end_element(metalink, metalink->path[metalink->depth--]);
}

static void XMLCALL
on_text(void *context, const XML_Char *text, int len)
{
	struct metalink *metalink = context;
	if (metalink->broken.code || !has_text(metalink->path[metalink->depth]))
		return;
	if (metalink->value.len + (size_t)len <= VALUE_MAX)
		sl_buf_add(&metalink->value, text, (size_t)len);
	else
		sl_metalink_file_refuse(
			&metalink->file, metalink->line, "the text of an element is too long");
}

static void XMLCALL
on_namespace(void *context, const XML_Char *prefix, const XML_Char *uri)
{
	(void)uri; /* kept only while its element is open */
	if (prefix)
		count_name(context, prefix);
}

static void XMLCALL
on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_internal_subset)
{
	struct metalink *metalink = context;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	give_up(metalink,
		sl_span_is_nocase(sl_span_str(name), "html")
			? "this is an HTML page, not a list"
			: "a document type declaration (<!DOCTYPE) is not allowed in a list");
}

/* ---- the kind of list ---- */

static void
free_metalink(void *parser)
{
	struct metalink *metalink = parser;
	XML_ParserFree(metalink->xml);
	sl_metalink_file_release(&metalink->file);
	sl_buf_release(&metalink->value);
	sl_buf_release(&metalink->type);
	free(metalink);
}

static void *
new_metalink(const struct sl_manifest_options *options)
{
	struct metalink *metalink = calloc(1, sizeof(*metalink));
	(void)options;
	if (!metalink)
		return NULL;
	metalink->xml = XML_ParserCreateNS(NULL, SEPARATOR);
	if (!metalink->xml) {
		free(metalink);
		return NULL;
	}
	XML_SetUserData(metalink->xml, metalink);
	XML_SetElementHandler(metalink->xml, on_start, on_end);
	XML_SetCharacterDataHandler(metalink->xml, on_text);
	XML_SetStartNamespaceDeclHandler(metalink->xml, on_namespace);
	XML_SetStartDoctypeDeclHandler(metalink->xml, on_doctype);
	return metalink;
}

static enum sl_manifest_match
detect_metalink(struct sl_span head, bool is_all)
{
	struct sl_span text = sl_span_trim_lines(head);
	if (text.len == 0)
		return is_all ? SL_MANIFEST_IS_NOT : SL_MANIFEST_IS_UNSURE;
	return text.data[0] == '<' ? SL_MANIFEST_IS : SL_MANIFEST_IS_NOT; /* no URL begins so */
}

/* Which of these expat finds first may depend on how the text was divided: a name outside of the
 * elements is refused where a piece ends behind it, or read on up to what cannot be a character. */
static const char *
why_not_xml(enum XML_Error error)
{
	return error == XML_ERROR_SYNTAX || error == XML_ERROR_INVALID_TOKEN ||
			       error == XML_ERROR_PARTIAL_CHAR ||
			       error == XML_ERROR_JUNK_AFTER_DOC_ELEMENT
		       ? "invalid syntax"
		       : XML_ErrorString(error);
}

static enum sl_manifest_result
broken_by_xml(const struct metalink *metalink, struct sl_error *err)
{
	enum XML_Error error = XML_GetErrorCode(metalink->xml);
	uint64_t line = line_of(metalink);
	bool is_cut = metalink->has_ended &&
		      (error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN ||
			      (error == XML_ERROR_PARTIAL_CHAR && metalink->depth > 0) ||
			      error == XML_ERROR_UNCLOSED_CDATA_SECTION);
	if (error == XML_ERROR_NO_MEMORY)
		sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
	else if (is_cut)
		sl_manifest_fail_line(
			err, line, "the list ends here, before its last element ends");
	else
		sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list: not well-formed XML: %s", (unsigned long long)line,
			why_not_xml(error));
	return SL_MANIFEST_BROKEN;
}

/* Looked at only where a step ends, so that it does not depend on how the list was divided. */
static bool
is_token_too_long(const struct metalink *metalink)
{
	int64_t begin =
		XML_GetCurrentByteIndex(metalink->xml); /* of the token that is incomplete */
	return metalink->fed % STEP == 0 && metalink->fed - (uint64_t)SL_MAX(begin, 0) > TOKEN_MAX;
}

/* What stopped expat, or SL_MANIFEST_MORE if nothing did. */
static enum sl_manifest_result
result_of(struct metalink *metalink, enum XML_Status status, struct sl_entry *out,
	struct sl_error *err)
{
	if (status == XML_STATUS_OK && is_token_too_long(metalink))
		sl_manifest_fail_line(
			&metalink->broken, line_of(metalink), "a tag or comment is too long");
	if (metalink->broken.code) {
		sl_fail(err, metalink->broken.phase, metalink->broken.code, "%s",
			metalink->broken.text);
		return SL_MANIFEST_BROKEN;
	}
	if (status == XML_STATUS_ERROR)
		return broken_by_xml(metalink, err);
	if (!metalink->is_suspended)
		return SL_MANIFEST_MORE;
	int code = sl_metalink_file_end(&metalink->file, out, err);
	if (code == -ENOMEM)
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot read the list");
	return code == 0            ? SL_MANIFEST_ENTRY
	       : code == SL_E_USAGE ? SL_MANIFEST_BAD
				    : SL_MANIFEST_BROKEN;
}

/* Up to the next multiple of a step. */
static enum XML_Status
feed(struct metalink *metalink, struct sl_span text, bool is_last, size_t *used)
{
	size_t len = SL_MIN(text.len - *used, (size_t)(STEP - metalink->fed % STEP));
	const char *from = len ? text.data + *used : NULL;
	*used += len;
	metalink->fed += len;
	metalink->has_ended = is_last && *used == text.len;
	return XML_Parse(metalink->xml, from, sl_int(len), metalink->has_ended);
}

static enum sl_manifest_result
parse_metalink(void *parser, struct sl_span text, bool is_last, size_t *used, struct sl_entry *out,
	struct sl_error *err)
{
	struct metalink *metalink = parser;
	enum sl_manifest_result result = SL_MANIFEST_MORE;
	*used = 0;
	while (result == SL_MANIFEST_MORE) {
		enum XML_Status status = XML_STATUS_OK;
		if (metalink->is_suspended)
			status = XML_ResumeParser(metalink->xml);
		else if (*used < text.len || (is_last && !metalink->has_ended))
			status = feed(metalink, text, is_last, used);
		else
			break;
		metalink->is_suspended = status == XML_STATUS_SUSPENDED;
		result = result_of(metalink, status, out, err);
	}
	return result;
}

static void
add_count(struct sl_buf *out, uint64_t count, const char *what)
{
	if (count > 0)
		sl_buf_printf(out, "%s%llu %s", out->len > 0 ? ", " : "", (unsigned long long)count,
			what);
}

static void
add_ignored_metalink(const void *parser, struct sl_buf *out)
{
	const struct metalink *metalink = parser;
	const struct sl_metalink_ignored *ignored = &metalink->file.ignored;
	add_count(out, ignored->torrents, "torrents (metaurl)");
	add_count(out, ignored->schemes, "URLs other than http and https");
	add_count(out, ignored->surplus, "URLs beyond the best 32 of a file");
	add_count(out, ignored->digests, "digests of unknown algorithms");
}

const struct sl_manifest_kind sl_manifest_metalink = { .detect = detect_metalink,
	.new = new_metalink,
	.free = free_metalink,
	.parse = parse_metalink,
	.add_ignored = add_ignored_metalink };
