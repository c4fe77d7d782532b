/*
 * source.c - inputs, and the messages about those that fail. source_open.c opens and closes them,
 * source_file.c and source_stream.c read them.
 */
#include "sluice/scan/source.h"

#include "sluice/base/text.h"
#include "sluice/match/match_plan.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes of a path in messages, so that the reason fits as well. */
#define SHOWN_MAX 400u

static char *
show_file(const char *path)
{
	struct sl_buf buf = { 0 };
	sl_buf_add_char(&buf, '\'');
	sl_text_shorten(&buf, sl_span_str(path), SHOWN_MAX);
	sl_buf_add_char(&buf, '\'');
	return sl_buf_detach(&buf);
}

char *
sl_input_show_argument(const char *path)
{
	return strcmp(path, "-") == 0 ? strdup("standard input") : show_file(path);
}

int
sl_input_new(struct sl_input **out, const char *path, bool is_found)
{
	struct sl_input *input = calloc(1, sizeof(*input));
	*out = NULL;
	if (!input)
		return -ENOMEM;
	input->is_stdin = !is_found && strcmp(path, "-") == 0;
	input->is_found = is_found;
	input->path = strdup(path);
	input->shown = is_found ? show_file(path) : sl_input_show_argument(path);
	if (!input->path || !input->shown) {
		free(input->shown);
		free(input->path);
		free(input);
		return -ENOMEM;
	}
	input->fd = input->direct_fd = -1;
	input->left = UINT64_MAX;
	*out = input;
	return 0;
}

void
sl_input_lend(struct sl_input *input, int fd, uint64_t from, uint64_t until)
{
	input->is_lent = true;
	input->fd = fd;
	input->next_off = from;
	input->until = until;
}

void
sl_input_set_remote(struct sl_input *input, const struct sl_input_remote *remote)
{
	input->remote = remote;
	input->first_off = remote->off;
	input->is_stdin = false;
}

void
sl_input_free(struct sl_input *input)
{
	if (!input)
		return;
	sl_assert(input->fd < 0 && input->direct_fd < 0);
	free(input->failure);
	free(input->path);
	free(input->shown);
	free(input);
}

/* ---- failures ---- */

int
sl_input_fail_unsorted(struct sl_input *input, uint64_t skipped)
{
	return sl_fail(&input->err, SL_PHASE_NONE, SL_E_UNSUPPORTED,
		"%s is not sorted by time, and %llu bytes of it were not read: lines may be "
		"missing "
		"(leave out --sorted, or allow more disorder: --sorted=1h)",
		input->shown, (unsigned long long)skipped);
}

static int
fail_remote(struct sl_input *input, int code, uint64_t off)
{
	if (off == 0)
		return sl_fail(&input->err, SL_PHASE_READ, code, "%s", input->failure);
	return sl_fail(&input->err, SL_PHASE_READ, code,
		"%s (only the first %llu bytes of text are counted)", input->failure,
		(unsigned long long)off);
}

int
sl_input_fail_read(struct sl_input *input, int code, uint64_t off)
{
	/* A closed descriptor 0 was replaced by one that cannot be read. */
	bool is_closed = input->is_stdin && code == -EBADF;
	const char *why = is_closed ? "it is closed" : sl_code_text(code);
	if (input->failure)
		return fail_remote(input, code, off);
	if (off == 0)
		return sl_fail(
			&input->err, SL_PHASE_READ, code, "cannot read %s: %s", input->shown, why);
	return sl_fail(&input->err, SL_PHASE_READ, code,
		"cannot read %s: %s (only its first %llu bytes are counted)", input->shown, why,
		(unsigned long long)off);
}

/* What is compressed is decoded: then it contains compressed data once more. */
int
sl_input_fail_form(struct sl_input *input, enum sl_form form, bool is_decoded, uint64_t counted)
{
	const char *name = sl_form_name(form);
	if (counted > 0)
		return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"cannot scan all of %s: it contains %s text (only its first %llu bytes "
			"are counted)",
			input->shown, name, (unsigned long long)counted);
	if (form == SL_FORM_UTF32 || sl_form_is_foreign(form))
		return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"cannot scan %s: %s %s is not supported (%suse: %s FILE | sluice scan)",
			input->shown, name, form == SL_FORM_UTF32 ? "text" : "data",
			is_decoded ? "decompress it, then " : "", sl_form_reader(form));
	if (sl_form_is_wide(form))
		return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"cannot scan %s: it contains %s text behind other data", input->shown,
			name);
	return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
		"cannot scan %s: it is compressed more than once, with %s inside (decompress it "
		"once before)",
		input->shown, name);
}

int
sl_input_fail_decode(struct sl_input *input, const char *reason, uint64_t off, uint64_t counted)
{
	return sl_fail(&input->err, SL_PHASE_READ, SL_E_DECODE,
		"cannot decode all of %s: %s, at about byte %llu (%llu bytes of text before are "
		"counted)",
		input->shown, reason, (unsigned long long)off, (unsigned long long)counted);
}

int
sl_input_fail_window(struct sl_input *input, const char *reason, uint64_t window, uint64_t memory)
{
	unsigned long long window_mib = window / SL_MIB + (window % SL_MIB > 0);
	unsigned long long memory_mib = memory / SL_MIB + (memory % SL_MIB > 0);
	if (memory == 0)
		return sl_fail(&input->err, SL_PHASE_READ, SL_E_LIMIT,
			"cannot decode %s: %s: %llu MiB, which is not supported", input->shown,
			reason, window_mib);
	return sl_fail(&input->err, SL_PHASE_READ, SL_E_LIMIT,
		"cannot decode %s: %s: %llu MiB (use --max-memory %lluM)", input->shown, reason,
		window_mib, memory_mib);
}

int
sl_input_fail_undecided(
	struct sl_input *input, const struct sl_block_totals *totals, bool has_expressions)
{
	const char *why =
		has_expressions
			? "the pattern takes too many steps there, or the line is longer "
			  "than 1 MiB (a simpler pattern helps;"
			: "the line is longer than 1 MiB, and no more of it is compared (but";
	struct sl_buf others = { 0 };
	if (input->from)
		sl_buf_printf(&others, " after byte %llu", (unsigned long long)input->from);
	if (totals->undecided > 1)
		sl_buf_printf(
			&others, " and %llu more lines", (unsigned long long)totals->undecided - 1);
	int code = sl_fail(&input->err, SL_PHASE_NONE, SL_E_UNDECIDED,
		"cannot decide line %llu%s of %s: %s -F with strings of at most %u bytes, without "
		"-w and -x, has no limits)",
		(unsigned long long)totals->undecided_line + 1, others.data ? others.data : "",
		input->shown, why, SL_MATCH_LITERAL_LEN);
	sl_buf_release(&others);
	return code;
}

int
sl_input_fail_binary(struct sl_input *input)
{
	return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
		"%s is skipped: it is binary (name the file itself to scan it)", input->shown);
}
