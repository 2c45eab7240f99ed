/**
 * @file gyre_key_vectors.h
 * @brief Check gyre's keys against a file of test vectors.
 *
 * A vector file is TSV: pure ASCII, its first line names the columns and thereby tells the kind
 * of file, every further line is one case. Escapes in a field: \\ \t \n \r \xHH (one byte of
 * UTF-8).
 *
 *     keys_tostring      id type native_key legacy_key expected source
 *     keys_fromstring    id class input valid type native_key legacy_key canonical source
 *     platform_safe_key  id os type kind input expected source
 *     legacy_native_key  id os type kind input expected source
 *     ftok               st_dev st_ino proj_id expected_key source
 *
 * type is a scheme or "invalid", valid 1 or 0, canonical the string form of what was read.
 * ${RUNTIME} and ${TMP} at the very start of an expected name stand for the directories of the
 * environment that the caller gives. platform_safe_key and legacy_native_key have one header:
 * such a file is taken for the one of the two that gyre contradicts less often. A case whose key
 * has a NUL in it passes if gyre refuses the key: the one place where it is meant to differ from
 * Qt.
 * @since 0.1
 */
#ifndef GYRE_KEY_VECTORS_H
#define GYRE_KEY_VECTORS_H

#include <stddef.h>
#include "gyre_error.h"
#include "gyre_key.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @brief One answer that differs. The strings live until the callback returns. */
struct gyre_key_mismatch {
	size_t line;          /**< In the file; the header is line 1. */
	const char *id;       /**< The case; "" where the file has no ids. */
	const char *column;   /**< The column that differs. */
	const char *expected; /**< In the file's notation, directories filled in. */
	const char *actual;   /**< gyre's answer in the same notation, or "error: ...". */
};

/** @brief Called once for each difference; a case may differ in several columns. */
typedef void gyre_key_mismatch_fn(void *context, const struct gyre_key_mismatch *mismatch);

/** @brief How to check. */
struct gyre_key_vectors_options {
	const struct gyre_key_env *env; /**< For ${RUNTIME} and ${TMP}; may be NULL for files
					     that have no System V names. */
	gyre_key_mismatch_fn *mismatch; /**< NULL: only count. */
	void *context;                  /**< Handed to mismatch. */
};

/** @brief The count of cases, not of columns. */
struct gyre_key_vectors_count {
	size_t passed;
	size_t failed;
};

/**
 * @brief Check every case of a vector file.
 * @param text  The whole file; it need not end with a NUL.
 * @param bytes Its length.
 * @param[out] ret_count Also when cases failed: that is an answer, not an error.
 * @retval GYRE_OK
 * @retval GYRE_EINVAL The file is none of the five kinds, or a line is malformed; the text
 *                     names the line. Nothing was reported.
 * @retval GYRE_ENORES No memory.
 *
 * - Blocking: never, but that it allocates about the size of the file.
 * - Threads: pure, as far as the callback is. Signals: not async-signal-safe.
 */
GYRE_API int gyre_key_check_vectors(const char *text, size_t bytes,
	const struct gyre_key_vectors_options *options, struct gyre_key_vectors_count *ret_count,
	struct gyre_error *reterr);

#ifdef __cplusplus
}
#endif
#endif
