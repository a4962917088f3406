import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { UnreadableRecording, type WrappedKey } from './recording-key.ts'

/**
 * A recording at rest, in this order:
 *
 *     magic        8 bytes, `DCEREC1\n`
 *     size         4 bytes, big-endian: of the header
 *     header       JSON: RecordingHeader
 *     chunks       each: 4 bytes big-endian (top bit: the last; else the size), ciphertext, 16 bytes of tag
 *
 * Each chunk is AES-256-GCM under the recording's own key. Its nonce is its number and whether it is the last (the STREAM
 * construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), and the header's hash goes into each: chunks cannot be changed,
 * left out, put in another order or taken from another recording, and a file cut short is told from a whole one.
 */
export const MAGIC = Buffer.from('DCEREC1\n', 'latin1')
export const TAG_BYTES = 16
export const MAX_HEADER_BYTES = 4096
/** More in one chunk is no chunk of ours. */
export const MAX_CHUNK_BYTES = 1024 * 1024
const LAST = 0x8000_0000

export interface RecordingHeader {
  readonly name: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly hertz: number
  /** Caller left, buyer right; 16-bit samples. */
  readonly channels: number
  readonly key: WrappedKey
}

export const FILE_EXTENSION = '.dcerec'

/** The beginning of a file. */
export function headerBytes(header: RecordingHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const size = Buffer.alloc(4)
  size.writeUInt32BE(json.length)
  return Buffer.concat([MAGIC, size, json])
}

/** What goes into every chunk beside it. */
export function hashOf(header: Buffer): Buffer {
  return createHash('sha256').update(header).digest()
}

/** The number fits: a chunk is a quarter of a second, and 2^32 of them are 34 years. */
function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(number, 7)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

/** One chunk as it stands in the file. */
export function sealChunk(key: Buffer, headerHash: Buffer, number: number, plain: Buffer, isLast: boolean): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number, isLast)).setAAD(headerHash)
  const size = Buffer.alloc(4)
  size.writeUInt32BE(((isLast ? LAST : 0) | plain.length) >>> 0)
  return Buffer.concat([size, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What the 4 bytes before a chunk say. */
export function readChunkSize(bytes: Buffer): { size: number; isLast: boolean } {
  const word = bytes.readUInt32BE(0)
  return { size: word & ~LAST, isLast: word >= LAST }
}

/** The samples of a chunk, without its 4 bytes. Throws UnreadableRecording when it is not what was written. */
export function openChunk(key: Buffer, headerHash: Buffer, number: number, sealed: Buffer, isLast: boolean): Buffer {
  const size = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(number, isLast), { authTagLength: TAG_BYTES })
  decipher.setAAD(headerHash).setAuthTag(sealed.subarray(size))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, size)), decipher.final()])
  } catch {
    throw new UnreadableRecording(`chunk ${number + 1} has been changed, or does not belong in this place`)
  }
}
