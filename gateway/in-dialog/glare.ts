import type { Random } from '../../model/random.ts'

/** How often a re-INVITE of ours that met one of theirs is sent again. */
export const MAX_GLARES = 4

/**
 * How long to wait after a 491 before trying again (RFC 3261 §14.1), in units of 10 ms: 2.1 to 4 s for the side that made the
 * Call-ID, up to 2 s for the other, so that the two do not meet again.
 */
export function backOffMs(madeCallId: boolean, random: Random): number {
  const [least, most] = madeCallId ? [210, 400] : [0, 200]
  return (least + (Buffer.from(random.bytes(4)).readUInt32BE() % (most - least + 1))) * 10
}
