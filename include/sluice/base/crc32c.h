/*
 * crc32c.h - CRC-32C (Castagnoli, reflected, RFC 3720 appendix B.4), by the fastest of several
 * versions that the CPU can run.
 */
#ifndef SLUICE_BASE_CRC32C_H
#define SLUICE_BASE_CRC32C_H

#include "sluice/base/def.h"

#include <stdbool.h>

/* The CRC of the bytes that `crc` covers (0 = none) followed by `data`. "123456789" gives
 * 0xe3069283. */
uint32_t sl_crc32c(uint32_t crc, const void *data, size_t len);

/* The same without hardware, for tests. */
uint32_t sl_crc32c_portable(uint32_t crc, const void *data, size_t len);

/* A version of sl_crc32c(). */
struct sl_crc32c_kernel {
	const char *name;           /* "folding", "instruction", "portable" */
	bool (*is_supported)(void); /* by this CPU; cheap */
	uint32_t (*crc32c)(uint32_t crc, const void *data, size_t len);
};

/* The versions built in, fastest first, the portable one last; NULL past it. For tests and
 * measurements. */
const struct sl_crc32c_kernel *sl_crc32c_nth(size_t index);

#endif
