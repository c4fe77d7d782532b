/*
 * Events of a scan and the sinks that receive them.
 */
#include "sluice/scan/event.h"

#include <criterion/criterion.h>
#include <errno.h>

#define ALL_KINDS \
	(SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_LINE) | \
		SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE))

static const enum sl_scan_event_kind kinds[] = { SL_SCAN_EVENT_BEGIN, SL_SCAN_EVENT_LINE,
	SL_SCAN_EVENT_END, SL_SCAN_EVENT_IDLE };

/* What several sinks received, in order. */
struct record {
	struct {
		unsigned sink;
		enum sl_scan_event_kind kind;
		const struct sl_scan_event *event;
	} items[16];
	size_t count;
};

struct recorder {
	struct record *record;
	unsigned number;
	int code; /* what it returns */
};

static int
record_event(void *ctx, const struct sl_scan_event *event)
{
	struct recorder *recorder = ctx;
	struct record *record = recorder->record;
	cr_assert_lt(record->count, SL_COUNT_OF(record->items));
	record->items[record->count].sink = recorder->number;
	record->items[record->count].kind = event->kind;
	record->items[record->count++].event = event;
	return recorder->code;
}

Test(scan_event, each_sink_receives_the_kinds_that_it_wants_in_the_order_of_the_array)
{
	for (unsigned wants = 0; wants <= ALL_KINDS; wants++) {
		struct record record = { .count = 0 };
		struct recorder first = { &record, 0, 0 }, second = { &record, 1, 0 };
		const struct sl_scan_sink sinks[] = { { &first, wants, record_event },
			{ &second, ALL_KINDS, record_event } };
		for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
			struct sl_scan_event event = { .kind = kinds[i] };
			record.count = 0;
			cr_assert_eq(sl_scan_emit(sinks, SL_COUNT_OF(sinks), &event), 0);
			size_t at = 0;
			if (wants & SL_SCAN_WANTS(kinds[i]))
				cr_assert_eq(record.items[at++].sink, 0);
			cr_assert_eq(record.items[at++].sink, 1);
			cr_assert_eq(record.count, at);
			cr_assert_eq(record.items[0].kind, kinds[i]);
			cr_assert_eq(record.items[0].event, &event);
		}
	}
}

Test(scan_event, a_code_of_a_sink_is_returned_and_the_sinks_behind_it_are_not_called)
{
	for (size_t failing = 0; failing < 3; failing++) {
		struct record record = { .count = 0 };
		struct recorder recorders[3];
		struct sl_scan_sink sinks[3];
		for (unsigned i = 0; i < 3; i++) {
			recorders[i] = (struct recorder){ &record, i, i == failing ? -EPIPE : 0 };
			sinks[i] = (struct sl_scan_sink){ &recorders[i], ALL_KINDS, record_event };
		}
		struct sl_scan_event event = { .kind = SL_SCAN_EVENT_END };
		cr_assert_eq(sl_scan_emit(sinks, 3, &event), -EPIPE);
		cr_assert_eq(record.count, failing + 1);
	}
}

Test(scan_event, what_is_wanted_is_what_any_sink_wants)
{
	const unsigned line = SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	const unsigned end = SL_SCAN_WANTS(SL_SCAN_EVENT_END);
	const struct sl_scan_sink sinks[] = { { .wants = end }, { .wants = line | end } };
	cr_assert_eq(sl_scan_wanted(sinks, 0), 0);
	cr_assert_eq(sl_scan_wanted(sinks, 1), end);
	cr_assert_eq(sl_scan_wanted(sinks, 2), line | end);
}
