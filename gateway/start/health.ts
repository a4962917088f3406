import type { EnginePool } from '../../media/engine-pool.ts'
import type { MediaServer } from '../../media/media-server.ts'
import type { Signaling } from '../srf.ts'

type Check = { readonly name: string; readonly status: 'up' | 'degraded' | 'down'; readonly detail?: string }

/** What `/health` reports: each part a call needs, asked now. */
export function createHealth(parts: {
  storage: { health(): Promise<Check> }
  signaling: Signaling
  media: EnginePool
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
        mediaCheck(parts.media),
      ]
    },
  }
}

/** One engine that is up is enough for most calls: `degraded` says that another is not. */
function mediaCheck({ engines }: EnginePool): Check {
  const up = engines.filter((engine) => engine.isUp).length
  const status = up === engines.length ? 'up' : up === 0 ? 'down' : 'degraded'
  return { name: 'media', status, detail: engines.map(describe).join('; ') }
}

function describe({ name, isUp, sessionCount, capabilities }: MediaServer): string {
  return `${name} ${isUp ? 'up' : 'down'}, ${sessionCount} sessions, ${[...capabilities].join(' ') || 'plain audio'}`
}
