import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Role } from '../model/account.ts'
import type { AccountId, CallId } from '../model/ids.ts'

/** What a link lets its holder report: of this call, as this account. */
export interface TrackingLink {
  readonly callId: CallId
  readonly accountId: AccountId
  readonly role: Role
}

/** Keys for links that report without an API key: pixels and postbacks of systems that can only fetch an address. */
export interface TrackingLinks {
  keyOf(link: TrackingLink): string
  /** Null for one that was not made here. */
  read(key: string): TrackingLink | null
}

const ROLES: readonly Role[] = ['admin', 'buyer', 'seller']
const ID_BYTES = 16
const SEAL_BYTES = 16
const BODY_BYTES = 2 * ID_BYTES + 1

/** `call id, account id, role` and the first 128 bits of their HMAC-SHA-256, keyed by the signing key that all API processes share. */
export function createTrackingLinks(privateKeyPem: string): TrackingLinks {
  const secret = createHash('sha256').update('tracking links').update(privateKeyPem).digest()
  const seal = (body: Uint8Array) => createHmac('sha256', secret).update(body).digest().subarray(0, SEAL_BYTES)
  return {
    keyOf({ callId, accountId, role }) {
      const body = Buffer.concat([bytesOf(callId), bytesOf(accountId), Buffer.from([ROLES.indexOf(role)])])
      return Buffer.concat([body, seal(body)]).toString('base64url')
    },
    read(key) {
      const bytes = Buffer.from(key, 'base64url')
      if (bytes.length !== BODY_BYTES + SEAL_BYTES) return null
      const body = bytes.subarray(0, BODY_BYTES)
      const role = ROLES[body[BODY_BYTES - 1]!]
      if (role === undefined || !timingSafeEqual(seal(body), bytes.subarray(BODY_BYTES))) return null
      return {
        callId: idOf<CallId>(body.subarray(0, ID_BYTES)),
        accountId: idOf<AccountId>(body.subarray(ID_BYTES, 2 * ID_BYTES)),
        role,
      }
    },
  }
}

function bytesOf(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

function idOf<T extends string>(bytes: Buffer): T {
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-') as T
}
