/*
 * proxy - the proxy of the tests as a program (support/proxy.h).
 */
#include "support/proxy.h"

#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	struct proxy_options options = { 0 };
	const struct {
		const char *name, **value;
	} known[] = { { "--log", &options.log }, { "--ready-file", &options.ready_file },
		{ "--cert", &options.cert }, { "--key", &options.key } };
	for (int i = 1; i + 1 < argc; i += 2)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (strcmp(argv[i], known[k].name) == 0)
				*known[k].value = argv[i + 1];
	if (!options.log || !options.ready_file || !options.cert != !options.key) {
		fprintf(stderr, "proxy --log FILE --ready-file FILE [--cert PEM --key PEM]\n");
		return 2;
	}
	return proxy_run(&options);
}
