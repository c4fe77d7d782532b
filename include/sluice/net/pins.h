/*
 * pins.h - public keys that a user has pinned, by the SHA-256 of their SubjectPublicKeyInfo (as in
 * RFC 7469, section 2.4), in the form of curl: "sha256//BASE64;sha256//BASE64".
 *
 * Pure: no I/O.
 */
#ifndef SLUICE_NET_PINS_H
#define SLUICE_NET_PINS_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

#define SL_PIN_SIZE 32
#define SL_PINS_MAX 32 /* more than servers behind one name have */

struct sl_pins {
	size_t count;
	unsigned char hashes[SL_PINS_MAX][SL_PIN_SIZE];
};

/* True if `text` is a list of hashes, not the name of a file. */
bool sl_pins_is_list(struct sl_span text);

/*
 * Read a list: hashes that are separated by ';', each with its prefix. *pins is undefined after a
 * failure. Returns 0; SL_E_USAGE: another hash than SHA-256, not base64 of 32 bytes, an empty
 * entry, or more than SL_PINS_MAX.
 */
int sl_pins_parse(struct sl_pins *pins, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

bool sl_pins_has(const struct sl_pins *pins, const unsigned char hash[static SL_PIN_SIZE]);

/* Append one, in the form that sl_pins_parse reads. */
void sl_pins_format(struct sl_buf *out, const unsigned char hash[static SL_PIN_SIZE]);

#endif
