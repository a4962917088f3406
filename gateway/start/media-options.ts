import { freeSwitchOptions } from './freeswitch-settings.ts'
import type { Settings } from '../../config/settings.ts'
import type { MediaOptions } from '../../media/engines.ts'
import { mediasoupOptions } from './mediasoup-settings.ts'
import { soundFolders } from './recording-settings.ts'
import { relayOptions } from './relay-settings.ts'

/** What the settings tell each media engine. */
export function mediaOptions(settings: Settings): MediaOptions {
  const { rtpTimeoutMs, latching, rtpengine, oneWayAfterMs, oneWayEndsCall, codecs } = settings.media
  return {
    relay: relayOptions(settings),
    freeswitch: freeSwitchOptions(settings),
    mediasoup: mediasoupOptions(settings),
    rtpengine: {
      engines: rtpengine.addresses,
      requestTimeoutMs: rtpengine.requestTimeoutMs,
      pingIntervalMs: rtpengine.pingIntervalMs,
      pingMisses: rtpengine.pingMisses,
      queryIntervalMs: rtpengine.queryIntervalMs,
      rtpTimeoutMs,
      oneWayAfterMs,
      oneWayEndsCall,
      codecs,
      latching,
      ...(rtpengine.promptsDir === null ? {} : { enginePromptFolder: rtpengine.promptsDir }),
      ...soundFolders(settings),
    },
  }
}
