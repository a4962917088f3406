import { open, type FileHandle } from 'node:fs/promises'
import { hashOf, headerBytes, sealChunk, type RecordingHeader } from './recording-format.ts'

/** Bytes that wait for the disk; a disk slower than that for so long ends the recording, not the call. About 16 s of audio. */
export const MAX_WAITING_BYTES = 512 * 1024
/** How often what is written is forced to the disk: a lost machine costs so much of it, a lost process a chunk. */
const SYNC_MS = 1000

/** A recording's file while it is written, chunk by chunk, each encrypted before it leaves memory. */
export class RecordingFile {
  readonly #path: string
  readonly #create: (path: string) => Promise<FileHandle>
  readonly #header: Buffer
  readonly #hash: Buffer
  readonly #key: Buffer
  readonly #onFailed: (reason: string) => void
  #handle: FileHandle | null = null
  #number = 0
  #waiting = 0
  #bytes = 0
  #syncedMs = performance.now()
  #failed: string | null = null
  #tail: Promise<void>

  /** Opens it at once: `opened` says how that went. `onFailed` is told once when the disk takes no more. */
  constructor(
    path: string,
    header: RecordingHeader,
    key: Buffer,
    onFailed: (reason: string) => void,
    create: (path: string) => Promise<FileHandle> = createFile,
  ) {
    this.#path = path
    this.#create = create
    this.#header = headerBytes(header)
    this.#hash = hashOf(this.#header)
    this.#key = key
    this.#onFailed = onFailed
    this.#tail = this.#open()
  }

  /** Rejects when the file cannot be made. */
  async opened(): Promise<void> {
    await this.#tail
    if (this.#failed !== null) throw new Error(this.#failed)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Written in the background, in order. */
  write(plain: Buffer, isLast = false): void {
    if (this.#failed !== null) return
    const sealed = sealChunk(this.#key, this.#hash, this.#number++, plain, isLast)
    if (this.#waiting + sealed.length > MAX_WAITING_BYTES) return this.#fail('disk_slow')
    this.#waiting += sealed.length
    this.#tail = this.#tail.then(() => this.#append(sealed))
  }

  /** Resolves once all of it is on the disk, or the disk has refused. */
  async finish(plain: Buffer): Promise<void> {
    this.write(plain, true)
    await this.#tail
    try {
      await this.#handle?.sync()
    } catch (error) {
      this.#fail(reasonOf(error))
    }
    await this.#handle?.close().catch(() => {})
    this.#handle = null
    this.#key.fill(0)
  }

  async #open(): Promise<void> {
    try {
      this.#handle = await this.#create(this.#path)
      await this.#handle.appendFile(this.#header)
      this.#bytes = this.#header.length
    } catch (error) {
      this.#fail(reasonOf(error))
    }
  }

  async #append(sealed: Buffer): Promise<void> {
    this.#waiting -= sealed.length
    if (this.#failed !== null || this.#handle === null) return
    try {
      await this.#handle.appendFile(sealed)
      this.#bytes += sealed.length
      if (performance.now() - this.#syncedMs < SYNC_MS) return
      await this.#handle.datasync()
      this.#syncedMs = performance.now()
    } catch (error) {
      this.#fail(reasonOf(error))
    }
  }

  #fail(reason: string): void {
    if (this.#failed !== null) return
    this.#failed = reason
    this.#onFailed(reason)
  }
}

/** Never over another recording; for its owner alone. */
function createFile(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600)
}

/** A full disk has a name of its own; anything else is the system's word. */
function reasonOf(error: unknown): string {
  const { code = 'unknown' } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'disk_full' : `disk_error (${code})`
}
