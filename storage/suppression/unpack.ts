import { Readable } from 'node:stream'
import { crc32, createGunzip, createInflateRaw } from 'node:zlib'
import { BadImport } from './area-drafts.ts'

/** What a packed file may come to: the whole country is under 4 GB of text. */
const MAX_UNPACKED_BYTES = 16 * 1024 ** 3
/** So much is unpacked at a time: it may become a thousand times as much. */
const PIECE = 16 * 1024
const [LOCAL_FILE, DESCRIPTOR, CENTRAL] = [0x04034b50, 0x08074b50, 0x02014b50]
const [ENCRYPTED, SIZES_FOLLOW] = [1, 8]
const [STORED, DEFLATED] = [0, 8]
const HEADER = 30

/**
 * The text of a file as it comes, and of each file in an archive, one after the other: gzip (RFC 1952) and zip (APPNOTE 6.3) are known by
 * their first bytes. Throws BadImport for one that is cut off or damaged: a list is then taken from none of it. `onFile`: another begins.
 */
export async function* unpack(source: AsyncIterable<Buffer>, onFile: () => void): AsyncGenerator<Buffer> {
  const bytes = new Bytes(source)
  const start = await bytes.peek(4)
  let length = 0
  const parts =
    start.length >= 4 && start.readUInt32LE(0) === LOCAL_FILE
      ? unzip(bytes, onFile)
      : start.length >= 2 && start.readUInt16BE(0) === 0x1f8b
        ? gunzip(bytes)
        : bytes.rest()
  for await (const part of parts) {
    length += part.length
    if (length > MAX_UNPACKED_BYTES) throw new BadImport(`more than ${MAX_UNPACKED_BYTES} bytes of text`)
    yield part
  }
}

async function* gunzip(bytes: Bytes): AsyncGenerator<Buffer> {
  const source = Readable.from(bytes.rest())
  const unzipped = createGunzip()
  source.on('error', (error) => unzipped.destroy(error))
  try {
    yield* source.pipe(unzipped) as AsyncIterable<Buffer>
  } catch (error) {
    throw damaged(error)
  }
}

async function* unzip(bytes: Bytes, onFile: () => void): AsyncGenerator<Buffer> {
  for (;;) {
    const mark = await bytes.peek(4)
    if (mark.length < 4) throw new BadImport('the archive ends in the middle')
    if (mark.readUInt32LE(0) === CENTRAL) return // All files are before their directory.
    if (mark.readUInt32LE(0) !== LOCAL_FILE) throw new BadImport('the archive is damaged')
    const header = await bytes.exactly(HEADER)
    const [flags, method] = [header.readUInt16LE(6), header.readUInt16LE(8)]
    await bytes.exactly(header.readUInt16LE(26) + header.readUInt16LE(28))
    if ((flags & ENCRYPTED) !== 0) throw new BadImport('the archive is encrypted')
    const sizesFollow = (flags & SIZES_FOLLOW) !== 0
    if (method !== DEFLATED && (method !== STORED || sizesFollow))
      throw new BadImport('the archive is packed in a way that is not known here')
    onFile()
    let sum = 0
    for await (const part of method === DEFLATED ? inflate(bytes) : bytes.next(header.readUInt32LE(18))) {
      sum = crc32(part, sum)
      yield part
    }
    const expected = sizesFollow ? await descriptor(bytes) : header.readUInt32LE(14)
    if (expected !== sum) throw new BadImport('the archive is damaged: its checksum is another')
  }
}

/** What stands behind a file whose sizes were not known before: its checksum and sizes, of 4 bytes each or 8. */
async function descriptor(bytes: Bytes): Promise<number> {
  const mark = await bytes.peek(4)
  if (mark.length === 4 && mark.readUInt32LE(0) === DESCRIPTOR) await bytes.exactly(4)
  const sum = (await bytes.exactly(4)).readUInt32LE(0)
  await bytes.exactly(8)
  const next = await bytes.peek(4)
  const isEnd = next.length === 4 && [LOCAL_FILE, CENTRAL].includes(next.readUInt32LE(0))
  if (!isEnd) await bytes.exactly(8)
  return sum
}

/** One deflated file; what stands behind it stays to be read. */
async function* inflate(bytes: Bytes): AsyncGenerator<Buffer> {
  const unpacked = createInflateRaw()
  const parts: Buffer[] = []
  const state: { isOver: boolean; failure: Error | null } = { isOver: false, failure: null }
  let wake = (): void => {}
  const over = (failure: Error | null): void => {
    state.isOver = true
    state.failure = failure
    wake()
  }
  unpacked.on('data', (part: Buffer) => void parts.push(part))
  unpacked.on('end', () => over(null))
  unpacked.on('error', over)
  let fed = 0
  let last: Buffer = Buffer.alloc(0)
  // What the inflater is not interested in any more was behind the file's end: it then ends without answering the write.
  while (!state.isOver) {
    last = await bytes.some(PIECE)
    if (last.length === 0) throw new BadImport('the archive ends in the middle')
    fed += last.length
    const taken = new Promise<void>((resolve) => (wake = resolve))
    unpacked.write(last, () => wake())
    await taken
    if (state.failure !== null) throw damaged(state.failure)
    // Data events of what was written come within this turn.
    await new Promise((resolve) => void setImmediate(resolve))
    yield* parts.splice(0)
  }
  yield* parts
  bytes.putBack(last.subarray(last.length - (fed - unpacked.bytesWritten)))
}

function damaged(error: unknown): Error {
  if (error instanceof BadImport) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  return code.startsWith('Z_') ? new BadImport(`the file is damaged: ${message}`) : (error as Error)
}

/** Bytes as they come, of which one may look at what is next. */
class Bytes {
  readonly #source: AsyncIterator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Fewer at the end. */
  async peek(length: number): Promise<Buffer> {
    while (this.#held.length < length && (await this.#more()));
    return this.#held.subarray(0, length)
  }

  async exactly(length: number): Promise<Buffer> {
    const bytes = await this.peek(length)
    if (bytes.length < length) throw new BadImport('the archive ends in the middle')
    this.#held = this.#held.subarray(length)
    return bytes
  }

  /** At most so many, and none at the end. */
  async some(most: number): Promise<Buffer> {
    if (this.#held.length === 0) await this.#more()
    const bytes = this.#held.subarray(0, most)
    this.#held = this.#held.subarray(bytes.length)
    return bytes
  }

  async *next(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const bytes = await this.some(left)
      if (bytes.length === 0) throw new BadImport('the archive ends in the middle')
      left -= bytes.length
      yield bytes
    }
  }

  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      const bytes = await this.some(Infinity)
      if (bytes.length === 0) return
      yield bytes
    }
  }

  putBack(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([bytes, this.#held])
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next()
    if (done) return false
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value])
    return true
  }
}
