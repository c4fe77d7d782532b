#include "sluice/rt/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER (32u * 1024u) /* as glibc has it: some thousand names for a system call */

static int
run(const struct sl_listing *listing, struct sl_op *op)
{
	return listing->engine->methods->run_blocking(listing->engine, op);
}

int
sl_listing_open(struct sl_listing *listing, struct sl_engine *engine, int dir_fd, const char *path,
	int flags)
{
	struct sl_op op = { .kind = SL_OP_OPEN,
		.dir_fd = dir_fd,
		.path = path,
		.flags = (uint32_t)(flags | O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	*listing = (struct sl_listing){ .engine = engine, .fd = -1 };
	unsigned char *buffer = malloc(BUFFER);
	if (!buffer)
		return -ENOMEM;
	int fd = run(listing, &op);
	if (fd < 0) {
		free(buffer);
		return fd;
	}
	listing->fd = fd;
	listing->buffer = buffer;
	return 0;
}

static int
read_some(struct sl_listing *listing)
{
	int got;
	do {
		struct sl_op op = { .kind = SL_OP_LIST,
			.fd = listing->fd,
			.data = listing->buffer,
			.len = BUFFER };
		got = run(listing, &op);
	} while (got == -EINTR);
	listing->at = 0;
	listing->len = got > 0 ? (size_t)got : 0;
	return got;
}

/* Entries are as struct dirent64 is, each of d_reclen bytes, which keeps them aligned. */
int
sl_listing_next(struct sl_listing *listing, struct sl_listing_entry *entry)
{
	if (listing->at == listing->len) {
		int got = read_some(listing);
		if (got <= 0)
			return got;
	}
	const unsigned char *found = listing->buffer + listing->at;
	unsigned short len;
	memcpy(&len, found + offsetof(struct dirent64, d_reclen), sizeof(len));
	*entry = (struct sl_listing_entry){
		.name = (const char *)found + offsetof(struct dirent64, d_name),
		.type = found[offsetof(struct dirent64, d_type)],
	};
	listing->at += len;
	return 1;
}

void
sl_listing_close(struct sl_listing *listing)
{
	struct sl_op op = { .kind = SL_OP_CLOSE, .fd = listing->fd };
	if (!listing->buffer)
		return;
	(void)run(listing, &op);
	free(listing->buffer);
	*listing = (struct sl_listing){ 0 };
}
