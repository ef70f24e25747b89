/** What one side lets the other make it hold and do (`docs/transfer.md` §1, §8), and how much is done ahead. */

/** Bytes of a control message. */
export const CONTROL = 16_384;
/** Bytes of the longest message: there are implementations that never complete a longer one. */
export const MESSAGE = 65_535;
/** Files of one offer. */
export const FILES = 65_536;
/** Bytes of all paths of one offer. */
export const PATHS = 4 << 20;
/** Bytes of a chunk that we make: few enough digests, often enough a word of how fast they arrive. */
export const CHUNK = 128 << 10;
/** Ranges that a request may claim. */
export const CLAIMS = 64;
/** Requests that a sender keeps in line. */
export const REQUESTS = 256;
/** Files that a receiver asks for ahead of what has arrived. */
export const FILES_AHEAD = 256;
/** Bytes of a file that is not worth being opened by itself. */
export const SMALL = 128 << 10;
/** Bytes of so many of them as are read, written or told of in one go. The more, the longer the chat waits for them. */
export const TOGETHER = 32 << 10;
/** Chunks that are read and hashed ahead of what is sent, or of what is compared. */
export const CHUNKS_AHEAD = 16;
/** Bytes of chunks that a receiver holds until they are written: what browsers have on the way at most, 5 MiB, and some that the disk has in hand. */
export const WINDOW = 8 << 20;
/** Bytes that may wait in the data channel, and those at which it asks for more. Chat shares the association's buffer with them. */
export const BUFFERED = 256 << 10;
export const BUFFERED_LOW = BUFFERED / 2;
/** Offers of one participant that may wait for an answer; each further one is told that we are busy. */
export const OFFERS = 16;
