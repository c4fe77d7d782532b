#include "sluice/download/sources.h"

#include "sluice/base/redact.h"
#include "sluice/download/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
sl_sources_init(struct sl_sources *sources, const struct sl_entry *entry)
{
	*sources = (struct sl_sources){ .entry = entry };
}

void
sl_sources_release(struct sl_sources *sources)
{
	sl_url_release(&sources->url);
	free(sources->shown);
	*sources = (struct sl_sources){ 0 };
}

/* http-user= and http-passwd= of a list, as if the URL had them. */
static bool
set_user(struct sl_sources *sources)
{
	struct sl_url *url = &sources->url;
	url->user = sl_span_dup(sources->entry->user);
	url->password = sl_span_dup(sources->entry->password);
	url->has_userinfo = url->user && url->password;
	return url->has_userinfo;
}

static char *
shown_url(const struct sl_url *url)
{
	struct sl_buf text = { 0 }, clean = { 0 };
	sl_url_format(&text, url);
	sl_redact(&clean, sl_buf_span(&text));
	clean.failed = clean.failed || text.failed;
	sl_buf_release(&text);
	return sl_buf_detach(&clean);
}

int
sl_sources_use(struct sl_sources *sources, size_t index, struct sl_error *err)
{
	const struct sl_entry *entry = sources->entry;
	sources->index = index;
	sl_url_release(&sources->url);
	if (entry->source_count == 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "an entry without a URL");
	int code = sl_url_parse(&sources->url, entry->sources[index], err);
	if (code)
		return code;
	bool needs_user = entry->user.len > 0 && !sources->url.has_userinfo;
	char *shown = needs_user && !set_user(sources) ? NULL : shown_url(&sources->url);
	if (!shown) {
		sl_url_release(&sources->url);
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot keep a URL");
	}
	free(sources->shown);
	sources->shown = shown;
	return 0;
}

const char *
sl_sources_show(const struct sl_sources *sources)
{
	return sources->shown ? sources->shown : "";
}

uint64_t
sl_sources_identity(const struct sl_sources *sources)
{
	const struct sl_entry *entry = sources->entry;
	const struct sl_url *url = &sources->url;
	struct sl_buf text = { 0 };
	sl_url_format(&text, url);
	uint64_t hash = sl_names_hash(0, sl_buf_span(&text));
	sl_buf_release(&text);
	const struct sl_span fields[] = { sl_span_str(url->user ? url->user : ""),
		sl_span_str(url->password ? url->password : ""), entry->referer, entry->user_agent,
		sl_span((const char *)entry->checksum.value, entry->checksum.len) };
	for (size_t i = 0; i < SL_COUNT_OF(fields); i++)
		hash = sl_names_hash(hash, fields[i]);
	for (size_t i = 0; i < entry->header_count; i++)
		hash = sl_names_hash(hash, entry->headers[i]);
	return hash;
}

/* A field of its own option, unless there is a header= line for it. */
static size_t
add_field(struct sl_http_header *out, size_t count, const char *name, struct sl_span value)
{
	for (size_t i = 0; i < count; i++)
		if (sl_span_is_nocase(out[i].name, name))
			return count;
	if (value.len > 0)
		out[count++] = (struct sl_http_header){ sl_span_str(name), value };
	return count;
}

size_t
sl_sources_headers(const struct sl_sources *sources, struct sl_http_header *out)
{
	const struct sl_entry *entry = sources->entry;
	size_t count = 0;
	for (size_t i = 0; i < entry->header_count; i++) {
		struct sl_span line = entry->headers[i];
		const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
		size_t name_len = colon ? (size_t)(colon - line.data) : line.len;
		out[count].name = sl_span(line.data, name_len);
		out[count].value = colon ? sl_span_trim(sl_span(colon + 1, line.len - name_len - 1))
					 : sl_span("", 0);
		count++;
	}
	count = add_field(out, count, "Referer", entry->referer);
	return add_field(out, count, "User-Agent", entry->user_agent);
}

int
sl_sources_check_headers(const struct sl_sources *sources, struct sl_error *err)
{
	struct sl_http_header headers[SL_SOURCES_HEADERS];
	size_t count = sl_sources_headers(sources, headers);
	int code = 0;
	for (size_t i = 0; i < count && !code; i++)
		code = sl_request_check_header(&headers[i], err);
	return code;
}

void
sl_source_release(struct sl_source *source)
{
	sl_url_release(&source->url);
	*source = (struct sl_source){ 0 };
}

bool
sl_source_has_etag(const struct sl_source *source, const char *etag)
{
	uint64_t hash = sl_names_hash(0, sl_span_str(etag));
	for (unsigned i = 0; i < source->etag_count; i++)
		if (source->etags[i] == hash)
			return true;
	return false;
}

bool
sl_source_add_etag(struct sl_source *source, const char *etag)
{
	if (sl_source_has_etag(source, etag))
		return true;
	if (source->etag_count == SL_SOURCE_ETAGS)
		return false;
	source->etags[source->etag_count++] = sl_names_hash(0, sl_span_str(etag));
	return true;
}

const struct sl_url *
sl_source_url(const struct sl_source *source)
{
	return source->has_url ? &source->url : &source->of->url;
}

int
sl_source_set_url(struct sl_source *source, const struct sl_url *final_url, struct sl_scope scope)
{
	sl_url_release(&source->url);
	source->scope = scope;
	source->has_url = false;
	int code = sl_url_copy(&source->url, final_url);
	if (!code && sl_scope_permits_own(&scope))
		code = sl_url_copy_userinfo(&source->url, &source->of->url);
	source->has_url = !code;
	return code;
}
