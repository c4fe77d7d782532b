/* make_certs DIR: the certificates of support/certs.h into DIR, which is made if missing. */
#include "support/certs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_certs DIR\n");
		return 2;
	}
	if (mkdir(argv[1], 0755) < 0 && errno != EEXIST) {
		fprintf(stderr, "make_certs: cannot make '%s': %s\n", argv[1], strerror(errno));
		return 1;
	}
	struct sl_error err = { 0 };
	if (certs_write(argv[1], &err) < 0) {
		fprintf(stderr, "make_certs: %s\n", err.text);
		return 1;
	}
	return 0;
}
