import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { MasterKey } from '../../config/master-keys.ts'

const KEY_BYTES = 32
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

/** A new key for one recording, and the same wrapped. */
export function newDataKey(master: MasterKey, recording: string): { dataKey: Buffer; wrapped: WrappedKey } {
  const dataKey = randomBytes(KEY_BYTES)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', master.key, nonce).setAAD(boundTo(master.id, recording))
  const wrapped = Buffer.concat([cipher.update(dataKey), cipher.final()])
  const base64 = { nonce: nonce.toString('base64'), wrapped: wrapped.toString('base64') }
  return { dataKey, wrapped: { keyId: master.id, ...base64, tag: cipher.getAuthTag().toString('base64') } }
}

/** The recording's key again. Throws UnreadableRecording when no master key of that id is among ours, or it is another one. */
export function unwrapDataKey(keys: readonly MasterKey[], wrapped: WrappedKey, recording: string): Buffer {
  const master = keys.find(({ id }) => id === wrapped.keyId)
  if (!master) throw new UnreadableRecording(`it was made with the recording key “${wrapped.keyId}”, which is not set`)
  try {
    const decipher = createDecipheriv('aes-256-gcm', master.key, Buffer.from(wrapped.nonce, 'base64'), {
      authTagLength: 16,
    })
    decipher.setAAD(boundTo(wrapped.keyId, recording)).setAuthTag(Buffer.from(wrapped.tag, 'base64'))
    return Buffer.concat([decipher.update(Buffer.from(wrapped.wrapped, 'base64')), decipher.final()])
  } catch {
    throw new UnreadableRecording(`the recording key “${wrapped.keyId}” is not the one it was made with`)
  }
}

/** A wrapped key serves the recording it was made for and no other. */
function boundTo(keyId: string, recording: string): Buffer {
  return Buffer.from(`dce recording key\n${keyId}\n${recording}`)
}
