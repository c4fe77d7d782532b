/*
 * folder.h - the folders files go to, opened once and kept; and the rule that names from lists stay
 * below one.
 */
#ifndef SLUICE_DOWNLOAD_FOLDER_H
#define SLUICE_DOWNLOAD_FOLDER_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/rt/task.h"

/* What kind of file system a folder is on: decides how files are written and synced. */
enum sl_folder_traits {
	SL_FOLDER_DIRECT = 1,   /* ext4, XFS: direct I/O into reserved extents pays */
	SL_FOLDER_LOCAL = 2,    /* syncfs concerns this machine's disks only */
	SL_FOLDER_NO_MODES = 4, /* a file may not have the mode it was given */
};

/* An open folder; counted. */
struct sl_folder {
	struct sl_list link;
	char *path; /* as a person would type it, for messages; "." for the current folder */
	int fd;
	unsigned traits; /* set of sl_folder_traits */
	uint64_t inode;  /* with the device: two paths may lead to one folder */
	uint32_t dev_major, dev_minor;
	unsigned refs;
	bool dirty; /* the batch's: a name in it has changed since its last sync */
};

struct sl_folders {
	struct sl_list open; /* most recently used first */
	unsigned count;
	unsigned keep;  /* that stay open though nobody uses them */
	bool sync_made; /* a folder that is made is durable before anything is put into it */
};

/* `keep` at least 1. */
void sl_folders_init(struct sl_folders *folders, unsigned keep, bool sync_made);

/* No folder may be referenced. */
SL_SUSPENDS
void sl_folders_release(struct sl_folders *folders);

/*
 * Open (making what is missing, mode 0777 less umask) the folder `path` below `base`. base NULL:
 * `path` is the user's own word and may point anywhere. Else it comes from a list or a server: it
 * must be relative, without ".." and control bytes, and every step stays below base, symbolic links
 * refused (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). An empty path is base, or the current
 * folder. Returns 0 with one reference in *out; SL_E_NAME; a kernel's code with SL_PHASE_FOLDER.
 */
SL_SUSPENDS
int sl_folders_open(struct sl_folders *folders, struct sl_folder *base, struct sl_span path,
	struct sl_folder **out, struct sl_error *err) SL_MUST_CHECK;

void sl_folder_ref(struct sl_folder *folder);

/* NULL is fine. The folder stays open for the next file of the run. */
void sl_folder_unref(struct sl_folder *folder);

/* Make the names in it durable. A file system that cannot sync folders at all has done so. */
SL_SUSPENDS
int sl_folder_sync(struct sl_folder *folder) SL_MUST_CHECK;

/* "path/name" into *out, or "name" alone for the current folder. */
void sl_folder_join(const struct sl_folder *folder, const char *name, struct sl_buf *out);

#endif
