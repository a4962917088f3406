import { createFreeSwitch } from './freeswitch/freeswitch.ts'
import type { FreeSwitchOptions } from './freeswitch/freeswitch-options.ts'
import type { MediaServer } from './media-server.ts'
import type { MediaNeeds } from './needs.ts'
import { createRelay } from './relay/relay.ts'
import type { RelayOptions } from './relay/relay-options.ts'
import type { RtpengineOptions } from './rtpengine/engine-options.ts'
import { createRtpengine } from './rtpengine/rtpengine.ts'

export const MEDIA_ENGINES = ['relay', 'rtpengine', 'freeswitch', 'mediasoup', 'direct'] as const
export type MediaEngine = (typeof MEDIA_ENGINES)[number]

/** What each engine is told, whichever is started. */
export interface MediaOptions {
  readonly freeswitch: FreeSwitchOptions
  readonly relay: RelayOptions
  readonly rtpengine: RtpengineOptions
}

/** A known engine that this version cannot run: the start ends with this sentence. */
export class MediaEngineNotAvailable extends Error {
  override readonly name = 'MediaEngineNotAvailable'

  constructor(engine: string) {
    super(`media engine ${engine}: not available in this version; use relay`)
  }
}

/** Starts the engine of this name. Rejects with MediaEngineNotAvailable for those not built yet, else as the engine says. */
export async function createMediaServer(
  engine: MediaEngine,
  needs: MediaNeeds,
  options: MediaOptions,
): Promise<MediaServer> {
  if (engine === 'relay') return createRelay(needs, options.relay)
  if (engine === 'rtpengine') return createRtpengine(needs, options.rtpengine)
  if (engine === 'freeswitch') return createFreeSwitch(needs, options.freeswitch)
  throw new MediaEngineNotAvailable(engine)
}
