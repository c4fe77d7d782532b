#include "sluice/cli/pattern_source.h"

#include "sluice/base/text.h"
#include "sluice/rt/io.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

SL_SUSPENDS
static int
read_file(const char *path, struct sl_buf *text, uint64_t limit, const char *shown,
	struct sl_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : sl_io_open_input(path);
	if (fd < 0)
		return sl_fail(err, SL_PHASE_READ, fd, "cannot open %s for -f: %s", shown,
			sl_code_text(fd));
	int code = sl_io_read_all(fd, text, (size_t)limit);
	if (!is_stdin)
		sl_io_close(fd);
	if (code == -EFBIG)
		return sl_fail(err, SL_PHASE_READ, SL_E_LIMIT,
			"cannot take patterns from %s: with it the patterns have more than the %s "
			"that --max-memory allows (raise it, or use fewer patterns)",
			shown, sl_units_size(limit).text);
	if (code)
		return sl_fail(err, SL_PHASE_READ, code, "cannot read patterns from %s: %s", shown,
			sl_code_text(code));
	return 0;
}

SL_SUSPENDS
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
