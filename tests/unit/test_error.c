#include "sluice/base/error.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

Test(error, the_first_failure_wins)
{
	struct sl_error err = { 0 };
	cr_expect_eq(sl_fail(&err, SL_PHASE_WRITE, -ENOSPC, "cannot write '%s'", "a"), -ENOSPC);
	cr_expect_eq(sl_fail(&err, SL_PHASE_SYNC, -EIO, "cannot sync"), -EIO);
	cr_expect_eq(err.code, -ENOSPC);
	cr_expect_eq(err.phase, SL_PHASE_WRITE);
	cr_expect_str_eq(err.text, "cannot write 'a'");
}

Test(error, clear_makes_room_for_another)
{
	struct sl_error err = { 0 };
	sl_fail(&err, SL_PHASE_WRITE, -ENOSPC, "first");
	err.http_status = 404;
	sl_error_clear(&err);
	cr_expect_eq(err.code, 0);
	cr_expect_eq(err.http_status, 0);
	cr_expect_str_eq(err.text, "");
	sl_fail(&err, SL_PHASE_HEAD, SL_E_PROTO, "second");
	cr_expect_str_eq(err.text, "second");
}

Test(error, without_a_place_for_the_text_the_code_travels_alone)
{
	cr_expect_eq(sl_fail(NULL, SL_PHASE_NONE, -EIO, "x"), -EIO);
	cr_expect_eq(sl_fail_code(NULL, SL_PHASE_NONE, SL_E_TLS, "x"), SL_E_TLS);
}

Test(error, fail_code_appends_the_words_of_the_code)
{
	struct sl_error err = { 0 };
	sl_fail_code(&err, SL_PHASE_OPEN, -EACCES, "cannot open '%s'", "f");
	cr_expect_str_eq(err.text, "cannot open 'f': permission denied");
}

Test(error, a_long_text_keeps_its_beginning_its_end_and_the_words_of_the_code)
{
	char name[2 * SL_ERROR_TEXT], end[] = "n.iso': input/output error";
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t len = SL_ERROR_TEXT - 60; len < SL_ERROR_TEXT + 60; len++) {
		struct sl_error err = { 0 };
		const char *path = name + sizeof(name) - 1 - len;
		sl_fail_code(&err, SL_PHASE_OPEN, -EIO, "cannot open '%s.iso'", path);
		size_t got = strlen(err.text);
		size_t whole = strlen("cannot open '") + len - 1 + strlen(end);
		cr_assert_eq(got, SL_MIN(whole, SL_ERROR_TEXT - 1), "%zu", len);
		cr_expect_eq(strncmp(err.text, "cannot open 'nnn", 16), 0, "%s", err.text);
		cr_expect_str_eq(err.text + got - strlen(end), end);
		cr_expect_eq(strstr(err.text, "...") != NULL, whole > got, "%s", err.text);
		struct sl_error plain = { 0 };
		sl_fail(&plain, SL_PHASE_OPEN, -EIO, "%s; try again", path);
		cr_expect_str_eq(plain.text + strlen(plain.text) - 11, "; try again");
	}
}

Test(error, a_cut_hides_no_mark_of_a_secret)
{
	char text[SL_ERROR_TEXT];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t len = 0; len < sizeof(text); len++) {
		struct sl_error err = { 0 };
		sl_fail(&err, SL_PHASE_OPEN, -EIO, "%.*s https://me:hunter2@host/ %s", (int)len,
			text, text);
		cr_expect_null(strstr(err.text, "hunter2"), "%s", err.text);
	}
}

/* A message joins the words to its own: a capital in the middle of it would look like a name. */
static void
expect_plain_words(int code)
{
	const char *text = sl_code_text(code);
	cr_assert_not_null(text);
	cr_expect_neq(text[0], '\0', "code %d", code);
	cr_expect(text[0] != toupper(text[0]) || strncmp(text, "TLS", 3) == 0, "code %d: '%s'",
		code, text);
	cr_expect_neq(text[strlen(text) - 1], '.', "code %d: '%s'", code, text);
}

Test(error, every_code_has_words)
{
	static const int kernel[] = { -EPERM, -ENOENT, -EINTR, -EIO, -EBADF, -EAGAIN, -ENOMEM,
		-EACCES, -EBUSY, -EEXIST, -EXDEV, -ENOTDIR, -EISDIR, -EINVAL, -ENFILE, -EMFILE,
		-ETXTBSY, -EFBIG, -ENOSPC, -ESPIPE, -EROFS, -EMLINK, -EPIPE, -ENAMETOOLONG, -ENOLCK,
		-ENOSYS, -ENOTEMPTY, -ELOOP, -EPROTO, -EOVERFLOW, -EOPNOTSUPP, -EAFNOSUPPORT,
		-EADDRINUSE, -EADDRNOTAVAIL, -ENETDOWN, -ENETUNREACH, -ENETRESET, -ECONNABORTED,
		-ECONNRESET, -ENOBUFS, -ENOTCONN, -ETIMEDOUT, -ECONNREFUSED, -EHOSTDOWN,
		-EHOSTUNREACH, -ESTALE, -EDQUOT, -ECANCELED };
	for (size_t i = 0; i < SL_COUNT_OF(kernel); i++)
		expect_plain_words(kernel[i]);
	for (int code = SL_E_PROTO; code >= SL_E_SLOW; code--) {
		expect_plain_words(code);
		cr_expect_str_neq(sl_code_text(code), "unknown error", "code %d", code);
	}
}

Test(error, unknown_codes_have_the_text_unknown_error)
{
	static const int none[] = { 1, -4095, -4096, -4999, SL_E_SLOW - 1, INT32_MIN };
	for (size_t i = 0; i < SL_COUNT_OF(none); i++)
		cr_expect_str_eq(sl_code_text(none[i]), "unknown error", "code %d", none[i]);
}

Test(error, a_failed_assertion_stops_the_program, .signal = SIGABRT)
{
	int one = 1;
	sl_assert(one == 2);
}
