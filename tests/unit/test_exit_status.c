#include "sluice/cli/exit_status.h"

#include <criterion/criterion.h>
#include <errno.h>

static void
expect_status(int code, enum sl_phase phase, int http_status, enum sl_exit want)
{
	struct sl_error err = { .code = code, .phase = phase, .http_status = http_status };
	cr_expect_eq(sl_exit_status(&err), want, "code %d phase %d status %d: %d, want %d", code,
		(int)phase, http_status, (int)sl_exit_status(&err), (int)want);
}

/* The numbers themselves are the promise: scripts hold them. */
Test(exit_status, numbers_are_those_of_the_manual)
{
	static const struct {
		enum sl_exit status;
		int number;
	} cases[] = { { SL_EXIT_DONE, 0 }, { SL_EXIT_OTHER, 1 }, { SL_EXIT_TIMEOUT, 2 },
		{ SL_EXIT_NOT_FOUND, 3 }, { SL_EXIT_CONNECT, 6 }, { SL_EXIT_NO_SPACE, 9 },
		{ SL_EXIT_IN_USE, 11 }, { SL_EXIT_EXISTS, 13 }, { SL_EXIT_RENAME, 14 },
		{ SL_EXIT_OPEN, 15 }, { SL_EXIT_CREATE, 16 }, { SL_EXIT_IO, 17 },
		{ SL_EXIT_DIRECTORY, 18 }, { SL_EXIT_RESOLVE, 19 }, { SL_EXIT_PROTOCOL, 22 },
		{ SL_EXIT_REDIRECT, 23 }, { SL_EXIT_AUTH, 24 }, { SL_EXIT_USAGE, 28 },
		{ SL_EXIT_UNAVAILABLE, 29 }, { SL_EXIT_CHECKSUM, 32 }, { SL_EXIT_TLS, 35 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq((int)cases[i].status, cases[i].number);
}

Test(exit_status, an_http_status_has_its_own)
{
	static const struct {
		int http_status;
		enum sl_exit want;
	} cases[] = { { 404, SL_EXIT_NOT_FOUND }, { 410, SL_EXIT_NOT_FOUND }, { 401, SL_EXIT_AUTH },
		{ 403, SL_EXIT_AUTH }, { 407, SL_EXIT_AUTH }, { 429, SL_EXIT_UNAVAILABLE },
		{ 502, SL_EXIT_UNAVAILABLE }, { 503, SL_EXIT_UNAVAILABLE },
		{ 504, SL_EXIT_UNAVAILABLE }, { 500, SL_EXIT_PROTOCOL }, { 501, SL_EXIT_PROTOCOL },
		{ 400, SL_EXIT_PROTOCOL }, { 405, SL_EXIT_PROTOCOL }, { 408, SL_EXIT_PROTOCOL },
		{ 416, SL_EXIT_PROTOCOL }, { 451, SL_EXIT_PROTOCOL }, { 204, SL_EXIT_PROTOCOL },
		{ 304, SL_EXIT_PROTOCOL }, { 999, SL_EXIT_PROTOCOL } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_status(SL_E_STATUS, SL_PHASE_HEAD, cases[i].http_status, cases[i].want);
}

Test(exit_status, some_failures_are_the_same_wherever_they_happen)
{
	static const struct {
		int code;
		enum sl_exit want;
	} cases[] = { { SL_E_PROTO, SL_EXIT_PROTOCOL }, { SL_E_LIMIT, SL_EXIT_PROTOCOL },
		{ SL_E_SHORT_BODY, SL_EXIT_PROTOCOL }, { SL_E_RESOLVE, SL_EXIT_RESOLVE },
		{ SL_E_DNS_FAILURE, SL_EXIT_RESOLVE }, { SL_E_TLS, SL_EXIT_TLS },
		{ SL_E_AUTH, SL_EXIT_AUTH }, { SL_E_REDIRECT, SL_EXIT_REDIRECT },
		{ SL_E_CHECKSUM, SL_EXIT_CHECKSUM }, { SL_E_IN_USE, SL_EXIT_IN_USE },
		{ SL_E_USAGE, SL_EXIT_USAGE }, { SL_E_NAME, SL_EXIT_USAGE },
		{ SL_E_TWICE, SL_EXIT_EXISTS }, { SL_E_CHANGED, SL_EXIT_PROTOCOL },
		{ SL_E_DECODE, SL_EXIT_PROTOCOL }, { -EEXIST, SL_EXIT_EXISTS },
		{ -ETIMEDOUT, SL_EXIT_TIMEOUT }, { -ENOSPC, SL_EXIT_NO_SPACE },
		{ -EDQUOT, SL_EXIT_NO_SPACE }, { -ENOMEM, SL_EXIT_OTHER },
		{ -EMFILE, SL_EXIT_OTHER }, { -ENFILE, SL_EXIT_OTHER } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		for (int phase = SL_PHASE_NONE; phase <= SL_PHASE_RENAME; phase++)
			expect_status(cases[i].code, (enum sl_phase)phase, 0, cases[i].want);
}

Test(exit_status, what_is_not_supported_is_the_users_unless_a_server_sent_it)
{
	for (int phase = SL_PHASE_NONE; phase <= SL_PHASE_RENAME; phase++)
		expect_status(SL_E_UNSUPPORTED, (enum sl_phase)phase, 0,
			phase == SL_PHASE_HEAD || phase == SL_PHASE_BODY ? SL_EXIT_PROTOCOL
									 : SL_EXIT_USAGE);
}

Test(exit_status, other_codes_go_by_what_was_being_done)
{
	static const struct {
		enum sl_phase phase;
		enum sl_exit want;
	} phases[] = { { SL_PHASE_NONE, SL_EXIT_OTHER }, { SL_PHASE_RESOLVE, SL_EXIT_RESOLVE },
		{ SL_PHASE_CONNECT, SL_EXIT_CONNECT }, { SL_PHASE_PROXY, SL_EXIT_CONNECT },
		{ SL_PHASE_TLS, SL_EXIT_TLS }, { SL_PHASE_REQUEST, SL_EXIT_CONNECT },
		{ SL_PHASE_HEAD, SL_EXIT_CONNECT }, { SL_PHASE_BODY, SL_EXIT_CONNECT },
		{ SL_PHASE_DIRECTORY, SL_EXIT_DIRECTORY }, { SL_PHASE_OPEN, SL_EXIT_OPEN },
		{ SL_PHASE_CREATE, SL_EXIT_CREATE }, { SL_PHASE_READ, SL_EXIT_IO },
		{ SL_PHASE_WRITE, SL_EXIT_IO }, { SL_PHASE_SYNC, SL_EXIT_IO },
		{ SL_PHASE_RENAME, SL_EXIT_RENAME } };
	static const int codes[] = { -EACCES, -EPERM, -EROFS, -EIO, -ECONNREFUSED, -ECONNRESET,
		-EHOSTUNREACH, -ENETUNREACH, -EFBIG, -EPIPE, -ENOTDIR, -ENAMETOOLONG,
		SL_E_REPLACED };
	for (size_t i = 0; i < SL_COUNT_OF(phases); i++)
		for (size_t k = 0; k < SL_COUNT_OF(codes); k++)
			expect_status(codes[k], phases[i].phase, 0, phases[i].want);
}

Test(exit_status, no_failure_is_0_and_every_failure_is_not)
{
	for (int code = -5016; code < 0; code++)
		for (int phase = SL_PHASE_NONE; phase <= SL_PHASE_RENAME; phase++) {
			struct sl_error err = { .code = code, .phase = (enum sl_phase)phase };
			cr_assert_neq(sl_exit_status(&err), SL_EXIT_DONE, "code %d", code);
		}
}
