/*
 * def.h - what every header uses: attributes, units, assertions.
 */
#ifndef SLUICE_BASE_DEF_H
#define SLUICE_BASE_DEF_H

#include <stddef.h>
#include <stdint.h>

#define SL_MUST_CHECK __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define SL_NORETURN __attribute__((noreturn))
#define SL_NOINLINE __attribute__((noinline))
#define SL_UNUSED __attribute__((unused))

/* Marks a function that may suspend the calling task. Only such functions may call such
 * functions. */
#define SL_SUSPENDS

/* No deadline. Deadlines are absolute, in nanoseconds of the monotonic clock. */
#define SL_FOREVER UINT64_MAX

#define SL_NS_PER_S 1000000000ull
#define SL_NS_PER_MS 1000000ull
#define SL_NS_PER_US 1000ull

#define SL_KIB 1024ull
#define SL_MIB (1024ull * 1024ull)
#define SL_GIB (1024ull * 1024ull * 1024ull)

#define SL_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SL_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Defined here so that no header needs <sys/param.h>; arguments are evaluated twice. */
#define SL_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SL_MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * For programming errors only. Active in release builds too: the program aborts before a wrong
 * state can reach a user's file. Never for input from a server, a file or the user.
 */
#define sl_assert(cond) ((cond) ? (void)0 : sl_assert_failed(#cond, __FILE__, __LINE__))

SL_NORETURN void sl_assert_failed(const char *cond, const char *file, int line);

#endif
