// The bounds that hold for every message, whatever the settings say. Units are in the names.

/** A header longer than this is not mail that any program shows; Postfix's header_size_limit is 100 KiB for one field. */
export const MAX_HEADER_BYTES = 1024 * 1024
/** Parts of one message, all readings together. */
export const MAX_PARTS = 10_000
/** multipart in multipart and message/rfc822 in it. */
export const MAX_MIME_DEPTH = 100
/** Received fields before a message counts as looping (RFC 5321 6.3 asks for at least 100). */
export const MAX_RECEIVED_FIELDS = 100
/** Size of the pieces in which files and streams are read. */
export const CHUNK_BYTES = 64 * 1024
