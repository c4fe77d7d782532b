/*
 * shapes.h - downloads of different shapes, each with few operations and allocations: for tests
 * that let each of them fail in turn.
 */
#ifndef SLUICE_TESTS_SUPPORT_SHAPES_H
#define SLUICE_TESTS_SUPPORT_SHAPES_H

#include "scenario.h"

enum shape {
	SHAPE_SEGMENTS,     /* four at a time */
	SHAPE_RESUMED,      /* the same, by a run that finds what a killed one has left */
	SHAPE_MIRRORS,      /* two files whose first sources end their responses early */
	SHAPE_PIECES,       /* one of the pieces is damaged at first */
	SHAPE_DECOMPRESSED, /* two files */
	SHAPE_CODED,        /* two files with content codings */
	SHAPE_ADOPTED,      /* the beginning of the file becomes the part */
	SHAPE_APPENDED,     /* it is copied */
	SHAPE_STREAM,       /* to stdout, by several connections */
	SHAPES,
};

/* Responses that bring all of the file with pieces, with the damage. */
#define SHAPE_PIECES_ANSWERS 9u

struct shaped {
	struct scenario *scenario;
	enum shape shape;
	struct sim *sim; /* where the run takes place */
	struct get_scene *run;
	bool is_resumed;
	struct sim_http_file others[2]; /* mirrors, or what the server has later */
	unsigned char digests[8 * 32];
	struct sl_pieces pieces;
};

const char *shape_name(enum shape shape);

/* Everything before the run. */
void shaped_begin(struct shaped *shaped, enum shape shape, uint64_t seed);

/* Run it, and check every promise. */
void shaped_run(struct shaped *shaped);

/* The same command on a disk that a cut has left must complete everything. */
void shaped_rerun(struct shaped *shaped, struct sim *disk);

/* After the run the process is killed or the power cut, and then the same. */
void shaped_heal(struct shaped *shaped, enum sim_crash how);
void shaped_end(struct shaped *shaped);

#endif
