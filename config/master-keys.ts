const KEY_BYTES = 32
/** Letters and digits that can stand in a header line and on a command line. */
const KEY_ID = /^[\w.-]{1,40}$/

/** A key that other keys, or secrets, are sealed with, and the name it is known by beside them. */
export interface MasterKey {
  readonly id: string
  readonly key: Buffer
}

/**
 * Reads `ID:KEY` or `KEY`, several separated by commas: 32 bytes each, in hex or base64. The first seals what is new; the
 * others open what is older. One without a name is called `default`. Throws RangeError, which never holds the key, and calls it
 * `what`.
 */
export function readMasterKeys(text: string, what: string): readonly MasterKey[] {
  const keys = text.split(',').map((entry, i) => {
    const [id, value] = entry.includes(':') ? splitOnce(entry.trim()) : ['default', entry.trim()]
    if (!KEY_ID.test(id)) throw new RangeError(`${what} ${i + 1}: its id may be 1 to 40 letters, digits, _ . -`)
    const key = Buffer.from(value, /^[0-9a-f]{64}$/i.test(value) ? 'hex' : 'base64')
    if (key.length !== KEY_BYTES)
      throw new RangeError(`${what} ${id}: must be 32 bytes in hex or base64, and is ${key.length}`)
    return { id, key }
  })
  const twice = keys.find(({ id }, i) => keys.findIndex((other) => other.id === id) !== i)
  if (twice) throw new RangeError(`${what} ${twice.id}: named twice`)
  return keys
}

function splitOnce(entry: string): [id: string, value: string] {
  const at = entry.indexOf(':')
  return [entry.slice(0, at), entry.slice(at + 1)]
}
