/*
 * cookie_file.h - loads a cookie file in Netscape's format into the jar of a run (see cookie.h for
 * its lines). The file is read once and never written.
 */
#ifndef SLUICE_HTTP_COOKIE_FILE_H
#define SLUICE_HTTP_COOKIE_FILE_H

#include "sluice/http/cookie_jar.h"

#define SL_COOKIE_FILE_MAX \
	(16 * 1024 * 1024)         /* bytes: SL_COOKIE_JAR_MAX of the largest, and room */
#define SL_COOKIE_FILE_WARNINGS 10 /* lines that are named */

/*
 * Add the cookies of the file at `path`. Lines that cannot be used are skipped, with a warning that
 * names the file and the number of the line; there is another one if other users can read the file,
 * and if all its cookies have expired. Returns 0; SL_E_USAGE if no line is a cookie, or the file is
 * larger than SL_COOKIE_FILE_MAX; -ENOMEM; and what opening and reading return. After a failure the
 * jar may have some of them.
 */
SL_SUSPENDS
int sl_cookie_file_load(struct sl_cookie_jar *jar, const char *path, int64_t now_s,
	struct sl_error *err) SL_MUST_CHECK;

#endif
