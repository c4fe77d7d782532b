/*
 * place.h - where downloads go: the directory of each, and a name that no other input of the run
 * has. Found before the first request, so that what is known to fail costs the server nothing.
 *
 * Names that --output and --dir give may lead anywhere; those of URLs and lists stay below the
 * directory of the run. A name belongs to the first input that claims it. An input that is the same
 * download is its repeat; any other one is refused, or takes the next free NAME.N.
 *
 * What is to be decoded is decided here too, by the name in the URL or that of the server, which
 * loses its suffix; a name that was given is kept as it is.
 */
#ifndef SLUICE_DOWNLOAD_PLACE_H
#define SLUICE_DOWNLOAD_PLACE_H

#include "sluice/codec/codec.h"
#include "sluice/download/directory.h"
#include "sluice/download/names.h"
#include "sluice/download/sources.h"
#include "sluice/download/tree.h"

/* All borrowed, for the life of the struct sl_places. */
struct sl_place_options {
	const char *dir;    /* of the run; NULL = "." */
	const char *output; /* name of the only file, may point anywhere; "-" = standard output;
			       NULL = from the entry or its URL */
	bool tree;          /* host and path of the URL become directories */
	bool server_names;  /* names of URLs wait for that of the server's answer */
	bool allow_outside; /* names of lists may leave the directory of the run */
	bool decompress;    /* compressed files are decoded */
	unsigned keep;      /* directories that stay open though they are not in use; at least 1 */
	bool sync_made;     /* directories that are made are to be durable */
	bool look_only;     /* directories that are missing are not made, see directory.h */
};

/* The names and directories of one run. */
struct sl_places {
	struct sl_place_options options;
	struct sl_directories directories;
	struct sl_directory *run_directory; /* one reference; NULL until a file needs it */
	struct sl_semaphore run_turn;       /* to open it */
	struct sl_names names;
	struct sl_tree tree; /* below the directory of the run */
};

/* The place of one download. {0} is empty. */
struct sl_place {
	struct sl_directory *directory; /* one reference; NULL = standard output, or closed */
	char *name;                     /* final name in it; NULL = standard output */
	char *path;                     /* both, as a person would type it; "-"; NULL if unknown */
	char *wanted; /* path of the directory, known before it is open; NULL = standard output */
	enum sl_codec codec; /* what is to be decoded; SL_CODEC_NONE = it is stored as it comes */
	bool awaits_name;    /* the name is that of the URL, and not claimed: sl_place_claim_name */
	/* place.c's: */
	char *directory_path; /* to be opened, from the directory of the run if is_below */
	bool is_below;
	uint64_t index;    /* of the input */
	uint64_t identity; /* what it downloads, see sl_sources_identity */
	char *stem;        /* what NAME.N is made of; NULL before the first such name */
	char *key;         /* of the name in places->names; NULL until it was claimed */
	bool owns_key;     /* false: another input was first */
};

void sl_places_init(struct sl_places *places, const struct sl_place_options *options);

/* No place may have its directory any more. */
SL_SUSPENDS
void sl_places_release(struct sl_places *places);

/* Beside negative codes. */
enum sl_place_claim {
	SL_PLACE_CLAIMED,
	SL_PLACE_REPEAT, /* the same download as an earlier input, which has the name */
};

/*
 * What can be told of the place of input `index` without a look at the disk: its name, and in
 * place->wanted where its directory is. Returns 0; SL_E_NAME for a name that is not allowed;
 * -ENOMEM. After a failure, here and below, *place has what was found out so far, and may be
 * released.
 */
int sl_place_begin(struct sl_places *places, struct sl_place *place,
	const struct sl_sources *sources, uint64_t index, struct sl_error *err) SL_MUST_CHECK;

/* Its directory is open, so that sl_place_claim does not wait for the disk. */
bool sl_place_is_open(const struct sl_places *places, const struct sl_place *place);

/*
 * Then the place, claimed unless it awaits its name. Called for the inputs of each directory one
 * after the other, in their order, so that a name goes to the first of them. Returns an
 * sl_place_claim; SL_E_TWICE if another input has the name; what sl_directories_open returns, also
 * at the deadlines in force; -ENOMEM.
 */
SL_SUSPENDS
int sl_place_claim(struct sl_places *places, struct sl_place *place,
	const struct sl_sources *sources, struct sl_error *err) SL_MUST_CHECK;

/*
 * A place that awaits its name gets it, claimed: `name`, one component; empty = that of the URL.
 * In the order in which servers answer. Returns and fails as sl_place_claim, without waiting.
 */
int sl_place_claim_name(struct sl_places *places, struct sl_place *place,
	const struct sl_sources *sources, struct sl_span name, struct sl_error *err) SL_MUST_CHECK;

/* The place keeps its name, but not its directory open, until sl_place_reopen. */
void sl_place_close(struct sl_place *place);

/* Harmless if the place is open. Returns 0; what sl_directories_open returns. */
SL_SUSPENDS
int sl_place_reopen(
	struct sl_places *places, struct sl_place *place, struct sl_error *err) SL_MUST_CHECK;

/* Claim the next "NAME.N" that no input has and nothing stands under. Returns 0 or a code. */
SL_SUSPENDS
int sl_place_rename(
	struct sl_places *places, struct sl_place *place, struct sl_error *err) SL_MUST_CHECK;

/* The input that has the place's name: its own entry, or for a repeat the first one's. NULL if the
 * name was never claimed. Valid until the next claim; the caller may set how it ended. */
struct sl_names_owner *sl_place_owner(const struct sl_places *places, const struct sl_place *place);

/* Its name may be claimed by another input, if it was this one's. */
void sl_place_give_up(struct sl_places *places, struct sl_place *place);

/* Its name stays claimed. */
void sl_place_release(struct sl_place *place);

#endif
