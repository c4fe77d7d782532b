#include "sluice/cli/pattern_source.h"

#include "sluice/base/text.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_AT_ONCE (64u * 1024u)

/* "'errors.txt'", "standard input". */
static void
add_shown(struct sl_buf *out, const char *path)
{
	if (strcmp(path, "-") == 0) {
		sl_buf_add_str(out, "standard input");
		return;
	}
	sl_buf_add_char(out, '\'');
	sl_text_make_safe(out, sl_span_str(path));
	sl_buf_add_char(out, '\'');
}

/* Appends what is read to the buffer. */
static int
read_all(int fd, struct sl_buf *text, uint64_t limit, const char *shown, struct sl_error *err)
{
	for (;;) {
		if (!sl_buf_reserve(text, READ_AT_ONCE))
			return sl_fail_code(err, SL_PHASE_READ, -ENOMEM, "cannot read patterns");
		ssize_t got = read(fd, text->data + text->len, READ_AT_ONCE);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sl_fail(err, SL_PHASE_READ, -errno,
				"cannot read patterns from %s: %s", shown, sl_code_text(-errno));
		if (got == 0)
			return 0;
		text->len += (size_t)got;
		if (text->len > limit)
			return sl_fail(err, SL_PHASE_READ, SL_E_LIMIT,
				"cannot take patterns from %s: with it the patterns have more "
				"than the %s that --max-memory allows (raise it, or use fewer "
				"patterns)",
				shown, sl_units_size(limit).text);
	}
}

static int
read_file(const char *path, struct sl_buf *text, uint64_t limit, const char *shown,
	struct sl_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return sl_fail(err, SL_PHASE_READ, -errno, "cannot open %s for -f: %s", shown,
			sl_code_text(-errno));
	int code = read_all(fd, text, limit, shown, err);
	if (!is_stdin)
		(void)close(fd);
	return code;
}

static int
add_file(struct sl_pattern_source *source, const char *path, uint64_t *limit, struct sl_error *err)
{
	struct sl_buf *text = &source->files[source->file_count++], shown = { 0 };
	add_shown(&shown, path);
	const char *name = shown.failed ? path : shown.data;
	int code = read_file(path, text, *limit, name, err);
	if (code == 0)
		code = sl_pattern_file_read(&source->list, sl_buf_span(text), name, err);
	*limit -= SL_MIN(text->len, *limit);
	sl_buf_release(&shown);
	return code;
}

int
sl_pattern_source_read(struct sl_pattern_source *source, const struct sl_scan_options *options,
	uint64_t limit, struct sl_error *err)
{
	const struct sl_words *files = &options->pattern_files;
	int code = 0;
	*source = (struct sl_pattern_source){ 0 };
	source->files = calloc(files->count + 1, sizeof(*source->files));
	if (!source->files)
		code = -ENOMEM;
	for (size_t i = 0; i < options->patterns.count && code == 0; i++)
		code = sl_pattern_texts_add(&source->list, sl_span_str(options->patterns.items[i]));
	if (code)
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot read patterns");
	for (size_t i = 0; i < files->count && code == 0; i++)
		code = add_file(source, files->items[i], &limit, err);
	return code;
}

void
sl_pattern_source_release(struct sl_pattern_source *source)
{
	for (size_t i = 0; i < source->file_count; i++)
		sl_buf_release(&source->files[i]);
	free(source->files);
	sl_pattern_texts_release(&source->list);
	*source = (struct sl_pattern_source){ 0 };
}
