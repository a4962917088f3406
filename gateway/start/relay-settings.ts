import { availableParallelism } from 'node:os'
import type { Settings } from '../../config/settings.ts'
import type { RelayOptions } from '../../media/relay/relay-options.ts'
import { mediaAddresses } from './addresses.ts'
import { soundFolders } from './recording-settings.ts'
import { rtpRange } from './rtp-range.ts'

/** The relay as the settings have it. Throws SettingsError when media.recording_key cannot be used. */
export function relayOptions(settings: Settings): RelayOptions {
  return {
    ...mediaAddresses(settings.telephony),
    portRange: rtpRange(settings.telephony.rtpPortRange),
    threads: settings.media.threads || Math.max(1, availableParallelism() - 1),
    rtpTimeoutMs: settings.media.rtpTimeoutMs,
    latching: settings.media.latching ? 'symmetric' : 'strict',
    oneWayAfterMs: settings.media.oneWayAfterMs,
    oneWayEndsCall: settings.media.oneWayEndsCall,
    codecs: settings.media.codecs,
    ...soundFolders(settings),
  }
}
