#include "sluice/http/cookie_file.h"

#include "secret_file_int.h"

#include "sluice/base/log.h"

#include <errno.h>

struct tally {
	unsigned cookies; /* lines that are one, also if it has expired */
	unsigned kept, skipped;
};

/* Returns 0 or -ENOMEM. */
static int
take_line(struct sl_cookie_jar *jar, struct sl_span line, int64_t now_s, struct tally *tally,
	struct sl_error *why)
{
	struct sl_cookie cookie;
	int code = sl_cookie_parse_line(&cookie, line, why);
	if (code == 0)
		return 0;
	if (code == 1)
		code = sl_cookie_jar_add(jar, &cookie, now_s, why);
	if (code == -ENOMEM)
		return code;
	tally->cookies += code >= 0;
	tally->kept += code == 1;
	tally->skipped += code < 0;
	return 0;
}

static int
take_lines(struct sl_cookie_jar *jar, const char *path, struct sl_span text, int64_t now_s,
	struct tally *tally)
{
	/* An editor's byte order mark. */
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = sl_span(text.data + 3, text.len - 3);
	for (unsigned number = 1; text.len > 0; number++) {
		struct sl_span line;
		struct sl_error why = { 0 };
		if (!sl_span_take_until(&text, '\n', &line)) {
			line = text;
			text.len = 0;
		}
		int code = take_line(jar, line, now_s, tally, &why);
		if (code < 0)
			return code;
		if (why.code && tally->skipped <= SL_COOKIE_FILE_WARNINGS)
			sl_log_warn("'%s', line %u: the cookie is skipped, because %s", path,
				number, why.text);
	}
	return 0;
}

int
sl_cookie_file_load(
	struct sl_cookie_jar *jar, const char *path, int64_t now_s, struct sl_error *err)
{
	struct sl_buf text = { 0 };
	struct tally tally = { 0 };
	int code = sl_secret_file_read(path, "cookie file", SL_COOKIE_FILE_MAX, &text, err);
	if (code < 0)
		return code;
	sl_secret_file_warn(path, "cookies");
	code = take_lines(jar, path, sl_buf_span(&text), now_s, &tally);
	sl_buf_wipe(&text);
	if (code < 0)
		return sl_fail_code(
			err, SL_PHASE_OPEN, code, "cannot keep the cookies of '%s'", path);
	if (tally.skipped > SL_COOKIE_FILE_WARNINGS)
		sl_log_warn("'%s': %u more cookies are skipped", path,
			tally.skipped - SL_COOKIE_FILE_WARNINGS);
	if (tally.cookies == 0)
		return sl_fail(err, SL_PHASE_OPEN, SL_E_USAGE,
			"'%s' has no cookies in Netscape's format: lines of seven fields with tabs "
			"between them, as 'curl -c' and extensions of browsers write them",
			path);
	if (tally.kept == 0)
		sl_log_warn("all cookies in '%s' have expired: export them again", path);
	return 0;
}
