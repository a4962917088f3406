import { z } from 'zod'
import { endpoint, EVERYONE, type Endpoint } from './endpoint.ts'
import { IceServersAnswer, iceServersFor } from './ice-servers.ts'
import type { Kit } from './kit.ts'

const SipAnswer = z.strictObject({
  urls: z.array(z.string()).meta({ description: 'WebSockets of SIP, those for pages over HTTPS first' }),
  realm: z.string(),
})

/** What a page needs to be a phone: where SIP is, and the servers its media find their way by. */
export function webrtcEndpoints(kit: Kit): Endpoint[] {
  return [
    endpoint({
      tag: 'webrtc',
      who: EVERYONE,
      method: 'get',
      path: '/webrtc/sip',
      summary: 'Where a page reaches SIP over WebSocket',
      answers: { 200: SipAnswer },
      handle: ({ raw }) => ({
        status: 200,
        body: { urls: sipUrlsFor(kit, raw.headers.host), realm: kit.sip.realm },
      }),
    }),
    endpoint({
      tag: 'webrtc',
      who: EVERYONE,
      method: 'get',
      path: '/webrtc/ice-servers',
      summary: 'STUN and TURN servers, with credentials that last for a while',
      answers: { 200: IceServersAnswer },
      handle: ({ caller }) => ({ status: 200, body: iceServersFor(kit, caller.userId ?? caller.accountId) }),
    }),
  ]
}

/** Where a page that came from `host` (an HTTP Host header) reaches SIP: secure WebSocket first; empty: nowhere. */
export function sipUrlsFor({ settings }: Pick<Kit, 'settings'>, host: string | undefined): string[] {
  const { sipUrl, wsPort, wssPort } = settings.webrtc
  if (sipUrl !== null) return [sipUrl]
  const name = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d+)?$/i.exec(host ?? '')?.[1]
  if (name === undefined) return []
  return [
    ...(wssPort === null ? [] : [`wss://${name}:${wssPort}`]),
    ...(wsPort === null ? [] : [`ws://${name}:${wsPort}`]),
  ]
}
