import type { MediaServer } from '../media/media-server.ts'
import type { Signaling } from './srf.ts'

type Check = { readonly name: string; readonly status: 'up' | 'degraded' | 'down'; readonly detail?: string }

/** What `/health` reports: each part a call needs, asked now. */
export function createHealth(parts: {
  storage: { health(): Promise<Check> }
  signaling: Signaling
  media: MediaServer
  ready: () => boolean
}): { ready(): boolean; checks(): Promise<readonly Check[]> } {
  return {
    ready: () => parts.ready() && parts.signaling.connected,
    async checks() {
      return [
        await parts.storage.health(),
        parts.signaling.connected
          ? { name: 'sip', status: 'up', detail: parts.signaling.addresses }
          : { name: 'sip', status: 'down', detail: 'no connection to the SIP server' },
        {
          name: 'media',
          status: parts.media.isUp ? 'up' : 'down',
          detail: `${parts.media.name}, ${parts.media.sessionCount} sessions`,
        },
      ]
    },
  }
}
