/*
 * record.h - which lines of a log belong to the line before: stack traces of Java, Python, Go,
 * Rust, JavaScript, C# and PHP, and lines that are indented or empty. A record is a line that does
 * not, and those after it that do. Pure.
 *
 * What a line looks like is a function of its text alone; for some looks it also depends on the
 * lines before, of which a state is kept. man/sluice-scan.1 has the rules.
 */
#ifndef SLUICE_LOGLINE_RECORD_H
#define SLUICE_LOGLINE_RECORD_H

#include "sluice/base/bytes.h"

/* What a line looks like. */
enum sl_record_look {
	SL_RECORD_OTHER,     /* nothing below: begins a record, unless the line before is a PANIC */
	SL_RECORD_BELONGS,   /* indented, empty, "}", "Caused by:" and others */
	SL_RECORD_TRACEBACK, /* Python's: belongs; an exception follows the frames */
	SL_RECORD_GOROUTINE, /* Go's: belongs; calls follow */
	SL_RECORD_EXCEPTION, /* "java.io.IOException: text": belongs unless the record has one */
	SL_RECORD_NAME,      /* "Name: text": belongs at the end of a TRACEBACK */
	SL_RECORD_CALL,      /* "main.run(0x1)", "rax    0x1": belongs to a GOROUTINE */
	SL_RECORD_PANIC, /* Rust's: begins a record; the next line is its message. Also the place
	                        before a line of source, of Node.js */
};

/* What the lines before a line have shown. A scan begins with PLAIN; its first line begins a record
 * whatever it looks like. */
enum sl_record_state {
	SL_RECORD_PLAIN,
	SL_RECORD_HAS_EXCEPTION, /* the record has had its exception */
	SL_RECORD_IN_TRACEBACK,
	SL_RECORD_IN_GOROUTINE,
	SL_RECORD_IN_PANIC, /* the line before is a PANIC */
};

/* Bytes of a line that are looked at, besides its last one. */
#define SL_RECORD_LOOK 256u

/* Of a line without its newline; a CR at its end is not looked at. */
enum sl_record_look sl_record_look(struct sl_span line);

/* A line follows. True if it begins a record. */
bool sl_record_step(enum sl_record_state *state, enum sl_record_look look);

/* A line of this look, after one that looked like `before`, begins a record whatever came before
 * both. */
bool sl_record_is_sure(enum sl_record_look before, enum sl_record_look look);

#endif
