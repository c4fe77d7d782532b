#include "sluice/download/file_id.h"

#include <fcntl.h>
#include <sys/stat.h>

struct sl_file_id
sl_file_id(const struct statx *st)
{
	return (struct sl_file_id){ .inode = st->stx_ino,
		.size = st->stx_size,
		.dev_major = st->stx_dev_major,
		.dev_minor = st->stx_dev_minor,
		.modified_s = st->stx_mtime.tv_sec,
		.modified_ns = st->stx_mtime.tv_nsec };
}

bool
sl_file_id_is(const struct sl_file_id *id, const struct statx *st)
{
	return id->inode == st->stx_ino && id->dev_major == st->stx_dev_major &&
	       id->dev_minor == st->stx_dev_minor && id->size == st->stx_size &&
	       id->modified_s == st->stx_mtime.tv_sec && id->modified_ns == st->stx_mtime.tv_nsec;
}
