import { randomBytes } from 'node:crypto'
import type { MasterKey } from '../../config/master-keys.ts'
import { decrypt, encrypt, Unsealable } from '../../config/vault.ts'

const KEY_BYTES = 32
const RECORDING_KEY = 'recording key'

/** A recording's own key, encrypted by a master key (AES-256-GCM); all in base64. */
export interface WrappedKey {
  readonly keyId: string
  readonly nonce: string
  readonly wrapped: string
  readonly tag: string
}

/** A recording that cannot be opened or is not what it was, and why. */
export class UnreadableRecording extends Error {
  override readonly name = 'UnreadableRecording'
}

/** A new key for one recording, and the same wrapped: it serves that recording and no other. */
export function newDataKey(master: MasterKey, recording: string): { dataKey: Buffer; wrapped: WrappedKey } {
  const dataKey = randomBytes(KEY_BYTES)
  const { keyId, nonce, bytes, tag } = encrypt(master, dataKey, RECORDING_KEY, recording)
  const [iv, wrapped, authTag] = [nonce, bytes, tag].map((part) => part.toString('base64'))
  return { dataKey, wrapped: { keyId, nonce: iv!, wrapped: wrapped!, tag: authTag! } }
}

/** The recording's key again. Throws UnreadableRecording when no master key of that id is among ours, or it is another one. */
export function unwrapDataKey(keys: readonly MasterKey[], wrapped: WrappedKey, recording: string): Buffer {
  const { keyId } = wrapped
  const [nonce, bytes, tag] = [wrapped.nonce, wrapped.wrapped, wrapped.tag].map((part) => Buffer.from(part, 'base64'))
  if (!keys.some(({ id }) => id === keyId))
    throw new UnreadableRecording(`it was made with the recording key “${keyId}”, which is not set`)
  try {
    return decrypt(keys, { keyId, nonce: nonce!, bytes: bytes!, tag: tag! }, RECORDING_KEY, recording)
  } catch (error) {
    if (!(error instanceof Unsealable)) throw error
    throw new UnreadableRecording(`the recording key “${keyId}” is not the one it was made with`)
  }
}
