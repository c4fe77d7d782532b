/*
 * Dials in which the nth allocation fails, for every n until there are no more: an attempt that is
 * under way goes on, and the next address is not begun. Addresses given for hosts: an entry that
 * cannot be taken leaves the others as they are.
 */
#include "support/failing_alloc.h"
#include "support/run.h"

#include "sluice/net/dial.h"
#include "sluice/net/resolve_list.h"
#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define TIMEOUT_NS (30 * SL_NS_PER_S)

/* In these worlds an answer takes longer than the delay before the next address is tried. */
#define SLOW_NET_NS (10 * SL_NS_PER_S)

struct dialling {
	const char *first; /* of two addresses; the second refuses */
	uint64_t nth;
	bool and_all_after;
	uint64_t allocations;
	int code; /* 0 if the first is connected */
	struct sl_error err;
};

static void
add(struct sl_addresses *addresses, const char *host)
{
	cr_assert(sl_address_parse(&addresses->list[addresses->count++], host, 80));
}

static int
dial(void *arg)
{
	struct dialling *dialling = arg;
	struct sl_dialler dialler = { 0 };
	struct sl_addresses addresses = { 0 };
	size_t index = 0;
	add(&addresses, dialling->first);
	add(&addresses, "10.0.2.1");
	alloc_fail_nth(dialling->nth, dialling->and_all_after);
	int fd = sl_dial(&dialler, &addresses, "some.test", sl_deadline_in(TIMEOUT_NS), &index,
		&dialling->err);
	dialling->allocations = alloc_end();
	dialling->code = SL_MIN(fd, 0);
	if (fd >= 0)
		sl_io_close(fd);
	cr_expect_eq(index, 0);
	return 0;
}

static void
run(struct dialling *dialling, uint64_t net_ns)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	struct sim_options options = sim_options(1);
	options.net_ns = net_ns;
	options.late_percent = 0;
	struct sim *sim = sim_new(&options);
	sim_listen(sim, &(struct sim_server){ .address = "10.0.0.1",
				.port = 80,
				.reach = SIM_BLACK_HOLE,
				.script = &nothing });
	sim_listen(
		sim, &(struct sim_server){ .address = "10.0.1.1", .port = 80, .script = &nothing });
	cr_expect_eq(sim_run(sim, dial, dialling), 0);
	sim_free(sim);
}

/* Allocations of an attempt that is not overtaken. */
static uint64_t
allocations_of_one(void)
{
	struct dialling dialling = { .first = "10.0.1.1" };
	run(&dialling, SL_NS_PER_MS);
	cr_assert_eq(dialling.code, 0);
	cr_assert_gt(dialling.allocations, 0);
	return dialling.allocations;
}

Test(alloc_dial, an_attempt_goes_on_if_there_is_no_memory_for_the_next)
{
	uint64_t of_one = allocations_of_one();
	for (int all_after = 0; all_after < 2; all_after++) {
		uint64_t nth = 0, allocations = 0;
		do {
			struct dialling dialling = {
				.first = "10.0.1.1", .nth = ++nth, .and_all_after = all_after
			};
			run(&dialling, SLOW_NET_NS);
			allocations = dialling.allocations;
			cr_expect_eq(dialling.code, nth > of_one ? 0 : -ENOMEM,
				"allocation %llu: %s", (unsigned long long)nth, dialling.err.text);
		} while (allocations >= nth);
		cr_expect_gt(nth, of_one + 1, "the second address was begun");
	}
}

Test(alloc_dial, what_the_server_did_is_the_failure_rather_than_that_there_was_no_memory)
{
	struct dialling dialling = { .first = "10.0.0.1", .nth = allocations_of_one() + 1 };
	run(&dialling, SLOW_NET_NS);
	cr_expect_eq(dialling.code, -ETIMEDOUT);
	cr_expect_str_eq(dialling.err.text,
		"cannot connect to 'some.test': out of memory (10.0.2.1:80), timed out "
		"(10.0.0.1:80)");
}

Test(alloc_dial, an_entry_for_which_there_is_no_memory_changes_none_of_the_list)
{
	static const char *const entries[] = { "a.test:80:10.0.0.2", "b.test:80:10.0.0.3,::1",
		"[::1]:80:10.0.0.4", "-a.test:80" };
	for (size_t i = 0; i < SL_COUNT_OF(entries); i++) {
		uint64_t nth = 0;
		int code = -ENOMEM;
		while (code == -ENOMEM) {
			struct sl_resolve_list list = { 0 };
			cr_assert_eq(
				sl_resolve_list_add(&list, sl_span_str("a.test:80:10.0.0.1"), NULL),
				0);
			alloc_fail_nth(++nth, false);
			code = sl_resolve_list_add(&list, sl_span_str(entries[i]), NULL);
			uint64_t allocations = alloc_end();
			cr_expect_eq(code, allocations >= nth ? -ENOMEM : 0);
			const struct sl_resolve_entry *first =
				sl_resolve_list_find(&list, "a.test", 80);
			cr_expect(code == 0 || (list.count == 1 && first && first->count == 1));
			sl_resolve_list_release(&list);
		}
		cr_expect_gt(nth, 1);
	}
}
