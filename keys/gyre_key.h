/**
 * @file gyre_key.h
 * @brief Keys: what a segment or a semaphore is called.
 *
 * A key is a type (which facility of the system), a native key (the name that facility is
 * given) and, for Qt's sake, an optional legacy key (the name that programs before Qt 6.6 made
 * the native key from). Its string form can be typed, stored, and handed to another process:
 *
 *     posix:/cam0              shm_open(3), sem_open(3)
 *     systemv:/run/user/7/cam0 shmget(2), semget(2) with ftok(path, 81); systemv-7: another id
 *     windows:Global\cam0      CreateFileMapping, CreateSemaphore
 *     file:/dev/shm/cam0       gyre's own: a mapped file
 *     memfd:7                  gyre's own: an inherited descriptor
 *     memfd:/run/cam0.sock     gyre's own: a socket that hands out a sealed memfd
 *     cam0                     gyre_key_parse() only: a platform-safe key of the default type
 *
 * There are two readers. gyre_key_parse_qt() accepts and rejects precisely what Qt 6.8 does,
 * for keys that a Qt program wrote; gyre_key_parse() is for what people type: it knows gyre's
 * own schemes and bare names, and refuses what could not work, saying what to type instead.
 *
 * Common to all functions, unless one says otherwise:
 * - Text is UTF-8 and NUL-terminated. ret_* is written only on success, reterr (optional:
 *   NULL) only on failure. No pointer to a key may be NULL.
 * - Blocking: never; no system call, no allocation.
 * - Threads: every function is pure and may be called from any thread at any time.
 * - Signals: async-signal-safe, but for the text in reterr (vsnprintf(3)); pass NULL there.
 * - Source: QNativeIpcKey and the platformSafeKey() and legacyNativeKey() of QSharedMemory and
 *   QSystemSemaphore, as Qt 6.8.2 behaves; Windows and Apple as its sources say.
 * @since 0.1
 */
#ifndef GYRE_KEY_H
#define GYRE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gyre_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GYRE_KEY_NATIVE_SIZE 4096 /**< Bytes of a native key, its NUL included. */
#define GYRE_KEY_LEGACY_SIZE 1024 /**< Bytes of a legacy key, its NUL included. */
#define GYRE_KEY_TEXT_SIZE 16384  /**< Holds the string form of any key, its NUL included. */

/** @brief Types, in Qt's numbers. 1 to 255 are all System V, the number being the ftok id. */
enum gyre_key_type {
	GYRE_KEY_INVALID = 0,
	GYRE_KEY_SYSTEMV = 81,   /**< The normal ftok id, 'Q'. */
	GYRE_KEY_POSIX = 256,    /**< POSIX realtime: shm_open(3), sem_open(3). */
	GYRE_KEY_WINDOWS = 257,  /**< A Windows object name. */
	GYRE_KEY_FILE = 0x8001,  /**< gyre's own, above Qt's range: a mapped file. */
	GYRE_KEY_MEMFD = 0x8002, /**< gyre's own: a memfd, by number or through a socket. */
};

/** @brief What a name is for: the same name may stand for memory and for a semaphore. */
enum gyre_key_kind {
	GYRE_KEY_SHM = 0, /**< Shared memory. */
	GYRE_KEY_SEM = 1, /**< A system semaphore. */
};

/** @brief Whose rules a name is made by. They need not be those of the running system. */
enum gyre_os {
	GYRE_OS_LINUX = 0,
	GYRE_OS_FREEBSD = 1,
	GYRE_OS_QNX = 2,
	GYRE_OS_APPLE = 3,
	GYRE_OS_APPLE_SANDBOXED = 4, /**< An App Store program: no System V, other names. */
	GYRE_OS_WINDOWS = 5,
	GYRE_OS_ANDROID = 6,   /**< Has none of Qt's types. */
	GYRE_OS_INTEGRITY = 7, /**< Has none of Qt's types. */
};

/** @brief Which Qt a peer is built with: they find the lock of a segment differently. */
enum gyre_key_qt {
	GYRE_KEY_QT_NEW = 0,    /**< 6.6 and later. */
	GYRE_KEY_QT_LEGACY = 1, /**< 4.4 to 6.5. */
};

/** @brief A key. Plain data, to be copied and compared; zeroed it is invalid and empty. */
struct gyre_key {
	uint16_t type;                     /**< enum gyre_key_type, or 1..255 */
	char native[GYRE_KEY_NATIVE_SIZE]; /**< What the system is given. */
	char legacy[GYRE_KEY_LEGACY_SIZE]; /**< "" if there is none. */
};

/**
 * @brief The directories that names of System V objects are made from.
 *
 * gyre_key_env_discover() finds those of this process. "" is a valid value and means that
 * there is none: Qt then makes a path in the root directory, and so does gyre.
 */
struct gyre_key_env {
	const char *runtime_dir;  /**< For platform-safe keys. */
	const char *temp_dir;     /**< For legacy keys. */
	const char *runtime_note; /**< For people: NULL, or why runtime_dir is not the value of
				       $XDG_RUNTIME_DIR ("belongs to another user"), so that a
				       process with another environment gets other keys. */
};

/* ---- The key itself ---- */

/** @brief The type is not GYRE_KEY_INVALID. A key may be valid and empty. */
GYRE_API bool gyre_key_valid(const struct gyre_key *key);

/** @brief The native key is "". */
GYRE_API bool gyre_key_empty(const struct gyre_key *key);

/** @brief Same type, same native key, same legacy key. Case and spelling matter. */
GYRE_API bool gyre_key_equal(const struct gyre_key *a, const struct gyre_key *b);

/**
 * @brief Replace the native key. The legacy key is dropped, even if nothing changes (as Qt).
 * @param native UTF-8. Whether a system would accept it is gyre_key_check()'s question.
 * @retval GYRE_OK
 * @retval GYRE_EKEY Not UTF-8, or longer than 4095 bytes; the key is unchanged.
 */
GYRE_API int gyre_key_set_native(
	struct gyre_key *key, const char *native, struct gyre_error *reterr);

/**
 * @brief Would the system accept this key as a name?
 *
 * Looks at the form only, by the rules of the key's type: not empty, no inner slash and at most
 * 251 bytes in a POSIX name (its lock semaphore must fit too: sem.NAME), at most 30 bytes of it
 * on Apple, no file name above 255 bytes in a path, an absolute path for file: and memfd:, a
 * socket path of at most 107 bytes (Linux; else 103). Whether the type exists on that system
 * is another question: gyre_key_type_exists().
 * @retval GYRE_OK
 * @retval GYRE_EKEY The text says what is wrong, and what to write instead.
 */
GYRE_API int gyre_key_check(const struct gyre_key *key, enum gyre_os os, struct gyre_error *reterr);

/**
 * @brief The descriptor that a key names.
 * @return 0 or more for a key such as memfd:7; -1 for every other.
 */
GYRE_API int gyre_key_descriptor(const struct gyre_key *key);

/* ---- The string form ---- */

/**
 * @brief Read the string form exactly as Qt 6.8 does (QNativeIpcKey::fromString()).
 *
 * Kept as they are: the scheme in any case, leading zeros in systemv-0081, an ignored
 * "#fragment", an empty authority ("posix:///a" is "/a"), the last of several legacyKey items,
 * "+" that is no space, "%" that is literal everywhere once one of them is stray, U+FFFD for
 * every escaped byte that is no UTF-8, and no check of the name at all: "posix:a/b" and
 * "posix:" are valid. gyre differs in three things: input that is no UTF-8 is refused (Qt never
 * sees any), so is a "%00" (Qt cuts the name there), and so is what struct gyre_key cannot hold.
 * @param text The whole key; nothing is trimmed.
 * @retval GYRE_OK
 * @retval GYRE_EKEY Qt says it is invalid, or one of the three above.
 */
GYRE_API int gyre_key_parse_qt(
	const char *text, struct gyre_key *ret_key, struct gyre_error *reterr);

/**
 * @brief Read what a person typed, for the system this library was built for.
 *
 * The grammar of gyre_key_parse_qt(), and beyond it: file: and memfd:, and names. A name has no
 * ':'; it is taken literally ('%', '?' and '#' too) and becomes gyre_key_safe()'s key of the
 * default type. "/name", as shm_open(3) likes it, is the same as "name". Refused are what
 * gyre_key_check() refuses, a name that gyre_key_safe() would cut, a path without a scheme, and
 * what Qt reads as the name of another object without a word: a "#fragment", and escapes that
 * are no UTF-8. The type may be one that this system has not: see gyre_key_type_exists().
 * @retval GYRE_OK
 * @retval GYRE_EKEY The text says what is wrong, and what to type instead.
 */
GYRE_API int gyre_key_parse(const char *text, struct gyre_key *ret_key, struct gyre_error *reterr);

/**
 * @brief Write the string form as Qt 6.8 does (QNativeIpcKey::toString()).
 *
 * gyre_key_parse_qt() reads it back to an equal key. "" for types Qt has not.
 * @param[out] buf  Gets it, cut if need be, with a NUL; may be NULL if size is 0.
 * @param      size Bytes; GYRE_KEY_TEXT_SIZE always suffices.
 * @return Length of the whole form in bytes, without the NUL, as snprintf(3).
 */
GYRE_API size_t gyre_key_print_qt(const struct gyre_key *key, char *buf, size_t size);

/**
 * @brief Write the string form, of gyre's own types too.
 *
 * gyre_key_parse() reads it back to an equal key, if gyre_key_check() accepts the key. Equal to
 * gyre_key_print_qt() for Qt's types; "" for an invalid key.
 * @return As gyre_key_print_qt().
 */
GYRE_API size_t gyre_key_print(const struct gyre_key *key, char *buf, size_t size);

/* ---- Types, systems and kinds, and their words ---- */

/**
 * @brief The scheme of a type: "posix", "systemv", "systemv-7", "windows", "file", "memfd".
 * @return Its length, as snprintf(3); 0 and "" for GYRE_KEY_INVALID and unknown numbers.
 */
GYRE_API size_t gyre_key_type_text(uint16_t type, char *buf, size_t size);

/**
 * @brief The type of a scheme, in any case, without the colon.
 * @return GYRE_KEY_INVALID if there is no such scheme.
 */
GYRE_API uint16_t gyre_key_type_from_text(const char *scheme);

/** @brief "shm" or "sem"; "" for an unknown number. */
GYRE_API const char *gyre_key_kind_text(enum gyre_key_kind kind);

/**
 * @brief The kind of a word.
 * @retval GYRE_EINVAL There is no such word.
 */
GYRE_API int gyre_key_kind_from_text(const char *word, enum gyre_key_kind *ret_kind);

/** @brief "linux", "freebsd", "qnx", "apple", "apple-sandboxed", "windows", "android",
 *  "integrity"; "" for an unknown number. */
GYRE_API const char *gyre_key_os_text(enum gyre_os os);

/**
 * @brief The system of a word.
 * @retval GYRE_EINVAL There is no such word.
 */
GYRE_API int gyre_key_os_from_text(const char *word, enum gyre_os *ret_os);

/** @brief The system this library was built for. On Apple a program that runs in the sandbox
 *  has to say so itself (GYRE_OS_APPLE_SANDBOXED). */
GYRE_API enum gyre_os gyre_key_os_here(void);

/**
 * @brief Does a system offer a type at all?
 *
 * By its documentation; what a kernel or a container took away shows only at run time.
 */
GYRE_API bool gyre_key_type_exists(uint16_t type, enum gyre_os os);

/** @brief The type that Qt 6.6 and later use by default: Windows on Windows, else POSIX, even
 *  where there is none. (QNativeIpcKey::DefaultTypeForOs) */
GYRE_API uint16_t gyre_key_default_type(enum gyre_os os);

/**
 * @brief The type that Qt 4.4 to 6.5 use. (QNativeIpcKey::legacyDefaultTypeForOs())
 * @param qt_posix_ipc That Qt was configured with -feature-ipc_posix. Debian's is not.
 * @return Windows on Windows; POSIX if qt_posix_ipc, and where there is no System V but POSIX;
 *         else System V.
 */
GYRE_API uint16_t gyre_key_legacy_default_type(enum gyre_os os, bool qt_posix_ipc);

/* ---- From a name to a key ---- */

/**
 * @brief The platform-safe key of a name (platformSafeKey() of Qt 6.6 and later).
 *
 * Qt's answer, oddities included: nothing in the name is checked; a leading slash is doubled in
 * a POSIX key; an empty name, or a type the system has not, gives an empty native key; the
 * native key is cut, silently, to 30 UTF-16 units on Apple and to 260 on Windows (half a
 * surrogate pair that is left there becomes '?', as in Qt's UTF-8). gyre_key_shorten() makes
 * names that fit. file: and memfd:, which Qt has not, follow System V's rule: a path as it is, a
 * name in the runtime directory; semaphores of these types do not exist.
 *
 * Two processes with another environment get another System V key from the same name: pass on
 * the key's string form rather than the name.
 * @param name Of any length that struct gyre_key can hold.
 * @param env  Needed for System V, file: and memfd:, else it may be NULL.
 * @retval GYRE_OK
 * @retval GYRE_EKEY   The name is no UTF-8 or too long to hold, or there is no such type.
 * @retval GYRE_EINVAL env is needed.
 */
GYRE_API int gyre_key_safe(const char *name, uint16_t type, enum gyre_key_kind kind,
	enum gyre_os os, const struct gyre_key_env *env, struct gyre_key *ret_key,
	struct gyre_error *reterr);

/**
 * @brief The key that Qt 4.4 to 6.5 makes of a name (legacyNativeKey(), setKey()).
 *
 * SHA-1 of the name behind its ASCII letters, in the temporary directory for System V; on Apple
 * 29 hex digits, or in the sandbox the name itself. No length limit is applied, as in Qt: more
 * than 197 letters make a file name that no file system takes. Bytes decide: é composed and é
 * decomposed are two names. An empty name, or a type the system has not, gives an empty key.
 * @param name Kept as the legacy key: at most 1023 bytes.
 * @param env  Needed for System V, else it may be NULL.
 * @retval GYRE_OK
 * @retval GYRE_EKEY   The name is no UTF-8 or too long to hold, or the type is none of Qt's.
 * @retval GYRE_EINVAL env is needed.
 */
GYRE_API int gyre_key_legacy(const char *name, uint16_t type, enum gyre_key_kind kind,
	enum gyre_os os, const struct gyre_key_env *env, struct gyre_key *ret_key,
	struct gyre_error *reterr);

/**
 * @brief The key of the semaphore that locks a memory segment, as its Qt peers compute it.
 *
 * With a legacy key: the legacy semaphore key of that name, of the same type. Without: the same
 * native key (Windows: its first 255 UTF-16 units and "_sem"); but Qt before 6.6 then does not
 * lock at all.
 * @param memory A key of one of Qt's types.
 * @param peer   The peers' Qt. Two of different classes exclude each other by legacy keys only.
 * @param env    Needed for System V with a legacy key, else it may be NULL.
 * @retval GYRE_OK
 * @retval GYRE_ELOCK   GYRE_KEY_QT_LEGACY and no legacy key: there is no lock.
 * @retval GYRE_ENOTSUP file: and memfd: have no lock semaphore.
 * @retval GYRE_EKEY, GYRE_EINVAL As gyre_key_legacy().
 */
GYRE_API int gyre_key_lock_key(const struct gyre_key *memory, enum gyre_key_qt peer,
	enum gyre_os os, const struct gyre_key_env *env, struct gyre_key *ret_key,
	struct gyre_error *reterr);

#define GYRE_KEY_SHORTENED_BYTES 17 /**< '-' and 16 digits: the tail of a shortened name. */

/** @brief Bytes that a name may have so that its platform-safe key, and the key of its lock,
 *  are complete and acceptable: 29 on Apple, else 251. */
GYRE_API size_t gyre_key_name_bytes_max(enum gyre_os os);

/**
 * @brief Shorten a name without losing its identity.
 *
 * A name that fits is unchanged. A longer one becomes as many of its first bytes as there is
 * room for, no UTF-8 sequence split, then '-' and the 16 lower-case hex digits of XXH3-64 (seed
 * 0) of the whole name. The result is the same on every system and in every version of gyre.
 * Two of a million names meet with a chance of 3 in 10^8; it is no defence against somebody who
 * looks for a meeting.
 * @param bytes_max Room in bytes, at least GYRE_KEY_SHORTENED_BYTES unless the name fits; see
 *                  gyre_key_name_bytes_max().
 * @param size      Bytes of buf; bytes_max + 1 always suffices.
 * @return Length of the result in bytes, or
 * @retval GYRE_EINVAL bytes_max is too small for a tail, or above INT_MAX.
 * @retval GYRE_ESIZE  buf is too small; nothing was written.
 */
GYRE_API int gyre_key_shorten(const char *name, size_t bytes_max, char *buf, size_t size);

/* ---- What the system makes of it ---- */

/**
 * @brief Where a person finds the object: the operating system's own name for it.
 *
 * On Linux /dev/shm/NAME for POSIX memory, /dev/shm/sem.NAME for a POSIX semaphore; elsewhere
 * the name as it is given to the system (POSIX names need not be files there). The path of a
 * System V key file, a mapped file or a socket; /proc/self/fd/7 (elsewhere /dev/fd/7); the
 * object name on Windows. Apple's kernel is given the canonical decomposition of it.
 * @return Length, as snprintf(3); 0 and "" if the key has no such object on that system.
 */
GYRE_API size_t gyre_key_os_name(const struct gyre_key *key, enum gyre_key_kind kind,
	enum gyre_os os, char *buf, size_t size);

/**
 * @brief The System V key of a file, as ftok(3) computes it (glibc, musl, the BSDs).
 *
 * Only 24 bits come from the file, so unrelated files can collide. Ids from 128 on give
 * negative keys: Qt takes those as errors for memory, System V does not.
 * @param st_dev  From stat(2), which follows symbolic links.
 * @param proj_id The ftok id; its low 8 bits count.
 * @return To be converted to key_t.
 */
GYRE_API uint32_t gyre_key_ftok(uint64_t st_dev, uint64_t st_ino, int proj_id);

#define GYRE_KEY_ENV_SIZE 8192 /**< Bytes that gyre_key_env_discover() needs. */

/**
 * @brief Find this process's runtime and temporary directory as Qt does.
 *
 * Runtime: $XDG_RUNTIME_DIR as it is spelled, if it is absolute, exists or can be made (one
 * mkdir(2), 0700), and is a directory, no symbolic link, of this user, mode 0700; else the
 * temporary directory + "/runtime-" + user name, made and checked alike; else "".
 * Temporary: $TMPDIR, else /tmp, cleaned of ".", ".." and "//" by its text, then resolved by
 * realpath(3); "" if it does not exist.
 * @param[out] ret_env Points into buf, which has to outlive it.
 * @param      buf     At least GYRE_KEY_ENV_SIZE bytes.
 * @retval GYRE_OK
 * @retval GYRE_ESIZE buf is too small.
 *
 * - Blocking: as long as the file system and the user database take; may make a directory.
 * - Threads: reads the environment, as getenv(3) does; not while another thread changes it.
 * - Signals: not async-signal-safe.
 * - Source: QStandardPaths::writableLocation(RuntimeLocation), QDir::tempPath() on Unix.
 */
GYRE_API int gyre_key_env_discover(
	struct gyre_key_env *ret_env, char *buf, size_t size, struct gyre_error *reterr);

#ifdef __cplusplus
}
#endif
#endif
