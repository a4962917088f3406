import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Kit } from './kit.ts'
import * as s from './schemas.ts'

/** Entries of a browser's `RTCConfiguration.iceServers` (W3C WebRTC §4.2.2). */
export const IceServersAnswer = z.strictObject({
  ice_servers: z.array(
    z.strictObject({ urls: z.array(z.string()), username: z.string().optional(), credential: z.string().optional() }),
  ),
  expires_at: s.printedTime().nullable().meta({ description: 'When the TURN credentials end; null without TURN' }),
})

/**
 * The STUN and TURN servers for one holder, the latter with credentials that coturn checks by the shared secret alone
 * (draft-uberti-behave-turn-rest-00 §2.2): `expiry:holder`, in seconds since the epoch, and its HMAC-SHA1.
 */
export function iceServersFor(kit: Pick<Kit, 'settings' | 'clock'>, holder: string): z.input<typeof IceServersAnswer> {
  const { stun, turnUrls, turnSecret, turnTtlMs } = kit.settings.webrtc
  const servers: z.input<typeof IceServersAnswer>['ice_servers'] = []
  if (stun.length > 0) servers.push({ urls: [...stun] })
  if (turnUrls.length === 0 || turnSecret === null) return { ice_servers: servers, expires_at: null }
  const expiresAt = Math.floor((kit.clock.now() + turnTtlMs) / 1000)
  const username = `${expiresAt}:${holder}`
  const credential = createHmac('sha1', turnSecret).update(username).digest('base64')
  servers.push({ urls: [...turnUrls], username, credential })
  return { ice_servers: servers, expires_at: s.printTime(new Date(expiresAt * 1000)) }
}
