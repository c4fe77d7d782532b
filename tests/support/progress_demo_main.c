/*
 * progress_demo - draws made-up transfers on the terminal, to look at the bars: progress_demo
 * [FILES [SECONDS [scan]]]. Resize the window while it runs. ASCII=1 in the environment draws
 * without block characters. Large files come in segments.
 */
#include "sluice/base/clock.h"
#include "sluice/base/random.h"
#include "sluice/ui/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ACTIVE_MAX 64
#define FRAME_NS (100 * SL_NS_PER_MS)
#define SEGMENTS 8
#define SEGMENTED_MIN 500000000 /* bytes */
#define CELLS 60

struct transfer {
	char name[128];
	uint64_t total, done, rate, begun_ns;
};

struct demo {
	struct transfer active[ACTIVE_MAX];
	size_t active_count, started, wanted;
	struct sl_progress_file files[ACTIVE_MAX];
	uint8_t cells[ACTIVE_MAX][CELLS];
	struct sl_progress progress;
	struct sl_progress_style style;
	struct sl_progress_screen screen;
	struct sl_buf above, out;
	struct sl_random random;
};

static void
start(struct demo *demo, struct transfer *transfer, uint64_t now)
{
	static const struct {
		const char *before, *after;
	} names[] = {
		{ "linux-6.", ".tar.xz" },
		{ "debian-13.", "-amd64-DVD-1.iso" },
		{ "train-", "-of-01024-with-a-long-name-that-has-to-be-cut-somewhere.parquet" },
		{ "\u65e5\u5fd7-", ".log.gz" },
		{ "a", "" },
		{ "evil\033[31m-", "" },
		{ "weights.", ".safetensors" },
	};
	size_t number = demo->started++, pick = number % SL_COUNT_OF(names);
	snprintf(transfer->name, sizeof(transfer->name), "%s%zu%s", names[pick].before, number,
		names[pick].after);
	transfer->total = number % 7 == 4 ? SL_PROGRESS_UNKNOWN
					  : 20000000 + sl_random_below(&demo->random, 2000000000);
	transfer->done = 0;
	transfer->rate = 20000000 + sl_random_below(&demo->random, 300000000);
	transfer->begun_ns = now;
}

static void
end(struct demo *demo, struct transfer *transfer, uint64_t now)
{
	bool failed = demo->started % 9 == 4;
	struct sl_progress_ended ended = {
		.name = sl_span_str(transfer->name),
		.end = failed ? SL_PROGRESS_SKIPPED : SL_PROGRESS_DONE,
		.bytes = transfer->done,
		.elapsed_ns = now - transfer->begun_ns,
		.reason = sl_span_str("the server answered 404 not found"),
	};
	sl_progress_ended(&ended, &demo->style, &demo->above);
	demo->progress.files_done += !failed;
	demo->progress.files_failed += failed;
}

static void
advance(struct demo *demo, uint64_t now)
{
	for (size_t i = 0; i < demo->active_count; i++) {
		struct transfer *transfer = &demo->active[i];
		uint64_t end_at =
			transfer->total == SL_PROGRESS_UNKNOWN ? 400000000 : transfer->total;
		if (now - transfer->begun_ns < 3 * FRAME_NS)
			continue;
		uint64_t step = SL_MIN(transfer->rate / 10, end_at - transfer->done);
		transfer->done += step;
		demo->progress.bytes_done += step;
		if (transfer->done < end_at)
			continue;
		end(demo, transfer, now);
		if (demo->started < demo->wanted)
			start(demo, transfer, now);
		else
			*transfer = demo->active[--demo->active_count];
	}
}

/* Equal segments, each a little slower than the one before it until it gets help at the end. */
static void
fill_cells(const struct transfer *transfer, uint8_t cells[CELLS])
{
	double share = (double)transfer->done / (double)transfer->total;
	for (size_t i = 0; i < CELLS; i++) {
		double at = (double)i * SEGMENTS / CELLS;
		double done = share * (1.2 - (1 - share) * 0.1 * (double)(size_t)at);
		double over = (done - (at - (double)(size_t)at)) * CELLS / SEGMENTS;
		cells[i] = over >= 1 ? UINT8_MAX : over <= 0 ? 0 : (uint8_t)(over * UINT8_MAX);
	}
}

static void
fill(struct demo *demo, uint64_t now)
{
	demo->progress.rate_bytes_s = 0;
	for (size_t i = 0; i < demo->active_count; i++) {
		struct transfer *transfer = &demo->active[i];
		bool known = transfer->total != SL_PROGRESS_UNKNOWN;
		bool connecting = now - transfer->begun_ns < 3 * FRAME_NS;
		demo->files[i] = (struct sl_progress_file){
			.name = sl_span_str(transfer->name),
			.state = connecting ? SL_PROGRESS_CONNECTING : SL_PROGRESS_RECEIVING,
			.done = transfer->done,
			.total = connecting ? SL_PROGRESS_UNKNOWN : transfer->total,
			.cells = known && transfer->total >= SEGMENTED_MIN ? demo->cells[i] : NULL,
			.cell_count = CELLS,
			.rate_bytes_s = transfer->rate,
			.left_ns = known ? (transfer->total - transfer->done) * 1000 /
						   transfer->rate * 1000000
					 : SL_PROGRESS_UNKNOWN,
		};
		if (demo->files[i].cells)
			fill_cells(transfer, demo->cells[i]);
		demo->progress.rate_bytes_s += connecting ? 0 : transfer->rate;
	}
	demo->progress.files = demo->files;
	demo->progress.file_count = demo->active_count;
	demo->progress.bytes_total = SL_PROGRESS_UNKNOWN;
	demo->progress.left_ns = SL_PROGRESS_UNKNOWN;
}

static void
show(struct demo *demo)
{
	if (write(STDERR_FILENO, demo->out.data, demo->out.len) < 0)
		exit(1);
	sl_buf_clear(&demo->out);
	sl_buf_clear(&demo->above);
}

static void
look_at_size(struct demo *demo)
{
	struct winsize size;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	demo->style.columns = size.ws_col;
	demo->style.rows = size.ws_row;
}

static void
draw_scan(struct demo *demo, uint64_t passed, uint64_t length)
{
	struct sl_progress_scan scan = {
		.inputs_done = passed * 8 / length,
		.inputs_total = 8,
		.bytes_done = passed * 9,
		.bytes_total = length * 9,
		.rate_bytes_s = 9000000000,
		.left_ns = length - passed,
		.lines = passed / 10,
		.error_lines = passed / 500,
	};
	sl_progress_draw_scan(
		&demo->screen, &demo->style, &scan, sl_buf_span(&demo->above), &demo->out);
}

int
main(int argc, char **argv)
{
	static struct demo demo;
	demo.wanted = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 20;
	uint64_t length = (argc > 2 ? strtoul(argv[2], NULL, 10) : 30) * SL_NS_PER_S;
	bool scan = argc > 3;
	demo.style.unicode = !getenv("ASCII");
	demo.style.colour = !getenv("NO_COLOR");
	demo.progress.files_total = demo.wanted;
	sl_random_init(&demo.random, 7);
	uint64_t begun = sl_clock_monotonic_ns();
	while (demo.active_count < SL_MIN(demo.wanted, (size_t)5 + (demo.wanted > 50 ? 40 : 0)))
		start(&demo, &demo.active[demo.active_count++], begun);

	for (uint64_t now = begun; now - begun < length && (scan || demo.active_count > 0);
		now = sl_clock_monotonic_ns()) {
		advance(&demo, now);
		fill(&demo, now);
		look_at_size(&demo);
		if (scan)
			draw_scan(&demo, now - begun, length);
		else
			sl_progress_draw(&demo.screen, &demo.style, &demo.progress,
				sl_buf_span(&demo.above), &demo.out);
		show(&demo);
		nanosleep(&(struct timespec){ .tv_nsec = FRAME_NS }, NULL);
	}
	sl_progress_erase(&demo.screen, demo.style.columns, sl_buf_span(&demo.above), &demo.out);
	sl_progress_plain(&demo.progress, &demo.out);
	show(&demo);
	sl_buf_release(&demo.out);
	sl_buf_release(&demo.above);
	return 0;
}
