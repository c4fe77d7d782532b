/*
 * match_classes.h - a sequence of classes of bytes, such as those of \d\d: or of the first bytes of
 * many literals.
 */
#ifndef SLUICE_MATCH_MATCH_CLASSES_H
#define SLUICE_MATCH_MATCH_CLASSES_H

#define SL_MATCH_CLASSES 8 /* at most */

/* Byte c may stand at place i if bit i of members[c] is set. */
struct sl_match_classes {
	unsigned len; /* places */
	unsigned char members[256];
};

#endif
