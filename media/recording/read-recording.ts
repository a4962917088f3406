import { open, type FileHandle } from 'node:fs/promises'
import {
  hashOf,
  headerBytes,
  MAGIC,
  MAX_CHUNK_BYTES,
  MAX_HEADER_BYTES,
  openChunk,
  readChunkSize,
  TAG_BYTES,
  type RecordingHeader,
} from './recording-format.ts'
import type { MasterKey } from '../../config/master-keys.ts'
import { UnreadableRecording, unwrapDataKey } from './recording-key.ts'

/** What can be said of a recording without its key. */
export interface RecordingSummary {
  readonly header: RecordingHeader
  readonly durationMs: number
  /** False: its last chunk is not there. It is still being written, or its process was killed, or somebody has cut it short. */
  readonly isComplete: boolean
}

const BYTES_A_SAMPLE = 2

/** Reads the header and the sizes of the chunks. Rejects with UnreadableRecording when it is no recording. */
export async function summarize(file: string): Promise<RecordingSummary> {
  const handle = await open(file, 'r')
  try {
    const { header, end } = await readHeader(handle)
    let bytes = 0
    let isComplete = false
    for await (const chunk of chunksOf(handle, end)) {
      bytes += chunk.sealed.length - TAG_BYTES
      isComplete = chunk.isLast
    }
    return { header, durationMs: durationOf(bytes, header), isComplete }
  } finally {
    await handle.close()
  }
}

/**
 * Opens a recording chunk by chunk and gives each one's samples to `take`. Resolves with what it was; `isComplete` false for one that
 * was cut short, of which all that is whole has been given. Rejects with UnreadableRecording at the first chunk that was changed.
 */
export async function decrypt(
  file: string,
  keys: readonly MasterKey[],
  take: (samples: Buffer) => Promise<void>,
): Promise<RecordingSummary> {
  const handle = await open(file, 'r')
  try {
    const { header, hash, end } = await readHeader(handle)
    const key = unwrapDataKey(keys, header.key, header.name)
    let number = 0
    let bytes = 0
    let isComplete = false
    for await (const { sealed, isLast } of chunksOf(handle, end)) {
      const samples = openChunk(key, hash, number++, sealed, isLast)
      bytes += samples.length
      isComplete = isLast
      await take(samples)
    }
    return { header, durationMs: durationOf(bytes, header), isComplete }
  } finally {
    await handle.close()
  }
}

/** How many bytes of samples are whole. Rejects with UnreadableRecording when no key of ours opens it. */
export async function measure(
  file: string,
  keys: readonly MasterKey[],
): Promise<{ readonly header: RecordingHeader; readonly bytes: number }> {
  const handle = await open(file, 'r')
  try {
    const { header, end } = await readHeader(handle)
    unwrapDataKey(keys, header.key, header.name)
    let bytes = 0
    for await (const { sealed } of chunksOf(handle, end)) bytes += sealed.length - TAG_BYTES
    return { header, bytes }
  } finally {
    await handle.close()
  }
}

/** The samples of each chunk that is whole, in turn. Rejects with UnreadableRecording at the first that was changed. */
export async function* samplesOf(file: string, keys: readonly MasterKey[]): AsyncGenerator<Buffer> {
  const handle = await open(file, 'r')
  try {
    const { header, hash, end } = await readHeader(handle)
    const key = unwrapDataKey(keys, header.key, header.name)
    let number = 0
    for await (const { sealed, isLast } of chunksOf(handle, end)) yield openChunk(key, hash, number++, sealed, isLast)
  } finally {
    await handle.close()
  }
}

function durationOf(bytes: number, { hertz, channels }: RecordingHeader): number {
  return Math.round((bytes * 1000) / (hertz * channels * BYTES_A_SAMPLE))
}

async function readHeader(handle: FileHandle): Promise<{ header: RecordingHeader; hash: Buffer; end: number }> {
  const start = await readAt(handle, 0, MAGIC.length + 4)
  if (start === null || !start.subarray(0, MAGIC.length).equals(MAGIC))
    throw new UnreadableRecording('not a recording of the exchange')
  const size = start.readUInt32BE(MAGIC.length)
  const json = size > MAX_HEADER_BYTES ? null : await readAt(handle, start.length, size)
  if (json === null) throw new UnreadableRecording('its header is cut short')
  try {
    const header = JSON.parse(json.toString()) as RecordingHeader
    // Written by us, so written the same again: what has been changed in it is found by its hash in every chunk.
    if (!headerBytes(header).subarray(start.length).equals(json)) throw new Error('changed')
    return { header, hash: hashOf(Buffer.concat([start, json])), end: start.length + size }
  } catch {
    throw new UnreadableRecording('its header cannot be read')
  }
}

/** The chunks that are whole, in the order of the file. */
async function* chunksOf(handle: FileHandle, start: number): AsyncGenerator<{ sealed: Buffer; isLast: boolean }> {
  for (let at = start; ;) {
    const word = await readAt(handle, at, 4)
    if (word === null) return
    const { size, isLast } = readChunkSize(word)
    if (size > MAX_CHUNK_BYTES) throw new UnreadableRecording(`a chunk of ${size} bytes is none of ours`)
    const sealed = await readAt(handle, at + 4, size + TAG_BYTES)
    if (sealed === null) return
    yield { sealed, isLast }
    at += 4 + sealed.length
    if (!isLast) continue
    if ((await readAt(handle, at, 1)) !== null) throw new UnreadableRecording('something follows its last chunk')
    return
  }
}

/** Null when the file ends before. */
async function readAt(handle: FileHandle, position: number, size: number): Promise<Buffer | null> {
  const buffer = Buffer.alloc(size)
  let read = 0
  while (read < size) {
    const { bytesRead } = await handle.read(buffer, read, size - read, position + read)
    if (bytesRead === 0) return null
    read += bytesRead
  }
  return buffer
}
