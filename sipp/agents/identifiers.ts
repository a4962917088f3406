import { randomBytes } from 'node:crypto'

import { BRANCH_MAGIC } from '../../gateway/sip-server/headers.ts'

/** Unique for every request (RFC 3261 §8.1.1.7). */
export function newBranch(): string {
  return BRANCH_MAGIC + randomBytes(9).toString('hex')
}

export function newTag(): string {
  return randomBytes(6).toString('hex')
}

export function newCallId(host: string): string {
  return `${randomBytes(12).toString('hex')}@${host}`
}
