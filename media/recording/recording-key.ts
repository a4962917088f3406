import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const KEY_BYTES = 32
/** Letters and digits that can stand in a header line and on a command line. */
const KEY_ID = /^[\w.-]{1,40}$/

/** A key that wraps the keys of recordings, and the name it is known by in their headers. */
export interface MasterKey {
  readonly id: string
  readonly key: Buffer
}

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

/**
 * Reads `ID:KEY` or `KEY`, several separated by commas: 32 bytes each, in hex or base64. The first wraps new recordings; the
 * others open those of earlier years. One without a name is called `default`. Throws RangeError, which never holds the key.
 */
export function readMasterKeys(text: string): readonly MasterKey[] {
  const keys = text.split(',').map((entry, i) => {
    const [id, value] = entry.includes(':') ? splitOnce(entry.trim()) : ['default', entry.trim()]
    if (!KEY_ID.test(id)) throw new RangeError(`recording key ${i + 1}: its id may be 1 to 40 letters, digits, _ . -`)
    const key = Buffer.from(value, /^[0-9a-f]{64}$/i.test(value) ? 'hex' : 'base64')
    if (key.length !== KEY_BYTES)
      throw new RangeError(`recording key ${id}: must be 32 bytes in hex or base64, and is ${key.length}`)
    return { id, key }
  })
  const twice = keys.find(({ id }, i) => keys.findIndex((other) => other.id === id) !== i)
  if (twice) throw new RangeError(`recording key ${twice.id}: named twice`)
  return keys
}

function splitOnce(entry: string): [id: string, value: string] {
  const at = entry.indexOf(':')
  return [entry.slice(0, at), entry.slice(at + 1)]
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
