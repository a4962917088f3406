import { systemRandom } from '../model/random.ts'

/** Names a session in o=. 48 bits: unguessable enough, and exact in every SDP library that reads numbers as doubles. */
export function randomSessionId(): number {
  return Buffer.from(systemRandom.bytes(6)).readUIntBE(0, 6)
}
