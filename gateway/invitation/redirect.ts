import { isAmong, readForeignUri } from '../headers/allowed-hosts.ts'
import { listOf, paramOf, uriOf } from '../headers/sip-fields.ts'
import { parseUri, serializeUri, type Uri } from '../sip-server/uri.ts'
import { uriEquals } from '../sip-server/uri-equality.ts'

/** How many contacts of 3xx answers are tried for one award, however they are chained. */
const MAX_REDIRECTS = 3
/** More contacts than this in one answer are not looked at. */
const MAX_CONTACTS = 10

/**
 * Where the 3xx answers of one award lead (RFC 3261 §8.1.3.4): their contacts in the order of q, each URI once, within the
 * target's own host or those the operator allows, and only so many. The next answer's contacts come before what is left of the
 * last one's, since they are nearer to the callee.
 */
export class Redirections {
  readonly #hosts: readonly string[]
  readonly #tried: Uri[] = []
  #waiting: Uri[] = []
  #followed = 0

  /** `targetUri` is where the award was rung first; `hosts` what else is allowed. */
  constructor(targetUri: string, hosts: readonly string[]) {
    const target = parseUri(targetUri)
    this.#hosts = target ? [target.host, ...hosts] : hosts
    if (target) this.#tried.push(target)
  }

  /** Takes in the Contact header of a 3xx. */
  learn(contact: string | undefined): void {
    const found: { uri: Uri; q: number }[] = []
    for (const value of listOf(contact).slice(0, MAX_CONTACTS)) {
      const uri = readForeignUri(uriOf(value))
      if (uri && isAmong(uri.host, this.#hosts)) found.push({ uri, q: readQ(paramOf(value, 'q')) })
    }
    found.sort((a, b) => b.q - a.q)
    this.#waiting = [...found.map(({ uri }) => uri), ...this.#waiting]
  }

  /** The next URI to ring; null when nothing is left that may be rung. */
  next(): string | null {
    while (this.#followed < MAX_REDIRECTS) {
      const uri = this.#waiting.shift()
      if (!uri) return null
      if (this.#tried.some((tried) => uriEquals(tried, uri))) continue // A loop.
      this.#tried.push(uri)
      this.#followed++
      return serializeUri(uri)
    }
    return null
  }
}

/** RFC 3261 §20.10: a contact without q is as good as any. */
function readQ(text: string): number {
  const q = Number(text === '' ? '1' : text)
  return q >= 0 && q <= 1 ? q : 0
}
