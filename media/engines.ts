import { Direct } from './direct/direct.ts'
import { createFreeSwitch } from './freeswitch/freeswitch.ts'
import type { FreeSwitchOptions } from './freeswitch/freeswitch-options.ts'
import { LateEngine } from './late-engine.ts'
import { MediaUnavailable, type MediaServer } from './media-server.ts'
import { createMediasoup } from './mediasoup/mediasoup.ts'
import type { MediasoupOptions } from './mediasoup/mediasoup-options.ts'
import type { MediaNeeds } from './needs.ts'
import { createRelay } from './relay/relay.ts'
import type { RelayOptions } from './relay/relay-options.ts'
import type { RtpengineOptions } from './rtpengine/engine-options.ts'
import { createRtpengine } from './rtpengine/rtpengine.ts'

export type MediaEngine = 'relay' | 'rtpengine' | 'freeswitch' | 'mediasoup' | 'direct'

/** What each engine is told, whichever is started. */
export interface MediaOptions {
  readonly freeswitch: FreeSwitchOptions
  readonly mediasoup: MediasoupOptions
  readonly relay: RelayOptions
  readonly rtpengine: RtpengineOptions
}

/** Starts the engine of this name. Rejects as the engine says. */
export async function createMediaServer(
  engine: MediaEngine,
  needs: MediaNeeds,
  options: MediaOptions,
): Promise<MediaServer> {
  switch (engine) {
    case 'direct':
      return new Direct()
    case 'relay':
      return createRelay(needs, options.relay)
    case 'rtpengine':
      return createRtpengine(needs, options.rtpengine)
    case 'freeswitch':
      return createFreeSwitch(needs, options.freeswitch)
    case 'mediasoup':
      return createMediasoup(needs, options.mediasoup)
  }
}

/**
 * Starts each of these engines. One that cannot be reached is left out and tried again, as long as another one has started; rejects
 * with the first one's reason when none has, and with any engine's when no later try could change it (an option that cannot be).
 */
export async function startEngines(
  names: readonly MediaEngine[],
  needs: MediaNeeds,
  options: MediaOptions,
): Promise<MediaServer[]> {
  const starts = await Promise.allSettled(names.map((name) => createMediaServer(name, needs, options)))
  const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const failures = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason as unknown] : []))
  const fatal = failures.find((reason) => started.length === 0 || !(reason instanceof MediaUnavailable))
  if (fatal !== undefined) {
    await Promise.all(started.map((engine) => engine.close()))
    throw fatal
  }
  return starts.map((start, i) => {
    if (start.status === 'fulfilled') return start.value
    const name = names[i]!
    const { message } = start.reason as MediaUnavailable
    needs.log.error({ engine: name, reason: message }, 'a media engine could not be started; it is tried again')
    return new LateEngine(
      name,
      () => createMediaServer(name, needs, options),
      () => needs.log.warn({ engine: name }, 'a media engine has started after all'),
    )
  })
}
