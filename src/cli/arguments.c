#include "sluice/cli/arguments.h"

#include "sluice/cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
sl_arguments_take(struct sl_arguments *out, int argc, char **argv)
{
	size_t len = 0;
	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	/* One block: the pointers, and the text behind them. */
	char **words = malloc(((size_t)argc + 1) * sizeof(*words) + len);
	if (!words)
		return -ENOMEM;
	char *text = (char *)(words + argc + 1);
	for (int i = 0; i < argc; i++) {
		size_t size = strlen(argv[i]) + 1;
		words[i] = memcpy(text, argv[i], size);
		text += size;
	}
	words[argc] = NULL;
	*out = (struct sl_arguments){ .count = argc, .words = words, .len = len };
	if (argc > 1)
		sl_options_hide(words[1], argc - 1, argv + 1);
	return 0;
}

void
sl_arguments_release(struct sl_arguments *arguments)
{
	if (arguments->words)
		explicit_bzero(arguments->words + arguments->count + 1, arguments->len);
	free(arguments->words);
	*arguments = (struct sl_arguments){ 0 };
}
