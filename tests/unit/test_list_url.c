/*
 * A list from a URL whose server fails, in the simulated world: each of its entries is returned
 * once, or the list ends with an error.
 */
#include "support/run.h"
#include "support/sim_http.h"

#include "sluice/download/inputs.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ENTRIES 20000u /* more than a piece of the list */
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"

struct scene {
	struct sim_http_file served;
	unsigned retries;
	/* results */
	unsigned entries; /* in their order, from the first on */
	int code;
	struct sl_error err;
};

/* "http://h.example/N", one a line. */
static char *
list_of(const char *host, size_t *len)
{
	struct sl_buf text = { 0 };
	for (unsigned i = 0; i < ENTRIES; i++)
		sl_buf_printf(&text, "http://%s/%u\n", host, i);
	*len = text.len;
	return sl_buf_detach(&text);
}

SL_SUSPENDS
static void
take_all(struct scene *scene, struct sl_inputs *inputs)
{
	struct sl_entry entry;
	char want[64];
	int got;
	while ((got = sl_inputs_next(inputs, &entry, &scene->err)) == 1) {
		snprintf(want, sizeof(want), "http://h.example/%u", scene->entries++);
		cr_assert(sl_span_is(entry.sources[0], want), "%.*s, not %s",
			(int)entry.sources[0].len, entry.sources[0].data, want);
	}
	scene->code = got;
}

static int
read_list(void *arg)
{
	static const char *const lists[] = { "http://10.0.0.1/list" };
	struct scene *scene = arg;
	struct sl_http_client_options options = { .per_host = 2,
		.total = 4,
		.connect_timeout_ns = 30 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.max_redirects = 20 };
	struct sl_http_client *client = NULL;
	struct sl_inputs *inputs = NULL;
	cr_assert_eq(sl_http_client_new(&client, &options, &scene->err), 0);
	struct sl_inputs_options wanted = { .lists = lists,
		.list_count = 1,
		.client = client,
		.retry = { .retries = scene->retries, .max_wait_ns = 60 * SL_NS_PER_S } };
	cr_assert_eq(sl_inputs_new(&inputs, &wanted, &scene->err), 0, "%s", scene->err.text);
	take_all(scene, inputs);
	sl_inputs_free(inputs);
	sl_http_client_free(client);
	return 0;
}

static void
run(struct scene *scene, uint64_t seed)
{
	struct sim *sim = sim_plain(seed);
	struct sim_http *http = sim_http_new(sim, "10.0.0.1", 80);
	size_t len;
	char *text = list_of("h.example", &len);
	scene->served.path = "/list";
	scene->served.data = text;
	scene->served.len = len;
	sim_http_add(http, &scene->served);
	sim_http_set_segment(http, sim, 16 * SL_KIB);
	cr_assert_eq(sim_run(sim, read_list, scene), 0);
	sim_free(sim);
	sim_http_free(http);
	free(text);
}

Test(list_url, a_list_that_cannot_be_requested_is_tried_again)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct scene scene = { .served = { .bad_answers = 3, .bad_status = 503 },
			.retries = 3 };
		run(&scene, seed);
		cr_expect_eq(scene.code, 0, "%s", scene.err.text);
		cr_expect_eq(scene.entries, ENTRIES);
		scene = (struct scene){ .served = { .bad_answers = 4, .bad_status = 503 },
			.retries = 3 };
		run(&scene, seed);
		cr_expect_eq(scene.code, SL_E_STATUS, "%d", scene.code);
		scene = (struct scene){ .served = { .bad_answers = 1, .bad_status = 404 },
			.retries = 3 };
		run(&scene, seed);
		cr_expect_eq(scene.code, SL_E_STATUS, "it is not there: not tried again");
	}
}

Test(list_url, a_list_that_breaks_off_goes_on_with_the_bytes_that_are_missing)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct scene scene = { .served = { .ranges = true,
					       .etag = "\"one\"",
					       .misdeed =
						       seed % 2 ? SIM_HTTP_RESETS : SIM_HTTP_ENDS,
					       .misdeed_at = 60000 + 1000 * seed },
			.retries = 20 };
		run(&scene, seed);
		cr_expect_eq(scene.code, 0, "%s", scene.err.text);
		cr_expect_eq(scene.entries, ENTRIES, "%u", scene.entries);
	}
}

Test(list_url, a_list_that_breaks_off_ends_without_a_validator)
{
	struct scene scene = { .served = { .misdeed = SIM_HTTP_ENDS, .misdeed_at = 100000 },
		.retries = 20 };
	run(&scene, 1);
	cr_expect_eq(scene.code, SL_E_SHORT_BODY, "%s", scene.err.text);
	cr_expect_lt(scene.entries, ENTRIES);
}

/* RFC 9110, 14.2: a server may send all of it instead. */
Test(list_url, a_list_that_comes_again_instead_of_a_range_goes_on)
{
	for (enum sim_http_lie lie = SIM_HTTP_TRUTH; lie < SIM_HTTP_LIES; lie++) {
		struct scene scene = { .served = { .ranges = true,
					       .etag = "\"one\"",
					       .lie = lie,
					       .lies_from = 2,
					       .lies = 1000,
					       .misdeed = SIM_HTTP_ENDS,
					       .misdeed_at = 100000,
					       .misdeed_step = 100000 },
			.retries = 20 };
		run(&scene, lie);
		bool has_changed = lie == SIM_HTTP_LIE_TOTAL;
		cr_expect_eq(scene.code, has_changed ? SL_E_CHANGED : 0, "lie %d: %s", (int)lie,
			scene.err.text);
		cr_expect_eq(scene.entries == ENTRIES, !has_changed, "lie %d", (int)lie);
	}
}

Test(list_url, a_list_without_ranges_goes_on)
{
	static const enum sim_http_framing framings[] = { SIM_HTTP_LENGTH, SIM_HTTP_CHUNKED };
	for (size_t i = 0; i < SL_COUNT_OF(framings); i++) {
		struct scene scene = { .served = { .framing = framings[i],
					       .modified = REMOTE_TIME,
					       .date = "Tue, 14 Nov 2023 22:14:21 GMT",
					       .misdeed = SIM_HTTP_RESETS,
					       .misdeed_at = 100000,
					       .misdeeds = 1 },
			.retries = 20 };
		run(&scene, 1);
		cr_expect_eq(scene.code, 0, "%s", scene.err.text);
		cr_expect_eq(scene.entries, ENTRIES);
	}
}

/* Also if the validator does not show it. */
Test(list_url, a_list_that_comes_again_with_other_bytes_ends)
{
	size_t len;
	char *text = list_of("i.example", &len);
	struct sim_http_file later = {
		.path = "/list", .data = text, .len = len, .etag = "\"one\""
	};
	struct scene scene = { .served = { .etag = "\"one\"",
				       .misdeed = SIM_HTTP_ENDS,
				       .misdeed_at = 100000,
				       .later = &later,
				       .later_from = 1 },
		.retries = 20 };
	run(&scene, 1);
	cr_expect_eq(scene.code, SL_E_CHANGED, "%s", scene.err.text);
	cr_expect_lt(scene.entries, ENTRIES);
	free(text);
}

/* Its bytes may be of another version, although the request named this one. */
Test(list_url, a_range_without_a_validator_is_not_joined_to_a_list)
{
	size_t len;
	char *text = list_of("i.example", &len);
	struct sim_http_file later = { .path = "/list",
		.data = text,
		.len = len,
		.ranges = true,
		.etag = "\"one\"",
		.lie = SIM_HTTP_LIE_UNMARKED,
		.lies = 1000 };
	struct scene scene = { .served = { .ranges = true,
				       .etag = "\"one\"",
				       .misdeed = SIM_HTTP_ENDS,
				       .misdeed_at = 100000,
				       .later = &later,
				       .later_from = 1 },
		.retries = 20 };
	run(&scene, 1);
	cr_expect_eq(scene.code, SL_E_CHANGED, "%s", scene.err.text);
	cr_expect_lt(scene.entries, ENTRIES);
	free(text);
}

/* Entries of two versions are not one list. */
Test(list_url, a_list_that_has_changed_meanwhile_ends)
{
	size_t len;
	char *text = list_of("other.example", &len);
	struct sim_http_file later = {
		.path = "/list", .data = text, .len = len, .ranges = true, .etag = "\"two\""
	};
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct scene scene = { .served = { .ranges = true,
					       .etag = "\"one\"",
					       .misdeed = SIM_HTTP_ENDS,
					       .misdeed_at = 100000,
					       .later = &later,
					       .later_from = 1 },
			.retries = 20 };
		run(&scene, seed);
		cr_expect_eq(scene.code, SL_E_CHANGED, "%s", scene.err.text);
		cr_expect_lt(scene.entries, ENTRIES);
	}
	free(text);
}
